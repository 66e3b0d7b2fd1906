/**
 * Columns of values as DuckDB keeps them in a chunk of rows, to be filled without an object a value.
 *
 *   kind      values                                        nested
 *   bits8     bytes, one a row                              -
 *   bits32    words, one a row                              -
 *   bits64    words, two a row, the low one first           -
 *   text      words, four a row: a string_t of DuckDB       text of over 12 bytes stands in `heap` until it is written
 *   list      words, four a row: offset and length          children[0]: the items of all rows
 *   struct    -                                             children: a column each field, with as many rows
 *
 * One class for all kinds, so that every place that fills columns sees one shape of object. Only this file imports the
 * engine's bindings, for what the client lacks: copying memory into a vector, and out of one.
 */
import { createRequire } from 'node:module';
import type * as Bindings from '@duckdb/node-bindings';
import type { DataChunk, Vector } from '@duckdb/node-bindings';

/** There since `loadBindings`. */
let bindings: typeof Bindings;

/** Before the first column meets a chunk. Commands that open no DuckDB do without: the image of a sidecar has none. */
export function loadBindings(): void {
  bindings = createRequire(import.meta.url)('@duckdb/node-bindings') as typeof Bindings;
}

type ColumnKind = 'bits8' | 'bits32' | 'bits64' | 'text' | 'list' | 'struct';

/** The most rows that DuckDB takes in one chunk. */
export const CHUNK_ROWS = 2_048;
/** Text up to it stands in its string_t, longer text in memory of the vector. */
const INLINE_BYTES = 12;
const BYTES: Readonly<Record<ColumnKind, number>> = {
  bits8: 1,
  bits32: 4,
  bits64: 8,
  text: 16,
  list: 16,
  struct: 0,
};

export class Column {
  readonly kind: ColumnKind;
  readonly children: readonly Column[];
  bytes: Uint8Array;
  /** The same memory, in words of 32 bits. */
  words: Uint32Array;
  #bigs: BigUint64Array | null = null;
  /** A bit a row, 0 where the value is null. */
  #valid: Uint8Array;
  #hasNull = false;
  #capacity: number;
  /** Of the items of a list: how many there are so far. */
  items = 0;
  #heap = Buffer.allocUnsafe(0);
  #heapEnd = 0;
  /** For each long text its row, and where it stands in the heap. */
  readonly #long: number[] = [];

  /** @param rows  a multiple of 8 that there is room for at once */
  constructor(kind: ColumnKind, children: readonly Column[] = [], rows = CHUNK_ROWS) {
    this.kind = kind;
    this.children = children;
    this.#capacity = rows;
    this.bytes = new Uint8Array(rows * BYTES[kind]);
    this.words = new Uint32Array(this.bytes.buffer, 0, this.bytes.length >> 2);
    this.#valid = new Uint8Array(rows / 8).fill(0xff);
  }

  /** What a row takes here, without long texts and items. */
  get rowBytes(): number {
    return BYTES[this.kind] + this.children.reduce((sum, child) => sum + child.rowBytes, 0);
  }

  setNull(row: number): void {
    this.#hasNull = true;
    this.#valid[row >> 3]! &= ~(1 << (row & 7));
    // DuckDB looks at the fields of a struct that is null.
    if (this.kind === 'struct') for (let i = 0; i < this.children.length; i++) this.children[i]!.setNull(row);
    else if (this.kind === 'list' || this.kind === 'text') this.words.fill(0, row * 4, row * 4 + 4);
  }

  /** A whole number from -2^53 to 2^53, in a column of 64 bits. */
  setWhole(row: number, value: number): void {
    const low = value >>> 0;
    this.words[row * 2] = low;
    this.words[row * 2 + 1] = (value - low) / 2 ** 32;
  }

  setBig(row: number, value: bigint): void {
    this.#bigs ??= new BigUint64Array(this.bytes.buffer);
    this.#bigs[row] = value;
  }

