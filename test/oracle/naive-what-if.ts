/**
 * What other settings would have served, by slow scans that anyone can check: every vector looks through all rows for
 * the newest that was online when its row was fetched, and through all rows again for the one that training sees. What
 * keeps the promise is asked of the monitor's own rules.
 */
import { asOf, compareCanonical } from '../../contract/as-of.ts';
import type { AsOfRow } from '../../contract/as-of.ts';
import type { FeatureView } from '../../contract/model.ts';
import { MISSING, OUTSIDE_TTL, PRESENT, ROW_SOURCES } from '../../contract/status.ts';
import type { Value } from '../../contract/value-type.ts';
import { dueEdgeUs } from '../../contract/windows.ts';
import { decide } from '../../monitor/causes/explain.ts';
import type { AskedRow, RowFacts } from '../../monitor/causes/facts.ts';
import { oldestMissed } from '../../monitor/causes/missed-row.ts';
import { isAfter } from '../../monitor/causes/row-order.ts';
import { isSame } from '../../monitor/causes/value-equality.ts';

export interface NaiveRow extends AsOfRow {
  readonly eventUs: number;
  readonly entity: string;
  readonly run: string;
}

export interface NaiveRun {
  readonly runId: string;
  readonly kind: 'ordinary' | 'backfill';
  readonly startedUs: number;
  /** null: it failed. */
  readonly finishedUs: number | null;
  readonly toUs: number;
  readonly watermarkUs: number;
  readonly newestCreatedUs: number | null;
}

export interface NaiveVector {
  readonly role: number;
  readonly pod: string;
  readonly entity: string;
  readonly servedUs: number;
  readonly fetchedUs: number;
  readonly state: 'up' | 'stale' | 'unavailable';
}

export interface NaiveSetting {
  readonly cacheUs: number;
  readonly readAhead: boolean;
  /** null: the runs as they went. */
  readonly schedule: {
    readonly everyUs: number;
    readonly phaseUs: number;
    readonly durationUs: number;
  } | null;
  readonly delayUs: number;
  readonly ttlUs: number | null;
}

export interface NaiveDay {
  readonly view: Pick<FeatureView, 'id' | 'kind' | 'hopUs' | 'outOfOrderUs' | 'freshnessUs' | 'features'>;
  readonly rows: readonly NaiveRow[];
  readonly runs: readonly NaiveRun[];
  /** In the order of their times. */
  readonly vectors: readonly NaiveVector[];
  /** By role which of the view's features are compared. */
  readonly roles: readonly (readonly number[])[];
  readonly completeUs: number | null;
}

interface NaiveCounts {
  present: number;
  exact: number;
  withinPromise: number;
  readonly ages: number[];
}

/** What a vector would have been answered, and what training sees: values of the view's features, null: none. */
interface NaiveAnswer {
  readonly served: readonly Value[] | null;
  readonly replayed: readonly Value[] | null;
  /** Whether a mismatch keeps the promise. */
  readonly within: boolean;
  /** Of the watermark; null: there was none. */
  readonly ageUs: number | null;
}

/** @returns for each vector its answer; null where nothing can be said of it */
export function naiveAnswers(day: NaiveDay, setting: NaiveSetting): (NaiveAnswer | null)[] {
  const fetched = fetchedTimes(day.vectors, setting);
  return day.vectors.map((vector, i) => {
    if (vector.state === 'unavailable') return null;
    if (day.view.kind === 'aggregated') {
      const due = dueEdgeUs(vector.servedUs, { hopUs: day.view.hopUs, delayUs: setting.delayUs });
      if (day.completeUs === null || due > day.completeUs) return null;
    }
    return answerOf(day, setting, vector, fetched[i]!);
  });
}

export function naiveWhatIf(day: NaiveDay, setting: NaiveSetting): NaiveCounts[] {
  const counts = day.roles.map((): NaiveCounts => ({ present: 0, exact: 0, withinPromise: 0, ages: [] }));
  for (const [i, answer] of naiveAnswers(day, setting).entries())
    if (answer !== null) count(day, day.vectors[i]!.role, answer, counts);
  return counts;
}

