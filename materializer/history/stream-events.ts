/**
 * Which events of a stream's archive count once: of those that came twice one, of those that were taken back none.
 *
 *   twice       equal keys, id, event time and op, where the source has an id and the event's is not null: the one with
 *               the smallest (partition, offset) counts
 *   taken back  a deletion takes back an event of equal keys, event time and id; without an id, of equal values of the
 *               columns that the view reads. Which of equal ones it is says nothing
 *
 * Neither asks in which order they came: partitions have none between them.
 */
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import { ARCHIVE_COLUMNS } from '../../contract/stream-source.ts';
import type { StreamSource } from '../../contract/stream-source.ts';
import type { AggregatePlan } from '../aggregate/aggregate-plan.ts';
import { keySql } from '../aggregate/aggregate-plan.ts';

/** Columns of the events' FROM item. No field and no join key is called so. */
const ID = quoteName('~id');
const OP = quoteName('~op');
const PARTITION = quoteName('~partition');
const OFFSET = quoteName('~offset');

/** @returns the columns of an archive's row that say which event it is, as SQL with their names */
export function originSql({ id }: StreamSource): string[] {
  return [
    `${id === null ? 'NULL::VARCHAR' : `CAST(${quoteName(id)} AS VARCHAR)`} AS ${ID}`,
    `${quoteName(ARCHIVE_COLUMNS.op)} AS ${OP}`,
    `${quoteName(ARCHIVE_COLUMNS.partition)} AS ${PARTITION}`,
    `${quoteName(ARCHIVE_COLUMNS.offset)} AS ${OFFSET}`,
  ];
}

/**
 * @param eventUs  SQL of the event time
 * @returns        the clause behind WHERE that keeps of the events that count each one once; '': it is each of them
 */
export function onceSql(plan: AggregatePlan, eventUs: string): string {
  const { stream } = plan.view.source;
  if (stream === undefined) return '';
  const takesBack = canTakeBack(stream);
  if (stream.id === null && !takesBack) return '';
  const { byId, byValues } = partsOf(plan, eventUs);
  const first = `${placeOf(byId)} = 1`;
  const told = takesBack ? `${OP} = 'insert' AND ${first} AND ${countOf('delete', byId)} = 0` : first;
  const untold = takesBack
    ? `${OP} = 'insert' AND ${placeOf(byValues)} > ${countOf('delete', byValues)}`
    : 'true';
  return ` QUALIFY CASE WHEN ${ID} IS NULL THEN ${untold} ELSE ${told} END`;
}

/** @returns the clause that keeps the deletions that take back no event; null: the source has none */
export function idleSql(plan: AggregatePlan, eventUs: string): string | null {
  const { stream } = plan.view.source;
  if (stream === undefined || !canTakeBack(stream)) return null;
  const { byId, byValues } = partsOf(plan, eventUs);
  const told = `${countOf('insert', byId)} = 0`;
  const untold = `${placeOf(byValues)} > ${countOf('insert', byValues)}`;
  return ` QUALIFY ${OP} = 'delete' AND CASE WHEN ${ID} IS NULL THEN ${untold} ELSE ${told} END`;
}

function canTakeBack({ op, format }: StreamSource): boolean {
  return op !== null || format.kind === 'debezium';
}

/** What events are equal by. */
function partsOf(plan: AggregatePlan, eventUs: string): { byId: string; byValues: string } {
  const byId = [...plan.keys.map((_, i) => keySql(plan, i)), eventUs, ID];
  return { byId: byId.join(', '), byValues: [...byId, ...plan.columns.map(({ sql }) => sql)].join(', ') };
}

function placeOf(equal: string): string {
  return `row_number() OVER (PARTITION BY ${equal}, ${OP} ORDER BY ${PARTITION}, ${OFFSET})`;
}

function countOf(op: 'insert' | 'delete', equal: string): string {
  return `count_if(${OP} = '${op}') OVER (PARTITION BY ${equal})`;
}
