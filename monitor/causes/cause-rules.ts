/**
 * The rules that find the cause of a mismatch, in the order of `CAUSES` (cause.ts). Each rule looks for one piece of
 * evidence and states it in a sentence that can be understood at three in the morning.
 *
 * Three causes of the list have no rule yet but keep their places: "answer altered" (compares the logged answer's
 * bytes), "inherited" and "on-demand differs" (both come with on-demand views).
 */
import { definitionName } from '../../contract/wire/online/row-header.ts';
import { OUTSIDE_TTL, ROW_SOURCES, UNAVAILABLE } from '../../contract/status.ts';
import { isNumeric } from '../../contract/value-type.ts';
import type { Value } from '../../contract/value-type.ts';
import type { Cause } from './cause.ts';
import { spanText, timeText } from './evidence-text.ts';
import type { ReplayedTimes, RowFacts, ValueFacts } from './facts.ts';
import { isSame } from './value-equality.ts';

/** The rules in the order of CAUSES; each returns its evidence, or null when it finds none. */
export const RULES: readonly (readonly [Cause, (facts: ValueFacts) => string | null])[] = [
  ['unavailable', ({ row }) => unavailable(row)],
  ['definition changed', ({ row }) => definitionChanged(row)],
  ['cache age', ({ row }) => cacheAge(row)],
  ['materialization lag', ({ row }) => materializationLag(row)],
  ['TTL boundary', ({ row }) => ttlBoundary(row)],
  ['missing online', ({ row }) => missingOnline(row)],
  ['missing in history', ({ row }) => missingInHistory(row)],
  ['null or default substituted', substituted],
  ['precision / type', precision],
  ['late arrival', ({ row }) => lateArrival(row)],
  ['rewritten history', ({ row }) => rewrittenHistory(row)],
  ['served ahead', ({ row }) => servedAhead(row)],
];

/** Whether serving missed the replayed row: it served no row, or an earlier one. */
export function isMissed(row: RowFacts, replayed: ReplayedTimes): boolean {
  const { served } = row;
  if (served === null || served.eventUs < replayed.eventUs) return true;
  return served.eventUs === replayed.eventUs && (served.createdUs ?? -1) < (replayed.createdUs ?? -1);
}

function missedRow(row: RowFacts): ReplayedTimes | null {
  return row.replayed !== null && isMissed(row, row.replayed) ? row.replayed : null;
}

function unavailable(row: RowFacts): string | null {
  const at = timeText(row.servedUs, row.servedUs);
  if (row.status === UNAVAILABLE) {
    return `the store gave no answer for ${row.view.id} when it was served at ${at}, and nothing was cached`;
  }
  if (ROW_SOURCES[row.source] !== 'stale' || row.fetchedUs === null) return null;
  const age = spanText(Math.max(0, row.servedUs - row.fetchedUs));
  return (
    `the store failed: at ${at} the row fetched at ${timeText(row.fetchedUs, row.servedUs)} ` +
    `was served once more, ${age} old`
  );
}

function definitionChanged(row: RowFacts): string | null {
  const { served, replayed } = row;
  if (served === null || replayed === null || served.definitionId === replayed.definitionId) return null;
  return (
    `the served row was written under definition ${definitionName(served.definitionId)}, ` +
    `the replayed one under ${definitionName(replayed.definitionId)}`
  );
}

function cacheAge(row: RowFacts): string | null {
  const missed = missedRow(row);
  const { run, fetchedUs, servedUs } = row;
  if (missed === null || ROW_SOURCES[row.source] !== 'cache' || fetchedUs === null) return null;
  if (run?.state !== 'complete' || run.finishedUs === null) return null;
  if (run.finishedUs <= fetchedUs || run.finishedUs > servedUs) return null;
  return (
    `the cached row was fetched at ${timeText(fetchedUs, servedUs)}; run ${run.runId} had written ` +
    `${rowText(row, missed)} by ${timeText(run.finishedUs, servedUs)}; the cached one was served at ` +
    `${timeText(servedUs, servedUs)}, ${spanText(servedUs - fetchedUs)} after it was fetched`
  );
}

