/**
 * Writes the vectors of records with one head (a service on a surface under a bundle) into the columns of a table:
 * times and ids from the record's bytes, values by the decoder of the definition that wrote each row.
 */
import type { Bundle } from '../../contract/model.ts';
import { MISSING } from '../../contract/status.ts';
import { LOG_HMAC, LOG_RAW } from '../../contract/wire/log/served-record.ts';
import type { RecordWalk, Span, WalkedRow } from '../../contract/wire/log/record-walk.ts';
import { keyValueOf } from '../../contract/wire/online/entity-key.ts';
import { HEADER_BYTES, readHeader } from '../../contract/wire/online/row-header.ts';
import { xxHash64Bytes } from '../../contract/wire/online/xxhash.ts';
import type { Column } from '../../project/engine/duckdb/column.ts';
import type { ArchiveShape, RecordHead } from './archive-shape.ts';
import type { ArchiveTable, Origin, RoleColumns } from './archive-table.ts';
import { ComputedWriter } from './computed-writer.ts';
import { RowDecoder } from './row-decoder.ts';
import type { SchemaBook } from './schema-book.ts';
import { ValueReader } from './value-column.ts';

const PERCENT = 0x25;
const MINUS = 0x2d;
const ZERO = 0x30;
/** So many decimal digits always fit 53 bits. */
const SAFE_DIGITS = 15;
const INT32_MAX = 2 ** 31 - 1;

/** Which vector of the log it is. */
interface VectorPlace {
  /** Which of its request's. */
  readonly row: number;
  readonly sequence: number;
  readonly origin: Origin;
}

interface WriterParts {
  /** One of the table's columns: by it keys and rows are found in a record. */
  readonly shape: ArchiveShape;
  readonly head: RecordHead;
  readonly bundle: Bundle | null;
  readonly book: SchemaBook;
}

const reader = new ValueReader();

export class VectorWriter {
  readonly table: ArchiveTable;
  readonly #shape: ArchiveShape;
  readonly #head: number;
  readonly #bundle: Bundle | null;
  readonly #book: SchemaBook;
  #origin: Origin | null = null;
  #originCode = 0;
  /** For each role its decoders by definition id; null: the definition is not known. */
  readonly #decoders: readonly Map<number, RowDecoder | null>[];
  /** For each role the columns of its values, and of their HMACs. */
  readonly #values: readonly (readonly Column[])[];
  readonly #hmacs: readonly (readonly Column[])[];
  readonly #computed: ComputedWriter | null;

  constructor(table: ArchiveTable, { shape, head, bundle, book }: WriterParts) {
    this.table = table;
    this.#shape = shape;
    this.#head = table.addHead(head);
    this.#bundle = bundle;
    this.#book = book;
    this.#decoders = shape.roles.map(() => new Map());
    const columnsOf = (role: number) => table.features.filter((_, f) => shape.features[f]!.role === role);
    this.#values = shape.roles.map((_, r) => columnsOf(r).map(({ values }) => values));
    this.#hmacs = shape.roles.map((_, r) => columnsOf(r).flatMap(({ hmacs }) => hmacs ?? []));
    this.#computed = table.computed === null ? null : new ComputedWriter(table.computed, shape.computed!);
  }

  /** Fills in the table's next row, from the vector that the walk went over last. */
  write(walk: RecordWalk, { row, sequence, origin }: VectorPlace): void {
    const bytes = walk.record;
    reader.goTo(bytes, walk.bytesView);
    const { table } = this;
    const { next } = table;
    if (origin !== this.#origin) {
      this.#originCode = table.originCode(origin);
      this.#origin = origin;
    }
    table.head.words[next] = this.#head;
    table.origin.words[next] = this.#originCode;
    table.row.words[next] = row;
    table.sequence.setWhole(next, sequence);
    table.servedTime.setWhole(next, walk.servedUs);
    table.requestId.setText(next, bytes, walk.requestId.from, walk.requestId.to);
    if (row === 0 && walk.answer.from !== -1)
      table.answer.setText(next, bytes, walk.answer.from, walk.answer.to);
    else table.answer.setNull(next);
    for (let k = 0; k < this.#shape.keys.length; k++) this.#key(walk, k, next);
    const { roles } = this.#shape;
    for (let r = 0; r < roles.length; r++) this.#row(walk, r, next);
    this.#computed?.write(reader, walk, next);
  }

  #key(walk: RecordWalk, k: number, next: number): void {
    const bytes = walk.record;
    const { name, type, index, policy } = this.#shape.keys[k]!;
    const { values, hmacs } = this.table.keys[k]!;
    const { from, to } = walk.keys[index]!;
    const isNull = walk.nullKeys.length > 0 && walk.nullKeys.includes(index);
    if (policy === LOG_RAW && !isNull) {
      if (
        type === 'string'
          ? setText(values, bytes, walk.keys[index]!, next)
          : setDigits(values, bytes, walk.keys[index]!, next)
      )
        return;
      // What is left are ids that are escaped, large or none of their type.
      const value = keyValueOf({ name, type }, bytes.toString('utf8', from, to));
      if (value === null) values.setNull(next);
      else if (typeof value === 'bigint') values.setBig(next, BigInt.asUintN(64, value));
      else if (typeof value === 'number') values.words[next] = value;
      else {
        const text = Buffer.from(value);
        values.setText(next, text, 0, text.length);
      }
      return;
    }
    values.setNull(next);
    if (hmacs === null) return;
    const digest =
      policy === LOG_HMAC && !isNull ? Buffer.from(bytes.toString('latin1', from, to), 'hex') : null;
    if (digest === null) hmacs.setNull(next);
    else hmacs.setText(next, digest, 0, digest.length);
  }

