/**
 * What makes a verdict: everything that is wrong with a day, one sentence each. Pure.
 *
 *   alarm            a feature's rates (rates.ts); foreign rows of three entities; an altered answer; a view whose
 *                    source has had no new event for longer than its sourceFreshness, or that was complete longer ago
 *                    than its alert age (freshness.alert)
 *   alert            a feature's rates; a view less available than it should be; a feature whose distributions are
 *                    apart (D of 0.1 or more)
 *   not-enough-data  nobody was served: nothing else is asked then; nothing was judged, or more than 1 % of the values
 *                    could not be; a feature with too few vectors
 */
import { formatDuration } from '../../contract/std/duration.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { Cause } from '../../contract/cause.ts';
import { spanText } from '../causes/evidence-text.ts';
import { LIMITS } from '../limits.ts';
import { percentText } from '../../contract/std/percent-text.ts';
import { UNEXPLAINED, isUnavailable, levelOfRates, rowInterval } from './rates.ts';
import type { RateCounts } from './rates.ts';
import { DROPPED, HASHED_INPUTS } from './snapshot.ts';
import type {
  CauseCounts,
  ComputedViewSnapshot,
  FeatureSnapshot,
  Finding,
  Incident,
  LostFiles,
  VectorCounts,
  ViewSnapshot,
} from './snapshot.ts';

/** The age of a view's source: how old its newest event was at the end of the day (or now, if that is earlier). */
export interface SourceAge {
  readonly view: string;
  /** The path of the source. */
  readonly path: string;
  /** null: the source has no event. */
  readonly newestUs: number | null;
  readonly endUs: number;
  readonly sourceFreshnessUs: number;
}

/**
 * The age of a view online: how long before the end of the day (or now, if that is earlier) the time was up to which it
 * was complete.
 */
export interface ViewAge {
  readonly view: string;
  readonly watermarkUs: number;
  readonly endUs: number;
  readonly freshnessAlertUs: number;
}

interface FoundDay {
  readonly features: readonly FeatureSnapshot[];
  readonly views: readonly ViewSnapshot[];
  readonly computed: readonly ComputedViewSnapshot[];
  readonly service: { readonly name: string };
  readonly date: string;
  /** Whether the log has a record of the day, of whatever service. */
  readonly hasRecords: boolean;
  readonly vectors: Pick<VectorCounts, 'read'>;
  readonly lostFiles: readonly LostFiles[];
  readonly sources: readonly SourceAge[];
  readonly ages: readonly ViewAge[];
  /** Of the six days before, newest first. */
  earlierOf(feature: string): readonly RateCounts[];
}

/** A finding with its weight: among those of one verdict the greatest comes first. */
interface Weighed extends Finding {
  readonly weight: number;
}

/** Damaged files past this number are counted, not named. */
const MOST_NAMED = 3;
const SEVERITY: readonly Finding['verdict'][] = ['alarm', 'alert', 'not-enough-data'];

/** @returns worst first */
export function findingsOf(day: FoundDay): Finding[] {
  const found = day.vectors.read === 0 ? quietFindings(day) : allFindings(day);
  return found
    .toSorted((a, b) => SEVERITY.indexOf(a.verdict) - SEVERITY.indexOf(b.verdict) || b.weight - a.weight)
    .map(({ verdict, text, view, feature, cause, causes }) => ({
      verdict,
      text,
      view,
      feature,
      cause,
      causes,
    }));
}

function allFindings(day: FoundDay): Weighed[] {
  return [
    ...day.features.flatMap((feature) => ratesFinding(feature, day.earlierOf(feature.name))),
    ...day.features.flatMap(distanceFinding),
    ...[...day.views, ...day.computed].flatMap(fidelityFindings),
    ...[...day.views, ...day.computed].flatMap(availabilityFinding),
    ...day.sources.flatMap(sourceFinding),
    ...day.ages.flatMap(ageFinding),
    ...dataFindings(day),
  ];
}

