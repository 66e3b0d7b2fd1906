/** Why serving had another row than training sees, in a sentence with the times that prove it. */
import { hasHistory } from '../../contract/model.ts';
import { definitionName } from '../../contract/wire/online/row-header.ts';
import { ROW_SOURCES } from '../../contract/status.ts';
import type { CurrencyCause } from '../../contract/cause.ts';
import { isFinishedBy, isWithheld, knownFrom, servedTimes, trueClock } from './currency.ts';
import { goneText, rowText, shownValue, spanText, timeText } from './evidence-text.ts';
import type { AskedRow, RowFacts, ValueFacts } from './facts.ts';
import { agedFrom } from './promise.ts';

type Sentence = (row: RowFacts, missed: AskedRow) => string;

/** Of the causes that are found in a row that serving missed. */
const OF_MISSED = {
  'cache age': cached,
  'materialization lag': lagging,
  'missing online': lost,
  'late arrival': late,
  'rewritten history': rewritten,
} satisfies Partial<Record<CurrencyCause, Sentence>>;

/** Causes that a row older than its promise may have: the sentence then says how old the oldest missed row was. */
const AGES: ReadonlySet<CurrencyCause> = new Set(['cache age', 'materialization lag', 'late arrival']);

/** @param missed  the row in which `decide` found the cause; null: none was missed */
export function currencyEvidence(facts: ValueFacts, cause: CurrencyCause, missed: AskedRow | null): string {
  const { row } = facts;
  switch (cause) {
    case 'definition changed':
      return definitionChanged(row);
    case 'clock skew':
      return clockSkew(row);
    case 'TTL boundary':
      return ttlBoundary(row);
    case 'served ahead':
      return servedAhead(row);
    case 'duplicate':
      return `the history has ${rowText(row, row.served!)} twice with other values: training takes the other one`;
    case 'not proved':
      return notProved(facts);
    default:
      return OF_MISSED[cause](row, missed!) + (AGES.has(cause) ? olderText(row, missed!) : '');
  }
}

function definitionChanged({ served, replayed, servedUs }: RowFacts): string {
  return (
    `the served row of ${timeText(served!.eventUs, servedUs)} was written under definition ` +
    `${definitionName(served!.definitionId)} and is what that gives; the replayed one is of definition ` +
    definitionName(replayed!.definitionId)
  );
}

function clockSkew(row: RowFacts): string {
  const { servedUs } = row;
  const { correctionUs, stands } = trueClock(row)!;
  return (
    `the pod's clock was stepped by ${spanText(Math.abs(correctionUs))}: served at ${timeText(servedUs, servedUs)} by ` +
    `it, which is ${timeText(servedUs + correctionUs, servedUs)} by the clock as it stood ${stands} that, when training ` +
    'sees what was served'
  );
}

function cached(row: RowFacts, missed: AskedRow): string {
  const { servedUs, source } = row;
  const [fetchedUs, run] = [row.fetchedUs!, missed.run!];
  const why = ROW_SOURCES[source] === 'stale' ? 'the store failed, and so ' : '';
  return (
    `${why}the row fetched at ${timeText(fetchedUs, servedUs)} was served from the cache at ` +
    `${timeText(servedUs, servedUs)}, ${spanText(servedUs - fetchedUs)} later; run ${run.runId} had written ` +
    `${rowText(row, missed.times)} by ${timeText(run.finishedUs!, servedUs)}`
  );
}

function lagging(row: RowFacts, missed: AskedRow): string {
  const { servedUs, watermarkUs, view } = row;
  const { times } = missed;
  const known = knownFrom(row, missed);
  const when = `when it was served at ${timeText(servedUs, servedUs)}; ${writtenText(row, missed)}`;
  if (watermarkUs !== null && known <= watermarkUs) {
    return `${rowText(row, times)} was computed at ${timeText(times.createdUs!, servedUs)} but not yet written ${when}`;
  }
  const due =
    view.kind === 'aggregated'
      ? `was due at ${timeText(times.eventUs + view.delayUs, servedUs)}`
      : `was in the source at ${timeText(known, servedUs)} by its times`;
  const online =
    watermarkUs === null
      ? 'nothing of the view was complete online'
      : `the view was complete online only up to ${timeText(watermarkUs, servedUs)}`;
  return `${rowText(row, times)} ${due} but ${online} ${when}`;
}

/** What run records say of the row; a run that should have brought it and failed is named. */
function writtenText({ servedUs, fetchedUs }: RowFacts, missed: AskedRow): string {
  const { run, failed } = missed;
  const failure = failed === null ? '' : `${failureText(failed, servedUs)}, `;
  if (run === null)
    return failed === null ? 'no run record tells when it was written' : `${failure}and none has ended since`;
  if (run.state === 'failed') return failureText(run, servedUs);
  if (run.finishedUs === null) return `${failure}run ${run.runId} is still running`;
  const doubt =
    fetchedUs !== null && isFinishedBy(missed, fetchedUs)
      ? `, before it was read at ${timeText(fetchedUs, servedUs)}: either the watermark was read earlier or a clock is off`
      : '';
  return `${failure}run ${run.runId} finished at ${timeText(run.finishedUs, servedUs)}${doubt}`;
}

function failureText({ runId, finishedUs }: AskedRow['run'] & object, servedUs: number): string {
  return finishedUs === null
    ? `run ${runId} failed`
    : `run ${runId} failed at ${timeText(finishedUs, servedUs)}`;
}

