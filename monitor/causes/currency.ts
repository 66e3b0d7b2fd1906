/**
 * "Is it the right row?": why serving had another row than training sees. Each rule decides one cause from times alone;
 * what it decides is put into words by currency-evidence.ts.
 *
 * A rule is asked of one row that serving missed: the oldest one, and beside it the replayed one (explain.ts).
 */
import { hasHistory } from '../../contract/model.ts';
import { OUTSIDE_TTL, ROW_SOURCES } from '../../contract/status.ts';
import type { CurrencyCause } from '../../contract/cause.ts';
import type { AskedRow, ClockReading, RowFacts } from './facts.ts';
import { isAfter, isOfTimes } from './row-order.ts';
import type { RowTimes } from './row-order.ts';

type Rule = (row: RowFacts, missed: AskedRow | null) => boolean;

/** In the order of CURRENCY_CAUSES; what none of them proves is `not proved`. */
export const CURRENCY_RULES: readonly (readonly [CurrencyCause, Rule])[] = [
  ['definition changed', isDefinitionChanged],
  ['clock skew', isClockSkewed],
  ['cache age', isCached],
  ['materialization lag', isLagging],
  ['TTL boundary', isAtTtl],
  ['missing online', isLost],
  ['late arrival', isLate],
  ['rewritten history', isRewritten],
  ['served ahead', isAhead],
  ['duplicate', isDuplicate],
];

/** @param missed  the row that is asked for; null: serving missed none */
export function currency(row: RowFacts, missed: AskedRow | null): CurrencyCause {
  for (const rule of CURRENCY_RULES) if (rule[1](row, missed)) return rule[0];
  return 'not proved';
}

/** The times that count as those of the served row: its own, or of the row of the history that it is. */
export function servedTimes({ served, fidelity }: RowFacts): RowTimes | null {
  return fidelity?.answer === 'restamped' ? fidelity.row : served;
}

/** Whether a run had brought its rows online by a time. */
export function isFinishedBy({ run }: AskedRow, us: number): boolean {
  return run !== null && run.state === 'complete' && run.finishedUs !== null && run.finishedUs <= us;
}

/** The time from which a run could read a row: in a stored view the later of its event and created time. */
export function knownFrom({ view }: RowFacts, { times }: AskedRow): number {
  return hasHistory(view) ? times.eventUs : Math.max(times.eventUs, times.createdUs ?? times.eventUs);
}

export function isWithheld({ status }: RowFacts): boolean {
  return status === OUTSIDE_TTL;
}

function isCreatedLater({ servedUs }: RowFacts, { times }: AskedRow): boolean {
  return times.createdUs !== null && times.createdUs > servedUs;
}

function isCreatedBefore({ servedUs }: RowFacts, { times }: AskedRow): boolean {
  return times.createdUs !== null && times.createdUs <= servedUs;
}

/** The rows of the served row's own definition give that very row at the served time: only the definition differs. */
function isDefinitionChanged(row: RowFacts): boolean {
  const { view, served, replayed, fidelity, ofServedDefinition } = row;
  // A stored row that is as the source has it is the same under any definition.
  if (view.kind === 'stored' && fidelity?.answer !== 'altered') return false;
  if (served === null || replayed === null || served.definitionId === replayed.definitionId) return false;
  return ofServedDefinition !== null && isOfTimes(ofServedDefinition, servedTimes(row)!);
}

function isClockSkewed(row: RowFacts): boolean {
  return trueClock(row) !== undefined;
}

/** @returns the correction of the pod's clock under which the rule gives what was served, as it did not without it */
export function trueClock(row: RowFacts): ClockReading | undefined {
  if (row.clocks.length === 0) return undefined;
  const served = servedTimes(row);
  const uncorrected = row.replayed?.deleted === true ? null : row.replayed;
  return row.clocks.find(({ row: seen }) => isSameRow(seen, served) && !isSameRow(seen, uncorrected));
}

/** No row is the same as no row. */
function isSameRow(a: RowTimes | null, b: RowTimes | null): boolean {
  return a === null || b === null ? a === b : isOfTimes(a, b);
}

function isCached({ source, fetchedUs, servedUs }: RowFacts, missed: AskedRow | null): boolean {
  const from = ROW_SOURCES[source];
  if (missed === null || fetchedUs === null || (from !== 'cache' && from !== 'stale')) return false;
  return isFinishedBy(missed, servedUs) && !isFinishedBy(missed, fetchedUs);
}

function isLagging(row: RowFacts, missed: AskedRow | null): boolean {
  if (missed === null) return false;
  const { watermarkUs, servedUs, fetchedUs } = row;
  const known = knownFrom(row, missed);
  if (known <= servedUs && (watermarkUs === null || known > watermarkUs)) return true;
  if (fetchedUs === null || !isCreatedBefore(row, missed)) return false;
  return missed.run === null ? missed.failed !== null : !isFinishedBy(missed, fetchedUs);
}

function isAtTtl(row: RowFacts): boolean {
  const { replayed, view, servedUs } = row;
  const served = servedTimes(row);
  if (served === null || replayed === null || isWithheld(row) === row.replayedOutsideTtl) return false;
  // The rule sees the served row no more, and fell back to one past its TTL: the history lost it.
  const isGone = served.eventUs > replayed.eventUs && served.eventUs + view.delayUs <= servedUs;
  return isWithheld(row) || !isGone;
}

function isLost(row: RowFacts, missed: AskedRow | null): boolean {
  const { fetchedUs, served } = row;
  if (missed === null || fetchedUs === null || !isCreatedBefore(row, missed)) return false;
  // A row of another entity that is as new as this one took its place: the write was not lost.
  if (served !== null && !isAfter(missed.times, servedTimes(row)!)) return false;
  return isFinishedBy(missed, fetchedUs);
}

function isLate(row: RowFacts, missed: AskedRow | null): boolean {
  if (missed === null || !isCreatedLater(row, missed)) return false;
  const { view, watermarkUs } = row;
  const { times, run } = missed;
  const served = servedTimes(row);
  if (view.kind === 'snapshot' && served?.eventUs === times.eventUs) return false;
  if (hasHistory(view)) {
    return run !== null && run.kind !== 'backfill' && watermarkUs !== null && times.eventUs <= watermarkUs;
  }
  return served === null || times.eventUs > served.eventUs;
}

function isRewritten(row: RowFacts, missed: AskedRow | null): boolean {
  if (missed === null || !isCreatedLater(row, missed)) return false;
  if (hasHistory(row.view) && missed.run?.kind === 'backfill') return true;
  if (row.view.kind === 'aggregated') return false;
  return servedTimes(row)?.eventUs === missed.times.eventUs;
}

/** The served row is newer than the replayed one, and the rule does not show it yet. */
function isAhead(row: RowFacts): boolean {
  const served = servedTimes(row);
  const { replayed, view, servedUs } = row;
  if (served === null || (replayed !== null && served.eventUs <= replayed.eventUs)) return false;
  return served.eventUs + view.delayUs > servedUs;
}

/** The history has the served row, and another one of its times that comes after it in the canonical order. */
function isDuplicate(row: RowFacts): boolean {
  const { replayed, fidelity } = row;
  if (fidelity?.answer !== 'true' && fidelity?.answer !== 'restamped') return false;
  return fidelity.isDuplicated && replayed !== null && isOfTimes(servedTimes(row)!, replayed);
}
