/**
 * The load: requests at a fixed rate, whatever becomes of their answers, to the pods that are ready in turn, as a
 * Service of Kubernetes sends them. What became of each is kept: it is held against the archive at the end.
 */
import { Agent, request } from 'node:http';
import { CUSTOMERS, SERVICE } from './soak-project.ts';

/** Where requests go. */
export interface LoadTarget {
  readonly name: string;
  readonly port: number;
  readonly adminPort: number;
}

export interface Answer {
  readonly id: string;
  readonly pod: string;
  readonly sentMs: number;
  readonly endMs: number;
  /** Entities asked for. */
  readonly rows: number;
  /** The HTTP status; 0: no answer came. */
  readonly status: number;
  /** The code of the error; empty: there was none. */
  readonly error: string;
  /** Values that were UNAVAILABLE. */
  readonly unavailable: number;
}

const TICK_MS = 5;
const PROBE_MS = 250;
const PROBE_LIMIT_MS = 1_000;
const SOCKETS = 64;
/** Well below the time after which a server closes an idle connection. */
const IDLE_MS = 2_000;
const ANSWER_LIMIT_MS = 20_000;
/** Of so many requests one asks for a customer that has no row and is in no cache. */
const UNKNOWN_EVERY = 8;
const UNKNOWN_FROM = 1_000_000;
const UNKNOWN = 1_000_000;

export class SoakLoad {
  readonly answers: Answer[] = [];
  readonly #targets: readonly LoadTarget[];
  readonly #perSecond: number;
  readonly #random: () => number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: SOCKETS, scheduling: 'lifo', timeout: IDLE_MS });
  readonly #ready = new Set<LoadTarget>();
  #timer: NodeJS.Timeout | undefined;
  #probing: Promise<unknown> = Promise.resolve();
  #isOver = false;
  #beganMs = 0;
  #sent = 0;
  #open = 0;
  /** Requests that were due while no pod was ready. */
  #nowhere = 0;

  constructor(targets: readonly LoadTarget[], perSecond: number, random: () => number) {
    this.#targets = targets;
    this.#perSecond = perSecond;
    this.#random = random;
  }

  get nowhere(): number {
    return this.#nowhere;
  }

  async start(): Promise<void> {
    await Promise.all(this.#targets.map((target) => this.#probe(target)));
    this.#probing = Promise.all(this.#targets.map((target) => this.#keepProbing(target)));
    this.#beganMs = performance.now();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Sends no more, and waits for the answers that are under way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#isOver = true;
    await this.#probing;
    while (this.#open > 0) await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    this.#agent.destroy();
  }

  /** One after the other: an answer that is late must not stand over a newer one. */
  async #keepProbing(target: LoadTarget): Promise<void> {
    while (!this.#isOver) {
      await new Promise((resolve) => setTimeout(resolve, PROBE_MS));
      await this.#probe(target);
    }
  }

  async #probe(target: LoadTarget): Promise<void> {
    const signal = AbortSignal.timeout(PROBE_LIMIT_MS);
    const isReady = await fetch(`http://127.0.0.1:${target.adminPort}/readyz`, { signal }).then(
      (answer) => answer.ok,
      () => false,
    );
    if (isReady) this.#ready.add(target);
    else this.#ready.delete(target);
  }

  #tick(): void {
    const due = ((performance.now() - this.#beganMs) * this.#perSecond) / 1_000;
    while (this.#sent < due) this.#send(++this.#sent);
  }

  #send(number: number): void {
    const ready = [...this.#ready];
    if (ready.length === 0) return void (this.#nowhere += 1);
    const target = ready[number % ready.length]!;
    const customers = this.#customers(number);
    const body = JSON.stringify({ feature_service: SERVICE, entities: { customer_id: customers } });
    const id = `soak-${number}`;
    const sentMs = Date.now();
    let isOver = false;
    this.#open += 1;
    const end = (status: number, text: string): void => {
      if (isOver) return;
      isOver = true;
      this.#open -= 1;
      const error = status === 200 ? '' : (/"code": ?"([A-Z_]+)"/.exec(text)?.[1] ?? text.slice(0, 60));
      const unavailable = status === 200 ? text.split('"UNAVAILABLE"').length - 1 : 0;
      const [pod, rows] = [target.name, customers.length];
      this.answers.push({ id, pod, sentMs, endMs: Date.now(), rows, status, error, unavailable });
    };
    const call = request(
      {
        host: '127.0.0.1',
        port: target.port,
        path: '/feature-service/get-online-features',
        method: 'POST',
        agent: this.#agent,
        headers: { 'x-request-id': id, 'content-length': Buffer.byteLength(body) },
        signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => (text += part));
        response.on('end', () => end(response.statusCode!, text));
        response.on('error', (error) => end(0, error.message));
      },
    );
    call.on('error', (error: NodeJS.ErrnoException) => end(0, error.code ?? error.message));
    call.end(body);
  }

  #customers(number: number): number[] {
    if (number % UNKNOWN_EVERY === 0) return [UNKNOWN_FROM + Math.floor(this.#random() * UNKNOWN)];
    const count = 1 + Math.floor(this.#random() * 3);
    return Array.from({ length: count }, () => 1 + Math.floor(this.#random() * CUSTOMERS));
  }
}
