/** An on-demand view's part of a native answer, for one row of which it was computed. */
import { NULL, PRESENT, STATUSES } from '../../../contract/status.ts';
import type { AnswerBuffer } from '../../transport/answer-buffer.ts';
import { holdsNonFinite } from '../../cache/row-values.ts';
import type { ComputedValues } from '../../on-demand/computed-values.ts';
import { nativeText } from '../value-text.ts';
import type { NativeSegment } from './native-plan.ts';

/** Writes `"view__feature":value` for each feature of a segment, comma-separated. */
export function writeComputed(
  computed: ComputedValues,
  r: number,
  { features, nameTexts, types }: NativeSegment,
  out: AnswerBuffer,
): void {
  const from = r * computed.columns;
  let text = '';
  for (let i = 0; i < features.length; i++) {
    text += `${i === 0 ? '' : ','}${nameTexts[i]!}${nativeText(types[i]!, computed.values[from + features[i]!]!)}`;
  }
  out.text(text);
}

/** Writes `"view__feature":"STATUS"` for each feature of a segment, comma-separated. */
export function writeComputedStatuses(
  computed: ComputedValues,
  r: number,
  { features, nameTexts, presentText }: NativeSegment,
  out: AnswerBuffer,
): void {
  const from = r * computed.columns;
  let nulls = 0;
  for (let i = 0; i < features.length; i++) if (computed.values[from + features[i]!] === null) nulls += 1;
  if (nulls === 0) return out.bytes(presentText);
  let text = '';
  for (let i = 0; i < features.length; i++) {
    const status = computed.values[from + features[i]!] === null ? NULL : PRESENT;
    text += `${i === 0 ? '' : ','}${nameTexts[i]!}"${STATUSES[status]!}"`;
  }
  out.text(text);
}

/** @returns a note for each feature of a segment whose value holds a NaN or an infinity, as JSON strings */
export function notesOfComputed(
  computed: ComputedValues,
  r: number,
  { features, fullNames, types }: NativeSegment,
): string[] {
  const from = r * computed.columns;
  const notes: string[] = [];
  for (let i = 0; i < features.length; i++) {
    if (!holdsNonFinite(types[i]!, computed.values[from + features[i]!]!)) continue;
    notes.push(JSON.stringify(`${fullNames[i]!}: NaN or infinity is shown as null`));
  }
  return notes;
}
