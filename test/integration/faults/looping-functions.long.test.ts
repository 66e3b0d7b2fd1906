/**
 * Functions that loop for ever, in a sidecar of its own process: what others lose by them, beside the same load without
 * them, in turn. Prints both. Run by `npm run test:long`.
 *
 *   plain     a request that computes nothing           doubling  one of another isolated function, in the same process
 *   looping   twelve views over one input, all at once in the midst of a turn; none is ended so often that it rests
 */
import { rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { sidecarContender, startServer } from '../../../benchmarks/harness/contender.ts';
import { BENCH_KEY, BENCH_SERVICE, makeBenchProject } from '../../../benchmarks/harness/project.ts';
import type { Bundle } from '../../../contract/model.ts';
import { feature } from '../../support/fixtures/serving-fixture.ts';
import { onDemandView } from '../../support/fixtures/on-demand-bundle.ts';

const LOOPS = Array.from({ length: 12 }, (_, i) => `loop${i}`);
const TURNS = 6;
const TURN_MS = 5_000;
const EVERY_MS = 10;
const LOOPS_AT_MS = TURN_MS / 3 + 1;
const MOST_LOST_MS = 10;
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

test('cost others under 10 ms, and their own values', async () => {
  const shape = { views: [3], customers: 100, online: 'sqlite:.plumb/online.db' };
  const folder = await makeBenchProject(shape, loopingContent);
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const server = await startServer(sidecarContender('sidecar', folder, { settings: ['log.maxBytes=1GiB'] }));
  onTestFinished(() => server.stop());
  const load = new Load(server.port);
  // Connections, the rows that are asked for, and every function called in time before it loops.
  await load.take(-1);
  for (const service of LOOPS) expect((await load.ask(computing(service, 4))).body).toContain('__y":8');
  for (let turn = 0; turn < TURNS; turn++) await load.take(turn);
  const answers = load.answers.filter(({ turn }) => turn >= 0);
  expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  for (const kind of ['plain', 'doubling']) {
    const turns = Array.from({ length: TURNS }, (_, turn) => {
      const own = answers.filter((one) => one.kind === kind && one.turn === turn);
      const ms = own.map((one) => one.ms).toSorted((a, b) => a - b);
      const at = (q: number): number => ms[Math.ceil(q * ms.length) - 1]!;
      const lacking = own.filter(({ body }) => body.includes('"UNAVAILABLE"')).length;
      return { withLoops: hasLoops(turn), lacking, p50: at(0.5), p99: at(0.99), most: at(1) };
    });
    console.info(kind, turns);
    // Of each the best turn: what a busy machine adds to one of them is no doing of the loops.
    const [with_, without] = [true, false].map((withLoops) => {
      return Math.min(...turns.filter((one) => one.withLoops === withLoops).map(({ p99 }) => p99));
    });
    expect(with_! - without!, `${kind}: what the p99 loses`).toBeLessThan(MOST_LOST_MS);
    const lacking = (withLoops: boolean): number[] => {
      return turns.filter((one) => one.withLoops === withLoops).map((one) => one.lacking);
    };
    expect(Math.min(...lacking(true)), `${kind}: rows without values`).toBe(Math.min(...lacking(false)));
  }
  const looping = answers.filter(({ kind }) => kind === 'looping');
  expect(looping).toHaveLength((TURNS / 2) * LOOPS.length);
  for (const { body } of looping) expect(body).toContain('"UNAVAILABLE"');
  const ended = await endedCalls(server.adminPort!);
  console.info('calls ended', ended, 'functions that looped', looping.length);
  expect(ended).toBeGreaterThan(0);
  for (const service of LOOPS) expect((await load.ask(computing(service, 4))).body).toContain('__y":8');
});

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
      sent.once('error', reject).end(text);
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
  const x = {
    name: 'x',
    type: { kind: 'float64' as const },
    optional: false,
    requestTime: false,
    log: 'raw' as const,
  };
  const views = ['double', ...LOOPS].map((name) =>
    onDemandView(name, `({ x }) => { while (x === ${LOOPING}) {} return { y: 2 * x } }`, {
      inputs: [x],
      features: [feature('y', 'float64')],
      costly: `has a loop (${name}.ts:1)`,
      isolated: true,
    }),
  );
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
