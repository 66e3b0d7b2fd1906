/**
 * Training sets: `plumb train` against bare DuckDB, and Feast where it is asked for, as whole processes: 200,000
 * labels on 2,000,000 rows of ten doubles, also with ten ratios of an input and these, computed on demand; and 2 labels
 * on 5,000,000, where only what the labels need should cost anything.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDb, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { BenchContext } from '../harness/bench-context.ts';
import { ROOT } from '../harness/contender.ts';
import { feastProgram } from '../contenders/feast.ts';
import { measuredRun } from '../harness/measured-run.ts';
import type { MeasuredRun } from '../harness/measured-run.ts';
import { print } from '../harness/report.ts';
import type { Target } from '../harness/report.ts';
import { median } from '../harness/median.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';

const FEATURES = Array.from({ length: 10 }, (_, i) => `f${i}`);
const TTL_SECONDS = 3 * 86_400;
const DRIVERS = 200_000;
const SERVICE = 'bench';
/** The service with on-demand features. */
const COMPUTED = 'computed';
const NODE = ['--disable-warning=ExperimentalWarning'];

interface Case {
  readonly rows: number;
  readonly labels: number;
}

interface Entry {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly out: string;
}

export async function trainingSets(context: BenchContext): Promise<Target[]> {
  const folder = mkdtempSync(join(context.folder, 'train-'));
  try {
    const many = await compared(context, folder, { rows: 2_000_000, labels: 200_000 }, context.withFeast);
    const few = await compared(context, folder, { rows: 5_000_000, labels: 2 }, false);
    const [plumb, bare, computed, theirs] = many.map((runs) => median(runs.map((run) => run.cpuSeconds)));
    const alone = median(few[0]!.map((run) => run.cpuSeconds));
    return [
      target('train, 200,000 labels: CPU of bare DuckDB', plumb! / bare!, 1.4, true),
      target('train, ten on-demand features: CPU of without', computed! / plumb!, 1.5, true),
      ...(theirs === undefined
        ? []
        : [target("train, 200,000 labels: Feast's CPU", theirs / plumb!, 8, false)]),
      { what: 'train, 2 labels of 5,000,000 rows: CPU s', reached: alone, wanted: 1, unit: '', atMost: true },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function target(what: string, reached: number, limit: number, atMost: boolean): Target {
  return { what, reached, wanted: limit, unit: 'x', atMost };
}

/** @returns the rounds of ours, of bare DuckDB, of ours with on-demand features, and of Feast where there is one */
async function compared(
  context: BenchContext,
  parent: string,
  { rows, labels }: Case,
  withFeast: boolean,
): Promise<MeasuredRun[][]> {
  const folder = join(parent, `rows-${rows}`);
  await makeCase(folder, { rows, labels });
  const files = [join(folder, 'labels.parquet'), join(folder, 'data', 'history.parquet')] as const;
  const entries = [
    ours(folder, files[0]),
    bareDuckDb(folder, files),
    { ...ours(folder, files[0], COMPUTED), name: 'plumb train, on demand' },
    ...(withFeast ? [await feastEntry(folder, files, context.feastEnvironment)] : []),
  ];
  print(`\nTraining sets: ${labels} labels, ${rows} rows of ${FEATURES.length} float64`);
  const found: MeasuredRun[][] = entries.map(() => []);
  for (let round = 0; round < context.rounds; round++) {
    const order = [...entries.entries()];
    for (const [e, { program, args }] of round % 2 === 0 ? order : order.toReversed())
      found[e]!.push(await measuredRun(program, args));
  }
  for (const [e, entry] of entries.entries()) printRuns(entry.name, found[e]!);
  print(`  values that differ from bare DuckDB's: ${await differing(entries[0]!.out, entries[1]!.out)}`);
  return found;
}

function printRuns(name: string, runs: readonly MeasuredRun[]): void {
  const mib = runs.flatMap((run) => (run.peakBytes === null ? [] : [run.peakBytes / 2 ** 20]));
  const texts = [
    `CPU median ${median(runs.map((run) => run.cpuSeconds)).toFixed(2)} s`,
    `rounds: ${runs.map((run) => run.cpuSeconds.toFixed(2)).join(' ')}`,
    `wall median ${median(runs.map((run) => run.seconds)).toFixed(2)} s`,
    mib.length === 0 ? '' : `peak ${median(mib).toFixed(0)} MiB`,
  ];
  print(`  ${name.padEnd(24)} ${texts.join('   ')}`);
}

async function makeCase(folder: string, { rows, labels }: Case): Promise<void> {
  makeFolder(join(folder, 'definitions'));
  mkdirSync(join(folder, 'data'));
  writeFileSync(join(folder, 'plumbline.yaml'), 'project: bench\n');
  const definitions = [
    'entity: driver\njoinKeys: { driver_id: int64 }',
    [
      'featureView: stats',
      'entity: driver',
      'source: { parquet: data/history.parquet, eventTime: event_timestamp, createdTime: created }',
      `features: { ${FEATURES.map((name) => `${name}: float64`).join(', ')} }`,
      `ttl: ${TTL_SECONDS}s`,
      'freshness: 3h',
    ].join('\n'),
    `featureService: ${SERVICE}\nfeatures: [stats]`,
    [
      'onDemandView: ratios',
      'inputs: { cart: float64 }',
      'uses: [stats]',
      `features: { ${FEATURES.map((name) => `of_${name}: float64`).join(', ')} }`,
      'compute: ../compute/ratios.ts',
    ].join('\n'),
    `featureService: ${COMPUTED}\nfeatures: [stats, ratios]`,
  ];
  const ratios = FEATURES.map((name) => `of_${name}: ${name} === null ? null : cart / ${name}`);
  makeFolder(join(folder, 'compute'));
  writeFileSync(
    join(folder, 'compute', 'ratios.ts'),
    `export default ({ cart, ${FEATURES.join(', ')} }: any) => ({ ${ratios.join(', ')} });\n`,
  );
  writeFileSync(join(folder, 'definitions', 'bench.yaml'), `${definitions.join('\n---\n')}\n`);
  const time = (salt: number): string =>
    `TIMESTAMPTZ '2025-01-01 00:00:00+00' + INTERVAL 1 SECOND * (hash(i + ${salt}) % 31000000)::INTEGER`;
  const driver = (factor: number): string => `(hash(i * ${factor}) % ${DRIVERS})::BIGINT AS driver_id`;
  const values = FEATURES.map((name, f) => `(hash(i * 31 + ${f}) % 1000003) / 1000003 AS ${name}`);
  const duck = await DuckDb.open();
  await duck.run(`SET threads = 1; SET preserve_insertion_order = true;
    COPY (SELECT ${driver(7)}, ${time(0)} AS event_timestamp, event_timestamp + INTERVAL 60 SECOND AS created,
      ${values.join(', ')} FROM range(${rows}) t(i)) TO ${quoteText(join(folder, 'data', 'history.parquet'))} (FORMAT parquet);
    COPY (SELECT ${driver(13)}, ${time(99)} AS event_timestamp, i % 2 AS label, 'note ' || i AS note, (i % 977) / 8 AS cart
      FROM range(${labels}) t(i)) TO ${quoteText(join(folder, 'labels.parquet'))} (FORMAT parquet)`);
  duck.close();
  await measuredRun(process.execPath, [...NODE, join(ROOT, 'plumb.ts'), '-C', folder, 'apply']);
}

function ours(folder: string, labels: string, service = SERVICE): Entry {
  const out = join(folder, `${service}.parquet`);
  const args = ['-C', folder, 'train', '--labels', labels, '--service', service, '--out', out];
  return {
    name: 'plumb train',
    program: process.execPath,
    args: [...NODE, join(ROOT, 'plumb.ts'), ...args],
    out,
  };
}

function bareDuckDb(folder: string, files: readonly [string, string]): Entry {
  const out = join(folder, 'bare.parquet');
  const args = [...files, out, FEATURES.join(','), String(TTL_SECONDS)];
  return {
    name: 'bare DuckDB',
    program: process.execPath,
    args: [...NODE, join(ROOT, 'benchmarks', 'contenders', 'bare-join.ts'), ...args],
    out,
  };
}

async function feastEntry(
  folder: string,
  [labels, history]: readonly [string, string],
  environment: string | null,
): Promise<Entry> {
  const python = feastProgram(environment, 'python');
  const repository = join(folder, 'feast');
  mkdirSync(repository);
  const store = [
    'project: bench',
    'provider: local',
    'registry: registry.db',
    'entity_key_serialization_version: 3',
  ];
  writeFileSync(join(repository, 'feature_store.yaml'), `${store.join('\n')}\n`);
  const script = join(ROOT, 'benchmarks', 'contenders', 'feast_join.py');
  const features = FEATURES.join(',');
  await measuredRun(python, [script, 'apply', repository, history, features, String(TTL_SECONDS)]);
  const out = join(folder, 'feast.parquet');
  return { name: 'Feast', program: python, args: [script, 'join', repository, labels, out, features], out };
}

/** Both sets are in the order of the labels. */
async function differing(own: string, bare: string): Promise<number> {
  const duck = await DuckDb.open();
  try {
    const [row] = await duck.rows(
      `SELECT count(*) FILTER (a IS DISTINCT FROM b) AS n FROM (SELECT t AS a FROM read_parquet(${quoteText(own)}) t)
       POSITIONAL JOIN (SELECT t AS b FROM read_parquet(${quoteText(bare)}) t)`,
    );
    return Number(row!['n']);
  } finally {
    duck.close();
  }
}
