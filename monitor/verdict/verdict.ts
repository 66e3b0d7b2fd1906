/**
 * The verdict on one service's day, and its reasons. Pure.
 *
 *   not-enough-data  nothing was judged, or more than 1 % of the values could not be
 *   alarm            a feature below 90 % exact match within the promise, or with more than 1 % unexplained; a view
 *                    whose source has had no new event for longer than its sourceFreshness, or that was complete longer
 *                    ago than its alert age (freshness.alert)
 *   alert            a feature below 99 %; a feature whose distributions are apart (D of 0.1 or more)
 *   pass             none of these
 *
 * Problems among the judged values count however many values could not be judged: the verdict is not-enough-data only
 * when the judged values show no problem.
 */
import { formatDuration } from '../../contract/std/duration.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { spanText } from '../causes/evidence-text.ts';
import { LIMITS, matchLevel } from '../limits.ts';
import { DROPPED } from './snapshot.ts';
import type { FeatureSnapshot, Snapshot, Verdict, VectorCounts } from './snapshot.ts';

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

interface Reason {
  readonly verdict: Verdict;
  readonly text: string;
  /** Orders reasons of the same verdict: the greatest weight comes first. */
  readonly weight: number;
  readonly view?: string;
  readonly feature?: string;
}

/** The verdicts from worst to best. */
const SEVERITY: readonly Verdict[] = ['alarm', 'alert', 'not-enough-data', 'pass'];

export function verdictOf(
  features: readonly FeatureSnapshot[],
  vectors: Pick<VectorCounts, 'read' | 'gaps' | 'openTails'>,
  sources: readonly SourceAge[],
  views: readonly ViewAge[] = [],
): Pick<Snapshot, 'verdict' | 'sentence' | 'findings' | 'notes'> {
  const reasons = [...dataReasons(features, vectors.read), ...features.flatMap(featureReasons)];
  reasons.push(...sources.flatMap(sourceReasons), ...views.flatMap(ageReasons));
  reasons.push(...logReasons(features, vectors));
  reasons.sort((a, b) => SEVERITY.indexOf(a.verdict) - SEVERITY.indexOf(b.verdict) || b.weight - a.weight);
  const findings = reasons.flatMap(({ verdict, text, view = null, feature = null }) =>
    verdict === 'pass' ? [] : [{ verdict, text, view, feature }],
  );
  return {
    verdict: findings[0]?.verdict ?? 'pass',
    sentence: findings[0]?.text ?? passText(features),
    findings,
    notes: reasons.flatMap(({ verdict, text }) => (verdict === 'pass' ? [text] : [])),
  };
}

function passText(features: readonly FeatureSnapshot[]): string {
  const beyond = sum(features, (feature) => feature.beyondPromise);
  if (beyond === 0) return 'Pass: no value is beyond the promise.';
  return `Pass: ${beyond} of ${sum(features, (feature) => feature.present)} values are beyond the promise.`;
}

/** @returns the exit code of a run: 1 for skew in any service; else 3 for not enough data; else 0 for pass */
export function exitCodeOf(verdicts: readonly Verdict[]): 0 | 1 | 3 {
  if (verdicts.some((verdict) => verdict === 'alarm' || verdict === 'alert')) return 1;
  return verdicts.includes('not-enough-data') ? 3 : 0;
}

function dataReasons(features: readonly FeatureSnapshot[], read: number): Reason[] {
  const rows = sum(features, judgedOf);
  const unjudged = sum(features, (feature) => feature.unjudged);
  if (rows === 0) {
    const text = `None of the ${read} vectors could be judged.`;
    return [{ verdict: 'not-enough-data', text, weight: 1 }];
  }
  const share = unjudged / (rows + unjudged);
  if (unjudged === 0) return [];
  const text =
    `${percent(share)} of the values (${unjudged}) cannot be judged: the history is not complete up to the edge ` +
    'that was due when they were served. Materialize, then judge the day again.';
  return [{ verdict: share > LIMITS.unjudgedMost ? 'not-enough-data' : 'pass', text, weight: share }];
}

function featureReasons(feature: FeatureSnapshot): Reason[] {
  const { name, view, present, exactMatchWithinPromise: kept, distributions } = feature;
  if (present === 0 || kept === null) return [];
  const reasons: Reason[] = [];
  const about = { view, feature: name };
  const unexplained = feature.causes['unexplained']?.values ?? 0;
  if (unexplained / present > LIMITS.unexplainedMost) {
    const text = `${name}: ${unexplained} of ${present} values differ and nothing explains it.`;
    reasons.push({ verdict: 'alarm', text, weight: 2 + unexplained / present, ...about });
  }
  const level = matchLevel(kept);
  if (level !== 'ok') {
    const limit = level === 'alarm' ? LIMITS.alarmBelow : LIMITS.alertBelow;
    const text =
      `${name}: ${percent(kept)} exact match within the promise, below ` +
      `${percent(limit)}${mainCause(feature)}.`;
    reasons.push({ verdict: level, text, weight: 1 + (1 - kept), ...about });
  }
  if (distributions?.kind === 'numeric' && (distributions.ks.level ?? 'ok') !== 'ok') {
    const { d, level: distance, location } = distributions.ks;
    const text = `${name}: served and replayed values are apart, D = ${d.toFixed(3)} at ${location}.`;
    reasons.push({ verdict: distance === 'alarm' ? 'alert' : 'pass', text, weight: d, ...about });
  }
  return reasons;
}

