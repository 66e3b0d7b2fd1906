/**
 * The rows of committed files of a history, as SQL; and the values of such files as they are written.
 *
 * In the files times are TIMESTAMPTZ, since Delta knows no other of its first readers, and the definition is a BIGINT.
 * Who reads them gets TIMESTAMP, UTC, and UINTEGER, whatever the files hold: what stored views give too.
 */
import type { Entity, FeatureView } from '../../../contract/model.ts';
import type { ValueType } from '../../../contract/value-type.ts';
import { historyColumns } from '../../history/history-columns.ts';
import type { HistoryFile } from '../../history/history-snapshot.ts';
import { duckTypeOf, EXACT_FLOATS, quoteName } from './duckdb.ts';
import { quotePaths } from './file-sql.ts';

/** @returns a SELECT of the columns of a history, a column that no file has as NULL */
export function committedSql(
  view: FeatureView,
  entity: Entity,
  files: readonly Pick<HistoryFile, 'file'>[],
): string {
  const columns = historyColumns(view, entity);
  const none = columns.map(({ name, type }) => `NULL::${fileTypeOf(type)} AS ${quoteName(name)}`);
  const read = columns.map(({ name, type }) => {
    const column = quoteName(name);
    const value = name === 'definition_id' ? `CAST(${column} AS UINTEGER)` : readTimes(type, column);
    return value === column ? column : `${value} AS ${column}`;
  });
  const empty = `SELECT ${none.join(', ')} WHERE false`;
  const rows =
    files.length === 0
      ? empty
      : `${empty} UNION ALL BY NAME SELECT * FROM read_parquet(${quotePaths(files.map(({ file }) => file))}, union_by_name = true, hive_partitioning = false)`;
  return `SELECT ${read.join(', ')} FROM (${rows})`;
}

/**
 * A cast between the two types of time asks a calendar, row by row; the microseconds are the same.
 * @returns a value of a file of a history, or of one that another engine wrote, in `duckTypeOf(type)`
 */
export function readTimes(type: ValueType, sql: string): string {
  if (type.kind === 'timestamp') return `make_timestamp(epoch_us(${sql}))`;
  return fileTypeOf(type) === duckTypeOf(type) ? sql : `CAST(${sql} AS ${duckTypeOf(type)})`;
}

/** @returns a value of `duckTypeOf(type)` as files of a history hold it */
export function fileValueSql(type: ValueType, sql: string): string {
  if (type.kind === 'timestamp') return `make_timestamptz(epoch_us(${sql}))`;
  return fileTypeOf(type) === duckTypeOf(type) ? sql : `CAST(${sql} AS ${fileTypeOf(type)})`;
}

/**
 * @returns the format of files of a history, for COPY: rows of a snapshot view have the zeros of their source with
 *          their signs; computed ones have none below 0, so that dictionaries do them no harm
 */
export function historyFormatSql({ kind }: Pick<FeatureView, 'kind'>): string {
  return kind === 'snapshot' ? `FORMAT parquet, ${EXACT_FLOATS}` : 'FORMAT parquet';
}

function fileTypeOf(type: ValueType): string {
  switch (type.kind) {
    case 'timestamp':
      return 'TIMESTAMPTZ';
    case 'list':
      return `${fileTypeOf(type.of)}[]`;
    case 'map':
      return `MAP(VARCHAR, ${fileTypeOf(type.of)})`;
    case 'struct':
      return `STRUCT(${type.fields.map((f) => `${quoteName(f.name)} ${fileTypeOf(f.type)}`).join(', ')})`;
    default:
      return duckTypeOf(type);
  }
}
