/**
 * Of the rows that a run has chosen those of its part (run/run-shard.ts), in a table of their own: only they are kept
 * for a checkpoint, made and written. Which part a row is in hangs on the cluster slot of its key, which no SQL tells:
 * the keys alone are read for it.
 */
import type { KeyValue } from '../../contract/value-type.ts';
import { entityKeyOf } from '../../contract/wire/online/entity-key.ts';
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import { isInShard } from '../run/run-shard.ts';
import type { ViewRun } from '../run/view-run.ts';
import type { ChosenRows } from './choose-rows.ts';

/** @returns all of the rows where the run is of all of them */
export async function ownRows(
  run: Pick<ViewRun, 'duck' | 'entity' | 'settings' | 'shard'>,
  chosen: ChosenRows,
): Promise<ChosenRows> {
  const { duck, entity, settings, shard } = run;
  if (shard === null) return chosen;
  const { keyPrefix } = settings.online;
  const isOwn = (values: readonly KeyValue[]): boolean => {
    try {
      return isInShard(entityKeyOf(keyPrefix, entity, values), shard);
    } catch {
      // Whoever makes the row rejects it: once.
      return shard.index === 1;
    }
  };
  const [from, own, table] = [chosen.table, `${chosen.table}_ids`, `${chosen.table}_own`].map(quoteName);
  const keys = entity.joinKeys.map(({ name }) => quoteName(name));
  await duck.run(`CREATE OR REPLACE TABLE ${own} (id BIGINT)`);
  const filling = await duck.filling(`${chosen.table}_ids`);
  let entities = 0;
  try {
    for await (const [ids, ...columns] of duck.columnChunks(
      `SELECT rowid, ${keys.join(', ')} FROM ${from}`,
    )) {
      const kept = ids!.filter((_, i) => isOwn(columns.map((column) => column[i] as KeyValue)));
      entities += kept.length;
      if (kept.length > 0) filling.add([kept]);
    }
  } finally {
    filling.close();
  }
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${table} AS
      SELECT c.* FROM ${from} c SEMI JOIN ${own} o ON c.rowid = o.id ORDER BY c.rowid;
    DROP TABLE ${own};
    DROP TABLE ${from}`);
  return { ...chosen, table: `${chosen.table}_own`, entities };
}
