/**
 * Checks the events that are new to a run: how many are refused and why, come too late, wait for their edge, or lose
 * what they hold to rounding; and how new the source is. Refused events are kept whole and with the reason, those that
 * are too late with the lateness that would have taken them (run/run-folders.ts says where).
 *
 * New are the events created since the last cut-off (those without a created time: by event time). In a source
 * without created times nothing tells them apart, so a run checks all that it reads again. Rows that have neither
 * time are checked when everything is computed: nothing says which run they belong to.
 */
import { reasonKindSql } from '../../project/engine/duckdb/sources/column-reading.ts';
import { quoteName, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { SqlRow } from '../../project/engine/duckdb/duckdb.ts';
import { FILE_COLUMN } from '../../project/engine/duckdb/sources/source-files.ts';
import type { AggregatePlan } from '../aggregate/aggregate-plan.ts';
import { isWhole, summedColumns } from '../aggregate/fixed-point.ts';
import { keepRows } from '../run/reject-file.ts';
import type { RowCounts } from '../run/row-counts.ts';
import { rejectFile } from '../run/run-folders.ts';
import type { Computation, HistoryRun } from './computation.ts';
import { FILE_ROW } from './event-rows.ts';
import { eventRange } from './events.ts';
import type { EventSource } from './events.ts';

/** Which events are new to the run. */
interface Arrival {
  /** Created after this (null: since ever); in a source without created times: at or after this event time. */
  readonly afterUs: number | null;
  /** Created up to and including this. */
  readonly knownUs: number;
}

/** Counts of the events that are new to a run. Times take excluded events in: they too show that the source lives. */
export interface EventCounts extends RowCounts {
  /** Of the events that are not refused; null: there are none. */
  readonly oldestEventUs: number | null;
  /** Sentences about values that lose to rounding. */
  readonly warnings: readonly string[];
}

export async function checkEvents(computation: Computation): Promise<EventCounts> {
  const { run, plan, source, extent } = computation;
  const arrival = arrivalOf(computation);
  const dueUs = extent.toEdge * plan.hopUs;
  const isNew = newnessSql(source, arrival);
  const floats = roundedColumns(plan);
  const values = floats.map(({ sql, value }) => `${sql} AS ${value}`);
  const rows = await run.duck.rows(
    `SELECT reason, excluded, count(*) AS n, count_if(late) AS late, count_if(NOT late AND t >= ${dueUs}) AS waiting,
       max(c - t) FILTER (late) AS needed, max(t) FILTER (t <= ${arrival.knownUs}) AS event, max(c) AS created, min(t) AS oldest
       ${floats.map((rounded, i) => `, ${lossSql(rounded, i)}`).join('')}
     FROM (SELECT ${[
       `${reasonKindSql(source.reason)} AS reason`,
       `${source.excluded} AS excluded`,
       `${source.tooLate} AS late`,
       `${source.eventUs} AS t`,
       `${source.createdUs ?? 'NULL::BIGINT'} AS c`,
       ...values,
     ].join(', ')} FROM ${source.from} WHERE ${isNew})
     GROUP BY reason, excluded ORDER BY n DESC, reason`,
  );
  const refused = rows.filter((row) => row['reason'] !== null);
  const good = rows.find((row) => row['reason'] === null && row['excluded'] !== true);
  const excluded = rows.find((row) => row['excluded'] === true);
  const reasons = new Map(refused.map((row) => [row['reason'] as string, Number(row['n'])]));
  const idleRows = idleSql(computation, dueUs);
  const idle = idleRows === null ? 0 : await countRows(run.duck, `SELECT 1 ${idleRows}`);
  if (idle > 0) reasons.set(IDLE, idle);
  const rejected = [...reasons.values()].reduce((sum, n) => sum + n, 0);
  const lateEvents = Number(good?.['late'] ?? 0);
  const origin = `${quoteName(FILE_COLUMN)} AS reject_file, ${FILE_ROW} + 1 AS reject_row`;
  const more = `${origin}, * EXCLUDE (${[FILE_COLUMN, ...source.notes].map(quoteName).join(', ')})`;
  const refusedSql = `SELECT ${source.reason} AS reject_reason, ${more} FROM ${source.from}
    WHERE ${isNew} AND (${source.reason}) IS NOT NULL`;
  const lateSql = `SELECT 'too late' AS reject_reason, ${source.createdUs} - ${source.eventUs} AS lateness_needed_us, ${more}
    FROM ${source.from} WHERE ${isNew} AND (${source.reason}) IS NULL AND ${source.tooLate}`;
  const keptSql =
    idle === 0
      ? refusedSql
      : `(${refusedSql}) UNION ALL (SELECT ${quoteText(IDLE)} AS reject_reason, ${more} ${idleRows!})`;
  return {
    // Deletions that take back nothing are among the good.
    read: rejected - idle + Number(good?.['n'] ?? 0),
    excluded: Number(excluded?.['n'] ?? 0),
    rejected,
    idle,
    reasons,
    lateEvents,
    latenessNeededUs: numberOf(good?.['needed']),
    waiting: Number(good?.['waiting'] ?? 0),
    oldestEventUs: numberOf(good?.['oldest']),
    // An excluded row shows that the source lives.
    newestEventUs: greatest(good?.['event'], excluded?.['event']),
    newestCreatedUs: greatest(good?.['created'], excluded?.['created']),
    snapshot: source.snapshot,
    rejectFile: rejected === 0 ? null : await keepKind(run, keptSql, ''),
    lateFile: lateEvents === 0 ? null : await keepKind(run, lateSql, '.late'),
    warnings: floats.flatMap((rounded, i) => lossWarning(rounded, i, good)),
  };
}

/** As a stream says it of each. */
const IDLE = 'it takes back an event that was never counted';

/**
 * A deletion that takes back nothing counts for nothing; the event may come yet, from another partition.
 * @returns FROM and what follows, of those that are due; null: the source has none
 */
function idleSql({ source }: Computation, dueUs: number): string | null {
  if (source.idle === null) return null;
  return `FROM ${source.from} WHERE ${source.counts} AND ${eventRange(source, null, dueUs)}${source.idle}`;
}

async function countRows(duck: HistoryRun['duck'], rows: string): Promise<number> {
  const [row] = await duck.rows(`SELECT count(*) AS n FROM (${rows})`);
  return Number(row!['n']);
}

/** An increment looks at what is new to it, every other run at all there is. */
function arrivalOf({ run, source, extent }: Computation): Arrival {
  const { knownUs } = extent;
  if (extent.mode !== 'increment') return { afterUs: null, knownUs };
  const afterUs = source.createdUs === null ? extent.fromEdge * run.view.hopUs : extent.knownBeforeUs;
  return { afterUs, knownUs };
}

function greatest(...values: readonly unknown[]): number | null {
  const known = values.map(numberOf).filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}

function numberOf(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value);
}

