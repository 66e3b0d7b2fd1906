/**
 * The rows that the history has of the entity and the event time of a group's served row, where they are more than the
 * one row that it is replayed with, or another one.
 *
 *   replay_held   place, vid: of the group | event_us, created_us, deleted | f0 ... the values
 */
import { PRESENT } from '../../contract/status.ts';
import type { FeatureView } from '../../contract/model.ts';
import { ROW_FOUND } from '../../project/engine/duckdb/as-of-join.ts';
import { quoteName, valueFromDuck } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb, SqlColumns } from '../../project/engine/duckdb/duckdb.ts';
import type { HeldRow } from '../causes/fidelity.ts';
import { FIRSTS, GIVEN } from '../groups/group-pages.ts';
import type { ViewReplay } from '../judge/replay.ts';

const HELD = 'replay_held';

export class HeldRows {
  readonly #duck: DuckDb;
  readonly #view: FeatureView;
  readonly #replay: ViewReplay;
  #columns: SqlColumns = {};
  /** By vid where its rows begin and end in the columns. */
  #places = new Map<number, { readonly from: number; to: number }>();

  /** @param view  in the bundle in force */
  constructor(duck: DuckDb, view: FeatureView, replay: ViewReplay) {
    this.#duck = duck;
    this.#view = view;
    this.#replay = replay;
  }

  /** Called when both sides of the groups are laid. */
  async lay(): Promise<void> {
    const { features, kind } = this.#view;
    const same = this.#replay.keys.map((key, i) => `b.k${i} = h.${quoteName(key.row)}`).join(' AND ');
    const isReplayed = `p.trained_state = ${ROW_FOUND} AND NOT p.trained_deleted AND p.trained_event_us = v.event_us`;
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE ${HELD} AS
      SELECT p.place, p.vid, v.event_us, CAST(epoch_us(h.created_time) AS DOUBLE) AS created_us,
        ${kind === 'stored' ? 'false' : 'coalesce(h.deleted, false)'} AS deleted
        ${features.map(({ name }, i) => `, h.${quoteName(name)} AS f${i}`).join('')}
      FROM ${FIRSTS} p JOIN ${GIVEN} v ON v.place = p.place JOIN replay_base b ON b.vid = p.vid::BIGINT
      JOIN replay_history h ON ${same} AND b.event_us = epoch_us(h.event_time)
      WHERE v.status = ${PRESENT} AND NOT coalesce(${isReplayed} AND NOT p.is_crowded, false) ORDER BY p.place`);
  }

  async end(): Promise<void> {
    await this.#duck.run(`DROP TABLE ${HELD}`);
  }

  /** Takes the rows of the groups from a place to before another. */
  async open(from: number, until: number): Promise<void> {
    this.#columns = await this.#duck.columns(
      `SELECT * FROM ${HELD} WHERE place >= ${from} AND place < ${until} ORDER BY place`,
    );
    this.#places = new Map();
    for (const [at, vid] of (this.#columns['vid'] as number[]).entries()) {
      const known = this.#places.get(vid);
      if (known === undefined) this.#places.set(vid, { from: at, to: at + 1 });
      else known.to = at + 1;
    }
  }

  /** @param vid  of the first vector of a group of the page */
  of(vid: number): readonly HeldRow[] {
    const place = this.#places.get(vid);
    if (place === undefined) return [];
    return Array.from({ length: place.to - place.from }, (_, i) => this.#row(place.from + i));
  }

  #row(at: number): HeldRow {
    const columns = this.#columns;
    return {
      eventUs: columns['event_us']![at] as number,
      createdUs: columns['created_us']![at] as number | null,
      ...(columns['deleted']![at] === true ? { deleted: true } : {}),
      values: this.#view.features.map(({ type }, i) => valueFromDuck(type, columns[`f${i}`]![at]!)),
    };
  }
}
