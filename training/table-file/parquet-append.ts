/**
 * Puts columns behind those of a Parquet file without reading any of its values: what was in the file, whoever wrote it
 * and whatever its types and encodings are, is in the new one byte for byte.
 *
 *   labels    "PAR1" | pages of row group 0, 1, ... | page indexes | footer | length u32 | "PAR1"
 *   features  the same, one file for each row group of the labels, with as many rows, written by DuckDB
 *   out       the labels up to their footer | each of the features from its first page to its footer | new footer
 *
 * Every offset of the labels stays what it was; those of the features are moved by where their bytes went. The footer
 * is read and written by project/parquet/.
 *
 * Called by training-output.ts. Never does it change a row: both sides must have the same row groups.
 */
import { closeSync, openSync } from 'node:fs';
import {
  COLUMNS,
  COLUMN_ORDERS,
  ELEMENT_CHILDREN,
  GROUP_ROWS,
  KEY_VALUES,
  MAGIC,
  PAIR_KEY,
  PAIR_VALUE,
  ROW_GROUPS,
  SCHEMA,
  bytesOf,
  copyBytes,
  groupsOf,
  grownGroup,
  listOf,
  movedChunk,
  numberOf,
  readParquetFooter,
  structsOf,
  writeFooter,
} from '../../project/parquet/parquet-footer.ts';
import { BINARY, I32, STRUCT } from '../../project/parquet/thrift-compact.ts';
import type { ThriftStruct } from '../../project/parquet/thrift-compact.ts';
import { joinedArrowSchema } from './arrow-schema.ts';
import type { AddedColumns } from './arrow-schema.ts';

const ARROW_SCHEMA = 'ARROW:schema';

/**
 * Metadata that lists the columns of a file for one reader, which then sees no others. Without it that reader goes by
 * the Parquet schema.
 */
const LISTS_OF_COLUMNS: ReadonlySet<string> = new Set([
  'org.apache.spark.sql.parquet.row.metadata',
  'parquet.avro.schema',
  'iceberg.schema',
]);

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
    writeFooter(fd, joinedMetadata(labels.metadata, behind, schema, groups));
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
  const grown = new Map(root).set(ELEMENT_CHILDREN, { type: I32, value: children });
  joined.set(SCHEMA, listOf([grown, ...elements, ...addedElements]));
  joined.set(ROW_GROUPS, listOf(groups));
  const kept = structsOf(labels, KEY_VALUES).flatMap((pair) => joinedPair(pair, behind));
  joined.delete(KEY_VALUES);
  if (kept.length > 0) joined.set(KEY_VALUES, listOf(kept));
  const orders = structsOf(labels, COLUMN_ORDERS);
  if (orders.length > 0) {
    // By the order of their type, which is what DuckDB writes.
    const typeOrder: ThriftStruct = new Map([[1, { type: STRUCT, value: new Map() }]]);
    const leaves = addedElements.filter((element) => !element.has(ELEMENT_CHILDREN));
    joined.set(COLUMN_ORDERS, listOf([...orders, ...leaves.map(() => typeOrder)]));
  }
  return joined;
}

function joinedGroup(labels: ThriftStruct, features: ThriftStruct, moved: number): ThriftStruct {
  const added = structsOf(features, COLUMNS).map((chunk) => movedChunk(chunk, moved));
  return new Map(grownGroup(labels, added)).set(COLUMNS, listOf([...structsOf(labels, COLUMNS), ...added]));
}

/** @returns a pair of the labels' metadata as it is for more columns; nothing where it would hide them */
function joinedPair(pair: ThriftStruct, behind: AddedColumns): ThriftStruct[] {
  const key = bytesOf(pair, PAIR_KEY).toString('utf8');
  if (LISTS_OF_COLUMNS.has(key)) return [];
  if (key !== ARROW_SCHEMA) return [pair];
  const text = joinedArrowSchema(bytesOf(pair, PAIR_VALUE).toString('latin1'), behind);
  return text === null ? [] : [new Map(pair).set(PAIR_VALUE, { type: BINARY, value: Buffer.from(text) })];
}