function count(
  { view, roles }: NaiveDay,
  role: number,
  answer: NaiveAnswer,
  all: readonly NaiveCounts[],
): void {
  const { served, replayed, within, ageUs } = answer;
  const counts = all[role]!;
  if (ageUs !== null) counts.ages.push(ageUs);
  for (const i of roles[role]!) {
    const { type, missing } = view.features[i]!;
    if ((served?.[i] ?? null) === null && (replayed?.[i] ?? null) === null) continue;
    counts.present += 1;
    const [a, b] = [served, replayed].map((one): Value => (one === null ? missing : one[i]!));
    if (isSame(type, a!, b!)) counts.exact += 1;
    else if (within) counts.withinPromise += 1;
  }
}

function fetchedTimes(vectors: readonly NaiveVector[], { cacheUs, readAhead }: NaiveSetting): number[] {
  const copies = new Map<string, number>();
  const freshUs = cacheUs * 0.925;
  return vectors.map(({ pod, entity, servedUs, fetchedUs, state }) => {
    const key = `${pod} ${entity}`;
    const copy = copies.get(key);
    if (state !== 'up') return copy ?? fetchedUs;
    if (copy === undefined || servedUs - copy >= freshUs) {
      copies.set(key, servedUs);
      return servedUs;
    }
    if (readAhead && servedUs - copy >= freshUs * 0.8) copies.set(key, servedUs);
    return copy;
  });
}

/** When the row came online; Infinity: never. */
function onlineUs({ view, runs }: NaiveDay, { schedule }: NaiveSetting, row: NaiveRow): number {
  const ended = runs
    .filter((run) => run.finishedUs !== null)
    .toSorted((a, b) => a.finishedUs! - b.finishedUs!);
  const own = runs.find(({ runId }) => runId === row.run);
  let knownUs = Math.max(row.eventUs, row.createdUs ?? row.eventUs);
  let realUs: number;
  if (view.kind === 'stored') {
    const at = ended.findIndex(
      (_, i) =>
        ended.slice(0, i + 1).some(({ toUs }) => toUs >= knownUs) &&
        (row.createdUs === null ||
          ended
            .slice(0, i + 1)
            .some(({ newestCreatedUs, toUs }) => (newestCreatedUs ?? toUs) >= row.createdUs!)),
    );
    realUs = at === -1 ? Infinity : ended[at]!.finishedUs!;
  } else {
    const before = ended
      .filter(({ finishedUs }) => finishedUs! <= own!.startedUs)
      .map(({ watermarkUs }) => watermarkUs);
    if (own!.kind === 'backfill') knownUs = own!.startedUs;
    else if (before.length === 0 || row.eventUs > Math.max(...before))
      knownUs = row.eventUs + view.outOfOrderUs;
    else knownUs = Math.max(row.eventUs, own!.toUs);
    const next = own!.finishedUs === null ? ended.find(({ startedUs }) => startedUs >= own!.startedUs) : own;
    realUs = next?.finishedUs ?? Infinity;
  }
  if (schedule === null || (view.kind === 'aggregated' && own!.kind === 'backfill')) return realUs;
  const { everyUs, phaseUs } = schedule;
  let startUs = Math.floor(knownUs / everyUs) * everyUs + phaseUs - everyUs;
  while (startUs < knownUs) startUs += everyUs;
  return startUs + schedule.durationUs;
}

function watermarkAt({ view, runs }: NaiveDay, { schedule }: NaiveSetting, us: number): number | null {
  if (schedule === null) {
    const ended = runs.filter(({ finishedUs }) => finishedUs !== null && finishedUs <= us);
    return ended.length === 0 ? null : Math.max(...ended.map(({ watermarkUs }) => watermarkUs));
  }
  const { everyUs, phaseUs, durationUs } = schedule;
  let startUs = Math.ceil(us / everyUs) * everyUs + phaseUs;
  while (startUs + durationUs > us) startUs -= everyUs;
  return view.kind === 'stored'
    ? startUs
    : Math.floor((startUs - view.outOfOrderUs) / view.hopUs) * view.hopUs;
}

