/** Rows of files that an entry of the history took out, where upkeep removes one of them meanwhile. */
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { FeatureView } from '../../../../contract/model.ts';
import { EarlierRows } from '../../../../monitor/as-served/earlier-rows.ts';
import type { ViewReplay } from '../../../../monitor/judge/replay.ts';
import { DuckDb } from '../../../../project/engine/duckdb/duckdb.ts';

const COMMIT = { version: 1, atUs: 1, until: { version: 2, atUs: 2 } };

/** Vector 7 of entity a, served the row of event 5; of its files the first is gone. */
async function earlierOf(goneFile: string): Promise<unknown> {
  const duck = await DuckDb.open({ threads: 1 });
  try {
    const row = (value: number) => `SELECT 'a' AS id, make_timestamptz(5) AS event_time,
      make_timestamptz(6) AS created_time, false AS deleted, ${value}::DOUBLE AS f`;
    await duck.run(`CREATE TEMP TABLE replay_history AS ${row(1)};
      CREATE TEMP TABLE replay_open AS SELECT 'a' AS key_0, 5::BIGINT AS event_us;
      CREATE TEMP TABLE replay_base AS SELECT 7::BIGINT AS vid, 'a' AS k0, 5::BIGINT AS event_us;
      CREATE TEMP TABLE found_suspects AS SELECT 3::DOUBLE AS place, 7::DOUBLE AS vid`);
    const removed = [
      {
        sql: `SELECT * FROM read_parquet('/proc/none/gone.parquet')`,
        isThere: async () => existsSync(goneFile),
        commit: COMMIT,
      },
      { sql: row(2), isThere: async () => true, commit: { ...COMMIT, version: 9 } },
      // Files that were joined hold the same row again.
      { sql: row(2), isThere: async () => true, commit: { ...COMMIT, version: 10 } },
    ];
    const replay = { keys: [{ label: 'key_0', row: 'id' }], removed: () => removed };
    const view = { features: [{ name: 'f', type: { kind: 'float64' } }] };
    const rows = new EarlierRows(duck, view as unknown as FeatureView, replay as unknown as ViewReplay);
    await rows.open(0, 10);
    const found = await rows.of([7]);
    await rows.open(10, 20);
    expect(await rows.of([7]), 'of another page').toEqual(new Map());
    return found;
  } finally {
    duck.close();
  }
}

test('a file that is gone proves nothing, and the others do all the same', async () => {
  expect(await earlierOf('/proc/none/gone.parquet')).toEqual(
    new Map([[7, [{ eventUs: 5, createdUs: 6, values: [2], commit: { ...COMMIT, version: 9 } }]]]),
  );
});

test('one that is there and cannot be read is an error', async () => {
  await expect(earlierOf(import.meta.filename)).rejects.toThrow('gone.parquet');
});
