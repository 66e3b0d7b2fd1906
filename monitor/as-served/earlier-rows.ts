/**
 * Rows that an earlier commit of the history had and its newest one has no more: those of files that an entry took out
 * of the table, as long as they are on the disk. Files that were joined with others are among them; their rows are
 * those of today and prove nothing.
 *
 *   earlier_rows    file (place in the list) | the keys | event_us, created_us | f0 ... the values of today's features
 *
 * Asked of altered rows alone: a history that nobody rewrote costs nothing.
 */
import { existsSync } from 'node:fs';
import type { FeatureView } from '../../contract/model.ts';
import { quoteName, valueFromDuck } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb, SqlRow } from '../../project/engine/duckdb/duckdb.ts';
import type { EarlierRow } from '../causes/altered-row.ts';
import type { ViewReplay } from '../judge/replay.ts';
import type { RemovedRows } from '../judge/served-history.ts';
import { OPEN_ROWS } from '../replay/open-rows.ts';

const EARLIER = 'earlier_rows';

export class EarlierRows {
  readonly #duck: DuckDb;
  readonly #view: FeatureView;
  readonly #replay: ViewReplay;
  #removed: readonly RemovedRows[] | null = null;

  /** @param view  in the bundle in force */
  constructor(duck: DuckDb, view: FeatureView, replay: ViewReplay) {
    this.#duck = duck;
    this.#view = view;
    this.#replay = replay;
  }

  /** @returns by vid the earlier rows of the served event, for vectors that the replay has joined */
  async of(vids: readonly number[]): Promise<Map<number, EarlierRow[]>> {
    const found = new Map<number, EarlierRow[]>();
    if (vids.length === 0) return found;
    this.#removed ??= await this.#lay();
    if (this.#removed.length === 0) return found;
    const same = this.#replay.keys.map((_, i) => `b.k${i} = e.k${i}`).join(' AND ');
    const rows = await this.#duck.rows(`SELECT CAST(b.vid AS DOUBLE) AS vid, e.* FROM replay_base b
      JOIN ${EARLIER} e ON ${same} AND e.event_us = b.event_us WHERE b.vid IN (${vids.join(', ')})`);
    for (const row of rows) {
      const vid = row['vid'] as number;
      found.set(vid, [...(found.get(vid) ?? []), this.#rowOf(row)]);
    }
    return found;
  }

  #rowOf(row: SqlRow): EarlierRow {
    return {
      eventUs: row['event_us'] as number,
      createdUs: row['created_us'] as number | null,
      values: this.#view.features.map(({ type }, i) => valueFromDuck(type, row[`f${i}`]!)),
      commit: this.#removed![row['file'] as number]!.commit,
    };
  }

  async #lay(): Promise<readonly RemovedRows[]> {
    const removed = this.#replay.removed();
    if (removed.length === 0) return removed;
    const { keys } = this.#replay;
    const columns = [
      ...keys.map(({ row }, i) => `h.${quoteName(row)} AS k${i}`),
      'CAST(epoch_us(h.event_time) AS DOUBLE) AS event_us',
      'CAST(epoch_us(h.created_time) AS DOUBLE) AS created_us',
      ...this.#view.features.map(({ name }, i) => `h.${quoteName(name)} AS f${i}`),
    ];
    const ofServed = keys.map(({ label, row }) => `v.${label} = h.${quoteName(row)}`).join(' AND ');
    const rowsOf = (sql: string, place: number): string =>
      `SELECT ${place}::INTEGER AS file, ${columns.join(', ')} FROM (${sql}) h WHERE NOT coalesce(h.deleted, false)`;
    await this.#duck.run(
      `CREATE OR REPLACE TEMP TABLE ${EARLIER} AS SELECT * FROM (${rowsOf('FROM replay_history', 0)}) WHERE false`,
    );
    for (const [place, { sql, file }] of removed.entries()) {
      try {
        await this.#duck.run(`INSERT INTO ${EARLIER} ${rowsOf(sql, place)}
          AND EXISTS (SELECT 1 FROM ${OPEN_ROWS} v WHERE ${ofServed} AND v.event_us = epoch_us(h.event_time))`);
      } catch (error) {
        // Upkeep removes such files at any time; one that is gone proves nothing.
        if (existsSync(file)) throw error;
      }
    }
    return removed;
  }
}
