/**
 * Answers on their way out: those of one event-loop tick are held, logged with one write, and then all leave.
 *
 *   log off     answer leaves at once
 *   written     tick: append, append, ...  ->  end of tick: commit (one write)  ->  all leave
 *                                                      `-> held: another thread writes  ->  the ticks up to it leave
 *   synced      the same, and they leave when the disk has them
 *
 * An answer waits until the end of its tick, so that a tick makes one write and not one for each answer. While another
 * thread writes, requests are served all the same; their answers leave with the next write.
 */
import type { ServedRequest } from '../../contract/wire/log/served-record.ts';
import { AnswerBuffer } from '../transport/answer-buffer.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Exchange, ReplyHeaders } from '../transport/transport.ts';
import type { Committed, SettledListener } from '../vector-log/vector-log.ts';

/** What answers need of the vector log. */
export interface AnswerLog {
  append(request: ServedRequest): boolean;
  readonly sequence: number;
  commit(): Committed;
  onSettled: SettledListener;
  whenSynced(): Promise<boolean>;
}

/** Answers an exchange whose vectors could not be logged, under the policy `reject`. */
type RefuseUnlogged = (exchange: Exchange) => void;

/** An answer buffer and how many ticks have answers in it. */
class SharedBuffer {
  readonly buffer = new AnswerBuffer();
  ticks = 0;
}

/** An answer that is written and has not left. */
interface Answer {
  readonly exchange: Exchange;
  /** As metrics name it. */
  readonly route: string;
  /** In the outbox's `buffer`. */
  readonly body: Buffer;
  readonly headers: ReplyHeaders;
}

/** The answers of one tick. */
class Tick {
  /** Where their bytes stand. */
  shared: SharedBuffer;
  /** The first `count` are there; the list keeps its length, since one that is cut to nothing grows anew. */
  readonly answers: (Answer | null)[] = [];
  count = 0;
  /** The highest number that the log had given at the end of the tick. */
  sequence = 0;

  constructor(shared: SharedBuffer) {
    this.shared = shared;
  }

  add(answer: Answer): void {
    this.answers[this.count] = answer;
    this.count += 1;
  }

  clear(): void {
    for (let i = 0; i < this.count; i++) this.answers[i] = null;
    this.count = 0;
  }
}

/**
 * A tick should end with so many bytes of answers, so that its buffer need not grow. Under overload one had 28
 * answers of 180 KB, and new buffers of 4 MiB made the garbage collector go through the heap eight times a second.
 */
const TICK_BYTES = 2 ** 21;

/** Ticks are used again; more than these are held only while the disk is slow. */
const MAX_SPARE = 64;

export class Outbox {
  readonly #log: AnswerLog | null;
  readonly #synced: boolean;
  readonly #rejects: boolean;
  readonly #metrics: Metrics;
  readonly #refuse: RefuseUnlogged;
  /**
   * Two take turns: one has the answers of the write that is on its way, the other those that collect meanwhile. Were
   * there one a tick, each would be cold, and those past a few would be garbage of a megabyte.
   */
  #idle: SharedBuffer | null = new SharedBuffer();
  #tick = new Tick(new SharedBuffer());
  /** Ticks that are over and whose answers have not left, oldest first. */
  readonly #held: Tick[] = [];
  readonly #spare: Tick[] = [];
  /** The end of the tick under way; null: no answer was given in it. */
  #endOfTick: NodeJS.Immediate | null = null;

  /** @param log  null: nothing is logged */
  constructor(
    log: AnswerLog | null,
    policy: { readonly durability: string; readonly onFull: string },
    metrics: Metrics,
    refuse: RefuseUnlogged,
  ) {
    this.#log = log;
    this.#synced = policy.durability === 'synced';
    this.#rejects = policy.onFull === 'reject';
    this.#metrics = metrics;
    this.#refuse = refuse;
    if (log !== null) log.onSettled = (to, committed) => this.#settle(to, committed === 'taken');
  }

  get logs(): boolean {
    return this.#log !== null;
  }

  /** Whether the tick should end. Not within a transport's callback, where answers of others would leave in pieces. */
  get isFull(): boolean {
    return this.#tick.shared.buffer.usedBytes >= TICK_BYTES;
  }

  /** Where the next answer is to be written. */
  get buffer(): AnswerBuffer {
    return this.#tick.shared.buffer;
  }

  /** @param served  what is logged of it; null only when nothing is logged */
  leave(answer: Answer, served: ServedRequest | null): void {
    const tick = this.#tick;
    if (this.#log === null || served === null) {
      this.#send(answer);
      return tick.shared.buffer.reset();
    }
    if (!this.#log.append(served)) {
      this.#refuse(answer.exchange);
      if (this.#endOfTick === null && tick.shared.ticks === 0) tick.shared.buffer.reset();
      return;
    }
    tick.add(answer);
    this.#endOfTick ??= setImmediate(this.#endTick);
  }

  /** Ends the tick now, rather than behind the next poll of the sockets. */
  flush(): void {
    if (this.#endOfTick === null) return;
    clearImmediate(this.#endOfTick);
    this.#endTick();
  }

  readonly #endTick = (): void => {
    this.#endOfTick = null;
    const tick = this.#tick;
    const { shared } = tick;
    tick.sequence = this.#log!.sequence;
    shared.ticks += 1;
    this.#held.push(tick);
    this.#tick = this.#spare.pop() ?? new Tick(shared);
    this.#tick.shared = shared;
    const committed = this.#log!.commit();
    if (committed !== 'held') this.#settle(tick.sequence, committed === 'taken');
    if (shared.ticks === 0 || this.#idle === null) return;
    this.#tick.shared = this.#idle;
    this.#idle = null;
  };

  /** All answers up to that number of the log are logged, or none of those still held is. */
  #settle(toSequence: number, taken: boolean): void {
    while (this.#held.length > 0 && this.#held[0]!.sequence <= toSequence) {
      const tick = this.#held.shift()!;
      if (this.#synced && taken) void this.#log!.whenSynced().then((synced) => this.#sendAll(tick, synced));
      else this.#sendAll(tick, taken);
    }
  }

  #sendAll(tick: Tick, logged: boolean): void {
    const { answers, count } = tick;
    const mayLeave = logged || !this.#rejects;
    for (let i = 0; i < count; i++) {
      if (mayLeave) this.#send(answers[i]!);
      else this.#refuse(answers[i]!.exchange);
    }
    tick.clear();
    if (this.#spare.length < MAX_SPARE) this.#spare.push(tick);
    this.#left(tick.shared);
  }

  #left(shared: SharedBuffer): void {
    shared.ticks -= 1;
    if (shared.ticks > 0) return;
    const isCurrent = shared === this.#tick.shared;
    if (isCurrent && this.#endOfTick !== null) return;
    shared.buffer.reset();
    if (!isCurrent) this.#idle = shared;
  }

  #send({ exchange, route, body, headers }: Answer): void {
    // A transport may use the exchange again once it has replied.
    const { readMs, trace } = exchange;
    if (trace !== null) exchange.trace = null;
    exchange.reply(200, body, headers, false);
    this.#metrics.countAnswer(route, performance.now() - readMs);
    if (trace !== null) trace.end(route, 200);
  }
}