function ttlBoundary(row: RowFacts): string {
  const { served, replayed, view, servedUs, nextRun } = row;
  const at = timeText(servedUs, servedUs);
  if (isWithheld(row) && view.ttlUs === null) {
    const mark = row.watermarkUs === null ? 'unknown' : timeText(row.watermarkUs, servedUs);
    const next =
      nextRun === null
        ? 'no run has ended since'
        : `the next run to end, ${nextRun.runId}, did so at ${timeText(nextRun.finishedUs!, servedUs)}`;
    return (
      `the value was withheld at ${at}: the view was complete online up to ${mark}, ` +
      `longer ago than twice its freshness of ${spanText(view.freshnessUs)}; ${next}`
    );
  }
  const [name, other] = isWithheld(row) ? ['served', 'replayed'] : ['replayed', 'served'];
  const [outside, inside] = isWithheld(row) ? [served!, replayed!] : [replayed!, served!];
  const ttl = view.ttlUs === null ? '' : ` (TTL ${spanText(view.ttlUs)})`;
  return (
    `the ${name} row of ${timeText(outside.eventUs, servedUs)} was outside its TTL at ${at}${ttl}, ` +
    `the ${other} row of ${timeText(inside.eventUs, servedUs)} within it`
  );
}

function lost(row: RowFacts, missed: AskedRow): string {
  const { servedUs } = row;
  const [fetchedUs, run] = [row.fetchedUs!, missed.run!];
  const instead = row.served === null ? 'no row' : `only ${rowText(row, row.served)}`;
  // A stored row does not name its run: a file that landed after the run had read the source looks the same.
  const what = hasHistory(row.view)
    ? `run ${run.runId} had finished writing ${rowText(row, missed.times)} at ${timeText(run.finishedUs!, servedUs)}`
    : `${rowText(row, missed.times)} was created at ${timeText(missed.times.createdUs!, servedUs)}, and run ${run.runId} ` +
      `that covers it finished at ${timeText(run.finishedUs!, servedUs)}`;
  const why = hasHistory(row.view)
    ? 'a write was lost'
    : 'a write was lost, or the file landed after the run had read the source';
  return `${what}, yet the store had ${instead} when read at ${timeText(fetchedUs, servedUs)}: ${why}`;
}

function late(row: RowFacts, missed: AskedRow): string {
  const { servedUs, view } = row;
  const { times, run } = missed;
  const by = run === null || view.kind === 'stored' ? '' : ` by run ${run.runId}`;
  const why =
    times.deleted === true
      ? goneText(view)
      : view.kind === 'aggregated'
        ? 'what it counts came in late'
        : 'it came in late';
  return (
    `${rowText(row, times)} was written at ${timeText(times.createdUs!, servedUs)}${by}, after it was served at ` +
    `${timeText(servedUs, servedUs)}: ${why}`
  );
}

function rewritten(row: RowFacts, missed: AskedRow): string {
  const { servedUs } = row;
  const created = timeText(missed.times.createdUs!, servedUs);
  const after = `after it was served at ${timeText(servedUs, servedUs)}`;
  return missed.run?.kind === 'backfill' && hasHistory(row.view)
    ? `backfill ${missed.run.runId} wrote ${rowText(row, missed.times)} at ${created}, ${after}`
    : `the source's row of ${timeText(missed.times.eventUs, servedUs)} was written anew at ${created}, ${after}`;
}

function servedAhead(row: RowFacts): string {
  const { view, servedUs } = row;
  const served = row.served!;
  const { eventUs } = servedTimes(row)!;
  const what = `the row of ${timeText(eventUs, servedUs)} was served at ${timeText(servedUs, servedUs)}`;
  if (served.writtenUs > servedUs) {
    const apart = spanText(served.writtenUs - servedUs);
    return (
      `${what}, but bears the written time ${timeText(served.writtenUs, servedUs)}: the clocks of the sidecar and of ` +
      `the materializer differ by at least ${apart}`
    );
  }
  if (eventUs > servedUs)
    return `${what}, before its event time: the clock of whoever wrote that time is ahead`;
  return (
    `${what}, but training sees it only from ${timeText(eventUs + view.delayUs, servedUs)} on: the delay of ` +
    `${spanText(view.delayUs)} is longer than serving needed here`
  );
}

/** How old the missed row was; and that it was not the replayed one, where it was older. */
function olderText(row: RowFacts, missed: AskedRow): string {
  const { replayed, servedUs, view } = row;
  const age = servedUs - agedFrom(row, missed);
  if (replayed === null || age < view.freshnessUs) return '';
  const older = missed.times.eventUs < replayed.eventUs ? `; it is older than the replayed row of ` : '';
  const replayedAt = older === '' ? '' : timeText(replayed.eventUs, servedUs);
  return `; it was ${spanText(age)} old by then, over the freshness of ${spanText(view.freshnessUs)}${older}${replayedAt}`;
}

/** What is known where no record tells: where to look first, and what is missing. */
function notProved(facts: ValueFacts): string {
  const { row, type } = facts;
  const { served, replayed } = row;
  const values = `served ${shownValue(facts.served, type)}, replayed ${shownValue(facts.replayed, type)}`;
  const had = served === null ? 'no row' : rowText(row, served);
  if (replayed === null) return `serving had ${had}, the replay has none, and no record tells why; ${values}`;
  return `serving had ${had}, the replay has ${rowText(row, replayed)}; ${untoldText(row)}; ${values}`;
}

function untoldText(row: RowFacts): string {
  const { missed, view, watermarkUs } = row;
  if (missed === null) return 'no record tells what became of the newer one';
  const { times, run } = missed;
  if (times.createdUs === null)
    return 'the source has no created times, so nothing tells when the row came in';
  if (run !== null) return writtenText(row, missed);
  if (view.kind === 'aggregated' && watermarkUs !== null && times.createdUs > row.servedUs) {
    return `run ${times.runId ?? 'unknown'} has no record, so nothing tells whether it was a backfill`;
  }
  return `no run record tells when it was written (run ${times.runId ?? 'unknown'})`;
}
