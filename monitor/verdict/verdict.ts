/**
 * The verdict on one service's day: from what was counted to what is said. Pure.
 *
 *   counts --rates--> levels --findings--> verdict;  counts --incidents, harm--> what happened;  both --> the sentence
 *
 * Problems among the judged values count however many values could not be judged: the verdict is not-enough-data only
 * when the judged values show no problem.
 */
import type { Consumer } from '../../contract/model.ts';
import { brokeSince } from '../incidents/broke-since.ts';
import { findingsOf } from './findings.ts';
import type { SourceAge, ViewAge } from './findings.ts';
import { incidentsOf } from '../incidents/incidents.ts';
import type { IncidentCounts, SliceCounts } from './judged-view.ts';
import { notesOf } from './notes.ts';
import { levelOfRates } from './rates.ts';
import { sentenceOf } from './sentence.ts';
import { slicesOf } from '../incidents/slices.ts';
import type { EarlierDay } from './earlier-day.ts';
import type { Verdict } from '../../contract/verdict.ts';
import type {
  ComputedViewSnapshot,
  FeatureSnapshot,
  LostFiles,
  Snapshot,
  VectorCounts,
  ViewSnapshot,
} from './snapshot.ts';

/** What was counted of a service's day. */
export interface CountedDay {
  readonly service: { readonly name: string; readonly consumers: readonly Consumer[] };
  readonly date: string;
  /** Whether the log has a record of the day, of whatever service. */
  readonly hasRecords: boolean;
  /** When the last vector of the day was served. */
  readonly lastUs: number;
  readonly features: readonly Omit<FeatureSnapshot, 'level'>[];
  readonly views: readonly ViewSnapshot[];
  readonly computed: readonly ComputedViewSnapshot[];
  readonly vectors: VectorCounts;
  readonly leftOut: Snapshot['leftOut'];
  readonly lostFiles: readonly LostFiles[];
  readonly sources: readonly SourceAge[];
  readonly ages: readonly ViewAge[];
  readonly incidents: readonly IncidentCounts[];
  readonly traffic: readonly SliceCounts[];
  /** Verdicts before, oldest first. */
  readonly earlier: readonly EarlierDay[];
}

type Conclusion = Pick<
  Snapshot,
  'verdict' | 'sentence' | 'findings' | 'notes' | 'incidents' | 'slices' | 'features' | 'brokeSince'
>;

/** Days before the judged one whose counts may stand beside its own. */
const POOLED_MS = 6 * 86_400_000;

export function conclude(day: CountedDay): Conclusion {
  const { date, lastUs, views, earlier } = day;
  const near = earlier
    .filter((before) => Date.parse(date) - Date.parse(before.date) <= POOLED_MS)
    .toReversed();
  const earlierOf = (name: string): EarlierDay['features'][number][] =>
    near.flatMap(({ features }) => features.find((feature) => feature.name === name) ?? []);
  const features = day.features.map((feature) => ({
    ...feature,
    level: levelOfRates(feature, earlierOf(feature.name)).level,
  }));
  const findings = findingsOf({ ...day, features, earlierOf });
  const incidents = incidentsOf(day.incidents, features, day.traffic, {
    findings,
    service: day.service.name,
    consumers: day.service.consumers,
    computed: new Set(day.computed.map(({ view }) => view)),
    ownerOf: (view) => [...views, ...day.computed].find((one) => one.view === view)?.owner ?? null,
  });
  const verdict = findings[0]?.verdict ?? 'pass';
  return {
    verdict,
    sentence: sentenceOf({ verdict, findings, incidents, features, date }, lastUs),
    findings,
    notes: notesOf({ ...day, features }),
    incidents,
    slices: slicesOf(day.traffic),
    features,
    brokeSince: brokeSince({ incidents, features }, earlier),
  };
}

/** @returns the exit code of a run: 1 for skew in any service; else 3 for not enough data; else 0 for pass */
export function exitCodeOf(verdicts: readonly Verdict[]): 0 | 1 | 3 {
  if (verdicts.some((verdict) => verdict === 'alarm' || verdict === 'alert')) return 1;
  return verdicts.includes('not-enough-data') ? 3 : 0;
}
