/** When a checkpoint is written, and what a disk that refuses it does to a commit. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLogger } from '../../../../../contract/std/logger.ts';
import { entryFile, logFolder, readTable, writeEntry } from '../../../../../project/delta/delta-log.ts';
import { schemaText } from '../../../../../project/delta/table-schema.ts';
import { checkpointIfDue } from '../../../../../project/engine/duckdb/delta-checkpoint.ts';
import { DuckDb } from '../../../../../project/engine/duckdb/duckdb.ts';
import { scratchFolder } from '../../../../support/scratch.ts';
import { localFolder } from '../../../../../project/storage/local-folder.ts';

let duck: DuckDb;
beforeAll(async () => {
  duck = await DuckDb.open({ threads: 1 });
});
afterAll(() => duck.close());

/** Entry 0 makes the table, each further one adds a file. @returns the table's folder */
async function append(entries: number, table = scratchFolder(), name = 'f'): Promise<string> {
  const schemaString = schemaText([{ name: 'k', type: { kind: 'int64' } }]);
  const format = { provider: 'parquet', options: {} } as const;
  const more = { partitionColumns: [], configuration: {}, createdTime: 0 };
  const first = (await readTable(localFolder(table)))?.version ?? -1;
  for (let version = first + 1; version <= first + entries; version++) {
    const file = { partitionValues: {}, size: 1, modificationTime: 0, dataChange: true };
    const made =
      version === 0
        ? [
            { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
            { metaData: { id: 'x', format, schemaString, ...more } },
          ]
        : [{ add: { path: `${name}${version}`, ...file } }];
    await writeEntry(localFolder(table), version, made);
  }
  return table;
}

async function checkpoint(table: string): Promise<string[]> {
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (line: string) => void warnings.push(line) };
  await checkpointIfDue({
    duck,
    table: localFolder(table),
    state: (await readTable(localFolder(table)))!,
    logger,
    nowMs: 0,
  });
  return warnings;
}

const checkpoints = (table: string): number[] =>
  readdirSync(logFolder(localFolder(table)).path)
    .filter((name) => name.endsWith('.checkpoint.parquet'))
    .map((name) => Number.parseInt(name, 10));

test('a checkpoint is written at every hundredth entry, and says what the table is then', async () => {
  const table = await append(100);
  await checkpoint(table);
  expect(checkpoints(table)).toEqual([]);
  await checkpoint(await append(1, table));
  await checkpoint(await append(1, table));
  expect(checkpoints(table)).toEqual([100]);
  const last = JSON.parse(
    readFileSync(join(logFolder(localFolder(table)).path, '_last_checkpoint'), 'utf8'),
  ) as unknown;
  expect(last).toEqual({ version: 100, size: 102 });
  const file = join(logFolder(localFolder(table)).path, `${'100'.padStart(20, '0')}.checkpoint.parquet`);
  const rows = await duck.rows(`SELECT add.path AS path FROM read_parquet('${file}') WHERE add IS NOT NULL`);
  expect(new Set(rows.map(({ path }) => path))).toEqual(
    new Set((await readTable(localFolder(table), 100))!.files.keys()),
  );
});

test.each(['_plumb', `${'100'.padStart(20, '0')}.checkpoint.parquet`, '_last_checkpoint'])(
  'where %s cannot be written the entry stands, and the next one makes up for it',
  async (name) => {
    const table = await append(101);
    const inTheWay = join(logFolder(localFolder(table)).path, name);
    if (name === '_plumb') writeFileSync(inTheWay, 'a file');
    else mkdirSync(join(inTheWay, 'a folder'), { recursive: true });
    expect(await checkpoint(table)).toEqual([
      expect.stringMatching(/^the checkpoint of .* at entry 100 was not written, the next run tries again: /),
    ]);
    expect((await readTable(localFolder(table)))!.version).toBe(100);
    rmSync(inTheWay, { recursive: true });
    expect(await checkpoint(await append(1, table))).toEqual([]);
    expect(checkpoints(table).at(-1)).toBe(101);
  },
);

test('a log that was put back from an older copy gets a checkpoint of its own, and the other goes', async () => {
  const table = await append(202);
  await checkpoint(table);
  expect(checkpoints(table)).toEqual([201]);
  for (let version = 151; version <= 201; version++) rmSync(entryFile(localFolder(table), version));
  await checkpoint(await append(1, table, 'other'));
  expect(checkpoints(table)).toEqual([151]);
  expect((await readTable(localFolder(table)))!.files.has('other151')).toBe(true);
});
