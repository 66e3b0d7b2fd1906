/**
 * From the history to Redis: `plumb materialize` of one view of ten doubles into an empty store, guarded, and Feast's
 * `materialize` of the same file into the same Redis; and the same by two processes with a shard each. All are fresh
 * processes, alternating. Of a run count the time that its rows took (without its start), the processor time of the
 * whole process, and that of Redis, which is a ceiling.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDb, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { BenchContext } from '../harness/bench-context.ts';
import { ROOT } from '../harness/contender.ts';
import { feastProgram } from '../contenders/feast.ts';
import { startRedis } from '../harness/redis/redis-process.ts';
import { print } from '../harness/report.ts';
import type { Target } from '../harness/report.ts';
import { median } from '../harness/median.ts';
import { measuredRun } from '../harness/measured-run.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';

const ROWS = 200_000;
const FEATURES = Array.from({ length: 10 }, (_, i) => `f${i}`);
const TARGET_ROWS = 100_000;
const TARGET_FEAST = 7;

interface Fill {
  readonly perSecond: number;
  /** Processor time of the process and of Redis, us a row. */
  readonly cpuUs: number;
  readonly redisUs: number;
}

interface Filler {
  readonly name: string;
  /** @returns the seconds that the rows took, and those of the processor for all of the process */
  run(): Promise<{ readonly seconds: number; readonly cpuS: number }>;
}

export async function fillStore(context: BenchContext): Promise<Target[]> {
  print(`\nFilling Redis: ${ROWS} rows of ${FEATURES.length} float64, guarded, into an empty store`);
  const folder = mkdtempSync(join(context.folder, 'fill-'));
  const redis = await startRedis(folder);
  try {
    const source = await writeSource(folder);
    const entry = await appliedProject(folder, source, redis.url);
    const fillers = [plumbline(entry), sharded(entry)];
    if (context.feast !== null) fillers.push(feast(folder, source, redis.port, context.feastEnvironment));
    const fills: Fill[][] = fillers.map(() => []);
    for (let round = 0; round < context.rounds; round++) {
      const order = [...fillers.keys()];
      for (const f of round % 2 === 0 ? order : order.toReversed())
        fills[f]!.push(await measured(redis.port, fillers[f]!));
    }
    return report(fillers, fills);
  } finally {
    await redis.stop();
  }
}

async function writeSource(folder: string): Promise<string> {
  const source = join(folder, 'rows.parquet');
  const duck = await DuckDb.open();
  const values = FEATURES.map((name, i) => `random() * ${i + 1} AS ${name}`).join(', ');
  const time = 'now()::TIMESTAMP - INTERVAL 1 hour';
  await duck.run(
    `COPY (SELECT range AS customer_id, ${time} AS event_timestamp, ${time} AS created, ${values}
     FROM range(${ROWS})) TO ${quoteText(source)} (FORMAT parquet)`,
  );
  duck.close();
  return source;
}

/** @returns what starts `plumb` in a project of one view over the source */
async function appliedProject(folder: string, source: string, online: string): Promise<string[]> {
  const project = join(folder, 'plumbline');
  makeFolder(join(project, 'definitions'));
  writeFileSync(join(project, 'plumbline.yaml'), `definitions: ['definitions/*.yaml']\nonline: ${online}\n`);
  writeFileSync(
    join(project, 'definitions', 'all.yaml'),
    `entity: customer\njoinKeys: { customer_id: int64 }\n---\nfeatureView: stats\nentity: customer
source: { parquet: '${source}', eventTime: event_timestamp, createdTime: created }
features: { ${FEATURES.map((name) => `${name}: float64`).join(', ')} }\n`,
  );
  const entry = ['--disable-warning=ExperimentalWarning', join(ROOT, 'plumb.ts'), '-C', project];
  await measuredRun(process.execPath, [...entry, 'apply']);
  return entry;
}

interface RunTimes {
  readonly startedMs: number;
  readonly finishedMs: number;
  readonly cpuS: number;
}

async function timedRun(entry: readonly string[], ...options: string[]): Promise<RunTimes> {
  const args = [...entry, 'materialize', '--full', '--json', ...options];
  const { output, cpuSeconds } = await measuredRun(process.execPath, args);
  const { runs } = JSON.parse(output) as { runs: { startedAt: string; finishedAt: string }[] };
  const [startedMs, finishedMs] = [Date.parse(runs[0]!.startedAt), Date.parse(runs[0]!.finishedAt)];
  return { startedMs, finishedMs, cpuS: cpuSeconds };
}

function plumbline(entry: readonly string[]): Filler {
  return {
    name: 'plumb materialize --full',
    async run() {
      const { startedMs, finishedMs, cpuS } = await timedRun(entry);
      return { seconds: (finishedMs - startedMs) / 1e3, cpuS };
    },
  };
}

