/**
 * Rows that an earlier commit of the history had and its newest one has no more: those of files that an entry took out
 * of the table, as long as they are on the disk. Files that were joined with others are among them; their rows are
 * those of today and prove nothing.
 *
 *   earlier_rows    file (place in the list) | the keys | event_us, created_us | f0 ... the values of today's features
 *   found_earlier   place, vid: of a group that may be altered | file, event_us, created_us, f0 ...: the rows of its
 *                   entity and event; of rows that are the same that of the first file
 *
 * Both are made when the first altered row is met: a history that nobody rewrote costs nothing.
 */
import type { FeatureView } from '../../contract/model.ts';
import { quoteName, valueFromDuck } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb, SqlColumns } from '../../project/engine/duckdb/duckdb.ts';
import type { EarlierRow } from '../causes/altered-row.ts';
import type { ViewReplay } from '../judge/replay.ts';
import type { RemovedRows } from '../judge/served-history.ts';
import { OPEN_ROWS } from '../replay/open-rows.ts';
import { SUSPECTS } from './print-search.ts';
import { printSql } from './row-print.ts';

const EARLIER = 'earlier_rows';
const FOUND = 'found_earlier';

export class EarlierRows {
  readonly #duck: DuckDb;
  readonly #view: FeatureView;
  readonly #replay: ViewReplay;
  /** null: no altered row was met. */
  #removed: readonly RemovedRows[] | null = null;
  #page: readonly [from: number, until: number] = [0, 0];
  #columns: SqlColumns = {};
  /** By vid the places of its rows in the columns. */
  #places = new Map<number, number[]>();

  /** @param view  in the bundle in force */
  constructor(duck: DuckDb, view: FeatureView, replay: ViewReplay) {
    this.#duck = duck;
    this.#view = view;
    this.#replay = replay;
  }

  /** Takes what was found for the groups from a place to before another. */
  async open(from: number, until: number): Promise<void> {
    this.#page = [from, until];
    if (this.#removed !== null && this.#removed.length > 0) await this.#read();
  }

  /** @returns by vid the earlier rows of the served event, of the first vectors of groups of the page */
  async of(vids: readonly number[]): Promise<Map<number, EarlierRow[]>> {
    const found = new Map<number, EarlierRow[]>();
    if (vids.length === 0) return found;
    if (this.#removed === null) {
      this.#removed = await this.#lay();
      if (this.#removed.length > 0) {
        await this.#find();
        await this.#read();
      }
    }
    for (const vid of vids) {
      const places = this.#places.get(vid);
      if (places !== undefined)
        found.set(
          vid,
          places.map((at) => this.#rowAt(at)),
        );
    }
    return found;
  }

  /** Finds the rows of all groups that may be altered. */
  async #find(): Promise<void> {
    const { keys } = this.#replay;
    const same = keys.map((_, i) => `b.k${i} = e.k${i}`).join(' AND ');
    const print = printSql(this.#view.features.map(({ type }, i) => ({ type, sql: `e.f${i}` })));
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE ${FOUND} AS
      SELECT s.place::DOUBLE AS place, s.vid::DOUBLE AS vid, e.* EXCLUDE (${keys.map((_, i) => `k${i}`).join(', ')})
      FROM ${SUSPECTS} s JOIN replay_base b ON b.vid = s.vid JOIN ${EARLIER} e ON ${same} AND e.event_us = b.event_us
      QUALIFY row_number() OVER (PARTITION BY s.vid, e.created_us, ${print} ORDER BY e.file) = 1 ORDER BY s.place`);
  }

  async #read(): Promise<void> {
    const [from, until] = this.#page;
    this.#columns = await this.#duck.columns(
      `SELECT * FROM ${FOUND} WHERE place >= ${from} AND place < ${until} ORDER BY vid, file`,
    );
    this.#places = new Map();
    for (const [at, vid] of (this.#columns['vid'] as number[]).entries()) {
      const known = this.#places.get(vid);
      if (known === undefined) this.#places.set(vid, [at]);
      else known.push(at);
    }
  }

  #rowAt(at: number): EarlierRow {
    const columns = this.#columns;
    return {
      eventUs: columns['event_us']![at] as number,
      createdUs: columns['created_us']![at] as number | null,
      values: this.#view.features.map(({ type }, i) => valueFromDuck(type, columns[`f${i}`]![at]!)),
      commit: this.#removed![columns['file']![at] as number]!.commit,
    };
  }

  async #lay(): Promise<readonly RemovedRows[]> {
    const removed = await this.#replay.removed();
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
    for (const [place, { sql, isThere }] of removed.entries()) {
      try {
        await this.#duck.run(`INSERT INTO ${EARLIER} ${rowsOf(sql, place)}
          AND EXISTS (SELECT 1 FROM ${OPEN_ROWS} v WHERE ${ofServed} AND v.event_us = epoch_us(h.event_time))`);
      } catch (error) {
        // Upkeep removes such files at any time; one that is gone proves nothing.
        if (await isThere()) throw error;
      }
    }
    return removed;
  }
}
