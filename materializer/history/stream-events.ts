/**
 * Which events of a stream's archive count once: of those that came twice one, of those that were taken back none.
 *
 *   twice       equal keys, id, event time and op, where the source has an id and the event's is not null: the one with
 *               the smallest (partition, offset) counts
 *   taken back  a deletion takes back an event of equal keys, event time and id; without an id, of equal values of the
 *               columns that the view reads. Which of equal ones it is says nothing
 *   changes     of a table: each has an id of its own, of which one counts; what it takes back is known by its values
 *
 * Neither asks in which order they came: partitions have none between them.
 */
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import { columnsOf } from '../../project/engine/duckdb/sources/column-reading.ts';
import type { FileGroup } from '../../project/engine/duckdb/sources/source-files.ts';
import { ARCHIVE_COLUMNS, hasChanges, takesBack } from '../../contract/stream-source.ts';
import type { StreamSource } from '../../contract/stream-source.ts';
import type { AggregatePlan } from '../aggregate/aggregate-plan.ts';
import { keySql } from '../aggregate/aggregate-plan.ts';

/** Columns of the events' FROM item. No field and no join key is called so. */
const ID = quoteName('~id');
const OP = quoteName('~op');
const PARTITION = quoteName('~partition');
const OFFSET = quoteName('~offset');

/** @returns the columns of an archive's row that say which event it is, as SQL with their names */
export function originSql(stream: StreamSource, group: FileGroup): string[] {
  return [
    `${idOfSql(stream, group)} AS ${ID}`,
    `${quoteName(ARCHIVE_COLUMNS.op)} AS ${OP}`,
    `${PARTITION_COLUMN} AS ${PARTITION}`,
    `${OFFSET_COLUMN} AS ${OFFSET}`,
  ];
}

const PARTITION_COLUMN = quoteName(ARCHIVE_COLUMNS.partition);
const OFFSET_COLUMN = quoteName(ARCHIVE_COLUMNS.offset);

function idOfSql(stream: StreamSource, group: FileGroup): string {
  if (!hasChanges(stream))
    return stream.id === null ? 'NULL::VARCHAR' : `CAST(${quoteName(stream.id)} AS VARCHAR)`;
  // Files of builds before have no such column.
  const [change] = columnsOf(group, ARCHIVE_COLUMNS.change);
  return `coalesce(${change?.sql ?? 'NULL::VARCHAR'}, concat(${PARTITION_COLUMN}, ' ', ${OFFSET_COLUMN}))`;
}

/**
 * @param eventUs  SQL of the event time
 * @returns        the clause behind WHERE that keeps of the events that count each one once; '': it is each of them
 */
export function onceSql(plan: AggregatePlan, eventUs: string): string {
  const { stream } = plan.view.source;
  if (stream === undefined) return '';
  const canBack = takesBack(stream);
  if (stream.id === null && !canBack) return '';
  if (hasChanges(stream)) return ` QUALIFY ${leftOf('insert', 'delete', partsOf(plan, eventUs).byValues)}`;
  const { byId, byValues } = partsOf(plan, eventUs);
  const first = `${placeOf(byId)} = 1`;
  const told = canBack ? `${OP} = 'insert' AND ${first} AND ${countOf('delete', byId)} = 0` : first;
  const untold = canBack
    ? `${OP} = 'insert' AND ${placeOf(byValues)} > ${countOf('delete', byValues)}`
    : 'true';
  return ` QUALIFY CASE WHEN ${ID} IS NULL THEN ${untold} ELSE ${told} END`;
}

/** @returns the clause that keeps the deletions that take back no event; null: the source has none */
export function idleSql(plan: AggregatePlan, eventUs: string): string | null {
  const { stream } = plan.view.source;
  if (stream === undefined || !takesBack(stream)) return null;
  const { byId, byValues } = partsOf(plan, eventUs);
  if (hasChanges(stream)) return ` QUALIFY ${leftOf('delete', 'insert', byValues)}`;
  const told = `${countOf('insert', byId)} = 0`;
  const untold = `${placeOf(byValues)} > ${countOf('insert', byValues)}`;
  return ` QUALIFY ${OP} = 'delete' AND CASE WHEN ${ID} IS NULL THEN ${untold} ELSE ${told} END`;
}

/** @returns the condition that keeps, each change once, of equal events of one op as many as there are more of it */
function leftOf(op: EventOp, other: EventOp, equal: string): string {
  const first = `row_number() OVER (PARTITION BY ${equal}, ${OP}, ${ID} ORDER BY ${PARTITION}, ${OFFSET}) = 1`;
  const place = `dense_rank() OVER (PARTITION BY ${equal}, ${OP} ORDER BY ${ID})`;
  const others = `count(DISTINCT CASE WHEN ${OP} = '${other}' THEN ${ID} END) OVER (PARTITION BY ${equal})`;
  return `${OP} = '${op}' AND ${first} AND ${place} > ${others}`;
}

/** What events are equal by. */
function partsOf(plan: AggregatePlan, eventUs: string): { byId: string; byValues: string } {
  const of = [...plan.keys.map((_, i) => keySql(plan, i)), eventUs];
  const values = plan.columns.map(({ sql }) => sql);
  const byId = [...of, ID];
  // The id of a change tells the change, not the row that it adds or takes back.
  const byValues = hasChanges(plan.view.source.stream!) ? [...of, ...values] : [...byId, ...values];
  return { byId: byId.join(', '), byValues: byValues.join(', ') };
}

type EventOp = 'insert' | 'delete';

function placeOf(equal: string): string {
  return `row_number() OVER (PARTITION BY ${equal}, ${OP} ORDER BY ${PARTITION}, ${OFFSET})`;
}

function countOf(op: EventOp, equal: string): string {
  return `count_if(${OP} = '${op}') OVER (PARTITION BY ${equal})`;
}
