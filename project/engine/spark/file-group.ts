/**
 * A source's files in Spark: groups of one schema, as DuckDB has found them in the footers, with Spark's SQL of their
 * columns. How a column is read, and when that makes its row a bad one, is decided by types (exact-cast.ts): for stored
 * rows and raw events alike.
 */
import type { FeatureView } from '../../../contract/model.ts';
import { columnsOf } from '../duckdb/sources/column-reading.ts';
import type { WantedColumn } from '../duckdb/sources/column-reading.ts';
import { withComputedColumns } from '../duckdb/sources/computed-columns.ts';
import type { FileColumn, FileGroup, SourceFiles } from '../duckdb/sources/source-files.ts';
import { sparkError } from './errors.ts';
import { castTime, sparkCast } from './exact-cast.ts';
import type { SparkCast } from './exact-cast.ts';
import { SPARK_EXPRESSIONS } from './expression-sql.ts';
import { FILE_URL } from './spark-job.ts';
import type { SparkJob } from './spark-job.ts';
import { sparkName, sparkNull, sparkText } from './spark-sql.ts';

interface SparkGroup {
  /** What SQL reads it as. */
  readonly from: string;
  /** With the columns that the view computes, what `where` excludes, and their faults. */
  readonly group: FileGroup;
}

/**
 * @param job  takes the files that are read
 * @throws     SPARK_LACKS for a table, and for files in object storage
 */
export function sparkGroups(
  job: SparkJob,
  source: SourceFiles,
  view: Pick<FeatureView, 'where' | 'select'>,
): SparkGroup[] {
  const { path, table } = source;
  if (table !== null)
    throw sparkError(
      'SPARK_LACKS',
      `the source ${path} is a table (${table.name}), which Spark is not given yet`,
    );
  const own = { ...source, groups: source.groups.map(inSpark) };
  return withComputedColumns(own, view, SPARK_EXPRESSIONS).groups.map((group) => ({
    from: hasPath(group) ? job.readPlaces(group.files) : job.read(group.files, null),
    group,
  }));
}

/** A column that the group lacks is null; so is one that it has twice, whose rows are bad. */
export function readInSpark(group: FileGroup, { column, type }: WantedColumn): SparkCast {
  const found = columnsOf(group, column);
  if (found.length !== 1) return { sql: sparkNull(type), fit: 'all' };
  return sparkCast(found[0]!.type, type, found[0]!.sql);
}

/** @returns SQL of a column as it stands in the files; null: they lack it, or have it twice */
export function rawInSpark(group: FileGroup, column: string): string | null {
  const found = columnsOf(group, column);
  return found.length === 1 ? found[0]!.sql : null;
}

/** A column that should be a time, as TIMESTAMP. */
export function timeInSpark(group: FileGroup, column: string | null): string {
  const found = column === null ? [] : columnsOf(group, column);
  if (found.length !== 1) return 'CAST(NULL AS TIMESTAMP)';
  const { type, sql } = found[0]!;
  const cast = type.kind === 'scalar' ? castTime(type.name, sql) : null;
  return cast?.sql ?? sparkCast(type, { kind: 'timestamp' }, sql).sql;
}

/** @returns the condition that a value fits: none, or one */
export function fitsInSpark(group: FileGroup, wanted: WantedColumn): string[] {
  const found = columnsOf(group, wanted.column);
  if (found.length > 1) return ['false'];
  const { sql, fit } = readInSpark(group, wanted);
  if (found.length === 0 || fit === 'all') return [];
  return [`(${found[0]!.sql} IS NULL OR ${sql} IS NOT NULL)`];
}

function hasPath({ columns }: FileGroup): boolean {
  return [...columns.values()].flat().some(({ type }) => type.kind === 'scalar' && type.name === 'PATH');
}

/** The same files with Spark's SQL of their columns. */
function inSpark(group: FileGroup): FileGroup {
  const columns = [...group.columns].map(([name, found]) => {
    return [name, found.map((column) => ({ ...column, sql: columnSql(column) }))] as const;
  });
  return { ...group, columns: new Map(columns) };
}

/** A folder `name=value` on a file's way is a column: Spark says the way in the letters of a URL. */
function columnSql({ name, type }: FileColumn): string {
  if (type.kind !== 'scalar' || type.name !== 'PATH') return sparkName(name);
  const decoded = (sql: string): string => `url_decode(replace(${sql}, '+', '%2B'))`;
  const pattern = `.*/${name.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&')}=([^/]*)/`;
  const way = decoded(sparkName(FILE_URL));
  return `nullif(${decoded(`regexp_extract(${way}, ${sparkText(pattern)}, 1)`)}, '__HIVE_DEFAULT_PARTITION__')`;
}
