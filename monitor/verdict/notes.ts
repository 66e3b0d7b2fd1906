/** What a reader must know of a day although it changes no verdict, one sentence each. Pure. */
import { LIMITS } from '../limits.ts';
import { percentText } from '../../contract/std/percent-text.ts';
import { isMuchLost, judgedOf, lostText, sum, unjudgedText } from './findings.ts';
import { DROPPED } from './snapshot.ts';
import type { FeatureSnapshot, LostFiles, Snapshot, VectorCounts } from './snapshot.ts';

interface NotedDay extends Pick<Snapshot, 'leftOut'> {
  readonly features: readonly FeatureSnapshot[];
  readonly vectors: Pick<VectorCounts, 'read' | 'gaps' | 'openTails'>;
  readonly lostFiles: readonly LostFiles[];
}

export function notesOf({ features, vectors: log, leftOut, lostFiles }: NotedDay): string[] {
  const { read, gaps, openTails } = log;
  const notes = [...unjudgedNote(features), ...unavailableNote(features), ...withheldNotes(features)];
  if (lostFiles.length > 0 && !isMuchLost(read, lostFiles)) notes.push(lostText(lostFiles));
  const undecoded = sum(features, (feature) => feature.undecoded);
  if (undecoded > 0) {
    notes.push(
      `${plural(undecoded, 'value is', 'values are')} in rows that cannot be decoded; they are in no rate.`,
    );
  }
  for (const { what, vectors } of leftOut) {
    notes.push(`${plural(vectors, 'vector', 'vectors')} ${what} ${vectors === 1 ? 'is' : 'are'} not judged.`);
  }
  if (gaps > 0) {
    const are = gaps === 1 ? 'record is' : 'records are';
    notes.push(`${gaps} ${are} missing in the vector log; what they served was not judged.`);
  }
  if (openTails > 0) {
    const starts = openTails === 1 ? 'start' : 'starts';
    notes.push(
      `${openTails} ${starts} of a sidecar ended without a last record, or still run: ` +
        'what came after their last one is not known.',
    );
  }
  return notes;
}

function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

function unjudgedNote(features: readonly FeatureSnapshot[]): string[] {
  const judged = sum(features, judgedOf);
  const unjudged = sum(features, (feature) => feature.unjudged);
  const share = unjudged / (judged + unjudged);
  return unjudged > 0 && share <= LIMITS.unjudgedMost ? [unjudgedText(judged, unjudged)] : [];
}

function unavailableNote(features: readonly FeatureSnapshot[]): string[] {
  const unavailable = sum(features, (feature) => feature.unavailable);
  if (unavailable === 0) return [];
  const share = percentText(unavailable / (sum(features, judgedOf) + unavailable));
  return [`${share} of the values (${unavailable}) were served as UNAVAILABLE; they are in no rate.`];
}

/**
 * Values that could be compared if the secret were known. Dropping a value is intended and gives no note.
 */
function withheldNotes(features: readonly FeatureSnapshot[]): string[] {
  const whys = new Set(features.flatMap(({ withheld = {} }) => Object.keys(withheld)));
  whys.delete(DROPPED);
  return [...whys].map((why) => {
    const own = features.filter(({ withheld = {} }) => why in withheld);
    const values = sum(own, ({ withheld = {} }) => withheld[why]!);
    const names = own.map(({ name }) => name).join(', ');
    return `${plural(values, 'value', 'values')} of ${names} cannot be compared: ${why}.`;
  });
}
