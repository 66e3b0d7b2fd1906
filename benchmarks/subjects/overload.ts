/**
 * Overload: twice as many requests as the sidecar can answer, for cached rows, by an open loop of clients that give up
 * after half a second and send on whatever comes.
 *
 *   capacity   what few clients get that wait for each answer
 *   goodput    200s in time at twice that, of the capacity
 *   told       of all others, those that got a 503 at once rather than nothing
 *   /livez     the slowest answer of the admin port meanwhile, one asked for every 50 ms
 *   after      half the capacity behind it: from 2 s on as much is answered as at the same load before
 *
 * The load is made on the same machine, so the server gets one core and the load the others (`taskset`), unless
 * `--unpinned` leaves both to the scheduler: which it was is printed, and how long the server waited for its core.
 * What a server without work of its own would reach there: overload-control.ts.
 */
import { rmSync } from 'node:fs';
import { firstAnswer } from '../harness/bench-context.ts';
import type { BenchContext } from '../harness/bench-context.ts';
import { sidecarContender, startServer } from '../harness/contender.ts';
import type { Contender } from '../harness/contender.ts';
import { contenderOn, onCores, splitCores } from '../harness/cores.ts';
import type { Cores } from '../harness/cores.ts';
import { overloadControl } from '../contenders/overload-control.ts';
import { ROWS, SOCKETS, makeOverloadProject, overloadedServer } from '../harness/overload-run.ts';
import type { Overloaded } from '../harness/overload-run.ts';
import { BENCH_KEY, BENCH_SERVICE } from '../harness/project.ts';
import { print } from '../harness/report.ts';
import type { Target } from '../harness/report.ts';

const PATH = '/feature-service/get-online-features';

export async function overload(context: BenchContext): Promise<Target[]> {
  const cores = context.pinned ? splitCores() : null;
  const launcher = cores === null ? [] : onCores(cores.load);
  const times = { capacityS: context.seconds, overloadS: 6, afterS: 3, sockets: SOCKETS, launcher };
  const project = await makeOverloadProject();
  const targets: Target[] = [];
  print(`\nOverload: cached requests of ${ROWS} rows, ${SOCKETS} sockets; ${placesOf(cores)}`);
  try {
    for (const transport of ['uws', 'node']) {
      const settings = [`serve.transport=${transport}`];
      const sidecar = contenderOn(cores, sidecarContender(transport, project, { settings }));
      const found = await measured(sidecar, times);
      printOverloaded(transport, found);
      targets.push(...barsOf(transport, found));
      if (transport !== 'uws') continue;
      const customers = Array.from({ length: ROWS }, (_, i) => i + 1);
      const body = JSON.stringify({ feature_service: BENCH_SERVICE, entities: { [BENCH_KEY]: customers } });
      const answer = await firstAnswer(sidecar, PATH, body);
      const { folder, seconds } = context;
      const best = await overloadControl(answer, found.cpuUs[0], { folder, seconds, cores, launcher });
      print(
        `  in time, of what the control reached at best: ${share(found.goodput / found.capacity / best)}`,
      );
    }
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
  return targets;
}

async function measured(
  sidecar: Contender,
  times: Parameters<typeof overloadedServer>[1],
): Promise<Overloaded> {
  const server = await startServer(sidecar);
  try {
    return await overloadedServer(server, times);
  } finally {
    await server.stop();
  }
}

function placesOf(cores: Cores | null): string {
  if (cores === null) return 'server and load where the scheduler puts them';
  return `the server pinned to core ${cores.server}, the load to ${cores.load}`;
}

function share(part: number): string {
  return `${(part * 100).toFixed(1)} %`;
}

function printOverloaded(transport: string, found: Overloaded): void {
  print(`\n  ${transport}`);
  print(`  capacity ${found.capacity.toFixed(0)}/s, offered ${(2 * found.capacity).toFixed(0)}/s`);
  print(`  in time  ${found.goodput.toFixed(0)}/s, ${share(found.goodput / found.capacity)} of the capacity`);
  const [flatOut, overloaded] = found.cpuUs.map((us) => us.toFixed(0));
  print(`  server CPU ${flatOut} us a 200 at the capacity, ${overloaded} us at twice, refusals included`);
  const [waitedFlatOut, waited] = found.waited.map(share);
  print(`  it waited for a core ${waitedFlatOut} of the time at the capacity, ${waited} at twice`);
  print(`  of the others ${share(found.told)} got a 503: ${JSON.stringify(found.failures)}`);
  print(`  /livez   at most ${found.livezMsMax.toFixed(1)} ms of ${found.livezProbes} probes`);
  print(
    `  at half the capacity ${share(found.calm)} answered before it, ${share(found.recovered)} from 2 s after it on`,
  );
}

function barsOf(
  transport: string,
  { goodput, capacity, told, livezMsMax, calm, recovered }: Overloaded,
): Target[] {
  const what = `overload (${transport})`;
  const atLeast = { unit: '%', atMost: false } as const;
  return [
    {
      what: `${what}, in time at twice the capacity, of it`,
      reached: (goodput / capacity) * 100,
      wanted: 80,
      ...atLeast,
    },
    { what: `${what}, 503 of what is not answered in time`, reached: told * 100, wanted: 99, ...atLeast },
    { what: `${what}, slowest /livez`, reached: livezMsMax, wanted: 100, unit: 'ms', atMost: true },
    {
      what: `${what}, answered from 2 s after it on, of what was before it`,
      reached: (recovered / calm) * 100,
      wanted: 99.5,
      ...atLeast,
    },
  ];
}
