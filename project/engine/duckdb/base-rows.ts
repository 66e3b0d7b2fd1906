/** The rows of a base (project/history/history-base.ts), as SQL. */
import type { Entity, FeatureView } from '../../../contract/model.ts';
import { historyColumns } from '../../history/history-columns.ts';
import { committedSql, fileValueSql } from './committed-rows.ts';
import { quoteName } from './duckdb.ts';
import { goodRows } from './history.ts';

interface BaseSources {
  /** They hold all rows that count up to and including the midnight, but for those that an earlier base left out. */
  readonly files: readonly { readonly file: string }[];
  /** Whether a row may stand in two of them: in an earlier base, and in a file that was joined of older ones since. */
  readonly repeat: boolean;
}

/**
 * @param beforeUs  the midnight
 * @returns         a SELECT of the base's rows as files of a history hold them, each once, by entity
 */
export function baseSql(view: FeatureView, entity: Entity, sources: BaseSources, beforeUs: number): string {
  const keys = entity.joinKeys.map(({ name }) => quoteName(name)).join(', ');
  const columns = historyColumns(view, entity).map(({ name, type }) => {
    const column = quoteName(name);
    const value = name === 'definition_id' ? `CAST(${column} AS BIGINT)` : fileValueSql(type, column);
    return `${value} AS ${column}`;
  });
  const [event, created] = ['epoch_us(event_time)', 'epoch_us(created_time)'];
  // One number that is greater where (event, created) is: created times lie before the year 2255.
  const place = `${event}::HUGEINT * ${2n ** 53n} + ${created}`;
  const visible = `greatest(${event} + ${view.delayUs}, ${created}) <= ${beforeUs}`;
  return `WITH known AS (SELECT *, ${place} AS "row place" FROM (${goodRows(view, committedSql(view, entity, sources.files))})
      WHERE ${event} <= ${beforeUs}),
    newest AS (SELECT ${keys}, max("row place") AS "newest place" FROM known WHERE ${visible} GROUP BY ${keys})
    SELECT ${sources.repeat ? 'DISTINCT ' : ''}${columns.join(', ')} FROM known LEFT JOIN newest USING (${keys})
    WHERE ${event} < ${beforeUs} AND ("newest place" IS NULL OR "row place" >= "newest place")
    ORDER BY ${keys}, event_time, created_time`;
}