function materializationLag(row: RowFacts): string | null {
  const missed = missedRow(row);
  if (missed === null) return null;
  const { servedUs, watermarkUs, run } = row;
  const aggregated = row.view.kind === 'aggregated';
  const knownUs = aggregated ? missed.eventUs : Math.max(missed.eventUs, missed.createdUs ?? missed.eventUs);
  const at = timeText(servedUs, servedUs);
  if (knownUs <= servedUs && (watermarkUs === null || knownUs > watermarkUs)) {
    const due = timeText(missed.eventUs + row.view.delayUs, servedUs);
    const what = aggregated
      ? `${rowText(row, missed)} was due at ${due}`
      : `${rowText(row, missed)} was in the source at ${timeText(knownUs, servedUs)}`;
    const online =
      watermarkUs === null
        ? 'nothing of the view was complete online'
        : `the view was complete online only up to ${timeText(watermarkUs, servedUs)}`;
    return `${what} but ${online} when served at ${at}; ${writtenText(row)}`;
  }
  const written = run === null || row.fetchedUs === null || isFinishedBy(row, row.fetchedUs);
  if (written || missed.createdUs === null || missed.createdUs > servedUs) return null;
  return (
    `${rowText(row, missed)} was computed at ${timeText(missed.createdUs, servedUs)} but run ${run.runId} ` +
    `had not finished writing when served at ${at}; ${writtenText(row)}`
  );
}

function isFinishedBy(row: RowFacts, atUs: number): boolean {
  const { run } = row;
  return run !== null && run.state === 'complete' && run.finishedUs !== null && run.finishedUs <= atUs;
}

function writtenText(row: RowFacts): string {
  const { run } = row;
  if (run === null) return 'no run record tells when it was written';
  if (run.state !== 'complete' || run.finishedUs === null) {
    return `run ${run.runId} ${run.state === 'failed' ? 'failed' : 'is still running'}`;
  }
  return `run ${run.runId} finished at ${timeText(run.finishedUs, row.servedUs)}`;
}

function ttlBoundary(row: RowFacts): string | null {
  const { served, replayed, view, servedUs } = row;
  const servedOutside = row.status === OUTSIDE_TTL;
  if (served === null || replayed === null || servedOutside === row.replayedOutsideTtl) return null;
  // The served row was visible by the rule but is gone now, so the replay fell back to a row outside its TTL.
  const isGone = served.eventUs > replayed.eventUs && served.eventUs + view.delayUs <= servedUs;
  if (!servedOutside && isGone) return null;
  if (servedOutside && view.ttlUs === null) {
    const mark = row.watermarkUs === null ? 'unknown' : timeText(row.watermarkUs, servedUs);
    return (
      `the value was withheld at ${timeText(servedUs, servedUs)}: the view was complete online up to ${mark}, ` +
      `longer ago than twice its freshness of ${spanText(view.freshnessUs)}${nextRunText(row)}`
    );
  }
  const [outside, inside] = servedOutside ? [served, replayed] : [replayed, served];
  const ttl = view.ttlUs === null ? '' : ` (TTL ${spanText(view.ttlUs)})`;
  const [name, other] = servedOutside ? ['served', 'replayed'] : ['replayed', 'served'];
  return (
    `the ${name} row of ${timeText(outside.eventUs, servedUs)} was outside its TTL at ` +
    `${timeText(servedUs, servedUs)}${ttl}, the ${other} row of ${timeText(inside.eventUs, servedUs)} within it`
  );
}

function nextRunText({ nextRun, servedUs }: RowFacts): string {
  if (nextRun === null) return '; no run has ended since';
  return `; the next run to end, ${nextRun.runId}, did so at ${timeText(nextRun.finishedUs!, servedUs)}`;
}

