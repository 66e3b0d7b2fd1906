/**
 * Functions that loop for ever, in a sidecar of its own process: what others lose by them, beside the same load without
 * them, in turn. Called by the benchmark (subjects/looping-functions.ts) and by the long run's test.
 *
 *   plain     a request that computes nothing           doubling  one of another isolated function, in the same process
 *   looping   twelve views over one input, all at once in the midst of a turn; none is ended so often that it rests
 */
import { rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import type { Bundle, OnDemandView } from '../../contract/model.ts';
import { sidecarContender, startServer } from './contender.ts';
import { viewOf } from './on-demand-view.ts';
import { BENCH_KEY, BENCH_SERVICE, makeBenchProject } from './project.ts';

const LOOPS = Array.from({ length: 12 }, (_, i) => `loop${i}`);
const TURN_MS = 5_000;
const EVERY_MS = 10;
const LOOPS_AT_MS = TURN_MS / 3 + 1;
/** Longer than a process needs to be ended: what is behind it waits for another one. */
const DEADLINE_MS = 200;
const LOOPING = 13;

interface Answer {
  readonly kind: string;
  readonly turn: number;
  /** From the time at which it was due. */
  readonly ms: number;
  readonly status: number;
  readonly body: string;
}

/** What one kind of request met in one turn. */
interface Turn {
  readonly withLoops: boolean;
  /** How many lack a value. */
  readonly lacking: number;
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

interface LoopingTurns {
  readonly plain: readonly Turn[];
  readonly doubling: readonly Turn[];
  /** Answers other than 200. */
  readonly refused: readonly Answer[];
  readonly looping: readonly Answer[];
  readonly endedCalls: number;
  /** What each function that looped answers afterwards. */
  readonly afterwards: readonly string[];
}

/** @param turns  the loops come in every other one, in the second first */
export async function loopingTurns(turns: number): Promise<LoopingTurns> {
  const shape = { views: [3], customers: 100, online: 'sqlite:.plumb/online.db' };
  const folder = await makeBenchProject(shape, loopingContent);
  const server = await startServer(sidecarContender('sidecar', folder, { settings: ['log.maxBytes=1GiB'] }));
  try {
    const load = new Load(server.port);
    // Connections, the rows that are asked for, and every function called in time before it loops.
    await load.take(-1);
    for (const service of LOOPS) await load.ask(computing(service, 4));
    for (let turn = 0; turn < turns; turn++) await load.take(turn);
    const answers = load.answers.filter(({ turn }) => turn >= 0);
    const afterwards: string[] = [];
    for (const service of LOOPS) afterwards.push((await load.ask(computing(service, 4))).body);
    return {
      plain: turnsOf(answers, 'plain', turns),
      doubling: turnsOf(answers, 'doubling', turns),
      refused: answers.filter(({ status }) => status !== 200),
      looping: answers.filter(({ kind }) => kind === 'looping'),
      endedCalls: await endedCalls(server.adminPort!),
      afterwards,
    };
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function turnsOf(answers: readonly Answer[], kind: string, turns: number): Turn[] {
  return Array.from({ length: turns }, (_, turn) => {
    const own = answers.filter((one) => one.kind === kind && one.turn === turn);
    const ms = own.map((one) => one.ms).toSorted((a, b) => a - b);
    const at = (q: number): number => ms[Math.ceil(q * ms.length) - 1]!;
    const lacking = own.filter(({ body }) => body.includes('"UNAVAILABLE"')).length;
    return { withLoops: hasLoops(turn), lacking, p50: at(0.5), p99: at(0.99), most: at(1) };
  });
}

class Load {
  readonly answers: Answer[] = [];
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(port: number) {
    this.#port = port;
  }

  /** Asks for one turn, until all of it is answered. */
  async take(turn: number): Promise<void> {
    const beganMs = performance.now();
    const asked: Promise<void>[] = [];
    const plain = { feature_service: BENCH_SERVICE, entities: { [BENCH_KEY]: [1] } };
    const due = [
      ...times(EVERY_MS).map((ms) => ({ ms, kind: 'plain', body: plain })),
      ...times(EVERY_MS).map((ms) => ({
        ms: ms + EVERY_MS / 2,
        kind: 'doubling',
        body: computing('double', 2),
      })),
      ...(hasLoops(turn) ? LOOPS : []).map((service) => {
        return { ms: LOOPS_AT_MS, kind: 'looping', body: computing(service, LOOPING) };
      }),
    ].toSorted((a, b) => a.ms - b.ms);
    for (const { ms, kind, body } of due) {
      const leftMs = beganMs + ms - performance.now();
      if (leftMs > 0) await new Promise((resolve) => setTimeout(resolve, leftMs));
      const answered = this.ask(body).then(({ status, body: text }) => {
        this.answers.push({ kind, turn, ms: performance.now() - beganMs - ms, status, body: text });
      });
      asked.push(answered);
    }
    await Promise.all(asked);
  }

  ask(body: object): Promise<{ status: number; body: string }> {
    const text = JSON.stringify(body);
    const headers = { 'content-length': Buffer.byteLength(text), 'x-deadline-ms': DEADLINE_MS };
    const path = '/feature-service/get-online-features';
    const options = {
      agent: this.#agent,
      method: 'POST',
      host: '127.0.0.1',
      port: this.#port,
      path,
      headers,
    };
    return new Promise((resolve, reject) => {
      const sent = request(options, (response) => {
        let answer = '';
        response.setEncoding('utf8').on('data', (part: string) => (answer += part));
        response.on('end', () => resolve({ status: response.statusCode!, body: answer }));
      });
      // The server may close a connection that was idle in the moment in which it is used again.
      sent.once('error', (error) => (sent.reusedSocket ? resolve(this.ask(body)) : reject(error))).end(text);
    });
  }
}

/** Every other turn. */
function hasLoops(turn: number): boolean {
  return turn >= 0 && turn % 2 === 1;
}

function times(everyMs: number): number[] {
  return Array.from({ length: TURN_MS / everyMs }, (_, i) => i * everyMs);
}

function computing(service: string, x: number): object {
  return { feature_service: service, context: { x } };
}

async function endedCalls(adminPort: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  const counts = text.matchAll(/^plumbline_on_demand_ended_calls_total\{view="loop\d+"\} (\d+)$/gm);
  return [...counts].reduce((sum, [, n]) => sum + Number(n), 0);
}

function loopingContent(content: Omit<Bundle, 'hash'>): Omit<Bundle, 'hash'> {
  const plain = content.services.get(BENCH_SERVICE)!;
  const views = ['double', ...LOOPS].map(loopingView);
  const services = views.map(({ id, inputs }) => ({
    ...plain,
    name: id,
    features: [{ fullName: `${id}__y`, view: id, role: id, feature: 'y' }],
    views: [],
    requestKeys: [],
    onDemand: [{ role: id, view: id, uses: [] }],
    inputs,
  }));
  return {
    ...content,
    onDemand: new Map(views.map((view) => [view.id, view])),
    services: new Map([plain, ...services].map((one) => [one.name, one])),
  };
}

function loopingView(name: string): OnDemandView {
  const script = `({ x }) => { while (x === ${LOOPING}) {} return { y: 2 * x } }`;
  const costly = `has a loop (${name}.ts:1)`;
  return { ...viewOf(name, script, ['x'], ['y']), costly, isolated: true };
}
