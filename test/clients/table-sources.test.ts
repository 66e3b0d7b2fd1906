/**
 * Delta and Iceberg tables as sources, written by deltalake and pyiceberg, and Parquet in object storage: an aggregated
 * and a stored view of each give the same history and the same rows online as of plain files, also what came in a file
 * that landed after a run which had read past its created times.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { duckdbExtensions } from '../support/s3/duckdb-extensions.ts';
import { startFakeS3 } from '../support/s3/fake-s3.ts';
import type { FakeS3 } from '../support/s3/fake-s3.ts';
import { plumb } from '../support/processes/plumb-process.ts';
import type { Finished } from '../support/processes/plumb-process.ts';
import { PYTHON_LIMIT_MS, pythonEnvironment } from '../support/processes/python-environment.ts';
import type { PythonEnvironment } from '../support/processes/python-environment.ts';
import { scratchFolder } from '../support/scratch.ts';

const LIMIT_MS = 300_000;
let python: PythonEnvironment;
let s3: FakeS3;

beforeAll(async () => {
  python = await pythonEnvironment();
  s3 = await startFakeS3();
}, PYTHON_LIMIT_MS);
afterAll(() => s3.close());

/** @param kind  what the source is, `parquet`, `delta` or `iceberg` */
function definitions(kind: string, place: string): string {
  const times = 'eventTime: invoice_date, createdTime: loaded_at';
  return `entity: customer
joinKeys: { customer_id: int64 }
---
featureView: purchases
entity: customer
source: { ${kind}: "${place}", ${times} }
hop: 1h
freshness: 9000d
lateness: 2d
features:
  count_7d: { agg: countDistinct, column: invoice_no, window: 7d }
  average_1d: { agg: avg, column: line_total, window: 1d }
  last_category: { agg: last, column: category }
---
featureView: newest_invoice
entity: customer
source: { ${kind}: "${place}", ${times} }
freshness: 2h
features: { line_total: float64, category: string }
---
featureService: churn_v1
features: [purchases, newest_invoice]
`;
}

/** Of 200 events those of a part; `late` are known before the first run and land after it. */
const PARTS = {
  first: 'n < 120 AND n % 7 <> 3',
  late: 'n < 120 AND n % 7 = 3',
  second: 'n >= 120',
} as const;
const FIRST = '2023-11-15T19:00:00Z';
const SECOND = '2023-11-20T00:00:00Z';

async function writeRows(file: string, where: string): Promise<string> {
  const duck = await DuckDb.open();
  await duck.run(`COPY (SELECT (n % 5)::BIGINT customer_id, 'i' || (n % 40) invoice_no, n * 1.25 line_total,
      'c' || (n % 3) category, make_timestamptz(1700000000000000 + n * 600000000) invoice_date,
      make_timestamptz(1700000060000000 + n * 600000000) loaded_at FROM range(200) t(n) WHERE ${where})
    TO '${file}' (FORMAT parquet)`);
  duck.close();
  return file;
}

interface Tables {
  readonly delta: string;
  readonly iceberg: string;
  /** What tells programs of the storage. */
  readonly env: Readonly<Record<string, string>>;
  write(step: 'first' | 'later' | 'joined', rows: string): Promise<void>;
}

function tablesAt(root: string, catalogue: string, storage: FakeS3 | null): Tables {
  const access = storage && { endpoint: storage.endpoint, key: 'test', secret: 'not-shown' };
  const [delta, iceberg] = [`${root}/delta`, `${root}/iceberg`];
  return {
    delta,
    iceberg: `${iceberg}/invoices`,
    env: storage?.variables ?? {},
    async write(step, rows) {
      const warehouse = storage === null ? `file://${iceberg}` : iceberg;
      const input = JSON.stringify({ step, rows, delta, iceberg: warehouse, catalogue, s3: access });
      await python.run('test/clients/write_tables.py', { input });
    },
  };
}

async function project(kind: string, place: string, env: Tables['env']): Promise<Project> {
  const extensions = await duckdbExtensions(python);
  const folder = scratchFolder({
    'plumbline.yaml': `project: shop\nduckdb: { extensions: "${extensions}" }\n`,
    'definitions/shop.yaml': definitions(kind, place),
  });
  const run = async (...args: string[]): Promise<Finished> => {
    const done = await plumb(['-C', folder, ...args], { env });
    expect(done, done.stderr).toMatchObject({ code: 0 });
    return done;
  };
  await run('apply');
  return { folder, run };
}