/** Nobody was served, so nobody was served anything wrong, however old the views are: `health` tells that. */
function quietFindings({ service, date, hasRecords, lostFiles }: FoundDay): Weighed[] {
  const why =
    lostFiles.length > 0
      ? 'they may have been in files that are lost'
      : 'nobody asked for one, or none was logged that can be judged';
  const text =
    hasRecords || lostFiles.length > 0
      ? `No vector of ${service.name} is in the log of ${date}: ${why}.`
      : `The log has no record of ${date}: no sidecar ran, or what they logged was not ingested.`;
  const found: Weighed[] = [{ ...NOT_JUDGED, text, weight: 1 }];
  if (lostFiles.length > 0) found.push({ ...NOT_JUDGED, text: lostText(lostFiles), weight: 2 });
  return found;
}

const NOT_JUDGED = {
  view: null,
  feature: null,
  cause: null,
  causes: [],
  verdict: 'not-enough-data',
} as const;

function ratesFinding(feature: FeatureSnapshot, earlier: readonly RateCounts[]): Weighed[] {
  const { name, view, harm } = feature;
  const { level, by, counts, days } = levelOfRates(feature, earlier);
  if (level !== 'alert' && level !== 'alarm') return [];
  const { present, beyondPromise, rowsJudged, rowsUnexplained } = counts;
  const over = days === 1 ? '' : ` of the last ${days} days`;
  const [low, high] = rowInterval(counts)!;
  const rows = `of ${counted(rowsJudged, 'row')} between ${percentText(low)} and ${percentText(high)}`;
  const share = `${percentText(1 - beyondPromise / present)} of ${counted(present, 'value')} present${over}`;
  const text = {
    unexplained: unexplainedText(
      feature,
      `${percentText(rowsUnexplained / rowsJudged)} of ${counted(rowsJudged, 'row')}${over}`,
      days > 1,
    ),
    rate: `${share} match within the promise, below ${percentText(level === 'alarm' ? LIMITS.alarmBelow : LIMITS.alertBelow)} (${rows})`,
    values: `${share} match within the promise, below ${percentText(LIMITS.alarmBelow)}, though few rows are wrong (${rows})`,
  }[by!];
  const causes = causesBehind(feature, counts, by);
  return [{ ...about(view, name), causes, verdict: level, text: `${name}: ${text}.`, weight: 10 + harm }];
}

/** @param isPooled  whether other days have rows of it, whose causes are not told apart */
function unexplainedText({ causes }: FeatureSnapshot, share: string, isPooled: boolean): string {
  const has = (cause: Cause): boolean => isPooled || (causes[cause]?.beyondPromise ?? 0) > 0;
  if (!has('foreign row')) return `nothing explains what differs in ${share}`;
  return has('unexplained')
    ? `${share} are unexplained or not their entity’s`
    : `${share} are not their entity’s`;
}

/**
 * The first causes that made a level, by their values beyond the promise: as many as it takes until the others alone
 * would be no alert.
 */
function causesBehind(
  { causes, beyondPromise }: Pick<FeatureSnapshot, 'causes' | 'beyondPromise'>,
  { present }: Pick<RateCounts, 'present'>,
  by: ReturnType<typeof levelOfRates>['by'] = null,
): Cause[] {
  const found = (Object.entries(causes) as [Cause, CauseCounts][])
    .filter(([cause, own]) => own.beyondPromise > 0 && (by !== 'unexplained' || UNEXPLAINED.has(cause)))
    .toSorted(([, a], [, b]) => b.beyondPromise - a.beyondPromise);
  let rest = beyondPromise;
  return found.flatMap(([cause, own], i) => {
    const isBehind = i === 0 || rest / present > 1 - LIMITS.alertBelow;
    rest -= own.beyondPromise;
    return isBehind ? [cause] : [];
  });
}

/** @returns the worst incident of a finding's cause; incidents stand in the order of their harm */
export function incidentBehind(
  { view, feature }: Pick<Finding, 'view' | 'feature'>,
  cause: string,
  incidents: readonly Incident[],
): Incident | undefined {
  return incidents.find((one) => {
    return one.view === view && one.cause === cause && (feature === null || one.features.includes(feature));
  });
}

function about(
  view: string,
  feature: string | null = null,
  cause: string | null = null,
): Omit<Finding, 'verdict' | 'text'> {
  return { view, feature, cause, causes: [] };
}

