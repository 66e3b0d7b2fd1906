/**
 * What another engine makes of the events of each tile, for the windows to be computed of: as rows of these tables, in
 * Parquet. Each has the keys k0.. and `e`, the edge that the events enter at; then
 *
 *   tile        events (how many), tf, tl (times of the first and last), and what the features need:
 *               n, n_v0, s_v0x6, qh_v0x6, ql_v0x6; min_v0, max_v0; fst_v0_t, fst_v0, lst_v0_t, lst_v0
 *   values      v0 or v1 ..., times        each value once, in the column of its own, and how often it occurs
 *   newest      late_v0 or ..., late_t     the n newest values of a column, each with its time
 *
 * Sums are DECIMAL(38, 0), counts, times and values that are times BIGINT (microseconds); other values have the types
 * that Parquet has for them. One table with all columns stands for all of them: no column is of two tables.
 */
import { duckTypeOf, quoteName } from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths } from '../../project/engine/duckdb/file-sql.ts';
import { duckKeyType } from '../../project/engine/duckdb/history.ts';
import type { AggregateFunction } from '../../contract/model.ts';
import type { AggregatePlan, ValueColumn } from './aggregate-plan.ts';
import { newestColumns } from './newest-values.ts';
import { tileColumns } from './tiles.ts';

export interface GivenTable {
  readonly name: 'tile' | 'values' | 'newest';
  /** Of single values: of which columns; of the newest ones, how many there are. None: the tile's own. */
  readonly values: readonly { readonly column: ValueColumn; readonly newest: number }[];
}

const OF_VALUES: ReadonlySet<AggregateFunction> = new Set([
  'countDistinct',
  'mostFrequent',
  'approxCountDistinct',
  'approxPercentile',
]);

/** @returns the tables of a view, the tile's own first */
export function givenTables(plan: AggregatePlan): GivenTable[] {
  const isOfValues = (column: ValueColumn): boolean =>
    plan.features.some((f) => f.column === column && OF_VALUES.has(f.aggregation.function));
  const sizes = newestColumns(plan);
  const all = plan.columns.map((column) => ({ column, newest: sizes.get(column.name) ?? 0 }));
  const lists: GivenTable[] = [
    { name: 'values', values: all.filter(({ column }) => isOfValues(column)) },
    { name: 'newest', values: all.filter(({ newest }) => newest > 0) },
  ];
  return [{ name: 'tile', values: [] }, ...lists.filter(({ values }) => values.length > 0)];
}

/**
 * @param filesOf  the files of a table
 * @returns        a SELECT of all rows, for a plan that is given tiles
 */
export function givenSql(
  plan: AggregatePlan,
  filesOf: (table: GivenTable['name']) => readonly string[],
): string {
  const keys = plan.keys.map((k, i) => `${k}::${duckKeyType(plan.entity.joinKeys[i]!.type)} AS ${k}`);
  const selects = givenTables(plan).map(({ name, values }) => {
    const columns = name === 'tile' ? tileReads(plan) : valueReads(name, values);
    const files = filesOf(name);
    return `SELECT ${[...keys, 'e', ...columns].join(', ')} FROM read_parquet(${quotePaths(files)}, hive_partitioning = false)`;
  });
  return selects.join(' UNION ALL BY NAME ');
}

function tileReads(plan: AggregatePlan): string[] {
  const { additives, framed } = tileColumns(plan);
  return [
    'tf',
    'tl',
    ...additives.map(({ name }) => name),
    ...framed.flatMap(({ name, of, column }) => [
      readValue(column, name),
      ...(of === 'first' || of === 'last' ? [`${name}_t`] : []),
    ]),
  ];
}

function valueReads(name: GivenTable['name'], values: GivenTable['values']): string[] {
  if (name === 'values') return [...values.map(({ column }) => readValue(column, column.name)), 'times'];
  return [...values.map(({ column }) => readValue(column, `late_${column.name}`)), 'late_t'];
}

function readValue({ type }: ValueColumn, name: string): string {
  const value = type.kind === 'timestamp' ? `make_timestamp(${name})` : `${name}::${duckTypeOf(type)}`;
  return `${value} AS ${quoteName(name)}`;
}
