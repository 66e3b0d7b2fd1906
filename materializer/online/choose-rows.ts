/**
 * Which rows of a view a run writes online: its new rows are counted and checked, and the newest good one of each
 * entity is put aside in a temporary table of the run's DuckDB.
 */
import type { SqlRow } from '../../project/engine/duckdb/duckdb.ts';
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import { openHistoryWithFaults } from '../../project/engine/duckdb/history.ts';
import { reasonKindSql } from '../../project/engine/duckdb/sources/column-reading.ts';
import { FILE_COLUMN } from '../../project/engine/duckdb/sources/source-files.ts';
import {
  CREATED_NS,
  EVENT_NS,
  lostColumns,
  REASON,
  ROW_COLUMN,
} from '../../project/engine/duckdb/sources/stored-rows.ts';
import { newFilesSql } from '../../project/engine/duckdb/sources/new-files.ts';
import { materializerError } from '../errors.ts';
import { checkLeftOut } from '../run/left-out.ts';
import { keepRows } from '../run/reject-file.ts';
import { later, NO_ROWS } from '../run/row-counts.ts';
import type { RowCounts } from '../run/row-counts.ts';
import { rejectFile } from '../run/run-folders.ts';
import type { RejectKind } from '../run/run-folders.ts';
import type { ViewRun } from '../run/view-run.ts';
import { candidatesSql, CREATED_US, DELETED, EVENT_US, FATE, latestSql } from './latest-rows.ts';
import type { Fate } from './latest-rows.ts';

/** The rows chosen and waiting, in the order of their keys. */
export interface ChosenRows {
  readonly table: string;
  /** Of the rows that were read. */
  readonly counts: RowCounts;
  /** Entities to write. */
  readonly entities: number;
}

/**
 * @param kind  of the file that takes the rejected rows
 * @throws      MAT_REJECTED, MAT_NULL_SHARE when too many rows do not hold; MAT_SOURCE when they cannot be read
 */
export async function chooseRows(
  run: ViewRun,
  table: string,
  kind: RejectKind = '.online',
): Promise<ChosenRows> {
  const { duck, view, entity, settings, logger } = run;
  try {
    const history = await openHistoryWithFaults(duck, settings, view, entity);
    if (history.source !== null)
      lostColumns(history.source, view).forEach((text) => logger.warn(`${view.id}: ${text}`));
    const read = history.source?.table ?? null;
    const since = run.range.previous?.snapshot ?? null;
    const isNewFile = read === null ? null : await newFilesSql(duck, read, since);
    const choice = { ...run, isNewFile: read === null ? null : (isNewFile ?? 'true') };
    const candidates = candidatesSql(choice, history.sql);
    const { nulls, ...counts } = await countCandidates(run, candidates, {
      snapshot: read?.name ?? null,
      kind,
    });
    checkLeftOut(run, counts);
    checkNulls(run, counts, nulls);
    // Neighbours in the key lie together in SQLite; written in order its pages are touched once.
    const keys = entity.joinKeys.map(({ name }) => quoteName(name)).join(', ');
    await duck.run(`CREATE OR REPLACE TEMP TABLE ${quoteName(table)} AS
      ${latestSql(choice, history.sql)} ORDER BY ${keys}`);
    const [row] = await duck.rows(`SELECT count(*)::DOUBLE AS entities FROM ${quoteName(table)}`);
    return { table, counts, entities: row!['entities'] as number };
  } catch (error) {
    if ((error as { code?: string }).code?.startsWith('MAT_')) throw error;
    const { message } = error as Error;
    throw materializerError('MAT_SOURCE', `cannot read the rows of ${view.id}: ${message}`, {}, error);
  }
}

