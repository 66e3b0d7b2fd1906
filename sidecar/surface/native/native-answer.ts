/**
 * An answer of the native surface, put together from ready text: names and statuses of the plan, features of the cached
 * rows.
 */
import { PRESENT } from '../../../contract/status.ts';
import type { AnswerBuffer } from '../../transport/answer-buffer.ts';
import { JSON_HEADERS } from '../../transport/transport.ts';
import { oldestAgeUs, statusOfRun } from '../../request/request-in-flight.ts';
import type { RequestInFlight } from '../../request/request-in-flight.ts';
import type { ReplyHeaders } from '../../transport/transport.ts';
import { NO_VIEW } from '../../plan/feature-runs.ts';
import { notesOfComputed, writeComputed, writeComputedStatuses } from './native-computed.ts';
import { nativePlan } from './native-plan.ts';
import type { NativeSegment } from './native-plan.ts';
import { notesOf, writeFeatures, writeStatuses } from './native-row.ts';

export function answerNative(inFlight: RequestInFlight, latencyMs: number, out: AnswerBuffer): ReplyHeaders {
  const { plan, count, texts } = inFlight.request;
  const { segments, keyTexts, metadataStart } = nativePlan(plan);
  const roles = plan.roleViews.length;
  for (let r = 0; r < count; r++) {
    let head = r === 0 ? '{"results":[{"entities":{' : ',{"entities":{';
    for (let k = 0; k < keyTexts.length; k++) {
      head += k === 0 ? keyTexts[k]! + texts[k]![r]! : `,${keyTexts[k]!}${texts[k]![r]!}`;
    }
    out.text(`${head}},"features":{`);
    for (let s = 0; s < segments.length; s++) {
      const segment = segments[s]!;
      if (s !== 0) out.comma();
      const status = statusOfRun(inFlight, segment, r);
      if (status !== PRESENT) out.bytes(segment.fallbackText);
      else if (segment.onDemand !== NO_VIEW) writeComputed(inFlight.computed!, r, segment, out);
      else writeFeatures(inFlight.rows[r * roles + segment.role]!, segment, out);
    }
    out.text('},"statuses":{');
    for (let s = 0; s < segments.length; s++) {
      const segment = segments[s]!;
      if (s !== 0) out.comma();
      const status = statusOfRun(inFlight, segment, r);
      if (status !== PRESENT) out.bytes(segment.statusTexts[status]!);
      else if (segment.onDemand !== NO_VIEW) writeComputedStatuses(inFlight.computed!, r, segment, out);
      else writeStatuses(inFlight.rows[r * roles + segment.role]!, segment, out);
    }
    out.text('}}');
  }
  const oldestUs = oldestAgeUs(inFlight);
  out.text(
    `],${metadataStart}"request_id":"${inFlight.requestId}","latency_ms":${latencyMs.toFixed(3)},"oldest_age_ms":${
      oldestUs === -1 ? 'null' : oldestUs / 1_000
    }${notesText(inFlight, segments)}}}`,
  );
  return plan.deprecations === null ? JSON_HEADERS : plan.deprecations.jsonHeaders;
}

/** Empty in nearly every answer: only rows with a NaN or an infinity have notes. */
function notesText(inFlight: RequestInFlight, segments: readonly NativeSegment[]): string {
  const { plan, count } = inFlight.request;
  const roles = plan.roleViews.length;
  let notes: string[] | null = null;
  for (let r = 0; r < count; r++) {
    for (let s = 0; s < segments.length; s++) {
      const segment = segments[s]!;
      if (statusOfRun(inFlight, segment, r) !== PRESENT) continue;
      let found: readonly string[];
      if (segment.onDemand !== NO_VIEW) found = notesOfComputed(inFlight.computed!, r, segment);
      else {
        const row = inFlight.rows[r * roles + segment.role]!;
        if (!row.hasNonFinite) continue;
        found = notesOf(row, segment);
      }
      if (found.length === 0) continue;
      notes ??= [];
      for (const note of found) if (!notes.includes(note)) notes.push(note);
    }
  }
  return notes === null || notes.length === 0 ? '' : `,"notes":[${notes.join(',')}]`;
}