/** @returns the cause of most mismatches that broke the promise */
function mainCause({ causes, beyondPromise }: FeatureSnapshot): string {
  const [main] = Object.entries(causes).toSorted(([, a], [, b]) => b.beyondPromise - a.beyondPromise);
  if (main === undefined || beyondPromise === 0) return '';
  return `, mostly ${main[0]} (${main[1].beyondPromise} of ${beyondPromise})`;
}

/** When a source stops, serving and replay compute the same zeros, so good match rates prove nothing. */
function sourceReasons({ view, path, newestUs, endUs, sourceFreshnessUs }: SourceAge): Reason[] {
  if (newestUs !== null && endUs - newestUs <= sourceFreshnessUs) return [];
  const age =
    newestUs === null
      ? 'has no event'
      : `has had no new event for ${spanText(endUs - newestUs)}, since ${formatTimestamp(newestUs).slice(0, 16).replace('T', ' ')}`;
  const limit = `its sourceFreshness is ${formatDuration(sourceFreshnessUs)}`;
  const text = `${view}: its source ${path} ${age}; ${limit}. What is served of it may no longer hold.`;
  return [{ verdict: 'alarm', text, weight: 0.5, view }];
}

/** Served and replayed values can match at any age, so the age is checked separately. */
function ageReasons({ view, watermarkUs, endUs, freshnessAlertUs }: ViewAge): Reason[] {
  if (endUs - watermarkUs <= freshnessAlertUs) return [];
  const since =
    watermarkUs === 0
      ? 'is complete up to no time yet'
      : `is ${spanText(endUs - watermarkUs)} old: complete up to ${formatTimestamp(watermarkUs).slice(0, 16).replace('T', ' ')}`;
  const text = `${view}: what is online ${since}; its alert age is ${formatDuration(freshnessAlertUs)} (freshness.alert).`;
  return [{ verdict: 'alarm', text, weight: 0.4, view }];
}

/** Records missing in the log do not change the verdict on the others, but the reader must know of them. */
function logReasons(
  features: readonly FeatureSnapshot[],
  { gaps, openTails }: Pick<VectorCounts, 'gaps' | 'openTails'>,
): Reason[] {
  const reasons: Reason[] = [];
  const unavailable = sum(features, (feature) => feature.unavailable);
  const rows = sum(features, judgedOf);
  if (unavailable > 0) {
    const share = percent(unavailable / (rows + unavailable));
    const text = `${share} of the values (${unavailable}) were served as UNAVAILABLE; they are in no rate.`;
    reasons.push({ verdict: 'pass', text, weight: 0.3 });
  }
  reasons.push(...withheldReasons(features));
  if (gaps > 0) {
    const text = `${gaps} records are missing in the vector log; what they served was not judged.`;
    reasons.push({ verdict: 'pass', text, weight: 0.2 });
  }
  if (openTails > 0) {
    const text =
      `${openTails} ${openTails === 1 ? 'start' : 'starts'} of a sidecar ended without a last record, ` +
      'or still run: what came after their last one is not known.';
    reasons.push({ verdict: 'pass', text, weight: 0.1 });
  }
  return reasons;
}

/**
 * Reasons for values that could be compared if the secret were known. Dropping a value is intended and gives no reason.
 */
function withheldReasons(features: readonly FeatureSnapshot[]): Reason[] {
  const whys = new Set(features.flatMap(({ withheld = {} }) => Object.keys(withheld)));
  whys.delete(DROPPED);
  return [...whys].map((why) => {
    const own = features.filter(({ withheld = {} }) => why in withheld);
    const values = sum(own, ({ withheld = {} }) => withheld[why]!);
    const names = own.map(({ name }) => name).join(', ');
    const text = `${values} ${values === 1 ? 'value' : 'values'} of ${names} cannot be compared: ${why}.`;
    return { verdict: 'pass', text, weight: 0.25 };
  });
}

function judgedOf({ bothAbsent, present }: FeatureSnapshot): number {
  return bothAbsent + present;
}

function sum(features: readonly FeatureSnapshot[], of: (feature: FeatureSnapshot) => number): number {
  return features.reduce((total, feature) => total + of(feature), 0);
}

/** Two decimals, rounded down, so that no smaller share reads as 100.00 % or as a limit that it is below. */
export function percent(share: number): string {
  return `${(Math.floor(share * 10_000 + 1e-9) / 100).toFixed(2)} %`;
}
