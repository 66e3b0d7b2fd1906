/**
 * Puts columns behind those of a Parquet file without reading any of its values: what was in the file, whoever wrote it
 * and whatever its types and encodings are, is in the new one byte for byte.
 *
 *   labels    "PAR1" | pages of row group 0, 1, ... | page indexes | footer | length u32 | "PAR1"
 *   features  the same, one file for each row group of the labels, with as many rows, written by DuckDB
 *   out       the labels up to their footer | each of the features from its first page to its footer | new footer
 *
 * Every offset of the labels stays what it was; those of the features are moved by where their bytes went. The footer
 * is Thrift (github.com/apache/parquet-format, parquet.thrift); the numbers below are its fields'.
 *
 * Called by training-output.ts. Never does it change a row: both sides must have the same row groups.
 */
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { joinedArrowSchema } from './arrow-schema.ts';
import type { AddedColumns } from './arrow-schema.ts';
import { BINARY, I32, I64, LIST, STRUCT, readThrift, writeThrift } from './thrift-compact.ts';
import type { ThriftList, ThriftShape, ThriftStruct, ThriftValue } from './thrift-compact.ts';

const MAGIC = 'PAR1';
const COPY_BYTES = 1 << 20;

/** FileMetaData */
const SCHEMA = 2;
const ROW_GROUPS = 4;
const KEY_VALUES = 5;
const COLUMN_ORDERS = 7;
const ENCRYPTION = 8;
/** SchemaElement */
const ELEMENT_NAME = 4;
const ELEMENT_CHILDREN = 5;
/** RowGroup */
const COLUMNS = 1;
const GROUP_BYTES = 2;
const GROUP_ROWS = 3;
const GROUP_COMPRESSED_BYTES = 6;
/** ColumnChunk, ColumnMetaData: offsets in the file */
const CHUNK_META = 3;
const CHUNK_OFFSETS = [2, 4, 6];
const META_OFFSETS = [9, 10, 11, 14];
const META_UNCOMPRESSED = 6;
const META_COMPRESSED = 7;

/** The pairs of FileMetaData's metadata. */
const PAIR_KEY = 1;
const PAIR_VALUE = 2;
const ARROW_SCHEMA = 'ARROW:schema';

