/**
 * Between the sockets and the work: which requests are served, in what order, and when the loop goes back to reading.
 *
 *   poll   the loop reads all sockets that have something, without a break
 *            request ->  nobody waits, and the poll is younger than 4 ms   -> served at once, its body not copied
 *                    ->  else queued: head, copy of the body, time of reading
 *   pass   behind the poll: serves from the queue for 4 ms, logs, lets the answers leave       -> next poll
 *
 * Answers of 2 MiB end both: their memory is to be used again (outbox.ts).
 *
 * One poll can bring thousands of requests: served as they are read, they would all wait for the last one's answer,
 * past their deadlines, and new ones would wait in the kernel, where nobody sees how old they are. So reading is quick
 * and work is cut into passes, and the age of a request is known when its turn comes:
 *
 *   age = time since reading + length of the poll that brought it      or the time since `x-request-start`, if longer
 *
 * Past its deadline, or old while the sidecar is behind (overload.ts), it is refused unparsed: half of the answers in
 * time are worth more than all of them too late. What waited in the kernel before the poll cannot be seen.
 *
 * Called by server.ts and grpc-server.ts with each body. Figures: docs/benchmarks/sidecar.md, "Overload".
 */
import type { Histogram } from '../../contract/std/histogram.ts';
import { Codel } from './overload.ts';
import { RequestQueue } from './request-queue.ts';
import type { Exchange, RequestHead } from '../transport/transport.ts';

const TURN_MS = 4;
/** An older start is a clock or a unit that we do not understand. */
const MAX_WAITED_MS = 3_600_000;

/**
 * late: past its deadline before work began. behind: old, and the sidecar does not keep up. full: no room to wait.
 * gone: its client has left, and nobody is answered.
 */
export const REFUSALS = ['late', 'behind', 'full', 'gone'] as const;
export type Refusal = (typeof REFUSALS)[number];

/** Why a request was refused before it was parsed, as its caller is told. */
export const REFUSED: Readonly<Record<Refusal, string>> = {
  late: 'the request waited past its deadline before work on it began',
  behind: 'the sidecar gets more requests than it can answer in time',
  full: 'too many bytes of requests wait for their turn',
  gone: 'the client is gone',
};

interface AdmissionParts {
  /**
   * @param body   valid during the call only
   * @param ageMs  how much of its deadline is spent
   */
  serve(exchange: Exchange, body: Buffer, ageMs: number): void;
  refuse(exchange: Exchange, why: Refusal): void;
  /** Ends the tick: what was answered is logged and leaves. Never called within a transport's callback. */
  flush(): void;
  /** Whether so much was answered that the tick should end. */
  isFull(): boolean;
  /** Of requests that do not name one. */
  readonly deadlineMs: number;
  readonly pollSeconds: Histogram;
  /** The monotonic clock, and the wall clock of `x-request-start`; the process's unless given. */
  readonly nowMs?: () => number;
  readonly wallMs?: () => number;
  /** Calls once the loop has read what there is; setImmediate unless given. */
  readonly afterPoll?: (call: () => void) => void;
}

export class Admission {
  readonly #parts: AdmissionParts;
  readonly #nowMs: () => number;
  readonly #wallMs: () => number;
  readonly #afterPoll: (call: () => void) => void;
  readonly #queue = new RequestQueue();
  readonly #codel = new Codel();
  /** -1: nothing was read since the last poll ended. */
  #pollBeganMs = -1;
  /** How many of the queue were there when the poll began. */
  #fromEarlierPolls = 0;
  /** When the last request was read; -Infinity: none was. */
  lastReadMs = -Infinity;

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
    this.#nowMs = parts.nowMs ?? (() => performance.now());
    this.#wallMs = parts.wallMs ?? Date.now;
    this.#afterPoll = parts.afterPoll ?? setImmediate;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  get waitingBytes(): number {
    return this.#queue.bytes;
  }

  /** @param body  valid during the call only */
  take(exchange: Exchange, body: Buffer): void {
    const nowMs = this.#nowMs();
    if (this.#pollBeganMs === -1) {
      this.#codel.idle(nowMs);
      this.#beginPoll(nowMs);
    }
    this.lastReadMs = nowMs;
    exchange.readMs = nowMs;
    exchange.pollMs = nowMs - this.#pollBeganMs;
    if (this.#queue.length > 0 || exchange.pollMs >= TURN_MS || this.#parts.isFull()) {
      if (!this.#queue.push(exchange, body)) this.#parts.refuse(exchange, 'full');
      return;
    }
    const ageMs = this.#ageMs(exchange, nowMs);
    const why = this.#refusalOf(exchange, ageMs, nowMs);
    if (why === null) this.#parts.serve(exchange, body, ageMs);
    else this.#parts.refuse(exchange, why);
  }

  #beginPoll(nowMs: number): void {
    this.#pollBeganMs = nowMs;
    this.#fromEarlierPolls = this.#queue.length;
    this.#afterPoll(this.#endPoll);
  }

  readonly #endPoll = (): void => {
    const nowMs = this.#nowMs();
    const pollMs = nowMs - this.#pollBeganMs;
    this.#pollBeganMs = -1;
    this.#parts.pollSeconds.observe(pollMs / 1_000);
    const queue = this.#queue;
    if (queue.length === 0) return;
    for (let i = this.#fromEarlierPolls; i < queue.length; i++) queue.at(i).pollMs = pollMs;
    this.#pass(nowMs);
  };

  #pass(beganMs: number): void {
    let nowMs = beganMs;
    this.#codel.turn();
    if (this.#parts.isFull()) this.#parts.flush();
    while (this.#queue.length > 0 && nowMs - beganMs < TURN_MS) {
      this.#takeOldest(nowMs);
      if (this.#parts.isFull()) this.#parts.flush();
      nowMs = this.#nowMs();
    }
    this.#parts.flush();
    // Others wait, so the next poll begins now, whatever it reads first.
    if (this.#queue.length > 0) this.#beginPoll(this.#nowMs());
  }

  #takeOldest(nowMs: number): void {
    const queue = this.#queue;
    const exchange = queue.at(0);
    const ageMs = this.#ageMs(exchange, nowMs);
    const why = this.#refusalOf(exchange, ageMs, nowMs);
    const body = why === null ? queue.body : null;
    queue.shift();
    if (why !== null) this.#parts.refuse(exchange, why);
    else this.#parts.serve(exchange, body!, ageMs);
  }

  /** @returns null: it is to be served */
  #refusalOf({ head, aborted }: Exchange, ageMs: number, nowMs: number): Refusal | null {
    if (aborted) return 'gone';
    // A header that is no number is for the server to refuse.
    const deadlineMs = head.deadlineMs === '' ? this.#parts.deadlineMs : Number(head.deadlineMs);
    const isBehind = this.#codel.refuses(ageMs, nowMs);
    if (deadlineMs > 0 && ageMs >= deadlineMs) return 'late';
    return isBehind ? 'behind' : null;
  }

  #ageMs({ head, readMs, pollMs }: Exchange, nowMs: number): number {
    const ageMs = nowMs - readMs + pollMs;
    return head.requestStart === '' ? ageMs : Math.max(ageMs, this.#waitedMs(head));
  }

  /** @returns since `x-request-start`; 0 when it is not to be believed */
  #waitedMs({ requestStart }: RequestHead): number {
    const startMs = Number(requestStart.startsWith('t=') ? requestStart.slice(2) : requestStart);
    const waitedMs = this.#wallMs() - startMs;
    return waitedMs > 0 && waitedMs < MAX_WAITED_MS ? waitedMs : 0;
  }
}
