/**
 * Plumbline's own surface, `POST /feature-service/get-online-features`:
 *
 *   {"feature_service": "churn_v1", "entities": {"customer_id": [17850, 13047]}}
 *   {"results": [{"entities": {..}, "features": {..}, "statuses": {..}}, ..], "metadata": {..}}
 *
 * An answer is put together from ready text: names and statuses of the plan, features of the cached rows.
 */
import { PRESENT } from '../../../contract/status.ts';
import type { CodedError } from '../../../contract/std/coded-error.ts';
import { SURFACES } from '../../../contract/wire/log/served-record.ts';
import type { AnswerBuffer } from '../../answer/answer-buffer.ts';
import { JSON_HEADERS } from '../../answer/outbox.ts';
import type { Plan } from '../../plan/plan.ts';
import { exampleEntities } from '../../request/example-entities.ts';
import { checkContext } from '../../request/request-context.ts';
import type { FeatureRequest } from '../../request/feature-request.ts';
import { countRows, entityColumns, readKeys } from '../../request/entities.ts';
import { sidecarError } from '../../errors.ts';
import { describe, parseJsonBody } from '../../request/json-body.ts';
import type { BundlePlans } from '../../plan/bundle-plans.ts';
import { nativePlan } from './native-plan.ts';
import type { NativeSegment } from './native-plan.ts';
import { notesOf, writeFeatures, writeStatuses } from './native-row.ts';
import { knowingShapes } from '../../request/known-shapes.ts';
import type { ReplyHeaders } from '../../transport/transport.ts';
import { oldestAgeUs } from '../../request/request-in-flight.ts';
import type { RequestInFlight } from '../../request/request-in-flight.ts';
import type { ExampleBody, Surface } from '../../request/surface.ts';

const ROUTE = '/feature-service/get-online-features';
const FIELDS = ['feature_service', 'entities', 'context'];

export const nativeSurface: Surface<null> = {
  code: SURFACES.indexOf('native'),
  route: ROUTE,
  path: ROUTE,
  takes: (path) => path === ROUTE,
  owns: (path) => path === ROUTE,
  parse: knowingShapes(parseNative),
  answer: answerNative,
  errorBody: nativeErrorBody,
  examples: (plan) => [{ path: ROUTE, body: nativeExample(plan) }],
};

function parseNative(bytes: Buffer, plans: BundlePlans): FeatureRequest<null> {
  const body = parseJsonBody(bytes);
  for (const field in body) {
    if (!FIELDS.includes(field)) {
      throw sidecarError('SRV_REQUEST', `there is no field ${field}; there are ${FIELDS.join(', ')}`, {
        field,
      });
    }
  }
  const name = body['feature_service'];
  if (typeof name !== 'string') {
    throw sidecarError('SRV_REQUEST', `feature_service should be a name, got ${describe(name)}`, {
      field: 'feature_service',
    });
  }
  const plan = plans.service(name);
  if (body['context'] !== undefined) checkContext(plan, body['context']);
  const columns = entityColumns(body);
  for (const key in columns) {
    if (!plan.keyNames.includes(key)) {
      throw sidecarError(
        'SRV_UNKNOWN_KEY',
        `${name} has no join key ${key}; it has ${plan.keyNames.join(', ')}`,
        { field: `entities.${key}` },
      );
    }
  }
  const count = countRows(plan, columns, true);
  const { parts, texts } = readKeys(plan, columns, count, true);
  return { plan, count, parts, texts, form: null };
}

function answerNative(inFlight: RequestInFlight, latencyMs: number, out: AnswerBuffer): ReplyHeaders {
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
      const at = r * roles + segment.role;
      if (s !== 0) out.comma();
      if (inFlight.statuses[at] === PRESENT) writeFeatures(inFlight.rows[at]!, segment, out);
      else out.bytes(segment.fallbackText);
    }
    out.text('},"statuses":{');
    for (let s = 0; s < segments.length; s++) {
      const segment = segments[s]!;
      const at = r * roles + segment.role;
      const status = inFlight.statuses[at]!;
      if (s !== 0) out.comma();
      if (status === PRESENT) writeStatuses(inFlight.rows[at]!, segment, out);
      else out.bytes(segment.statusTexts[status]!);
    }
    out.text('}}');
  }
  const oldestUs = oldestAgeUs(inFlight);
  out.text(
    `],${metadataStart}"request_id":"${inFlight.requestId}","latency_ms":${latencyMs.toFixed(3)},"oldest_age_ms":${
      oldestUs === -1 ? 'null' : oldestUs / 1_000
    }${notesText(inFlight, segments)}}}`,
  );
  return JSON_HEADERS;
}

/** Empty in nearly every answer: only rows with a NaN or an infinity have notes. */
function notesText(inFlight: RequestInFlight, segments: readonly NativeSegment[]): string {
  const { plan, count } = inFlight.request;
  const roles = plan.roleViews.length;
  let notes: string[] | null = null;
  for (let r = 0; r < count; r++) {
    for (let s = 0; s < segments.length; s++) {
      const segment = segments[s]!;
      const at = r * roles + segment.role;
      const row = inFlight.rows[at]!;
      if (row === null || !row.hasNonFinite || inFlight.statuses[at] !== PRESENT) continue;
      notes ??= [];
      for (const note of notesOf(row, segment)) if (!notes.includes(note)) notes.push(note);
    }
  }
  return notes === null || notes.length === 0 ? '' : `,"notes":[${notes.join(',')}]`;
}

export function nativeExample(plan: Plan): ExampleBody {
  return { feature_service: plan.service, entities: exampleEntities(plan) };
}

export function nativeErrorBody(error: CodedError): string {
  const { field, help } = error.details;
  return JSON.stringify({ error: { code: error.code, message: error.message, field, help } });
}
