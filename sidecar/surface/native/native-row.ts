/**
 * A row's part of a native answer. Copied from the ready ring where the row has it there; else made of the row's
 * values, and kept once the row is asked for again.
 */
import { MISSING, NULL, PRESENT, STATUSES } from '../../../contract/status.ts';
import type { AnswerBuffer } from '../../transport/answer-buffer.ts';
import type { CachedRow } from '../../cache/cached-row.ts';
import { holdsNonFinite } from '../../cache/row-values.ts';
import { nativeText } from '../value-text.ts';
import { nativeFallbacks } from './native-plan.ts';
import type { NativeSegment } from './native-plan.ts';

/** Writes `"role__feature":value` for each feature of a segment, comma-separated. @param row  is PRESENT */
export function writeFeatures(row: CachedRow, segment: NativeSegment, out: AnswerBuffer): void {
  if (row.writeReady(segment.featuresKind, out)) return;
  const from = out.length;
  out.text(featuresText(row, segment));
  row.keep(segment.featuresKind, out.since(from));
}

/** Writes `"role__feature":"STATUS"` for each feature of a segment, comma-separated. @param row  is PRESENT */
export function writeStatuses(row: CachedRow, segment: NativeSegment, out: AnswerBuffer): void {
  if (row.isWhole) return out.bytes(segment.presentText);
  if (row.writeReady(segment.statusesKind, out)) return;
  const from = out.length;
  out.text(statusesText(row, segment));
  row.keep(segment.statusesKind, out.since(from));
}

function featuresText(row: CachedRow, { nameTexts, features }: NativeSegment): string {
  const { values } = row;
  const fallbacks = nativeFallbacks(row.view);
  const ofView = row.view.view.features;
  let text = '';
  for (let i = 0; i < features.length; i++) {
    const index = features[i]!;
    const value = values[index];
    const shown = value === undefined ? fallbacks[index]! : nativeText(ofView[index]!.type, value);
    text += `${i === 0 ? '' : ','}${nameTexts[i]!}${shown}`;
  }
  return text;
}

function statusesText(row: CachedRow, { nameTexts, features }: NativeSegment): string {
  const { values } = row;
  let text = '';
  for (let i = 0; i < features.length; i++) {
    const value = values[features[i]!];
    const status = value === undefined ? MISSING : value === null ? NULL : PRESENT;
    text += `${i === 0 ? '' : ','}${nameTexts[i]!}"${STATUSES[status]!}"`;
  }
  return text;
}

/** @returns a note for each feature of a segment whose value holds a NaN or an infinity, as JSON strings */
export function notesOf(row: CachedRow, { fullNames, features }: NativeSegment): string[] {
  const { values } = row;
  const ofView = row.view.view.features;
  const notes: string[] = [];
  for (let i = 0; i < features.length; i++) {
    const value = values[features[i]!];
    if (value === undefined || !holdsNonFinite(ofView[features[i]!]!.type, value)) continue;
    notes.push(JSON.stringify(`${fullNames[i]!}: NaN or infinity is shown as null`));
  }
  return notes;
}