function newest(view: NaiveDay['view'], rows: readonly NaiveRow[]): NaiveRow | null {
  const order = (a: NaiveRow, b: NaiveRow): number => {
    const byTime = a.eventUs - b.eventUs || (a.createdUs ?? -1) - (b.createdUs ?? -1);
    if (byTime !== 0) return byTime;
    for (const [i, { type }] of view.features.entries()) {
      const byValue = compareCanonical(type, a.values[i]!, b.values[i]!);
      if (byValue !== 0) return byValue;
    }
    return 0;
  };
  return rows.toSorted(order).at(-1) ?? null;
}

function answerOf(day: NaiveDay, setting: NaiveSetting, vector: NaiveVector, fetchedUs: number): NaiveAnswer {
  const { view } = day;
  const { delayUs, ttlUs } = setting;
  const { servedUs } = vector;
  const own = day.rows.filter(({ entity }) => entity === vector.entity);
  const watermarkUs = watermarkAt(day, setting, fetchedUs);
  const online = newest(
    view,
    own.filter((row) => onlineUs(day, setting, row) <= fetchedUs),
  );
  const there = online === null || online.deleted === true ? null : online;
  const isOld =
    view.kind === 'stored'
      ? there !== null && ttlUs !== null && there.eventUs < servedUs - ttlUs
      : watermarkUs !== null && watermarkUs < servedUs - 2 * view.freshnessUs;
  const status = there === null ? MISSING : isOld ? OUTSIDE_TTL : PRESENT;
  const types = view.features.map(({ type }) => type);
  const trained = asOf(own, servedUs, { mode: 'trained', delayUs, ttlUs }, types);
  const known = { vector, fetchedUs, watermarkUs, online, there, status, trained, own };
  return {
    served: status === PRESENT ? there!.values : null,
    replayed: trained !== null && !trained.outsideTtl ? trained.row.values : null,
    within: isWithin(day, setting, known),
    ageUs: watermarkUs === null ? null : servedUs - watermarkUs,
  };
}

interface Answered {
  readonly vector: NaiveVector;
  readonly fetchedUs: number;
  readonly watermarkUs: number | null;
  /** The newest row online, which may be a tombstone; and if it is none. */
  readonly online: NaiveRow | null;
  readonly there: NaiveRow | null;
  readonly status: number;
  readonly trained: { readonly row: NaiveRow; readonly outsideTtl: boolean } | null;
  readonly own: readonly NaiveRow[];
}

/** By the rules of the monitor, for a mismatch of that row. */
function isWithin(day: NaiveDay, setting: NaiveSetting, answered: Answered): boolean {
  const { view } = day;
  const { delayUs, ttlUs } = setting;
  const { vector, fetchedUs, watermarkUs, online, there, status, trained, own } = answered;
  const since = online?.deleted === true ? own.filter((row) => isAfter(row, online)) : own;
  const served = there === null ? null : { ...there, definitionId: 1, writtenUs: fetchedUs };
  const asked = (row: NaiveRow | null): AskedRow | null => {
    if (row === null) return null;
    const finishedUs = onlineUs(day, setting, row);
    const kind = day.runs.find(({ runId }) => runId === row.run)!.kind;
    const run = {
      runId: row.run,
      kind,
      state: 'complete' as const,
      finishedUs: finishedUs === Infinity ? null : finishedUs,
    };
    return { times: { ...row, definitionId: 1, runId: row.run }, run, failed: null };
  };
  const facts: RowFacts = {
    view: { ...view, delayUs, ttlUs },
    servedUs: vector.servedUs,
    status,
    source: ROW_SOURCES.indexOf(fetchedUs === vector.servedUs ? 'store' : 'cache'),
    fetchedUs,
    watermarkUs,
    served,
    writer: null,
    fidelity: status === PRESENT ? { answer: 'true', isDuplicated: false } : null,
    alteration: null,
    replayed: trained === null ? null : { ...trained.row, definitionId: 1, runId: trained.row.run },
    replayedOutsideTtl: trained?.outsideTtl ?? false,
    missed: asked(oldestMissed(since, there, vector.servedUs, { delayUs, ttlUs })),
    missedReplayed: null,
    honest: null,
    ofServedDefinition: null,
    clocks: [],
    nextRun: null,
  };
  return decide({ row: facts, alteration: null, earlier: null, isAnswerAltered: false }).withinPromise;
}