function missingOnline(row: RowFacts): string | null {
  const missed = missedRow(row);
  const { run, fetchedUs, servedUs } = row;
  // Without a created time it is unknown whether the row was there for the run to read.
  if (missed === null || missed.createdUs === null || run === null || fetchedUs === null) return null;
  if (!isFinishedBy(row, fetchedUs) || isCreatedAfterServing(row, missed)) return null;
  const instead =
    row.served === null ? 'no row' : `only the row of ${timeText(row.served.eventUs, servedUs)}`;
  return (
    `run ${run.runId} had finished writing ${rowText(row, missed)} at ${timeText(run.finishedUs!, servedUs)}, yet ` +
    `the store had ${instead} when read at ${timeText(fetchedUs, servedUs)}: a write was lost`
  );
}

function missingInHistory(row: RowFacts): string | null {
  if (row.served === null || row.replayed !== null || row.inHistory) return null;
  return (
    `the row of ${timeText(row.served.eventUs, row.servedUs)} was served, ` +
    'but the history has no row of this entity at all'
  );
}

function substituted(facts: ValueFacts): string | null {
  const { served, replayed } = facts.row;
  if (served === null || replayed === null || served.eventUs !== replayed.eventUs) return null;
  // Compare states, not values: a tensor has NaN where there is null.
  const servedNull = facts.servedState === 'null';
  if (servedNull === (facts.replayedState === 'null')) return null;
  const standIn = servedNull ? facts.replayed : facts.served;
  const isZero = (servedNull ? facts.replayedState : facts.servedState) === 'zero';
  const isFallback = facts.fallback !== null && isSame(facts.type, standIn, facts.fallback);
  if (!isZero && !isFallback) return null;
  // The replay as available equals what was served: the value changed later, nobody substituted it.
  if (
    facts.row.available?.eventUs === served.eventUs &&
    facts.row.available.createdUs !== replayed.createdUs &&
    facts.available !== undefined &&
    isSame(facts.type, facts.available, facts.served)
  ) {
    return null;
  }
  const [side, other] = servedNull ? ['history', 'online store'] : ['online store', 'history'];
  const at = timeText(served.eventUs, facts.row.servedUs);
  const what = isZero ? 'zero' : 'the fallback';
  const written = timeText(served.writtenUs, facts.row.servedUs);
  return (
    `both rows are of ${at}; the ${side} has ${what} where the ${other} has null ` +
    `(the row online bears the written time ${written})`
  );
}

function precision(facts: ValueFacts): string | null {
  const { served, replayed } = facts.row;
  if (served === null || replayed === null || isMissed(facts.row, replayed)) return null;
  if (served.eventUs !== replayed.eventUs || served.createdUs !== replayed.createdUs) return null;
  const [a, b] = [facts.served, facts.replayed];
  if (a === null || b === null) return null;
  const same = `the same row (event ${timeText(served.eventUs, facts.row.servedUs)}): `;
  if (facts.hashed !== undefined) {
    return facts.hashed.isRounded ? `${same}both values are equal after rounding to float32` : null;
  }
  if (isNumeric(facts.type) && Math.fround(Number(a)) === Math.fround(Number(b))) {
    return `${same}${textOf(a)} and ${textOf(b)} are equal after rounding to float32`;
  }
  if (typeof a !== typeof b && typeof a !== 'object' && typeof b !== 'object' && textOf(a) === textOf(b)) {
    return `${same}both read ${textOf(a)}, as values of different types`;
  }
  return null;
}

function lateArrival(row: RowFacts): string | null {
  const { served, replayed, run, servedUs } = row;
  if (replayed === null || !isCreatedAfterServing(row, replayed)) return null;
  if (row.view.kind === 'aggregated') {
    if (run === null || run.kind === 'backfill') return null;
    if (row.watermarkUs === null || replayed.eventUs > row.watermarkUs) return null;
  } else if (served !== null && replayed.eventUs <= served.eventUs) {
    return null;
  }
  const online =
    row.watermarkUs === null
      ? ''
      : ` although the view was complete online up to ${timeText(row.watermarkUs, servedUs)}`;
  const by = run === null ? '' : ` by run ${run.runId}`;
  return (
    `${rowText(row, replayed)} was written at ${timeText(replayed.createdUs!, servedUs)}${by}, after it was served ` +
    `at ${timeText(servedUs, servedUs)}${online}: ${replayed.deleted === true ? 'its events were taken back' : 'what it counts came in late'}`
  );
}