/** Each of the two reads all rows and writes its half of them. */
function sharded(entry: readonly string[]): Filler {
  return {
    name: 'two processes, --shard 1/2 and 2/2',
    async run() {
      const to = new Date().toISOString();
      const parts = ['1/2', '2/2'].map((shard) => timedRun(entry, '--shard', shard, '--to', to));
      const runs = await Promise.all(parts);
      const [from, until] = [runs.map((run) => run.startedMs), runs.map((run) => run.finishedMs)];
      return {
        seconds: (Math.max(...until) - Math.min(...from)) / 1e3,
        cpuS: runs.reduce((sum, { cpuS }) => sum + cpuS, 0),
      };
    },
  };
}

/** Its registry stands in a folder of its own; the script prints the seconds that `materialize` took. */
function feast(folder: string, source: string, redisPort: number, environment: string | null): Filler {
  const repository = join(folder, 'feast');
  mkdirSync(repository);
  const lines = [
    'project: fill',
    'provider: local',
    'registry: registry.db',
    'entity_key_serialization_version: 3',
    'offline_store: { type: file }',
    `online_store: { type: redis, connection_string: "127.0.0.1:${redisPort}" }`,
  ];
  writeFileSync(join(repository, 'feature_store.yaml'), `${lines.join('\n')}\n`);
  const script = join(import.meta.dirname, '../contenders/feast_materialize.py');
  const job = JSON.stringify({ folder: repository, source, features: FEATURES });
  return {
    name: "Feast's materialize",
    async run() {
      const { output, cpuSeconds } = await measuredRun(feastProgram(environment, 'python'), [script], job);
      return { seconds: Number(output.trim().split('\n').at(-1)), cpuS: cpuSeconds };
    },
  };
}

async function measured(redisPort: number, filler: Filler): Promise<Fill> {
  redisCli(redisPort, 'FLUSHALL');
  const before = redisCpuS(redisPort);
  const { seconds, cpuS } = await filler.run();
  const redisS = redisCpuS(redisPort) - before;
  const written = Number(redisCli(redisPort, 'DBSIZE'));
  if (written < ROWS) throw new Error(`${filler.name} wrote ${written} of ${ROWS} rows`);
  return { perSecond: ROWS / seconds, cpuUs: (cpuS * 1e6) / ROWS, redisUs: (redisS * 1e6) / ROWS };
}

function report(fillers: readonly Filler[], fills: readonly Fill[][]): Target[] {
  const medians = fills.map((rounds) => ({
    perSecond: median(rounds.map((fill) => fill.perSecond)),
    cpuUs: median(rounds.map((fill) => fill.cpuUs)),
    redisUs: median(rounds.map((fill) => fill.redisUs)),
  }));
  fillers.forEach(({ name }, f) => {
    const { perSecond, cpuUs, redisUs } = medians[f]!;
    print(`\n  ${name}`);
    print(
      `    rows/s      median ${Math.round(perSecond)}   rounds: ${fills[f]!.map((fill) => Math.round(fill.perSecond)).join(' ')}`,
    );
    print(
      `    CPU         median ${cpuUs.toFixed(1)} us a row, of Redis ${redisUs.toFixed(1)} us (at most ` +
        `${Math.round(1e6 / redisUs)} rows/s)   rounds: ${fills[f]!.map((fill) => fill.cpuUs.toFixed(1)).join(' ')}`,
    );
  });
  const [own, halves, other] = medians;
  print(
    `\n  two processes for one: ${(halves!.perSecond / own!.perSecond).toFixed(2)} times the rate, ${(halves!.cpuUs / own!.cpuUs).toFixed(2)} times the CPU`,
  );
  const targets: Target[] = [
    {
      what: 'rows a second into Redis',
      reached: own!.perSecond,
      wanted: TARGET_ROWS,
      unit: '',
      atMost: false,
    },
  ];
  if (other === undefined) return targets;
  const times = { wanted: TARGET_FEAST, unit: 'x', atMost: false } as const;
  targets.push(
    {
      what: "filling Redis against Feast's materialize, by rate",
      reached: own!.perSecond / other.perSecond,
      ...times,
    },
    {
      what: "filling Redis against Feast's materialize, by CPU",
      reached: other.cpuUs / own!.cpuUs,
      ...times,
    },
  );
  return targets;
}

function redisCli(port: number, ...args: string[]): string {
  return execFileSync('redis-cli', ['-p', String(port), ...args], { encoding: 'utf8' }).trim();
}

function redisCpuS(port: number): number {
  const info = redisCli(port, 'INFO', 'cpu');
  const of = (name: string): number => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)![1]);
  return of('used_cpu_user') + of('used_cpu_sys');
}
