/**
 * The generator: a process of its own that sends requests at the times that `pace.ts` fixes, on keep-alive connections
 * without pipelining, and counts each latency from the intended start. It spins: between two requests it asks the
 * kernel for answers and looks at the clock again, because timers are a millisecond coarse. That takes one core.
 *
 *   node loadtest/generator/open-loop.ts      a LoadJob on stdin, then an empty line for "go"; LoadMessages on stdout
 *
 * Where every connection is busy, a request waits for one, and its latency runs on. Bounded: requests are known by
 * their number alone, none is kept in memory, and each has an end (`timeoutNs`).
 */
import { createInterface } from 'node:readline';
import { openPool } from '../request/entity-pool.ts';
import type { EntityPool } from '../request/entity-pool.ts';
import { HttpConnection } from './http-connection.ts';
import { seededRandom } from './key-choice.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import type { LoadJob, LoadMessage } from './load-job.ts';
import { intendedStartNs, startsWithin } from './pace.ts';
import type { Pace } from './pace.ts';
import { PROFILES } from '../profiles/profiles.ts';
import { requestMaker } from '../request/request-text.ts';
import type { LoadSurface } from '../request/request-text.ts';
import { TallyCount } from './tally-count.ts';

const SWEEP_NS = 1e6;
const PROGRESS_NS = 2.5e8;
const OK = 200;
/** What stands in an answer for these statuses; binary tensors have no words. */
const WORDS: Readonly<Record<LoadSurface, readonly [missing: string, unavailable: string] | null>> = {
  native: ['"MISSING"', '"UNAVAILABLE"'],
  feast: ['"NOT_FOUND"', '"INVALID"'],
  tensor: null,
};

class OpenLoop {
  readonly #job: LoadJob;
  readonly #pace: Pace | null;
  readonly #make: () => string;
  readonly #words: readonly [Buffer, Buffer] | null;
  readonly #connections: HttpConnection[] = [];
  readonly #free: HttpConnection[] = [];
  readonly #phases: TallyCount[];
  readonly #seconds: TallyCount[];
  readonly #late = new LatencyHistogram();
  readonly #total: number;
  readonly #endNs: number;
  #beganNs = 0;
  #next = 0;
  #finished = 0;
  #queued = 0;
  /** Since when the next request waits for a connection; -1: it does not. */
  #waiting = -1;
  #sweptNs = 0;
  #progressNs = 0;
  #isMeasuring = false;
  #firstFault: string | null = null;

  constructor(job: LoadJob) {
    this.#job = job;
    const { perSecond, shard, shards } = job;
    this.#pace = perSecond === null ? null : { perSecond, shard, shards };
    this.#endNs = job.warmupNs + job.lastsNs;
    this.#total = this.#pace === null ? Infinity : startsWithin(this.#pace, this.#endNs);
    this.#make = requestsOf(job);
    const words = WORDS[job.shape.surface];
    this.#words = words === null ? null : [Buffer.from(words[0]), Buffer.from(words[1])];
    this.#phases = [...job.phaseEdgesNs, 0].map(() => new TallyCount());
    this.#seconds = Array.from({ length: Math.ceil(job.lastsNs / 1e9) }, () => new TallyCount());
  }

  /** Resolves when every connection is open, or has had a second to be. */
  connect(): Promise<void> {
    return new Promise((resolve) => {
      const limit = setTimeout(resolve, 1_000);
      for (let i = 0; i < this.#job.connections; i++) {
        const connection = new HttpConnection(this.#job.target, {
          onFree: (free) => {
            this.#onFree(free);
            if (this.#beganNs !== 0 || this.#free.length < this.#job.connections) return;
            clearTimeout(limit);
            resolve();
          },
          onAnswer: (busy, status, answer) => this.#onAnswer(busy, status, answer),
          onLost: (busy) => this.#fail(busy.intendedNs, 'connection lost'),
        });
        this.#connections.push(connection);
      }
    });
  }

