/**
 * The history of a view as other programs read its Delta table: exactly the committed rows, with exact values, before
 * and after small files were joined, and from a checkpoint alone; a plain glob finds these and more.
 */
import { copyFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CHECKPOINT_ENTRIES, entryFile, readTable, writeEntry } from '../../project/delta/delta-log.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths } from '../../project/engine/duckdb/file-sql.ts';
import { IS_LONG_RUN } from '../support/long-run.ts';
import { mavenJars } from '../support/kafka/maven-jars.ts';
import { plumb } from '../support/processes/plumb-process.ts';
import { PYTHON_LIMIT_MS, pythonEnvironment } from '../support/processes/python-environment.ts';
import type { PythonEnvironment } from '../support/processes/python-environment.ts';
import { shopProject } from '../support/fixtures/shop-project.ts';
import { localFolder } from '../../project/storage/local-folder.ts';

const COLUMNS = [
  'customer_id',
  'event_time',
  'created_time',
  'run_id',
  'definition_id',
  'deleted',
  'count_7d',
  'average_30d',
  'favorite',
];
/** For Spark of requirements.txt. */
const DELTA = ['delta-spark_2.13', 'delta-storage'].map((artifact) => {
  return { group: 'io.delta', artifact, version: '4.0.0', alone: true };
});

/** Rows as read_delta.py prints them. */
async function rowsOf(duck: DuckDb, from: string): Promise<unknown[][]> {
  const rows = await duck.rows(`SELECT * REPLACE (epoch_us(event_time) AS event_time,
    epoch_us(created_time) AS created_time) FROM ${from}`);
  const text = (value: unknown, name: string): string | null => {
    if (value === null) return null;
    if (name.endsWith('_time')) return timeText(value as bigint);
    if (name === 'average_30d') return hexOf(value as number);
    if (name === 'deleted') return value === true ? 'True' : 'False';
    return String(value);
  };
  return sorted(rows.map((row) => COLUMNS.map((name) => text(row[name], name))));
}

function sorted(rows: (string | null)[][]): (string | null)[][] {
  return rows.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

function timeText(us: bigint): string {
  const seconds = new Date(Number(us / 1_000_000n) * 1_000).toISOString().slice(0, 19).replace('T', ' ');
  return `${seconds}.${(us % 1_000_000n).toString().padStart(6, '0')}`;
}

/** The bits of a double, so that no digit is lost on the way. */
function hexOf(value: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes.toString('hex');
}

/** DuckDB's extension comes in a wheel of the same version as the engine. */
async function loadDelta(duck: DuckDb, python: PythonEnvironment): Promise<void> {
  const packages = join(python.program('python'), '../../lib');
  const [version] = readdirSync(packages);
  const extensions = join(packages, version!, 'site-packages/duckdb_extension_delta/extensions');
  const [engine] = await duck.rows('SELECT version() AS version');
  await duck.run(`LOAD '${join(extensions, engine!['version'] as string, 'delta.duckdb_extension')}'`);
}

/** Of Spark's classes; null: Spark is not asked. */
async function jars(): Promise<string | null> {
  if (!IS_LONG_RUN) return null;
  const folder = await mavenJars('delta-spark-4.0.0', DELTA);
  if (typeof folder !== 'string') throw new Error(`Spark needs Delta's jars: ${folder.tried.join('; ')}`);
  return join(folder, '*');
}

/**
 * A run is the hundredth entry of a table, and no entry before it is there any more.
 * @returns the rows
 */
async function checkpointed(folder: string, table: string, duck: DuckDb): Promise<unknown[][]> {
  const { version } = (await readTable(localFolder(table)))!;
  for (let entry = version + 1; entry < CHECKPOINT_ENTRIES; entry++)
    await writeEntry(localFolder(table), entry, [{ txn: { appId: 'test', version: entry } }]);
  const { code } = await plumb(['-C', folder, 'materialize', '--to', '2023-11-25T00:00:00Z']);
  expect(code).toBe(0);
  for (let entry = 0; entry < CHECKPOINT_ENTRIES; entry++) rmSync(entryFile(localFolder(table), entry));
  const files = [...(await readTable(localFolder(table)))!.files.keys()].map((path) =>
    join(table, decodeURI(path)),
  );
  return rowsOf(duck, `read_parquet(${quotePaths(files)}, hive_partitioning = false)`);
}

test(
  'other programs read exactly the committed rows',
  async () => {
    const folder = await shopProject();
    expect((await plumb(['-C', folder, 'apply'])).code).toBe(0);
    for (const to of [
      '2023-11-15T06:00:00Z',
      '2023-11-15T18:00:00Z',
      '2023-11-16T06:00:00Z',
      '2023-11-20T00:00:00Z',
    ])
      expect((await plumb(['-C', folder, 'materialize', '--to', to])).code).toBe(0);
    const table = join(folder, '.plumb/history/purchases/v1');
    const python = await pythonEnvironment();
    const duck = await DuckDb.open();
    await loadDelta(duck, python);
    // A run that died before it committed.
    const file = readdirSync(table, { recursive: true, encoding: 'utf8' }).find((name) =>
      name.endsWith('.parquet'),
    )!;
    copyFileSync(join(table, file), join(table, file.replace('day=', 'day=').replace('/', '/dead-')));
    let before = await rowsOf(duck, `delta_scan('${table}')`);
    expect(before.length).toBeGreaterThan(20);
    for (const state of ['as committed', 'joined', 'from a checkpoint']) {
      if (state === 'from a checkpoint') before = await checkpointed(folder, table, duck);
      const input = JSON.stringify({ table, jars: await jars() });
      const read = JSON.parse(await python.run('test/clients/read_delta.py', { input })) as Record<
        string,
        (string | null)[][]
      >;
      for (const [reader, rows] of Object.entries(read))
        expect(sorted(rows), `${reader}, ${state}`).toEqual(before);
      expect(await rowsOf(duck, `delta_scan('${table}')`), state).toEqual(before);
      const globbed = await rowsOf(
        duck,
        `read_parquet('${table}/day=*/*.parquet', hive_partitioning = false)`,
      );
      const texts = new Set(globbed.map((row) => JSON.stringify(row)));
      expect(before.filter((row) => !texts.has(JSON.stringify(row)))).toEqual([]);
      expect(globbed.length).toBeGreaterThan(before.length);
      expect((await plumb(['-C', folder, 'history', 'compact'])).code).toBe(0);
    }
    duck.close();
  },
  PYTHON_LIMIT_MS,
);
