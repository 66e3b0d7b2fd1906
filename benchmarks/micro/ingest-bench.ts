/**
 * How fast the ingest is: requests of 50 doubles in five views, from a spool into typed Parquet, by processor time.
 * Each round is a fresh process; what it takes to start is not counted.
 *
 *   node benchmarks/micro/ingest-bench.ts [--rounds 3] [--vectors 300000]
 */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { loadCurrentBundle } from '../../contract/definitions/bundle-folder.ts';
import type { Bundle } from '../../contract/model.ts';
import { silentLogger } from '../../contract/std/logger.ts';
import type { ServedRequest } from '../../contract/wire/log/served-record.ts';
import { RowEncoder } from '../../contract/wire/online/row-codec.ts';
import { runIngest } from '../../monitor/ingest/main.ts';
import { systemClock } from '../../project/clock.ts';
import { openProject } from '../../project/project.ts';
import { loadSettings } from '../../project/settings/settings.ts';
import { VectorLog } from '../../sidecar/vector-log/vector-log.ts';
import { median } from '../harness/median.ts';
import { BENCH_KEY, BENCH_SERVICE, makeBenchProject } from '../harness/project.ts';
import { print, printHardware, printTarget } from '../harness/report.ts';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    vectors: { type: 'string', default: '300000' },
    /** Of a round's process: the project that it ingests, and whether it keeps the records. */
    project: { type: 'string' },
  },
});
const VECTORS = Number(options.vectors);
const VIEWS = [10, 10, 10, 10, 10];
const ENTITIES = 20_000;
const COMMIT = 50;

if (options.project === undefined) await measure();
else await ingestOnce(options.project);

async function measure(): Promise<void> {
  printHardware();
  const folder = await makeBenchProject({ views: VIEWS, customers: 1, online: 'sqlite:.plumb/online.db' });
  try {
    await writeSpool(folder);
    const rounds = Array.from({ length: Number(options.rounds) }, () => ingested(folder));
    const rates = rounds.map(({ cpuUs }) => VECTORS / (cpuUs / 1e6));
    const peaks = rounds.map(({ peakKib }) => peakKib / 1_024);
    print(
      `${VECTORS} vectors of 50 doubles in five views, vectors a CPU second: ${rates.map(Math.round).join(', ')}`,
    );
    const rate = {
      what: 'vectors a second and core',
      reached: median(rates),
      wanted: 60_000,
      unit: '',
    } as const;
    printTarget({ ...rate, atMost: false });
    printTarget({ what: 'peak memory', reached: median(peaks), wanted: 1_024, unit: 'MiB', atMost: true });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function ingested(folder: string): { readonly cpuUs: number; readonly peakKib: number } {
  const own = [import.meta.filename, '--project', folder];
  const text = execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', ...own], {
    encoding: 'utf8',
  });
  return JSON.parse(text) as { cpuUs: number; peakKib: number };
}

/** Ingests the spool from its beginning, and prints what it took. */
async function ingestOnce(folder: string): Promise<void> {
  const project = openProject(folder, silentLogger, {});
  rmSync(project.settings.served, { recursive: true, force: true });
  const before = process.cpuUsage();
  await runIngest(project, { from: 'spool' });
  const { user, system } = process.cpuUsage(before);
  print(JSON.stringify({ cpuUs: user + system, peakKib: process.resourceUsage().maxRSS }));
}

async function writeSpool(folder: string): Promise<void> {
  const settings = loadSettings(folder, {});
  const bundle = loadCurrentBundle(settings.bundles);
  const clock = systemClock();
  const log = await VectorLog.open({
    folder: settings.log.spool,
    pod: 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6',
    clock,
    logger: silentLogger,
    durability: 'written',
    maxBytes: 2 ** 40,
    onFull: 'shed-log',
  });
  const rows = rowsOf(bundle, clock.nowUs());
  for (let i = 0; i < VECTORS; i++) {
    log.append(requestOf(bundle, rows, i, clock.nowUs()));
    if (i % COMMIT === COMMIT - 1) log.commit();
  }
  await log.close();
}

/** @returns for each entity its rows, one a view: doubles that nothing compresses */
function rowsOf(bundle: Bundle, nowUs: number): Buffer[][] {
  const views = [...bundle.views.values()];
  const encoders = views.map((view) => new RowEncoder(view));
  return Array.from({ length: ENTITIES }, (_, entity) =>
    views.map(({ features }, v) => {
      const values = features.map(() => Math.random() * 1_000);
      const eventUs = nowUs - 3_600_000_000 - entity * 1_000;
      return encoders[v]!.encode(eventUs, eventUs + 1, Math.floor(eventUs / 1_000) + 60_000, values);
    }),
  );
}

function requestOf(
  bundle: Bundle,
  rows: readonly (readonly Buffer[])[],
  i: number,
  servedUs: number,
): ServedRequest {
  const entity = (i * 7_919) % ENTITIES;
  return {
    requestId: `f81d4fae-7dec-11d0-a765-${String(i).padStart(12, '0')}`,
    servedUs,
    surface: 0,
    service: BENCH_SERVICE,
    serviceVersion: bundle.services.get(BENCH_SERVICE)!.version,
    bundle: bundle.hash,
    keyNames: [BENCH_KEY],
    features: [],
    vectors: [
      {
        keys: [String(entity + 1)],
        rows: [...bundle.views.values()].map(({ name, id }, v) => ({
          role: name,
          view: id,
          status: 0,
          source: 1,
          fetchedUs: servedUs - 900 - v,
          watermarkUs: servedUs - 3_600_000_000,
          row: rows[entity]![v]!,
        })),
      },
    ],
    answer: null,
  };
}
