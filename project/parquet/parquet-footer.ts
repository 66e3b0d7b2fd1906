/**
 * The footer of a Parquet file, read as far as whoever puts files together has to change it: what is not read goes from
 * file to file as it is. The footer is Thrift (github.com/apache/parquet-format, parquet.thrift); the numbers below are
 * its fields'.
 *
 * Called by training/table-file/ (columns behind those of labels) and monitor/judged-rows/ (rows below each other). It
 * never reads a value.
 */
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { I64, LIST, STRUCT, readThrift, writeThrift } from './thrift-compact.ts';
import type { ThriftList, ThriftShape, ThriftStruct, ThriftValue } from './thrift-compact.ts';

export const MAGIC = 'PAR1';
const COPY_BYTES = 1 << 20;

/** FileMetaData */
export const SCHEMA = 2;
export const NUM_ROWS = 3;
export const ROW_GROUPS = 4;
export const KEY_VALUES = 5;
export const COLUMN_ORDERS = 7;
const ENCRYPTION = 8;
/** SchemaElement */
const ELEMENT_NAME = 4;
export const ELEMENT_CHILDREN = 5;
/** RowGroup */
export const COLUMNS = 1;
const GROUP_BYTES = 2;
export const GROUP_ROWS = 3;
export const GROUP_OFFSET = 5;
const GROUP_COMPRESSED_BYTES = 6;
export const GROUP_ORDINAL = 7;
/** ColumnChunk, ColumnMetaData: offsets in the file */
const CHUNK_META = 3;
const CHUNK_OFFSETS = [2, 4, 6];
const META_OFFSETS = [9, 10, 11, 14];
const META_UNCOMPRESSED = 6;
const META_COMPRESSED = 7;

/** The pairs of FileMetaData's metadata. */
export const PAIR_KEY = 1;
export const PAIR_VALUE = 2;
const plain = (...numbers: number[]): [number, null][] => numbers.map((number) => [number, null]);
/** What of a footer is read: the rest goes from file to file as it is. */
const FOOTER: ThriftShape = new Map<number, ThriftShape | null>([
  [NUM_ROWS, null],
  [SCHEMA, new Map(plain(ELEMENT_NAME, ELEMENT_CHILDREN))],
  [
    ROW_GROUPS,
    new Map<number, ThriftShape | null>([
      ...plain(GROUP_BYTES, GROUP_ROWS, GROUP_OFFSET, GROUP_COMPRESSED_BYTES, GROUP_ORDINAL),
      [
        COLUMNS,
        new Map<number, ThriftShape | null>([
          ...plain(...CHUNK_OFFSETS),
          [CHUNK_META, new Map(plain(...META_OFFSETS, META_UNCOMPRESSED, META_COMPRESSED))],
        ]),
      ],
    ]),
  ],
  [KEY_VALUES, new Map(plain(PAIR_KEY, PAIR_VALUE))],
  [COLUMN_ORDERS, new Map()],
]);
/** A column of the table, whatever its type. */
export interface TopColumn {
  readonly name: string;
  /** Of the schema. */
  readonly elements: readonly ThriftStruct[];
  /** Its chunks among those of a row group: from the first to before the second. */
  readonly leaves: readonly [from: number, to: number];
}

export interface ParquetFooter {
  readonly metadata: ThriftStruct;
  /** Where the footer begins: all pages and indexes lie before it. */
  readonly start: number;
  /** Names of the columns, in order. */
  readonly columns: readonly string[];
  /** Rows of each row group that has any. */
  readonly groupRows: readonly number[];
}

/** @throws Error with one sentence where the file is no Parquet */
export function readParquetFooter(file: string): ParquetFooter {
  const { bytes, start } = readFooterBytes(file);
  const metadata = readThrift(bytes, FOOTER);
  if (metadata.has(ENCRYPTION)) throw new Error('it is encrypted');
  return {
    metadata,
    start,
    columns: topColumns(metadata).map(({ name }) => name),
    groupRows: groupsOf(metadata).map((group) => numberOf(group, GROUP_ROWS)),
  };
}

/**
 * @returns the footer's Thrift, and where it begins
 * @throws Error with one sentence where the file is no Parquet
 */
export function readFooterBytes(file: string): { bytes: Buffer; start: number } {
  const fd = openSync(file, 'r');
  try {
    const { size } = fstatSync(fd);
    const tail = readAt(fd, Math.max(0, size - 8), Math.min(8, size));
    const magic = tail.toString('latin1', Math.max(0, tail.length - 4));
    if (magic === 'PARE') throw new Error('it is encrypted');
    if (size < 12 || magic !== MAGIC) throw new Error('it is no Parquet file');
    const start = size - 8 - tail.readUInt32LE(0);
    if (start < 4) throw new Error('it is no Parquet file');
    return { bytes: readAt(fd, start, size - 8 - start), start };
  } finally {
    closeSync(fd);
  }
}

