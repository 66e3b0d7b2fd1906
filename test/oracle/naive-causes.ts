/**
 * The tables of docs/monitor.md ("Two questions", "Causes") read word for word, one sentence at a time: which answers
 * and causes hold, each asked on its own. Slow, and written apart from monitor/causes: values are compared as texts.
 */
import type { CurrencyCause } from '../../contract/cause.ts';
import type { AskedRow, RowFacts } from '../../monitor/causes/facts.ts';
import type { FidelityAnswer, FidelityFacts, HeldRow } from '../../monitor/causes/fidelity.ts';
import type { RowTimes } from '../../monitor/causes/row-order.ts';
import { OUTSIDE_TTL, PRESENT, ROW_SOURCES } from '../../contract/status.ts';
import type { Value } from '../../contract/value-type.ts';

/** A value as text: every bit shows but those of NaN. */
function text(value: Value): string {
  if (Object.is(value, -0)) return '-0';
  return typeof value === 'bigint' ? `${value}n` : typeof value === 'string' ? `"${value}"` : String(value);
}

const SAYS_NOTHING = ['null', 'NaN', '0', '-0', '0n', 'false', '""'];

/** Every sentence of the table on its own, without "the first that holds". */
export function naiveAnswers(facts: FidelityFacts): Record<FidelityAnswer, boolean> {
  const { served, own, others, features } = facts;
  const alive = own.filter(({ deleted }) => deleted !== true);
  const unlike = ({ values }: HeldRow): number =>
    features.filter((_, i) => text(values[i]!) !== text(served.values[i]!)).length;
  const timesAgree = ({ eventUs, createdUs }: HeldRow): boolean =>
    createdUs === null || served.createdUs === null
      ? eventUs === served.eventUs
      : `${eventUs} ${createdUs}` === `${served.eventUs} ${served.createdUs}`;
  const telling = features.filter(
    ({ fallback }, i) => ![...SAYS_NOTHING, text(fallback)].includes(text(served.values[i]!)),
  );
  const twins = alive.filter((row) => unlike(row) === 0);
  const holders = new Set(
    others.flatMap((row) => (timesAgree(row) && unlike(row) === 0 && !row.deleted ? [row.entity] : [])),
  );
  const holdersOfEvent = new Set(
    others.flatMap((row) =>
      row.eventUs === served.eventUs && unlike(row) === 0 && !row.deleted ? [row.entity] : [],
    ),
  );
  const ofEvent = alive.filter(({ eventUs }) => eventUs === served.eventUs);
  const follows = ({ eventUs, createdUs }: HeldRow): boolean =>
    eventUs > served.eventUs ||
    (eventUs === served.eventUs &&
      (createdUs === null || served.createdUs === null || createdUs >= served.createdUs));
  const later = {
    altered: alive.some((row) => timesAgree(row) && unlike(row) > 0),
    notKept:
      own.some((row) => row.deleted === true && follows(row)) ||
      (facts.keptFromUs ?? served.eventUs) > served.eventUs ||
      (facts.kind === 'stored' &&
        ofEvent.length > 0 &&
        ofEvent.every(
          ({ createdUs }) =>
            (createdUs ?? 0) > (served.createdUs ?? 0) && !timesAgree({ ...ofEvent[0]!, createdUs }),
        )),
    missingInHistory: alive.length === 0,
  };
  const isOpen = Object.values(later).every((holds) => !holds);
  return {
    true: twins.some(timesAgree),
    restamped:
      twins.some(({ eventUs }) => eventUs === served.eventUs) || (twins.length > 0 && telling.length > 1),
    foreign:
      (holders.size === 1 && alive.filter(timesAgree).every((row) => unlike(row) >= 2)) ||
      (isOpen && holdersOfEvent.size === 1 && telling.length > 1),
    ...later,
    unknown: true,
  };
}

/** No row is the same as no row. */
function haveSameTimes(a: RowTimes | null, b: RowTimes | null): boolean {
  if (a === null || b === null) return a === b;
  const created = (one: RowTimes, other: RowTimes): number | null => one.createdUs ?? other.createdUs;
  return `${a.eventUs} ${created(a, b)}` === `${b.eventUs} ${created(b, a)}`;
}