interface Project {
  readonly folder: string;
  run(...args: string[]): Promise<Finished>;
}

interface Served {
  readonly name: string;
  readonly status: string;
  readonly eventTime: string | null;
  readonly value: unknown;
}

/** What the history answers for every entity and hour, and what is served now. */
async function answers({ folder, run }: Project): Promise<unknown> {
  const duck = await DuckDb.open();
  const history = `read_parquet('${join(folder, '.plumb/history/purchases/v1/day=*/*.parquet')}', hive_partitioning = false)`;
  const rows = await duck.rows(`WITH newest AS (SELECT * FROM ${history}
      QUALIFY row_number() OVER (PARTITION BY customer_id, event_time ORDER BY created_time DESC) = 1),
    hours AS (SELECT unnest(generate_series(TIMESTAMPTZ '2023-11-14 22:00:00+00', TIMESTAMPTZ '2023-11-19 23:00:00+00',
      INTERVAL 1 HOUR)) AS hour),
    asked AS (SELECT customer_id, hour FROM (SELECT DISTINCT customer_id FROM newest), hours)
    SELECT asked.customer_id, epoch_us(hour) AS hour, count_7d, average_1d, last_category
    FROM asked ASOF JOIN newest ON asked.customer_id = newest.customer_id AND asked.hour >= newest.event_time
    ORDER BY ALL`);
  duck.close();
  const served: unknown[] = [];
  for (const id of [1, 4]) {
    const got = await run('get', '--service', 'churn_v1', '--entity', `customer_id=${id}`, '--json');
    const { features } = JSON.parse(got.stdout) as { readonly features: readonly Served[] };
    served.push(features.map(({ name, status, eventTime, value }) => [name, status, eventTime, value]));
  }
  expect(rows.length).toBeGreaterThan(100);
  return { rows, served, trained: await trained({ folder, run }) };
}

async function trained({ folder, run }: Project): Promise<unknown> {
  const [labels, out] = [join(folder, 'labels.csv'), join(folder, 'set.csv')];
  const times = ['2023-11-15T10:00:00Z', '2023-11-16T10:00:00Z'];
  writeFileSync(
    labels,
    `customer_id,event_timestamp\n${times.map((time) => `1,${time}\n2,${time}\n`).join('')}`,
  );
  rmSync(out, { force: true });
  await run('train', '--service', 'churn_v1', '--labels', labels, '--out', out);
  return readFileSync(out, 'utf8');
}

async function compare(tables: Tables, catalogue: string): Promise<void> {
  const [first, late, second] = await Promise.all(
    Object.entries(PARTS).map(([name, where]) => writeRows(join(catalogue, `${name}.parquet`), where)),
  );
  const files = scratchFolder();
  await writeRows(join(files, 'all.parquet'), 'true');
  const plain = await project('parquet', files, {});
  await plain.run('materialize', '--to', SECOND);
  await tables.write('first', first!);
  const read = [
    await project('delta', tables.delta, tables.env),
    await project('iceberg', tables.iceberg, tables.env),
  ];
  for (const one of read) await one.run('materialize', '--to', FIRST);
  await tables.write('later', late!);
  await tables.write('later', second!);
  for (const one of read) await one.run('materialize', '--to', SECOND);
  const wanted = await answers(plain);
  for (const one of read) expect(await answers(one)).toEqual(wanted);
  // Rows that go, and files that are joined, change nothing but what a full run finds.
  await tables.write('joined', first!);
  await writeRows(join(files, 'all.parquet'), 'n % 40 <> 39');
  for (const one of [plain, ...read]) await one.run('materialize', '--to', '2023-11-20T02:00:00Z');
  for (const one of [plain, ...read]) await one.run('materialize', '--full', '--to', '2023-11-20T03:00:00Z');
  const without = await answers(plain);
  for (const one of read) expect(await answers(one)).toEqual(without);
}

test(
  'tables on this machine are read at their newest snapshot, and no file that lands late is missed',
  async () => {
    const root = scratchFolder();
    await compare(tablesAt(root, root, null), root);
  },
  LIMIT_MS,
);

test(
  'tables in object storage are read the same',
  async () => {
    await compare(tablesAt('s3://lake/tables', scratchFolder(), s3), scratchFolder());
  },
  LIMIT_MS,
);
