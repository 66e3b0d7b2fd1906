/**
 * The rows of a view's history as the computation reads them: by edge instead of time, with the created time and the
 * definition that wrote them. Only files that can hold the wanted edges are opened.
 */
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import { committedSql } from '../../project/engine/duckdb/committed-rows.ts';
import { countingIds } from '../../contract/definitions/definition-json.ts';
import type { Computation } from './computation.ts';
import { keptColumns } from './kept-features.ts';

/**
 * Those that count under the view's row logic; in a backfill of single features, those that the others are taken from.
 *
 * @param fromUs  rows of files that reach to it; null: of all files
 * @returns       a SELECT of (keys, e, created_us, definition, gone, f0.., kept features); null when there is no file
 */
export function historyRowsSql(
  { plan, history, kept }: Pick<Computation, 'plan' | 'history' | 'kept'>,
  fromUs: number | null,
): string | null {
  const { entity } = plan;
  const view = kept?.before ?? plan.view;
  const known = new Set(view.features.map(({ name }) => name));
  const all = history?.files(countingIds(view, entity.joinKeys)) ?? [];
  const files = all.filter(({ lastEventUs }) => fromUs === null || lastEventUs >= fromUs);
  if (files.length === 0) return null;
  const columns = [
    ...entity.joinKeys.map((key, i) => `${quoteName(key.name)} AS ${plan.keys[i]!}`),
    `epoch_us(event_time) // ${plan.hopUs} AS e`,
    'epoch_us(created_time) AS created_us',
    'definition_id AS definition',
    'coalesce(deleted, false) AS gone',
    ...plan.features.map((f) => {
      const value = known.has(f.feature.name) ? quoteName(f.feature.name) : `NULL::${f.duckType}`;
      return `${value} AS ${f.name}`;
    }),
    ...(kept === null ? [] : keptColumns(kept)),
  ];
  return `SELECT ${columns.join(', ')} FROM (${committedSql(view, entity, files)})`;
}