  #row(walk: RecordWalk, r: number, next: number): void {
    const columns = this.table.roles[r]!;
    const row = walk.rows[this.#shape.roles[r]!.index]!;
    const { bytesView: view } = walk;
    columns.status.bytes[next] = row.status;
    columns.source.bytes[next] = row.source;
    if (row.reason === 0) columns.reason.setNull(next);
    else columns.reason.bytes[next] = row.reason;
    setTime(columns.fetched, view, row.fetchedAt, next);
    setTime(columns.watermark, view, row.watermarkAt, next);
    if (row.from === -1) this.#absent(columns, r, next);
    else this.#stored(walk.record, row, r, next);
  }

  /** There are no stored bytes: nothing is known of a row. */
  #absent(columns: RoleColumns, r: number, next: number): void {
    columns.eventTime.setNull(next);
    columns.createdTime.setNull(next);
    columns.writtenTime.setNull(next);
    columns.definitionId.setNull(next);
    columns.rowHash.setNull(next);
    columns.undecoded.setNull(next);
    this.#noValues(r, next);
    this.#noHmacs(r, next);
  }

  #stored(bytes: Buffer, row: WalkedRow, r: number, next: number): void {
    const columns = this.table.roles[r]!;
    const stored = bytes.subarray(row.from, row.to);
    columns.rowHash.setBig(next, xxHash64Bytes(stored));
    const header = readHeader(stored);
    if (header === null) {
      this.#absentHeader(columns, next);
    } else {
      columns.eventTime.setWhole(next, header.eventUs);
      if (header.createdUs === 0) columns.createdTime.setNull(next);
      else columns.createdTime.setWhole(next, header.createdUs);
      columns.writtenTime.setWhole(next, header.writtenMs * 1_000);
      columns.definitionId.setWhole(next, header.definitionId);
    }
    const decoder = header === null ? null : this.#decoder(r, header.definitionId);
    if (decoder !== null && decoder.decode(reader, row, next)) columns.undecoded.setNull(next);
    else {
      if (decoder === null) this.#noValues(r, next);
      // A tombstone is no row, and nothing that could not be decoded.
      if (row.status === MISSING && stored.length === HEADER_BYTES) columns.undecoded.setNull(next);
      else columns.undecoded.setText(next, bytes, row.from, row.to);
    }
    if (decoder === null || !decoder.hash(bytes, row, next)) this.#noHmacs(r, next);
  }

  #absentHeader(columns: RoleColumns, next: number): void {
    columns.eventTime.setNull(next);
    columns.createdTime.setNull(next);
    columns.writtenTime.setNull(next);
    columns.definitionId.setNull(next);
  }

  #noValues(r: number, next: number): void {
    for (const column of this.#values[r]!) column.setNull(next);
  }

  #noHmacs(r: number, next: number): void {
    for (const column of this.#hmacs[r]!) column.setNull(next);
  }

  #decoder(r: number, definitionId: number): RowDecoder | null {
    const known = this.#decoders[r]!.get(definitionId);
    if (known !== undefined) return known;
    const { view, viewId } = this.#shape.roles[r]!;
    const schema = view === null ? null : this.#book.schema(this.#bundle, viewId, definitionId);
    const decoder = schema === null ? null : new RowDecoder(this.table, this.#shape, r, schema);
    this.#decoders[r]!.set(definitionId, decoder);
    return decoder;
  }
}

function setTime(column: Column, view: DataView, at: number, next: number): void {
  if (at === -1) return column.setNull(next);
  column.words[next * 2] = view.getUint32(at, true);
  column.words[next * 2 + 1] = view.getUint32(at + 4, true);
}

/** @returns false, with nothing written, where the text is escaped */
function setText(column: Column, bytes: Buffer, { from, to }: Span, next: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] === PERCENT) return false;
  column.setText(next, bytes, from, to);
  return true;
}

/** Writes an integer in decimal text. @returns false, with nothing written, where it is none or a large one */
function setDigits(column: Column, bytes: Buffer, { from, to }: Span, next: number): boolean {
  const isNegative = bytes[from] === MINUS;
  const first = isNegative ? from + 1 : from;
  const digits = to - first;
  if (digits < 1 || digits > SAFE_DIGITS || (bytes[first] === ZERO && (digits > 1 || isNegative)))
    return false;
  let value = 0;
  for (let at = first; at < to; at++) {
    const digit = bytes[at]! - ZERO;
    if (digit < 0 || digit > 9) return false;
    value = value * 10 + digit;
  }
  if (column.kind === 'bits64') column.setWhole(next, isNegative ? -value : value);
  else {
    if (value > INT32_MAX) return false;
    column.words[next] = isNegative ? -value : value;
  }
  return true;
}
