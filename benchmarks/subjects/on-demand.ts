/**
 * What ten on-demand features cost a cached request over HTTP: one customer natively, and fifty as a binary tensor,
 * beside the same service without them, with the log and without. In one process, without HTTP:
 * benchmarks/micro/on-demand-request-bench.ts.
 */
import { rmSync } from 'node:fs';
import type { BenchContext } from '../harness/bench-context.ts';
import { NO_HURRY, sidecarContender } from '../harness/contender.ts';
import { COMPUTED_INPUTS, onDemandName, withOnDemand } from '../harness/on-demand-service.ts';
import { BENCH_KEY, BENCH_SERVICE, makeBenchProject } from '../harness/project.ts';
import { print, printMeasured, ratios } from '../harness/report.ts';
import type { Target } from '../harness/report.ts';
import { alternate } from '../harness/rounds.ts';
import type { Measured } from '../harness/rounds.ts';
import { CACHED_CUSTOMER } from './cached-vector.ts';

/** With more, the first requests of a slow machine make a queue of 10 ms, which a sidecar refuses. */
const MOST_CONNECTIONS = { one: 8, fifty: 2 } as const;
const CUSTOMERS = Array.from({ length: 50 }, (_, i) => 1_701 + i);
/** What ten features may cost. */
const BARS_US = { one: { log: 2, off: 2 }, fifty: { log: 25, off: 10 } } as const;

export async function onDemandFeatures(context: BenchContext): Promise<Target[]> {
  const shape = { views: [2], customers: 2_000, online: 'sqlite:.plumb/online.db' };
  const project = await makeBenchProject(shape, (content) => withOnDemand(content, BENCH_SERVICE));
  try {
    print('\nOn demand: ten features of two inputs and two stored features, over HTTP');
    const targets: Target[] = [];
    for (const [rows, requests] of [
      ['one', native()],
      ['fifty', tensors()],
    ] as const) {
      for (const log of ['log', 'off'] as const) {
        const settings = [...NO_HURRY, log === 'log' ? 'log.maxBytes=16GiB' : 'log.enabled=false'];
        const sidecar = sidecarContender('', project, { settings });
        const measured = await alternate(
          requests.map(({ name, ...request }) => ({
            contender: {
              ...sidecar,
              name: `${rows} a request, log ${log === 'log' ? 'on' : 'off'}, ${name}`,
            },
            drive: context.drive({ ...request, ...context, connections: connections(context, rows) }),
          })),
          context.rounds,
        );
        targets.push(...more(measured, BARS_US[rows][log]));
      }
    }
    return targets;
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
}

function connections(context: BenchContext, rows: 'one' | 'fifty'): number {
  return Math.min(MOST_CONNECTIONS[rows], context.connections);
}

interface NamedRequest {
  readonly name: string;
  readonly path: string;
  readonly body: string;
}

function native(): NamedRequest[] {
  const entities = { [BENCH_KEY]: [CACHED_CUSTOMER] };
  const context = Object.fromEntries(COMPUTED_INPUTS.map((name) => [name, 12.5]));
  const path = '/feature-service/get-online-features';
  return [
    { name: 'without', path, body: JSON.stringify({ feature_service: BENCH_SERVICE, entities }) },
    {
      name: 'with',
      path,
      body: JSON.stringify({ feature_service: onDemandName(BENCH_SERVICE), entities, context }),
    },
  ];
}

function tensors(): NamedRequest[] {
  const keys = { name: BENCH_KEY, datatype: 'INT64', shape: [CUSTOMERS.length], data: CUSTOMERS };
  const inputs = COMPUTED_INPUTS.map((name) => ({ name, datatype: 'FP64', shape: [1], data: [12.5] }));
  const of = (name: string, service: string, all: readonly object[]): NamedRequest => ({
    name,
    path: `/v2/models/${service}/infer`,
    body: JSON.stringify({ inputs: all, parameters: { binary_data_output: true } }),
  });
  return [of('without', BENCH_SERVICE, [keys]), of('with', onDemandName(BENCH_SERVICE), [keys, ...inputs])];
}

/** Prints both, and what the second costs more. */
function more([without, with_]: readonly Measured[], wanted: number): Target[] {
  for (const one of [without!, with_!]) printMeasured(one);
  const { rate, cpu } = ratios(with_!, without!);
  print(`  with, of without: rate ${rate.toFixed(3)}, by CPU ${cpu?.toFixed(3)}`);
  if (cpu === null) return [];
  const reached = with_!.median.cpuUs! - without!.median.cpuUs!;
  return [{ what: `${with_!.contender.name}: more CPU`, reached, wanted, unit: 'us', atMost: true }];
}
