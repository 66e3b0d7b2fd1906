/**
 * The newest row of each entity and edge that the history of a view has, for a run of tiles that has lost its state,
 * or takes the view over from `plumb stream`: a row that is already right is not written again. In memory as the bytes
 * of a row, until the run has come as far as the history.
 */
import type { Entity, FeatureView } from '../../../contract/model.ts';
import type { KeyValue, Value } from '../../../contract/value-type.ts';
import { edgeAt } from '../../../contract/windows.ts';
import { decodeRowValues, RowEncoder } from '../../../contract/wire/online/row-codec.ts';
import { quoteName, valueFromDuck } from '../../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { openHistory } from '../../../project/engine/duckdb/history.ts';
import type { HistoryPlace } from '../../../project/history/history-place.ts';
import { entityText } from '../view-entity.ts';
import type { RowValues } from '../windows/due-rows.ts';

const NONE: ReadonlyMap<number, RowValues> = new Map();

export class StandingRows {
  readonly #view: FeatureView;
  /** Entity -> edge -> the bytes of a row; null: a tombstone. */
  readonly #rows = new Map<string, Map<number, Buffer | null>>();

  private constructor(view: FeatureView) {
    this.#view = view;
  }

  /** @throws REG_STORE when the history's log is damaged */
  static async read(
    duck: DuckDb,
    place: HistoryPlace,
    { view, entity }: { readonly view: FeatureView; readonly entity: Entity },
  ): Promise<StandingRows> {
    const { sql } = await openHistory(duck, place, view, entity);
    const keys = entity.joinKeys.map(({ name }) => quoteName(name));
    const values = view.features.map(({ name }) => quoteName(name));
    const own = `definition_id = ${view.definitionId}`;
    const newest = `SELECT ${[...keys, 'epoch_us(event_time)', 'deleted', ...values].join(', ')} FROM (${sql})
      WHERE ${own} QUALIFY row_number() OVER (PARTITION BY ${keys.join(', ')}, event_time ORDER BY created_time DESC) = 1`;
    const rows = new StandingRows(view);
    const encoder = new RowEncoder(view);
    for await (const columns of duck.columnChunks(newest))
      for (let i = 0; i < columns[0]!.length; i++) {
        const text = entityText(keys.map((_, k) => columns[k]![i] as KeyValue));
        const [eventUs, deleted] = [Number(columns[keys.length]![i]), columns[keys.length + 1]![i] === true];
        const value = ({ type }: { type: FeatureView['features'][number]['type'] }, at: number): Value =>
          valueFromDuck(type, columns[keys.length + 2 + at]![i]!);
        const row = deleted ? null : encoder.encode(eventUs, 0, 0, view.features.map(value));
        rows.#put(text, edgeAt(eventUs, view.hopUs), row);
      }
    return rows;
  }

  #put(entity: string, edge: number, row: Buffer | null): void {
    const own = this.#rows.get(entity);
    if (own === undefined) this.#rows.set(entity, new Map([[edge, row]]));
    else own.set(edge, row);
  }

  of(entity: string): ReadonlyMap<number, RowValues> {
    const rows = this.#rows.get(entity);
    if (rows === undefined) return NONE;
    return new Map(
      [...rows].map(([edge, row]) => [edge, row === null ? null : decodeRowValues(this.#view, row)]),
    );
  }
}
