/**
 * Puts Parquet files below each other that share columns and have others of their own, without reading any value: what
 * most rows have of most columns is nothing, and to write each nothing costs more than to write the values.
 *
 *   files     | shared | a b |          | shared | c d |
 *   nothing   | a b c d |  of as many rows as a row group, null everywhere: some 36 bytes a column
 *   out       | shared | a b . . |   each file, and behind it the nothings of its row groups: a row group's chunks are
 *             | shared | . . c d |   those of the file, and of the nothing what the file lacks
 *
 * Called by judged-rows.ts. The files and the nothings are DuckDB's own, so that a column is alike in all of them.
 */
import { closeSync, openSync } from 'node:fs';
import {
  COLUMNS,
  COLUMN_ORDERS,
  ELEMENT_CHILDREN,
  GROUP_OFFSET,
  GROUP_ORDINAL,
  GROUP_ROWS,
  MAGIC,
  NUM_ROWS,
  ROW_GROUPS,
  SCHEMA,
  copyBytes,
  groupsOf,
  grownGroup,
  listOf,
  movedChunk,
  movedOffsets,
  numberOf,
  readParquetFooter,
  structsOf,
  topColumns,
  writeFooter,
} from '../../project/parquet/parquet-footer.ts';
import type { TopColumn } from '../../project/parquet/parquet-footer.ts';
import { I32, I64 } from '../../project/parquet/thrift-compact.ts';
import type { ThriftField, ThriftStruct } from '../../project/parquet/thrift-compact.ts';

/** A column of the result, as the first file that has it says it. */
interface StackedColumn extends TopColumn {
  readonly orders: readonly ThriftStruct[];
}

/**
 * @param files    at least one; those columns stand in the result that any has, in the order in which they are met
 * @param nothing  @returns a file of one row group with so many rows, which has each column that some file lacks, null
 * @param out      is replaced
 * @throws         Error where a nothing has other rows, or lacks a column
 */
export async function stackParquet(
  files: readonly string[],
  nothing: (rows: number) => Promise<string>,
  out: string,
): Promise<void> {
  const columns = stackedColumns(files);
  const groups: ThriftStruct[] = [];
  const fd = openSync(out, 'w', 0o600);
  try {
    let at = copyBytes(files[0]!, 0, MAGIC.length, fd);
    /** @returns how far its bytes were moved */
    const copy = (file: string, end: number): number => {
      const moved = at - MAGIC.length;
      at += copyBytes(file, MAGIC.length, end, fd);
      return moved;
    };
    for (const file of files) {
      const { metadata, start } = readParquetFooter(file);
      const own = new Map(topColumns(metadata).map((column) => [column.name, column]));
      const lacking = columns.filter(({ name }) => !own.has(name));
      const moved = copy(file, start);
      for (const group of groupsOf(metadata)) {
        const chunks = chunksBy(own, group, moved);
        const added: ThriftStruct[] = [];
        if (lacking.length > 0) {
          const absent = await nothing(numberOf(group, GROUP_ROWS));
          for (const [name, nulls] of copyNothing(absent, numberOf(group, GROUP_ROWS), copy)) {
            if (own.has(name)) continue;
            chunks.set(name, nulls);
            added.push(...nulls);
          }
        }
        const all = columns.flatMap(({ name }) => {
          const stacked = chunks.get(name);
          if (stacked === undefined) throw new Error(`the nothing of ${file} lacks ${name}`);
          return stacked;
        });
        const placed = movedOffsets(grownGroup(group, added), [GROUP_OFFSET], moved);
        groups.push(numbered(placed, groups.length).set(COLUMNS, listOf(all)));
      }
    }
    writeFooter(fd, stackedMetadata(readParquetFooter(files[0]!).metadata, columns, groups));
  } finally {
    closeSync(fd);
  }
}

function stackedColumns(files: readonly string[]): StackedColumn[] {
  const columns = new Map<string, StackedColumn>();
  for (const file of files) {
    const { metadata } = readParquetFooter(file);
    const orders = structsOf(metadata, COLUMN_ORDERS);
    for (const column of topColumns(metadata))
      if (!columns.has(column.name))
        columns.set(column.name, { ...column, orders: orders.slice(...column.leaves) });
  }
  return [...columns.values()];
}

/** @returns by name the chunks of each column of a row group whose bytes went so many behind where they were */
function chunksBy(
  columns: ReadonlyMap<string, TopColumn>,
  group: ThriftStruct,
  moved: number,
): Map<string, readonly ThriftStruct[]> {
  const chunks = structsOf(group, COLUMNS).map((chunk) => movedChunk(chunk, moved));
  return new Map([...columns].map(([name, { leaves }]) => [name, chunks.slice(...leaves)]));
}

function copyNothing(
  file: string,
  rows: number,
  copy: (file: string, end: number) => number,
): Map<string, readonly ThriftStruct[]> {
  const { metadata, start, groupRows } = readParquetFooter(file);
  if (groupRows.length !== 1 || groupRows[0] !== rows)
    throw new Error(`${file} should have ${rows} rows in one row group, not ${groupRows.join(', ')}`);
  const own = new Map(topColumns(metadata).map((column) => [column.name, column]));
  return chunksBy(own, groupsOf(metadata)[0]!, copy(file, start));
}

/** A row group with its number in the file, where it had one. */
function numbered(group: ThriftStruct, number: number): Map<number, ThriftField> {
  const own = new Map(group);
  const ordinal = own.get(GROUP_ORDINAL);
  if (ordinal !== undefined) own.set(GROUP_ORDINAL, { ...ordinal, value: number });
  return own;
}

function stackedMetadata(
  first: ThriftStruct,
  columns: readonly StackedColumn[],
  groups: readonly ThriftStruct[],
): ThriftStruct {
  const [root] = structsOf(first, SCHEMA);
  const grown = new Map(root).set(ELEMENT_CHILDREN, { type: I32, value: columns.length });
  const stacked = new Map(first);
  stacked.set(SCHEMA, listOf([grown, ...columns.flatMap(({ elements }) => elements)]));
  const rows = groups.reduce((sum, group) => sum + numberOf(group, GROUP_ROWS), 0);
  stacked.set(NUM_ROWS, { type: I64, value: rows });
  stacked.set(ROW_GROUPS, listOf(groups));
  if (stacked.has(COLUMN_ORDERS)) stacked.set(COLUMN_ORDERS, listOf(columns.flatMap(({ orders }) => orders)));
  return stacked;
}