/** Distributions are compared over the pairs of both sides, so D says how much of the day differs, and where. */
function distanceFinding(feature: FeatureSnapshot): Weighed[] {
  const { name, view, distributions } = feature;
  if (distributions?.kind !== 'numeric' || distributions.ks.level !== 'alarm') return [];
  const { d, location } = distributions.ks;
  const text = `${name}: served and replayed values are apart, D = ${d.toFixed(3)} at ${location}.`;
  const causes = causesBehind(feature, feature);
  return [{ ...about(view, name, 'distributions apart'), causes, verdict: 'alert', text, weight: d }];
}

function fidelityFindings({
  view,
  foreignEntities = 0,
  alteredAnswers = 0,
}: Pick<ViewSnapshot, 'view' | 'foreignEntities' | 'alteredAnswers'>): Weighed[] {
  const found: Weighed[] = [];
  if (foreignEntities >= LIMITS.foreignEntities) {
    const text = `${view}: ${counted(foreignEntities, 'entity', 'entities')} were answered with the row of another.`;
    found.push(fidelityFinding(view, 'foreign row', text));
  }
  if (alteredAnswers > 0) {
    const text = `${view}: ${counted(alteredAnswers, 'answer')} differ from the rows that were logged with them.`;
    found.push(fidelityFinding(view, 'answer altered', text));
  }
  return found;
}

function fidelityFinding(view: string, cause: Cause, text: string): Weighed {
  return { ...about(view, null, cause), causes: [cause], verdict: 'alarm', text, weight: 1e12 };
}

function availabilityFinding({ view, availability }: Pick<ViewSnapshot, 'view' | 'availability'>): Weighed[] {
  if (!isUnavailable(availability)) return [];
  const { vectors, unavailable, minutes, availableMinutes } = availability;
  const text =
    `${view} was UNAVAILABLE for ${unavailable.toLocaleString('en-US')} of ${counted(vectors, 'vector')}: ` +
    `${percentText(availableMinutes / minutes)} available over ${counted(minutes, 'minute')}, ` +
    `below ${percentText(LIMITS.availableLeast)}.`;
  return [{ ...about(view, null, 'unavailable'), verdict: 'alert', text, weight: 2 }];
}

/** When a source stops, serving and replay compute the same zeros, so good match rates prove nothing. */
function sourceFinding({ view, path, newestUs, endUs, sourceFreshnessUs }: SourceAge): Weighed[] {
  if (newestUs !== null && endUs - newestUs <= sourceFreshnessUs) return [];
  const age =
    newestUs === null
      ? 'has no event'
      : `has had no new event for ${spanText(endUs - newestUs)}, since ${minuteText(newestUs)}`;
  const limit = `its sourceFreshness is ${formatDuration(sourceFreshnessUs)}`;
  const text = `${view}: its source ${path} ${age}; ${limit}. What is served of it may no longer hold.`;
  return [{ ...about(view, null, 'source stopped'), verdict: 'alarm', text, weight: 0.5 }];
}

/** Served and replayed values can match at any age, so the age is checked separately. */
function ageFinding({ view, watermarkUs, endUs, freshnessAlertUs }: ViewAge): Weighed[] {
  if (endUs - watermarkUs <= freshnessAlertUs) return [];
  const since =
    watermarkUs === 0
      ? 'is complete up to no time yet'
      : `is ${spanText(endUs - watermarkUs)} old: complete up to ${minuteText(watermarkUs)}`;
  const text = `${view}: what is online ${since}; its alert age is ${formatDuration(freshnessAlertUs)} (freshness.alert).`;
  return [{ ...about(view, null, 'past its alert age'), verdict: 'alarm', text, weight: 0.4 }];
}

function minuteText(us: number): string {
  return formatTimestamp(us).slice(0, 16).replace('T', ' ');
}

