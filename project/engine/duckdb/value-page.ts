/**
 * Rows of values on their way into a table of DuckDB, a chunk at a time: single values without an object each, nested
 * ones as the client takes them.
 *
 * A timestamp goes as whole microseconds into a BIGINT (`pageTypeOf` of duckdb.ts): DuckDB's own value would be one
 * more object.
 */
import type { Value, ValueType } from '../../../contract/value-type.ts';
import { CHUNK_ROWS, Column } from './column.ts';

const LONG_TEXT = 64;
const MAX_UTF8_PER_CODE_UNIT = 3;

/** Of one column either the column, or the values of those that are nested. */
interface PageColumn {
  readonly type: ValueType;
  readonly column: Column | null;
  readonly floats: Float32Array | Float64Array | null;
  readonly values: unknown[];
}

export class ValuePage {
  readonly #columns: readonly PageColumn[];
  readonly #nested: (type: ValueType, value: Value) => unknown;
  #text = Buffer.allocUnsafeSlow(4_096);
  #rows = 0;

  /** @param nested  makes of a nested value what the client takes */
  constructor(types: readonly ValueType[], nested: (type: ValueType, value: Value) => unknown) {
    this.#nested = nested;
    this.#columns = types.map((type): PageColumn => {
      const column = columnOf(type);
      return { type, column, floats: column === null ? null : floatsOf(type, column), values: [] };
    });
  }

  get rows(): number {
    return this.#rows;
  }

  get isFull(): boolean {
    return this.#rows === CHUNK_ROWS;
  }

  /** Puts a value into the row that `endRow` ends. Every column gets one. */
  set(place: number, value: Value): void {
    const { type, column, floats, values } = this.#columns[place]!;
    const row = this.#rows;
    if (column === null) values[row] = this.#nested(type, value);
    else if (value === null) column.setNull(row);
    else if (floats !== null) floats[row] = value as number;
    else {
      switch (type.kind) {
        case 'bool':
          column.bytes[row] = value === true ? 1 : 0;
          return;
        case 'int32':
          column.words[row] = value as number;
          return;
        case 'string':
          return this.#setText(column, value as string);
        default:
          column.setBig(row, value as bigint);
      }
    }
  }

  endRow(): void {
    this.#rows += 1;
  }

  #setText(column: Column, text: string): void {
    const most = text.length * MAX_UTF8_PER_CODE_UNIT;
    if (most > this.#text.length) this.#text = Buffer.allocUnsafeSlow(2 * most);
    const bytes = this.#text;
    let end = 0;
    // Of a short text a call into the engine takes longer than its letters.
    if (text.length <= LONG_TEXT)
      for (; end < text.length; end++) {
        const code = text.charCodeAt(end);
        if (code > 0x7f) break;
        bytes[end] = code;
      }
    if (end < text.length) end = bytes.write(text);
    column.setText(this.#rows, bytes, 0, end);
  }

  /** Gives each column, or the values of one that is nested, to who writes them, and empties the page. */
  take(
    writeColumn: (place: number, column: Column) => void,
    writeValues: (place: number, values: readonly unknown[]) => void,
  ): void {
    for (const [place, { column, values }] of this.#columns.entries()) {
      if (column === null) writeValues(place, values);
      else writeColumn(place, column);
      values.length = 0;
      column?.clear();
    }
    this.#rows = 0;
  }
}

function columnOf({ kind }: ValueType): Column | null {
  switch (kind) {
    case 'bool':
      return new Column('bits8');
    case 'int32':
    case 'float32':
      return new Column('bits32');
    case 'int64':
    case 'float64':
    case 'timestamp':
      return new Column('bits64');
    case 'string':
      return new Column('text');
    default:
      return null;
  }
}

function floatsOf({ kind }: ValueType, { bytes }: Column): Float32Array | Float64Array | null {
  if (kind === 'float32') return new Float32Array(bytes.buffer);
  return kind === 'float64' ? new Float64Array(bytes.buffer) : null;
}