/** Every sentence of the table of currency on its own, for one missed row. */
export function naiveCurrency(row: RowFacts, asked: AskedRow | null): Record<CurrencyCause, boolean> {
  const { servedUs, view, replayed, fidelity } = row;
  const served = fidelity?.answer === 'restamped' ? fidelity.row : row.served;
  const fetched = row.fetchedUs ?? -Infinity;
  const isRead = row.fetchedUs !== null;
  const aggregated = view.kind === 'aggregated';
  const event = asked?.times.eventUs ?? Number.NaN;
  const created = asked?.times.createdUs ?? null;
  const createdAfter = created !== null && created > servedUs;
  const createdBefore = created !== null && !createdAfter;
  const ended = asked?.run?.state === 'complete' ? (asked.run.finishedUs ?? Infinity) : Infinity;
  const mark = row.watermarkUs ?? -Infinity;
  const known = aggregated ? event : Math.max(event, created ?? event);
  const hasRecord = asked !== null && (asked.run !== null || asked.failed !== null);
  const inside = [row.status !== OUTSIDE_TTL, !row.replayedOutsideTtl];
  const lostByHistory =
    served !== null &&
    replayed !== null &&
    served.eventUs > replayed.eventUs &&
    served.eventUs + view.delayUs <= servedUs;
  return {
    'definition changed':
      (aggregated || fidelity?.answer === 'altered') &&
      row.served !== null &&
      replayed !== null &&
      row.served.definitionId !== replayed.definitionId &&
      row.ofServedDefinition !== null &&
      haveSameTimes(row.ofServedDefinition, served),
    'clock skew': row.clocks
      .filter(({ row: seen }) => !haveSameTimes(seen, replayed?.deleted === true ? null : replayed))
      .some(({ row: seen }) => haveSameTimes(seen, served)),
    'cache age':
      isRead && ['cache', 'stale'].includes(ROW_SOURCES[row.source]!) && ended > fetched && ended <= servedUs,
    'materialization lag':
      asked !== null &&
      ((known <= servedUs && known > mark) || (isRead && createdBefore && hasRecord && ended > fetched)),
    'TTL boundary':
      served !== null && replayed !== null && inside[0] !== inside[1] && !(lostByHistory && inside[0]),
    'missing online':
      isRead &&
      createdBefore &&
      ended <= fetched &&
      (served === null ||
        event > served.eventUs ||
        (event === served.eventUs && served.createdUs !== null && created > served.createdUs)),
    'late arrival':
      createdAfter &&
      (aggregated
        ? asked!.run !== null && asked!.run.kind !== 'backfill' && event <= mark
        : served === null || event > served.eventUs),
    'rewritten history':
      createdAfter &&
      (aggregated ? asked!.run?.kind === 'backfill' : served !== null && event === served.eventUs),
    'served ahead':
      served !== null &&
      served.eventUs > (replayed?.eventUs ?? -Infinity) &&
      served.eventUs > servedUs - view.delayUs,
    duplicate:
      replayed !== null &&
      served !== null &&
      (fidelity?.answer === 'true' || fidelity?.answer === 'restamped') &&
      fidelity.isDuplicated &&
      served.eventUs === replayed.eventUs &&
      (served.createdUs ?? replayed.createdUs) === (replayed.createdUs ?? served.createdUs),
    'not proved': true,
  };
}

/** Whether the promise was kept, for a mismatch that is counted under a cause. */
export function naivePromise(row: RowFacts, cause: string): boolean {
  const { view, missed, servedUs, fidelity } = row;
  const isTrue = fidelity?.answer === 'true' || fidelity?.answer === 'restamped';
  const nothingGivenOut = fidelity === null && row.status !== PRESENT;
  const timing = ['cache age', 'materialization lag', 'late arrival'];
  if (view.kind === 'stored') timing.push('TTL boundary');
  const withheldAggregate = view.kind === 'aggregated' && row.status === OUTSIDE_TTL;
  if (missed === null || !(isTrue || nothingGivenOut) || !timing.includes(cause) || withheldAggregate)
    return false;
  const { eventUs, createdUs } = missed.times;
  const since =
    view.kind === 'stored' && createdUs !== null && createdUs <= servedUs
      ? Math.max(eventUs, createdUs)
      : eventUs;
  return servedUs - since < view.freshnessUs;
}

/** @returns the first that holds, in the order of the record */
export function firstThatHolds<Case extends string>(cases: Record<Case, boolean>): Case {
  return (Object.keys(cases) as Case[]).find((one) => cases[one])!;
}