  /** The text or bytes in `buffer[from, to)`, which are copied. */
  setText(row: number, buffer: Uint8Array, from: number, to: number): void {
    const length = to - from;
    const at = row * 16;
    this.words[row * 4] = length;
    if (length > INLINE_BYTES) {
      if (this.#heapEnd + length > this.#heap.length) this.#growHeap(length);
      this.#heap.set(buffer.subarray(from, to), this.#heapEnd);
      this.#long.push(row, this.#heapEnd);
      this.#heapEnd += length;
      return;
    }
    const { words, bytes } = this;
    words[row * 4 + 1] = words[row * 4 + 2] = words[row * 4 + 3] = 0;
    for (let i = 0; i < length; i++) bytes[at + 4 + i] = buffer[from + i]!;
  }

  /** Begins a list of a row; its items are appended to the child from the returned place on. */
  openList(row: number, length: number): number {
    const start = this.items;
    this.words[row * 4] = start;
    this.words[row * 4 + 1] = 0;
    this.words[row * 4 + 2] = length;
    this.words[row * 4 + 3] = 0;
    this.items += length;
    this.children[0]!.reserve(this.items);
    return start;
  }

  /** Makes room for so many rows. */
  reserve(rows: number): void {
    if (rows > this.#capacity) {
      let capacity = this.#capacity;
      while (capacity < rows) capacity *= 2;
      const bytes = new Uint8Array(capacity * BYTES[this.kind]);
      bytes.set(this.bytes);
      const valid = new Uint8Array(capacity / 8).fill(0xff);
      valid.set(this.#valid);
      this.bytes = bytes;
      this.#bigs = null;
      this.words = new Uint32Array(bytes.buffer, 0, bytes.length >> 2);
      this.#valid = valid;
      this.#capacity = capacity;
    }
    if (this.kind === 'struct') for (const child of this.children) child.reserve(rows);
  }

  #growHeap(bytes: number): void {
    const larger = Buffer.allocUnsafe(Math.max(this.#heap.length * 2, this.#heapEnd + bytes, 65_536));
    this.#heap.copy(larger, 0, 0, this.#heapEnd);
    this.#heap = larger;
  }

  /** @returns a column with the values so far; this one is empty afterwards */
  detach(): Column {
    const rows = this.#capacity;
    const children = this.children.map((child) => child.detach());
    const taken = new Column(this.kind, children, 0);
    taken.#take(this);
    this.bytes = new Uint8Array(rows * BYTES[this.kind]);
    this.words = new Uint32Array(this.bytes.buffer, 0, this.bytes.length >> 2);
    this.#bigs = null;
    if (this.#hasNull) this.#valid = new Uint8Array(rows / 8).fill(0xff);
    this.#hasNull = false;
    this.#heap = Buffer.allocUnsafe(0);
    this.clear();
    return taken;
  }

  #take(from: Column): void {
    this.bytes = from.bytes;
    this.words = from.words;
    this.#valid = from.#valid;
    this.#hasNull = from.#hasNull;
    this.items = from.items;
    this.#heap = from.#heap;
    this.#heapEnd = from.#heapEnd;
    for (const place of from.#long) this.#long.push(place);
  }

  /** Copies the first `rows` values into a vector of the column's type. */
  write(vector: Vector, rows: number): void {
    if (this.kind === 'struct') {
      for (const [i, child] of this.children.entries()) {
        child.write(bindings.struct_vector_get_child(vector, i), rows);
      }
    } else if (rows > 0) {
      if (this.kind === 'list') this.#writeItems(vector);
      const { buffer } = this.bytes;
      bindings.copy_data_to_vector(vector, 0, buffer as ArrayBuffer, 0, rows * BYTES[this.kind]);
      for (let i = 0; i < this.#long.length; i += 2)
        this.#writeLong(vector, this.#long[i]!, this.#long[i + 1]!);
    }
    if (this.#hasNull && rows > 0) {
      bindings.vector_ensure_validity_writable(vector);
      const { buffer } = this.#valid;
      bindings.copy_data_to_vector_validity(vector, 0, buffer as ArrayBuffer, 0, (rows + 7) >> 3);
    }
  }

  /** Empties the column. */
  clear(): void {
    if (this.#hasNull) this.#valid.fill(0xff);
    this.#hasNull = false;
    this.#long.length = 0;
    this.#heapEnd = 0;
    this.items = 0;
    for (let i = 0; i < this.children.length; i++) this.children[i]!.clear();
  }

  #writeItems(vector: Vector): void {
    bindings.list_vector_reserve(vector, this.items);
    bindings.list_vector_set_size(vector, this.items);
    this.children[0]!.write(bindings.list_vector_get_child(vector), this.items);
  }

  #writeLong(vector: Vector, row: number, from: number): void {
    const length = this.words[row * 4]!;
    bindings.vector_assign_string_element_len(vector, row, this.#heap.subarray(from, from + length));
  }
}

/**
 * @returns a list of so many places. In one that `Array.from` makes, V8 would keep each number as an object; one that
 *          grows is copied again and again
 */
export function listOf<T>(rows: number): T[] {
  // oxlint-disable-next-line unicorn/no-new-array
  return new Array<T>(rows);
}

/** Where the values of a chunk's column go: into a list that is long enough, from a place on. */
interface ListPlace<T> {
  readonly list: (T | null)[];
  readonly from: number;
}

/** Puts the first `rows` values of a column of DOUBLE into a list, with null where there is none. */
function listDoubles(
  chunk: DataChunk,
  column: number,
  rows: number,
  { list, from }: ListPlace<number>,
): void {
  const vector = bindings.data_chunk_get_vector(chunk, column);
  const { buffer, byteOffset } = bindings.vector_get_data(vector, rows * 8);
  const values = new Float64Array(buffer, byteOffset, rows);
  const valid = validOf(vector, rows);
  for (let i = 0; i < rows; i++) list[from + i] = isValid(valid, i) ? values[i]! : null;
}

/** The same of a column of BOOLEAN. */
function listBooleans(
  chunk: DataChunk,
  column: number,
  rows: number,
  { list, from }: ListPlace<boolean>,
): void {
  const vector = bindings.data_chunk_get_vector(chunk, column);
  const values = bindings.vector_get_data(vector, rows);
  const valid = validOf(vector, rows);
  for (let i = 0; i < rows; i++) list[from + i] = isValid(valid, i) ? values[i] !== 0 : null;
}

/** The same of a column of VARCHAR. Where rows have one text in memory of the vector, it is decoded once. */
function listTexts(chunk: DataChunk, column: number, rows: number, { list, from }: ListPlace<string>): void {
  const vector = bindings.data_chunk_get_vector(chunk, column);
  const data = bindings.vector_get_data(vector, rows * BYTES.text);
  const { buffer, byteOffset } = data;
  const words = new Uint32Array(buffer, byteOffset, rows * 4);
  const bytes = Buffer.from(buffer, byteOffset, data.byteLength);
  const valid = validOf(vector, rows);
  let text: string | null = null;
  /** Of the last text. */
  let last = 0;
  for (let i = 0; i < rows; i++) {
    if (!isValid(valid, i)) {
      list[from + i] = null;
      continue;
    }
    const at = i * 4;
    const isLast =
      text !== null &&
      words[at] === words[last] &&
      words[at + 1] === words[last + 1] &&
      words[at + 2] === words[last + 2] &&
      words[at + 3] === words[last + 3];
    if (!isLast) {
      text = textAt(bytes, i * BYTES.text);
      last = at;
    }
    list[from + i] = text;
  }
}

/** @param at  where its string_t begins */
function textAt(bytes: Buffer, at: number): string {
  const length = bytes.readUInt32LE(at);
  if (length <= INLINE_BYTES) return bytes.toString('utf8', at + 4, at + 4 + length);
  const { buffer, byteOffset } = bindings.get_data_from_pointer(
    bytes.buffer as ArrayBuffer,
    bytes.byteOffset + at + 8,
    length,
  );
  return Buffer.from(buffer, byteOffset, length).toString('utf8');
}

/** @returns a bit a value, in DuckDB's words of 64; null: no value is null */
function validOf(vector: Vector, rows: number): Uint8Array | null {
  return bindings.vector_get_validity(vector, ((rows + 63) >> 6) * 8) as Uint8Array | null;
}

function isValid(valid: Uint8Array | null, row: number): boolean {
  return valid === null || (valid[row >> 3]! & (1 << (row & 7))) !== 0;
}

type ListValues = (chunk: DataChunk, column: number, rows: number, place: ListPlace<unknown>) => void;

const LIST_VALUES: Readonly<Partial<Record<string, ListValues>>> = {
  DOUBLE: listDoubles as ListValues,
  BOOLEAN: listBooleans as ListValues,
  VARCHAR: listTexts as ListValues,
};

/** @returns how values of a type, by DuckDB's number of it, come into a list; undefined: by the client */
export function listValuesOf(typeId: number): ListValues | undefined {
  return LIST_VALUES[bindings.Type[typeId]!];
}

/** Writes one row after the other of columns into a chunk that has as many columns, of these types. */
export function writeColumns(chunk: DataChunk, columns: readonly Column[], rows: number): void {
  for (const [i, column] of columns.entries()) column.write(bindings.data_chunk_get_vector(chunk, i), rows);
}

/** Writes the first `rows` values of a column into that of a chunk. */
export function writeColumn(chunk: DataChunk, place: number, column: Column, rows: number): void {
  column.write(bindings.data_chunk_get_vector(chunk, place), rows);
}

/** Copies the values of a chunk's column, which is DOUBLE and has no null, into an array that is as long. */
export function copyDoubles(chunk: DataChunk, column: number, to: Float64Array): void {
  const bytes = bindings.vector_get_data(bindings.data_chunk_get_vector(chunk, column), to.byteLength);
  to.set(new Float64Array(bytes.buffer, bytes.byteOffset, to.length));
}