/** @returns the counts of the candidates, and of the good ones the nulls of each feature whose nulls are limited */
async function countCandidates(
  run: ViewRun,
  candidates: string,
  { snapshot, kind }: { readonly snapshot: string | null; readonly kind: RejectKind },
): Promise<RowCounts & { nulls: ReadonlyMap<string, number> }> {
  const { duck, view, range } = run;
  const reason = reasonKindSql(quoteName(REASON));
  const checked = view.features.filter((f) => f.checks !== null && f.checks.maxNullShare !== null);
  const nullCounts = checked.map(
    ({ name }, i) =>
      `, count_if(${quoteName(name)} IS NULL AND NOT ${quoteName(DELETED)})::DOUBLE AS nulls_${i}`,
  );
  const rows = await duck.rows(
    `SELECT ${quoteName(FATE)} AS fate, ${reason} AS reason, count(*)::DOUBLE AS n,
      (max(${quoteName(EVENT_US)}) FILTER (${quoteName(EVENT_US)} <= ${range.dueUs}))::DOUBLE AS event,
      max(${quoteName(CREATED_US)})::DOUBLE AS created${nullCounts.join('')}
     FROM (${candidates}) GROUP BY ALL ORDER BY n DESC, reason`,
  );
  const of = (fate: Fate): SqlRow[] => rows.filter((row) => row['fate'] === fate);
  const count = (fate: Fate): number => of(fate).reduce((sum, row) => sum + (row['n'] as number), 0);
  // An excluded row shows that the source lives, and so does one that waits.
  const living = rows.filter((row) => row['fate'] !== 'rejected');
  const newest = (time: 'event' | 'created'): number | null =>
    living.reduce((best, row) => later(best, row[time] as number | null), null as number | null);
  const [good] = of('counted');
  const rejected = count('rejected');
  return {
    ...NO_ROWS,
    read: count('counted') + rejected + count('waiting'),
    rejected,
    waiting: count('waiting'),
    excluded: count('excluded'),
    reasons: new Map(of('rejected').map((row) => [row['reason'] as string, row['n'] as number])),
    newestEventUs: newest('event'),
    newestCreatedUs: newest('created'),
    snapshot,
    rejectFile: rejected === 0 || !run.keepsRejects ? null : await keepRejected(run, candidates, kind),
    nulls: new Map(checked.map(({ name }, i) => [name, (good?.[`nulls_${i}`] as number | undefined) ?? 0])),
  };
}

/** @returns the file of the rejected candidates */
async function keepRejected(run: ViewRun, candidates: string, kind: RejectKind): Promise<string> {
  const file = rejectFile(run.settings.work, run.view, run.runId, kind);
  const [event, created, reason] = [EVENT_US, CREATED_US, REASON].map(quoteName);
  const [source, row] = [FILE_COLUMN, ROW_COLUMN].map(quoteName);
  const times = [EVENT_US, CREATED_US, EVENT_NS, CREATED_NS];
  const own = [REASON, FATE, DELETED, ...times, FILE_COLUMN, ROW_COLUMN].map(quoteName);
  await keepRows(
    run.duck,
    `SELECT ${reason} AS reject_reason, ${source} AS reject_file, ${row} AS reject_row,
      make_timestamp(${event}) AS event_time, make_timestamp(${created}) AS created_time,
      * EXCLUDE (${own.join(', ')})
      FROM (${candidates}) WHERE ${quoteName(FATE)} = 'rejected'`,
    file,
  );
  return file;
}

function checkNulls({ view }: ViewRun, counts: RowCounts, nulls: ReadonlyMap<string, number>): void {
  const good = counts.read - counts.rejected - counts.waiting;
  for (const { name, checks } of view.features) {
    const limit = checks?.maxNullShare ?? null;
    const count = nulls.get(name) ?? 0;
    // The share is compared, not the count: 0.29 * 100 is a hair below 29, while 29 / 100 is 0.29 to the bit.
    if (limit === null || count === 0 || count / good <= limit) continue;
    const percent = Number((limit * 100).toPrecision(15));
    throw materializerError(
      'MAT_NULL_SHARE',
      `${name} of ${view.id} is null in ${count} of ${good} rows; its check allows ${percent} %`,
      { field: name },
    );
  }
}
