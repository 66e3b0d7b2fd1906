/**
 * CPU and bytes of the vector log a request, by rows and features: `plumb serve` over HTTP, all rows cached, the log
 * on, one request again and again. A fresh process for each round.
 */
import { rmSync } from 'node:fs';
import { feastRequest } from '../harness/bench-context.ts';
import type { BenchContext } from '../harness/bench-context.ts';
import { sidecarContender, startServer } from '../harness/contender.ts';
import type { MeasuredServer } from '../harness/contender.ts';
import { median } from '../harness/median.ts';
import { BENCH_KEY, BENCH_SERVICE, makeBenchProject } from '../harness/project.ts';
import { print } from '../harness/report.ts';
import type { Target } from '../harness/report.ts';
import type { Driver } from '../harness/rounds.ts';
import { SIZED_SHAPES, viewsOf } from './sized-shapes.ts';
import type { SizedShape } from './sized-shapes.ts';

interface Cost {
  readonly cpuUs: number;
  readonly spoolBytes: number;
}

const SETTINGS = ['serve.deadlineMs=10000', 'log.maxBytes=16GiB'];

/** Prints a line for each shape and surface. */
export async function requestCosts(context: BenchContext): Promise<Target[]> {
  print('\nA request, all rows cached, log on: CPU of the sidecar, bytes of its spool');
  for (const shape of SIZED_SHAPES) {
    const folder = await makeBenchProject({
      views: viewsOf(shape.features),
      customers: shape.rows,
      online: 'sqlite:.plumb/online.db',
    });
    try {
      for (const [surface, request] of Object.entries(requestsOf(shape))) {
        const found: Cost[] = [];
        for (let round = 0; round < context.rounds; round++)
          found.push(await costOf(folder, context.drive({ ...context, ...request })));
        const cpu = found.map(({ cpuUs }) => cpuUs.toFixed(1)).join(' ');
        print(
          `  ${shape.rows} rows x ${shape.features} features, ${surface}: ` +
            `${median(found.map(({ cpuUs }) => cpuUs)).toFixed(1)} us (${cpu}), ` +
            `${median(found.map(({ spoolBytes }) => spoolBytes)).toFixed(0)} bytes`,
        );
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  // Reported, without a bar.
  return [];
}

function requestsOf({ rows }: SizedShape): Record<string, { readonly path: string; readonly body: string }> {
  const customers = Array.from({ length: rows }, (_, i) => i + 1);
  const tensor = { name: BENCH_KEY, datatype: 'INT64', shape: [rows], data: customers };
  return {
    "Feast's JSON": feastRequest(customers),
    tensor: {
      path: `/v2/models/${BENCH_SERVICE}/infer`,
      body: JSON.stringify({ inputs: [tensor], parameters: { binary_data_output: true } }),
    },
  };
}

async function costOf(folder: string, drive: Driver): Promise<Cost> {
  const server = await startServer(sidecarContender('sidecar', folder, { settings: SETTINGS }));
  try {
    const { cpuUs } = await drive(server);
    if (cpuUs === null) throw new Error('this machine does not tell the processor time of a process');
    return { cpuUs, spoolBytes: await bytesARecord(server) };
  } finally {
    await server.stop();
  }
}

/** Heartbeats are among the bytes: one in ten seconds. */
async function bytesARecord({ adminPort }: MeasuredServer): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  const of = (name: string): number => Number(new RegExp(`^${name} (\\d+)`, 'm').exec(text)?.[1]);
  return of('plumbline_spool_bytes') / of('plumbline_log_records_total');
}