function newnessSql(source: EventSource, { afterUs, knownUs }: Arrival): string {
  if (source.createdUs === null) {
    return afterUs === null ? 'true' : `coalesce(${source.eventUs} >= ${afterUs}, false)`;
  }
  const arrived = `coalesce(${source.createdUs}, ${source.eventUs})`;
  if (afterUs === null) return `coalesce(${arrived} <= ${knownUs}, true)`;
  const orNewFile = source.isNewFile === null ? '' : ` OR ${source.isNewFile}`;
  return `coalesce((${arrived} > ${afterUs}${orNewFile}) AND ${arrived} <= ${knownUs}, false)`;
}

/** A column of floats that is summed, and what its rounding costs. */
interface RoundedColumn {
  readonly column: string;
  readonly sql: string;
  /** Its name in the SQL. */
  readonly value: string;
  readonly scale: number;
  readonly features: readonly string[];
}

/** More than this share of the sum of magnitudes lost to rounding is warned of. */
const LOSS_LIMIT = 0.001;

function roundedColumns(plan: AggregatePlan): RoundedColumn[] {
  return summedColumns(plan)
    .filter(({ column }) => !isWhole(column.type))
    .map(({ column, scale, features }) => ({
      column: column.source,
      sql: `${column.sql}::DOUBLE`,
      value: `${column.name}x${scale}`,
      scale,
      features,
    }));
}

/** Over the good events: how many vanish, how much is lost, of how much, over how many that are not zero. */
function lossSql({ value, scale }: RoundedColumn, i: number): string {
  const lost = `abs(${value} - round(${value} * 1e${scale}) / 1e${scale})`;
  return `count_if(${value} <> 0 AND abs(${value} * 1e${scale}) < 0.5) AS vanish${i}, sum(${lost}) AS lost${i},
    sum(abs(${value})) AS sum${i}, count_if(${value} <> 0) AS some${i}`;
}

function lossWarning(rounded: RoundedColumn, i: number, good: SqlRow | undefined): string[] {
  const { column, scale, features } = rounded;
  const of = (name: string): number => numberOf(good?.[`${name}${i}`]) ?? 0;
  const share = of('sum') === 0 ? 0 : of('lost') / of('sum');
  const whose = `at ${scale} decimal places (${features.join(', ')})`;
  if (share > LOSS_LIMIT) {
    // Three digits more than the mean magnitude has zeros behind the point.
    const enough = Math.min(22, Math.ceil(3 - Math.log10(of('sum') / of('some'))));
    const text = `values of ${column} lose ${(share * 100).toFixed(1)} % of their sum to rounding ${whose}`;
    return [`${text}: scale: ${enough} would keep them`];
  }
  const n = of('vanish');
  if (n === 0) return [];
  const values = `${n} value${n === 1 ? '' : 's'} of ${column} that ${n === 1 ? 'is' : 'are'} not zero`;
  return [`${values} round${n === 1 ? 's' : ''} to zero ${whose}: raise the scale of the feature`];
}

async function keepKind(run: HistoryRun, rows: string, kind: '' | '.late'): Promise<string | null> {
  if (!run.keepsRejects) return null;
  const file = rejectFile(run.settings.work, run.view, run.runId, kind);
  await keepRows(run.duck, rows, file);
  return file;
}