/** @returns a column chunk whose bytes went so many behind where they were */
export function movedChunk(chunk: ThriftStruct, by: number): ThriftStruct {
  const meta = movedOffsets(chunk.get(CHUNK_META)!.value as ThriftStruct, META_OFFSETS, by);
  return movedOffsets(new Map(chunk).set(CHUNK_META, { type: STRUCT, value: meta }), CHUNK_OFFSETS, by);
}

/** An offset of 0 stands for none: the magic is there. */
export function movedOffsets(struct: ThriftStruct, fields: readonly number[], by: number): ThriftStruct {
  const moved = new Map(struct);
  for (const field of fields) {
    const offset = struct.get(field);
    if (offset !== undefined && offset.value !== 0)
      moved.set(field, { type: offset.type, value: (offset.value as number) + by });
  }
  return moved;
}

/** A row group without rows says nothing, and DuckDB writes none to stand beside it. */
export function groupsOf(metadata: ThriftStruct): ThriftStruct[] {
  return structsOf(metadata, ROW_GROUPS).filter((group) => numberOf(group, GROUP_ROWS) > 0);
}

/** The elements of a schema are its tree in depth first order; the first is the root. @returns those below the root */
export function topColumns(metadata: ThriftStruct): TopColumn[] {
  const elements = structsOf(metadata, SCHEMA);
  const columns: TopColumn[] = [];
  let leaf = 0;
  for (let at = 1; at < elements.length;) {
    const name = bytesOf(elements[at]!, ELEMENT_NAME).toString('utf8');
    const [first, firstLeaf] = [at, leaf];
    for (let left = 1; left > 0; left--) {
      const element = elements[at++];
      if (element === undefined) throw new Error('the schema in its footer ends early');
      const children = numberOf(element, ELEMENT_CHILDREN);
      left += children;
      if (children === 0) leaf += 1;
    }
    columns.push({ name, elements: elements.slice(first, at), leaves: [firstLeaf, leaf] });
  }
  return columns;
}

export function structsOf(struct: ThriftStruct, field: number): readonly ThriftStruct[] {
  return ((struct.get(field)?.value as ThriftList | undefined)?.items ?? []) as readonly ThriftStruct[];
}

/** 0 where it is left out, or is none. */
export function numberOf(struct: ThriftStruct, field: number): number {
  const value = struct.get(field)?.value;
  return typeof value === 'number' ? value : 0;
}

export function bytesOf(struct: ThriftStruct, field: number): Buffer {
  const value = struct.get(field)?.value;
  if (!Buffer.isBuffer(value)) throw new Error(`a text is missing in its footer (field ${field})`);
  return value;
}

function readAt(fd: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length;) {
    const read = readSync(fd, bytes, at, length - at, position + at);
    if (read === 0) throw new Error('it ends early');
    at += read;
  }
  return bytes;
}

/** @returns how many bytes were copied */
export function copyBytes(file: string, from: number, to: number, out: number): number {
  const fd = openSync(file, 'r');
  try {
    for (let at = from; at < to;) {
      const bytes = readAt(fd, at, Math.min(COPY_BYTES, to - at));
      writeAll(out, bytes);
      at += bytes.length;
    }
    return to - from;
  } finally {
    closeSync(fd);
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
}

/** Ends a file. */
export function writeFooter(fd: number, metadata: ThriftStruct): void {
  const footer = writeThrift(metadata);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  for (const bytes of [footer, length, Buffer.from(MAGIC)]) writeAll(fd, bytes);
}

/** @returns a schema's or another list of a footer */
export function listOf(items: readonly ThriftStruct[]): {
  readonly type: number;
  readonly value: ThriftValue;
} {
  return { type: LIST, value: { type: STRUCT, items } };
}

/** @returns the group with so many more bytes in its chunks */
export function grownGroup(group: ThriftStruct, chunks: readonly ThriftStruct[]): ThriftStruct {
  const grown = new Map(group);
  const metas = chunks.map((chunk) => chunk.get(CHUNK_META)!.value as ThriftStruct);
  for (const [field, by] of [
    [GROUP_BYTES, META_UNCOMPRESSED],
    [GROUP_COMPRESSED_BYTES, META_COMPRESSED],
  ] as const) {
    if (!grown.has(field)) continue;
    const more = metas.reduce((sum, meta) => sum + numberOf(meta, by), 0);
    grown.set(field, { type: I64, value: numberOf(grown, field) + more });
  }
  return grown;
}