/** How much could be judged at all. */
function dataFindings({ features, vectors, lostFiles, earlierOf }: FoundDay): Weighed[] {
  const judged = sum(features, judgedOf);
  const unjudged = sum(features, (feature) => feature.unjudged);
  const found: Weighed[] = [];
  if (judged === 0) {
    const text = `None of the ${counted(vectors.read, 'vector')} could be judged.`;
    found.push({ ...NOT_JUDGED, text, weight: 3 });
  }
  if (isMuchLost(vectors.read, lostFiles))
    found.push({ ...NOT_JUDGED, text: lostText(lostFiles), weight: 2.5 });
  if (unjudged > 0 && unjudged / (judged + unjudged) > LIMITS.unjudgedMost) {
    found.push({ ...NOT_JUDGED, text: unjudgedText(judged, unjudged), weight: 2 });
  }
  if (judged === 0) return found;
  const tooFew = features.filter((feature) => {
    const dropped = sum([DROPPED, HASHED_INPUTS], (why) => feature.withheld?.[why] ?? 0);
    const pooled = sum(earlierOf(feature.name), judgedOf);
    return dropped < feature.rows && judgedOf(feature) + pooled < LIMITS.leastValues;
  });
  return tooFew.length === 0 ? found : [...found, { ...NOT_JUDGED, ...tooFewText(tooFew), weight: 1 }];
}

/** Names the one with the most values beyond the promise, which are few, and may be all there are. */
function tooFewText(features: readonly FeatureSnapshot[]): Pick<Finding, 'view' | 'feature' | 'text'> {
  const [first] = features.toSorted((a, b) => b.beyondPromise - a.beyondPromise) as [FeatureSnapshot];
  const { name, view, present, beyondPromise } = first;
  const others = features.length - 1;
  const names = others === 0 ? name : `${name} and ${counted(others, 'more feature')}`;
  const few = `Too few vectors of ${names} could be judged in ${LIMITS.pooledDays} days: under ${LIMITS.leastValues}`;
  const wrong = `${beyondPromise} of ${counted(present, 'value')} present ${beyondPromise === 1 ? 'is' : 'are'} beyond the promise`;
  const text = beyondPromise === 0 ? few : `${few}; ${wrong}${others === 0 ? '' : ` of ${name}`}`;
  return { view, feature: name, text: `${text}.` };
}

/** Whether files that are lost had more than 1 % of the vectors, or may have had. */
export function isMuchLost(read: number, lostFiles: readonly LostFiles[]): boolean {
  const lost = sum(lostFiles, ({ vectors }) => vectors ?? Infinity);
  return lost === Infinity || lost > LIMITS.unjudgedMost * (read + lost);
}

/** Said in a finding or, where it is little, in a note. */
export function lostText(lostFiles: readonly LostFiles[]): string {
  const files = sum(lostFiles, (one) => one.files);
  const vectors = sum(lostFiles, (one) => one.vectors ?? NaN);
  const clock = (hour: number): string => `${String(hour).padStart(2, '0')}:00`;
  const hours = lostFiles.map(({ hour }) => `${clock(hour)} to ${clock(hour + 1)}`).join(', ');
  const had = Number.isNaN(vectors) ? '' : ` with ${counted(vectors, 'vector')} of all services`;
  return (
    `The archive lacks ${counted(files, 'file')}${had}, of the hour${lostFiles.length === 1 ? '' : 's'} from ${hours}: ` +
    `what was served then is not judged.${damagedText(lostFiles)} ` +
    `Put ${files === 1 ? 'it' : 'them'} back from a copy, or ingest the log anew where it still has those vectors.`
  );
}

/** Names those that are there. */
function damagedText(lostFiles: readonly LostFiles[]): string {
  const paths = lostFiles.flatMap(({ damaged = [] }) => damaged);
  if (paths.length === 0) return '';
  const more = paths.length - MOST_NAMED;
  const named = paths.slice(0, MOST_NAMED).join(', ');
  const all = more <= 0 ? named : `${named} and ${counted(more, 'more file')}`;
  return ` ${all} ${paths.length === 1 ? 'is' : 'are'} there, but cannot be read.`;
}

/** Said in a finding or, where it is little, in a note. */
export function unjudgedText(judged: number, unjudged: number): string {
  return (
    `${percentText(unjudged / (judged + unjudged))} of the values (${unjudged}) cannot be judged: the history is not ` +
    'complete up to the edge that was due when they were served. Materialize, then judge the day again.'
  );
}

export function judgedOf({
  bothAbsent,
  present,
}: {
  readonly bothAbsent: number;
  readonly present: number;
}): number {
  return bothAbsent + present;
}

export function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? noun : plural}`;
}
