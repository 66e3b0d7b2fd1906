/** The least and the greatest value of columns of times in milliseconds, as the footer of a Parquet file shows them. */
import { readFooterBytes } from '../../project/parquet/parquet-footer.ts';
import { readThrift } from '../../project/parquet/thrift-compact.ts';
import type { ThriftList, ThriftShape, ThriftStruct } from '../../project/parquet/thrift-compact.ts';

const SCHEMA = 2;
const ROW_GROUPS = 4;
/** SchemaElement */
const CHILDREN = 5;
const CONVERTED_TYPE = 6;
const LOGICAL_TYPE = 10;
/** Of the union LogicalType, of its TimestampType, of the union TimeUnit. */
const TIMESTAMP = 8;
const UNIT = 2;
const MILLIS = 1;
const TIMESTAMP_MILLIS = 9;
/** RowGroup, ColumnChunk, ColumnMetaData, Statistics */
const COLUMNS = 1;
const GROUP_ROWS = 3;
const CHUNK_META = 3;
const STATISTICS = 12;
const MAX_VALUE = 5;
const MIN_VALUE = 6;

type Shape = [number, ThriftShape | null][];
const shape = (...fields: Shape): ThriftShape => new Map(fields);
const FOOTER = shape(
  [
    SCHEMA,
    shape(
      [CHILDREN, null],
      [CONVERTED_TYPE, null],
      [LOGICAL_TYPE, shape([TIMESTAMP, shape([UNIT, shape([MILLIS, shape()])])])],
    ),
  ],
  [
    ROW_GROUPS,
    shape(
      [GROUP_ROWS, null],
      [COLUMNS, shape([CHUNK_META, shape([STATISTICS, shape([MAX_VALUE, null], [MIN_VALUE, null])])])],
    ),
  ],
);

/** Of a row group; null: the footer does not show it. */
interface MilliTimes {
  readonly rows: number;
  readonly min: bigint | null;
  readonly max: bigint | null;
}

/** @returns one entry a row group and leaf of a column that counts milliseconds, in the order of the rows */
export function* readMilliTimes(file: string, column: number): Generator<MilliTimes> {
  const footer = readThrift(readFooterBytes(file).bytes, FOOTER);
  const leaves = milliLeaves(footer, column);
  for (const group of structsOf(footer, ROW_GROUPS)) {
    const rows = Number(group.get(GROUP_ROWS)?.value ?? 0);
    const chunks = structsOf(group, COLUMNS);
    for (const [i, leaf] of leaves.entries()) {
      const meta = chunks[leaf]?.get(CHUNK_META)?.value as ThriftStruct | undefined;
      const shown = meta?.get(STATISTICS)?.value as ThriftStruct | undefined;
      // The rows of a group count once.
      yield {
        rows: i === leaves.length - 1 ? rows : 0,
        min: longOf(shown, MIN_VALUE),
        max: longOf(shown, MAX_VALUE),
      };
    }
  }
}

/** The leaves of a column of the file that count milliseconds, by their numbers among all leaves. */
function milliLeaves(footer: ThriftStruct, column: number): number[] {
  const elements = structsOf(footer, SCHEMA);
  const leaves: number[] = [];
  let leaf = 0;
  let at = 1;
  for (let top = 0; at < elements.length; top++) {
    for (let left = 1; left > 0; left--) {
      const element = elements[at++];
      if (element === undefined) return leaves;
      const children = Number(element.get(CHILDREN)?.value ?? 0);
      left += children;
      if (children > 0) continue;
      if (top === column && isMillis(element)) leaves.push(leaf);
      leaf += 1;
    }
  }
  return leaves;
}

function isMillis(element: ThriftStruct): boolean {
  if (element.get(CONVERTED_TYPE)?.value === TIMESTAMP_MILLIS) return true;
  const logical = element.get(LOGICAL_TYPE)?.value as ThriftStruct | undefined;
  const time = logical?.get(TIMESTAMP)?.value as ThriftStruct | undefined;
  return (time?.get(UNIT)?.value as ThriftStruct | undefined)?.has(MILLIS) === true;
}

function longOf(statistics: ThriftStruct | undefined, field: number): bigint | null {
  const bytes = statistics?.get(field)?.value;
  return Buffer.isBuffer(bytes) && bytes.length === 8 ? bytes.readBigInt64LE() : null;
}

function structsOf(struct: ThriftStruct, field: number): readonly ThriftStruct[] {
  return ((struct.get(field)?.value as ThriftList | undefined)?.items ?? []) as readonly ThriftStruct[];
}