  /** Runs to the end and tells the result. */
  run(): void {
    this.#beganNs = performance.now() * 1e6;
    const turn = (): void => {
      const nowNs = this.#nowNs();
      if (!this.#isMeasuring && nowNs >= this.#job.warmupNs) {
        this.#isMeasuring = true;
        tell({ kind: 'measuring' });
      }
      this.#send(nowNs);
      if (nowNs - this.#sweptNs >= SWEEP_NS) this.#sweep(nowNs);
      if (this.#isOver(nowNs)) this.#end(nowNs);
      else setImmediate(turn);
    };
    turn();
  }

  #nowNs(): number {
    return performance.now() * 1e6 - this.#beganNs;
  }

  #send(nowNs: number): void {
    let sendNs = nowNs;
    while (this.#next < this.#total) {
      const intendedNs = this.#pace === null ? sendNs : intendedStartNs(this.#pace, this.#next);
      if (intendedNs > sendNs || (this.#pace === null && sendNs >= this.#endNs)) return;
      const connection = this.#takeFree();
      if (connection === null) {
        if (this.#waiting !== this.#next && intendedNs >= this.#job.warmupNs) this.#queued += 1;
        this.#waiting = this.#next;
        return;
      }
      if (this.#waiting !== this.#next && intendedNs >= this.#job.warmupNs) {
        this.#late.record(sendNs - intendedNs);
      }
      this.#next += 1;
      connection.send(this.#make(), intendedNs, sendNs);
      sendNs = this.#nowNs();
    }
  }

  #takeFree(): HttpConnection | null {
    for (;;) {
      const connection = this.#free.pop();
      if (connection === undefined) return null;
      connection.isListed = false;
      if (connection.isOpen) return connection;
    }
  }

  #onFree(connection: HttpConnection): void {
    if (!connection.isListed) {
      connection.isListed = true;
      this.#free.push(connection);
    }
    if (this.#beganNs !== 0 && (this.#waiting === this.#next || this.#pace === null))
      this.#send(this.#nowNs());
  }

  #onAnswer({ intendedNs }: HttpConnection, status: number, answer: Buffer): void {
    if (status !== OK) {
      this.#firstFault ??= answer.toString('utf8').slice(0, 600);
      this.#fail(intendedNs, String(status));
      return;
    }
    const latencyNs = this.#nowNs() - intendedNs;
    this.#finished += 1;
    const phase = this.#phaseAt(intendedNs);
    if (phase === null) return;
    const second = this.#secondAt(intendedNs);
    phase.latencies.record(latencyNs);
    second.latencies.record(latencyNs);
    if (this.#words === null) return;
    if (answer.includes(this.#words[0])) {
      phase.missing += 1;
      second.missing += 1;
    }
    if (answer.includes(this.#words[1])) {
      phase.unavailable += 1;
      second.unavailable += 1;
    }
  }

  #fail(intendedNs: number, reason: string): void {
    this.#finished += 1;
    const phase = this.#phaseAt(intendedNs);
    if (phase === null) return;
    phase.fail(reason);
    this.#secondAt(intendedNs).fail(reason);
  }

  /** null: within the warm-up. */
  #phaseAt(intendedNs: number): TallyCount | null {
    const ns = intendedNs - this.#job.warmupNs;
    if (ns < 0) return null;
    const edges = this.#job.phaseEdgesNs;
    let phase = 0;
    while (phase < edges.length && ns >= edges[phase]!) phase += 1;
    return this.#phases[phase]!;
  }

  #secondAt(intendedNs: number): TallyCount {
    const second = Math.floor((intendedNs - this.#job.warmupNs) / 1e9);
    return this.#seconds[Math.min(second, this.#seconds.length - 1)]!;
  }

  /** Gives up what has waited too long, sent or not. */
  #sweep(nowNs: number): void {
    this.#sweptNs = nowNs;
    const lateNs = nowNs - this.#job.timeoutNs;
    for (const connection of this.#connections) {
      if (connection.intendedNs === -1 || connection.intendedNs > lateNs) continue;
      this.#fail(connection.intendedNs, 'timeout');
      connection.intendedNs = -1;
      connection.abandon();
    }
    while (this.#pace !== null && this.#next < this.#total) {
      const intendedNs = intendedStartNs(this.#pace, this.#next);
      if (intendedNs > lateNs) break;
      this.#next += 1;
      this.#fail(intendedNs, 'not sent');
    }
    if (nowNs - this.#progressNs < PROGRESS_NS) return;
    this.#progressNs = nowNs;
    tell({ kind: 'progress', elapsedNs: nowNs });
  }

  #isOver(nowNs: number): boolean {
    if (this.#pace !== null) return this.#finished === this.#total;
    return nowNs >= this.#endNs && this.#connections.every(({ intendedNs }) => intendedNs === -1);
  }

  #end(nowNs: number): void {
    for (const connection of this.#connections) connection.close();
    tell({
      kind: 'done',
      phases: this.#phases.map((tally) => tally.toJson()),
      seconds: this.#seconds.map((tally) => tally.toJson()),
      late: this.#late.toJson(),
      queued: this.#queued,
      tookNs: nowNs - this.#job.warmupNs,
      firstFault: this.#firstFault,
    });
  }
}

/** @returns makes the text of the next request */
function requestsOf(job: LoadJob): () => string {
  const profile = PROFILES.get(job.profile)!;
  const all = openPool(job.keys, job.shape.schema.joinKeys);
  const size = Math.min(all.size, profile.poolLimit ?? Infinity);
  const pool: EntityPool = { size, keyText: (index, key) => all.keyText(index, key) };
  const { shard, shards, rows } = job;
  // Shards draw from streams of their own.
  const random = seededRandom(job.seed + shard * 7_919);
  const choose = profile.choose(size, { random, shard, shards });
  const make = requestMaker(job.shape, pool);
  const indexes = Array.from({ length: rows }, () => 0);
  return () => {
    for (let i = 0; i < rows; i++) indexes[i] = choose();
    return make(indexes);
  };
}

function tell(message: LoadMessage): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

// Its starter has the result, or is gone: nobody wants more load.
process.stdin.on('end', () => process.exit(0));
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const loop = new OpenLoop(JSON.parse(((await lines.next()) as IteratorYieldResult<string>).value) as LoadJob);
await loop.connect();
tell({ kind: 'ready' });
await lines.next();
loop.run();