const plain = (...numbers: number[]): [number, null][] => numbers.map((number) => [number, null]);
/** What of a footer is read: the rest goes from file to file as it is. */
const FOOTER: ThriftShape = new Map<number, ThriftShape | null>([
  [SCHEMA, new Map(plain(ELEMENT_NAME, ELEMENT_CHILDREN))],
  [
    ROW_GROUPS,
    new Map<number, ThriftShape | null>([
      ...plain(GROUP_BYTES, GROUP_ROWS, GROUP_COMPRESSED_BYTES),
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
/**
 * Metadata that lists the columns of a file for one reader, which then sees no others. Without it that reader goes by
 * the Parquet schema.
 */
const LISTS_OF_COLUMNS: ReadonlySet<string> = new Set([
  'org.apache.spark.sql.parquet.row.metadata',
  'parquet.avro.schema',
  'iceberg.schema',
]);

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
    columns: topColumns(metadata),
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

/**
 * @param behind    names and types of the columns that are added
 * @param features  a file for each of the labels' row groups, as many rows in one row group; one without any rows where
 *                  the labels have none. Each may go once the next one is asked for
 * @throws Error where the row groups differ
 */
export async function appendColumns(
  file: string,
  behind: AddedColumns,
  features: AsyncIterable<string>,
  out: string,
): Promise<void> {
  const labels = readParquetFooter(file);
  const groups: ThriftStruct[] = [];
  let schema: ThriftStruct | null = null;
  const fd = openSync(out, 'w');
  try {
    let at = copyBytes(file, 0, labels.start, fd);
    for await (const added of features) {
      const footer = readParquetFooter(added);
      schema = footer.metadata;
      // The first bytes of a file are its magic, before any page.
      const moved = at - MAGIC.length;
      at += copyBytes(added, MAGIC.length, footer.start, fd);
      for (const group of groupsOf(footer.metadata)) {
        const own = groupsOf(labels.metadata)[groups.length];
        if (own === undefined || numberOf(own, GROUP_ROWS) !== numberOf(group, GROUP_ROWS))
          throw new Error(`row group ${groups.length} of the features does not fit the labels'`);
        groups.push(joinedGroup(own, group, moved));
      }
    }
    if (schema === null || groups.length !== labels.groupRows.length)
      throw new Error(`there are features for ${groups.length} of ${labels.groupRows.length} row groups`);
    const footer = writeThrift(joinedMetadata(labels.metadata, behind, schema, groups));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(footer.length);
    for (const bytes of [footer, length, Buffer.from(MAGIC)]) writeAll(fd, bytes);
  } finally {
    closeSync(fd);
  }
}

function joinedMetadata(
  labels: ThriftStruct,
  behind: AddedColumns,
  features: ThriftStruct,
  groups: readonly ThriftStruct[],
): ThriftStruct {
  const [root, ...elements] = structsOf(labels, SCHEMA);
  const [addedRoot, ...addedElements] = structsOf(features, SCHEMA);
  const children = numberOf(root!, ELEMENT_CHILDREN) + numberOf(addedRoot!, ELEMENT_CHILDREN);
  const joined = new Map(labels);
  joined.set(SCHEMA, {
    type: LIST,
    value: structs([
      new Map(root).set(ELEMENT_CHILDREN, { type: I32, value: children }),
      ...elements,
      ...addedElements,
    ]),
  });
  joined.set(ROW_GROUPS, { type: LIST, value: structs(groups) });
  const kept = structsOf(labels, KEY_VALUES).flatMap((pair) => joinedPair(pair, behind));
  joined.delete(KEY_VALUES);
  if (kept.length > 0) joined.set(KEY_VALUES, { type: LIST, value: structs(kept) });
  const orders = structsOf(labels, COLUMN_ORDERS);
  if (orders.length > 0) {
    // By the order of their type, which is what DuckDB writes.
    const typeOrder: ThriftStruct = new Map([[1, { type: STRUCT, value: new Map() }]]);
    const leaves = addedElements.filter((element) => !element.has(ELEMENT_CHILDREN));
    joined.set(COLUMN_ORDERS, { type: LIST, value: structs([...orders, ...leaves.map(() => typeOrder)]) });
  }
  return joined;
}

function joinedGroup(labels: ThriftStruct, features: ThriftStruct, moved: number): ThriftStruct {
  const added = structsOf(features, COLUMNS).map((chunk) => movedChunk(chunk, moved));
  const joined = new Map(labels);
  joined.set(COLUMNS, { type: LIST, value: structs([...structsOf(labels, COLUMNS), ...added]) });
  const bytes = added.map((chunk) => chunk.get(CHUNK_META)!.value as ThriftStruct);
  const grow = (field: number, by: number): void => {
    if (!joined.has(field)) return;
    const more = bytes.reduce((sum, meta) => sum + numberOf(meta, by), 0);
    joined.set(field, { type: I64, value: numberOf(joined, field) + more });
  };
  grow(GROUP_BYTES, META_UNCOMPRESSED);
  grow(GROUP_COMPRESSED_BYTES, META_COMPRESSED);
  return joined;
}

function movedChunk(chunk: ThriftStruct, by: number): ThriftStruct {
  const meta = movedOffsets(chunk.get(CHUNK_META)!.value as ThriftStruct, META_OFFSETS, by);
  return movedOffsets(new Map(chunk).set(CHUNK_META, { type: STRUCT, value: meta }), CHUNK_OFFSETS, by);
}

/** An offset of 0 stands for none: the magic is there. */
function movedOffsets(struct: ThriftStruct, fields: readonly number[], by: number): ThriftStruct {
  const moved = new Map(struct);
  for (const field of fields) {
    const offset = struct.get(field);
    if (offset !== undefined && offset.value !== 0)
      moved.set(field, { type: offset.type, value: (offset.value as number) + by });
  }
  return moved;
}

/** A row group without rows says nothing, and DuckDB writes none to stand beside it. */
function groupsOf(metadata: ThriftStruct): ThriftStruct[] {
  return structsOf(metadata, ROW_GROUPS).filter((group) => numberOf(group, GROUP_ROWS) > 0);
}

/** The elements of a schema are its tree in depth first order; the first is the root. */
function topColumns(metadata: ThriftStruct): string[] {
  const elements = structsOf(metadata, SCHEMA);
  const names: string[] = [];
  for (let at = 1; at < elements.length;) {
    names.push(bytesOf(elements[at]!, ELEMENT_NAME).toString('utf8'));
    for (let left = 1; left > 0; left--) {
      const element = elements[at++];
      if (element === undefined) throw new Error('the schema in its footer ends early');
      left += numberOf(element, ELEMENT_CHILDREN);
    }
  }
  return names;
}

/** @returns a pair of the labels' metadata as it is for more columns; nothing where it would hide them */
function joinedPair(pair: ThriftStruct, behind: AddedColumns): ThriftStruct[] {
  const key = bytesOf(pair, PAIR_KEY).toString('utf8');
  if (LISTS_OF_COLUMNS.has(key)) return [];
  if (key !== ARROW_SCHEMA) return [pair];
  const text = joinedArrowSchema(bytesOf(pair, PAIR_VALUE).toString('latin1'), behind);
  return text === null ? [] : [new Map(pair).set(PAIR_VALUE, { type: BINARY, value: Buffer.from(text) })];
}

function structsOf(struct: ThriftStruct, field: number): readonly ThriftStruct[] {
  return ((struct.get(field)?.value as ThriftList | undefined)?.items ?? []) as readonly ThriftStruct[];
}

function structs(items: readonly ThriftStruct[]): ThriftValue {
  return { type: STRUCT, items };
}

/** 0 where it is left out, or is none. */
function numberOf(struct: ThriftStruct, field: number): number {
  const value = struct.get(field)?.value;
  return typeof value === 'number' ? value : 0;
}

function bytesOf(struct: ThriftStruct, field: number): Buffer {
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
function copyBytes(file: string, from: number, to: number, out: number): number {
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
