/**
 * The rows of a view's history as the computation reads them: by edge instead of time, with the created time and the
 * definition that wrote them. Only day folders that can hold the wanted edges are opened.
 */
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths } from '../../project/engine/duckdb/file-sql.ts';
import { duckKeyType, historyFiles } from '../../project/engine/duckdb/history.ts';
import { dayOf } from '../../contract/std/timestamp.ts';
import type { AggregatePlan } from '../aggregate/aggregate-plan.ts';

/**
 * @param fromUs  rows of the event day that it lies in, and of later days; null: of all days
 * @returns       a SELECT of (keys, e, created_us, definition, gone, f0..), or null when there is no file
 */
export function historyRowsSql(plan: AggregatePlan, root: string, fromUs: number | null): string | null {
  const day = fromUs === null ? null : dayOf(Math.max(0, fromUs));
  const files = [...historyFiles(root, plan.view, plan.entity, day).values()].flat();
  if (files.length === 0) return null;
  const { joinKeys } = plan.entity;
  const shape = [
    ...joinKeys.map((key) => `NULL::${duckKeyType(key.type)} AS ${quoteName(key.name)}`),
    'NULL::BOOLEAN AS deleted',
    ...plan.features.map((f) => `NULL::${f.duckType} AS ${quoteName(f.feature.name)}`),
  ];
  const columns = [
    ...joinKeys.map((key, i) => `${quoteName(key.name)} AS ${plan.keys[i]!}`),
    `epoch_us(event_time) // ${plan.hopUs} AS e`,
    'epoch_us(created_time) AS created_us',
    'definition_id AS definition',
    'coalesce(deleted, false) AS gone',
    ...plan.features.map((f) => `${quoteName(f.feature.name)} AS ${f.name}`),
  ];
  return `SELECT ${columns.join(', ')} FROM (SELECT ${shape.join(', ')} WHERE false UNION ALL BY NAME
    SELECT * FROM read_parquet(${quotePaths(files)}, union_by_name = true, hive_partitioning = false))`;
}
