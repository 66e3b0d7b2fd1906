/** Two streams of one partition: the second to write finds that it has lost it, and nothing of it counts. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { silentLogger } from '../../../contract/std/logger.ts';
import { ArchiveTable } from '../../../materializer/stream/archive/archive-table.ts';
import { readTable } from '../../../project/delta/delta-log.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { clickView } from '../../support/fixtures/streamed-project.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { localFolder } from '../../../project/storage/local-folder.ts';

test('a range of offsets comes to the archive once, whoever writes it', async () => {
  const folder = join(scratchFolder(), 'clicks');
  const { source } = clickView(0).view;
  const [a, b] = await Promise.all([0, 1].map(() => DuckDb.open({ threads: 1 })));
  const common = {
    folder: localFolder(folder),
    source,
    partition: 0,
    partitions: 1,
    hold: async () => {},
    sourceId: 'folder',
    logger: silentLogger,
  };
  const tables = await Promise.all([a!, b!].map((duck) => ArchiveTable.open({ ...common, duck })));
  const values = ['ann', 1_000_000n, 'p', 1.5, '1'];
  const event = { values, eventUs: 1_000_000, id: '1', op: 1 as const, offset: 0, appendedUs: 2_000_000 };
  for (const table of tables) {
    await table.begin();
    table.add(event);
  }
  const position = { offset: 1, file: '0.jsonl', line: 1 };
  await tables[0]!.commit(position, 1_000_000, 3_000_000);
  await expect(tables[1]!.commit(position, 1_000_000, 3_000_001)).rejects.toMatchObject({
    code: 'MAT_LEASE',
    message: expect.stringMatching(
      /has written partition 0 of .*clicks up to offset 1: this one has lost it$/,
    ),
  });
  expect([...(await readTable(localFolder(folder)))!.files.values()]).toHaveLength(1);
  const read = async (fromUs: number, beforeUs: number): Promise<unknown[]> => {
    const found: unknown[] = [];
    for await (const events of tables[0]!.read(0, { ranges: [{ fromUs, beforeUs }], keys: null }))
      found.push(...events);
    return found;
  };
  expect(await read(0, 1_000_001)).toEqual([event]);
  const later = { field: 'user_id', texts: ['bob'] };
  for await (const events of tables[0]!.read(0, { ranges: null, keys: later })) expect(events).toEqual([]);
  rmSync(join(folder, 'partition=0'), { recursive: true });
  // The log says which event times a file has.
  expect([await read(0, 1_000_000 - 1_000), await read(1_003_000, 9e15)]).toEqual([[], []]);
  await expect(read(0, 1_000_001)).rejects.toThrow(/No files found/);
  for (const duck of [a!, b!]) duck.close();
});