function rewrittenHistory(row: RowFacts): string | null {
  const { served, replayed, run, servedUs } = row;
  if (replayed === null || !isCreatedAfterServing(row, replayed)) return null;
  const created = timeText(replayed.createdUs!, servedUs);
  const at = timeText(servedUs, servedUs);
  if (row.view.kind === 'aggregated') {
    if (run?.kind !== 'backfill') return null;
    return `backfill ${run.runId} wrote ${rowText(row, replayed)} at ${created}, after it was served at ${at}`;
  }
  if (served === null || served.eventUs !== replayed.eventUs) return null;
  return (
    `the source's row of ${timeText(served.eventUs, servedUs)} was written anew at ${created}, ` +
    `after it was served at ${at}`
  );
}

function isCreatedAfterServing(row: RowFacts, replayed: ReplayedTimes): boolean {
  return replayed.createdUs !== null && replayed.createdUs > row.servedUs;
}

function servedAhead(row: RowFacts): string | null {
  const { served, replayed, view, servedUs } = row;
  if (served === null || (replayed !== null && served.eventUs <= replayed.eventUs)) return null;
  // If the served row was visible by the rule and is gone from the history, the delay is not the cause.
  const visibleUs = served.eventUs + view.delayUs;
  if (visibleUs <= servedUs) return null;
  const what = `the row of ${timeText(served.eventUs, servedUs)} was served at ${timeText(servedUs, servedUs)}`;
  if (served.writtenUs > servedUs) {
    const written = `${what}, but bears the written time ${timeText(served.writtenUs, servedUs)}`;
    return `${written}: the clocks of the sidecar and of the materializer differ by at least ${spanText(served.writtenUs - servedUs)}`;
  }
  if (view.delayUs === 0)
    return `${what}, before its event time: the clock of whoever wrote that time is ahead`;
  return (
    `${what}, but training sees it only from ${timeText(visibleUs, servedUs)} on: the delay of ` +
    `${spanText(view.delayUs)} is longer than serving needs`
  );
}

/** @returns what is known when no rule finds a cause: where to look first */
export function unexplained(facts: ValueFacts): string {
  const { row } = facts;
  const { served, replayed, servedUs } = row;
  const values = `served ${textOf(facts.served)}, replayed ${textOf(facts.replayed)}`;
  if (served === null && replayed === null) return `no row on either side, and yet ${values}`;
  if (served !== null && (replayed === null || served.eventUs > replayed.eventUs)) {
    return `the history no longer holds the served row of ${timeText(served.eventUs, servedUs)}; ${values}`;
  }
  if (served !== null && served.eventUs === replayed!.eventUs && served.createdUs === replayed!.createdUs) {
    return `the same row on both sides (event ${timeText(served.eventUs, servedUs)}), and yet ${values}`;
  }
  const untold =
    row.run === null
      ? row.replayed!.createdUs === null
        ? 'the source has no created times, so nothing tells when the row came in'
        : `no run record tells when it was written (run ${row.replayed!.runId ?? 'unknown'})`
      : writtenText(row);
  const had = served === null ? 'no row' : `the row of ${timeText(served.eventUs, servedUs)}`;
  return `serving had ${had}, the replay has ${rowText(row, replayed!)}; ${untold}; ${values}`;
}

function rowText(row: RowFacts, replayed: ReplayedTimes): string {
  const at = timeText(replayed.eventUs, row.servedUs);
  return row.view.kind === 'aggregated' ? `the row of edge ${at}` : `the row of ${at}`;
}

const HMAC = /^hmac:[0-9a-f]{64}$/;

function textOf(value: Value): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return HMAC.test(value) ? value : JSON.stringify(value.slice(0, 60));
  if (typeof value === 'object') return 'another value';
  return Object.is(value, -0) ? '-0' : String(value);
}
