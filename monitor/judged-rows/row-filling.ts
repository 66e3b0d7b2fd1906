/** Rows on their way into a table of DuckDB while a result is read, which a statement would end. */
import type { Value, ValueType } from '../../contract/value-type.ts';
import { duckTypeOf, valueToDuck } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { CHUNK_ROWS } from '../../project/engine/duckdb/column.ts';

interface FilledColumn {
  readonly name: string;
  readonly type: ValueType;
}

type Filling = Awaited<ReturnType<DuckDb['filling']>>;
type Columns = Parameters<Filling['add']>[0][number][number][][];

export class RowFilling {
  readonly #filling: Filling;
  readonly #types: readonly ValueType[];
  #columns: Columns;

  private constructor(filling: Filling, types: readonly ValueType[]) {
    this.#filling = filling;
    this.#types = types;
    this.#columns = types.map(() => []);
  }

  /** Begins a table with these columns; one of its name is replaced. */
  static async open(duck: DuckDb, table: string, columns: readonly FilledColumn[]): Promise<RowFilling> {
    const all = columns.map(({ name, type }) => `${name} ${duckTypeOf(type)}`);
    await duck.run(`CREATE OR REPLACE TABLE ${table} (${all.join(', ')})`);
    return new RowFilling(
      await duck.filling(table),
      columns.map(({ type }) => type),
    );
  }

  /** @param row  one value a column */
  add(row: readonly Value[]): void {
    for (let i = 0; i < row.length; i++) this.#columns[i]!.push(valueToDuck(this.#types[i]!, row[i]!));
    if (this.#columns[0]!.length === CHUNK_ROWS) this.#turn();
  }

  #turn(): void {
    if (this.#columns[0]!.length === 0) return;
    this.#filling.add(this.#columns);
    this.#columns = this.#types.map(() => []);
  }

  /** The table is whole. */
  end(): void {
    this.#turn();
    this.#filling.close();
  }
}
