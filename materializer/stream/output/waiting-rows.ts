/**
 * Rows of a view and partition that wait for their history: in a table of DuckDB, to which they go in chunks of
 * columns, so that none of them grows old in the memory of this process.
 */
import type { Entity, FeatureView } from '../../../contract/model.ts';
import type { KeyValue, Value } from '../../../contract/value-type.ts';
import { fileValueSql } from '../../../project/engine/duckdb/committed-rows.ts';
import { pageOf, pageTypeOf, quoteName, quoteText } from '../../../project/engine/duckdb/duckdb.ts';
import type { DuckDb, TableFilling } from '../../../project/engine/duckdb/duckdb.ts';
import type { ValuePage } from '../../../project/engine/duckdb/value-page.ts';

/** Times are doubles, which hold them to the microsecond; a bigint would be one more object a row. */
const DOUBLE = { kind: 'float64' } as const;
const BOOL = { kind: 'bool' } as const;

export class WaitingRows {
  readonly #duck: DuckDb;
  readonly #view: FeatureView;
  readonly #entity: Entity;
  readonly #table: string;
  readonly #filling: TableFilling;
  readonly #page: ValuePage;
  #rows = 0;

  private constructor(
    duck: DuckDb,
    { view, entity }: RowsOf,
    { table, filling }: { readonly table: string; readonly filling: TableFilling },
  ) {
    this.#duck = duck;
    this.#view = view;
    this.#entity = entity;
    this.#table = table;
    this.#filling = filling;
    this.#page = pageOf(typesOf(view, entity));
  }

  /** @param table  a name that no other partition's rows have */
  static async open(duck: DuckDb, of: RowsOf, table: string): Promise<WaitingRows> {
    const columns = typesOf(of.view, of.entity).map((type, i) => `c${i} ${pageTypeOf(type)}`);
    await duck.run(`CREATE OR REPLACE TABLE ${table} (${columns.join(', ')})`);
    return new WaitingRows(duck, of, { table, filling: await duck.filling(table) });
  }

  /** How many they are. */
  get rows(): number {
    return this.#rows;
  }

  /** @param values  one for each feature; null: a tombstone */
  add(keys: readonly KeyValue[], eventUs: number, createdUs: number, values: readonly Value[] | null): void {
    const page = this.#page;
    const width = keys.length;
    for (let i = 0; i < width; i++) page.set(i, keys[i]!);
    page.set(width, eventUs);
    page.set(width + 1, createdUs);
    page.set(width + 2, values === null);
    const { length } = this.#view.features;
    for (let i = 0; i < length; i++) page.set(width + 3 + i, values === null ? null : values[i]!);
    page.endRow();
    this.#rows += 1;
    if (page.isFull) this.#filling.addPage(page);
  }

  /** No row comes to them from then on. */
  end(): void {
    this.#filling.addPage(this.#page);
    this.#filling.close();
  }

  /** @returns a SELECT of them as a file of the history holds them, in the order of their event times, and their day */
  select(runId: string, day: string): string {
    const { features, definitionId } = this.#view;
    const { joinKeys } = this.#entity;
    const width = joinKeys.length;
    const timeSql = (place: number) => `make_timestamptz(c${place}::BIGINT)`;
    const columns = [
      ...joinKeys.map(({ name }, i) => `c${i} AS ${quoteName(name)}`),
      `${timeSql(width)} AS event_time`,
      `${timeSql(width + 1)} AS created_time`,
      `${quoteText(runId)} AS run_id`,
      `${definitionId}::BIGINT AS definition_id`,
      `c${width + 2} AS deleted`,
      ...features.map(({ name, type }, i) => {
        const column = `c${width + 3 + i}`;
        const value = type.kind === 'timestamp' ? `make_timestamptz(${column})` : fileValueSql(type, column);
        return `${value} AS ${quoteName(name)}`;
      }),
      `strftime(make_timestamp(c${width}::BIGINT), '%Y-%m-%d') AS ${quoteName(day)}`,
    ];
    return `SELECT ${columns.join(', ')} FROM ${this.#table} ORDER BY c${width}`;
  }

  async drop(): Promise<void> {
    await this.#duck.run(`DROP TABLE ${this.#table}`);
  }
}

interface RowsOf {
  readonly view: FeatureView;
  readonly entity: Entity;
}

function typesOf({ features }: FeatureView, { joinKeys }: Entity) {
  return [
    ...joinKeys.map(({ type }) => ({ kind: type })),
    DOUBLE,
    DOUBLE,
    BOOL,
    ...features.map(({ type }) => type),
  ];
}
