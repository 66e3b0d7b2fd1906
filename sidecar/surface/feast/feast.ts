/**
 * Feast's HTTP contract, `POST /get-online-features`: Feast's own remote online store works with only a URL changed.
 *
 *   {"features": ["view:feature", ..] or "feature_service": "name", "entities": {"driver_id": [1001, 1002]}}
 *   {"results": [{"values": [..], "statuses": [..], "event_timestamps": [..]}, ..],
 *    "metadata": {"feature_names": [..]}}
 *
 * Column-major: one result a join key, then one a feature. As in Feast 0.67 (feature_server.py and
 * infra/online_stores/remote.py, whose client reads the time of a row from the second result).
 */
import { PRESENT } from '../../../contract/status.ts';
import type { CodedError } from '../../../contract/std/coded-error.ts';
import { SURFACES } from '../../../contract/wire/log/served-record.ts';
import type { AnswerBuffer } from '../../answer/answer-buffer.ts';
import { JSON_HEADERS } from '../../answer/outbox.ts';
import type { FeatureRequest } from '../../request/feature-request.ts';
import { exampleEntities } from '../../request/example-entities.ts';
import { countRows, entityColumns, readKeys } from '../../request/entities.ts';
import { sidecarError } from '../../errors.ts';
import { describe, parseJsonBody } from '../../request/json-body.ts';
import { FEAST_NO_TIME } from './feast-pieces.ts';
import type { BundlePlans } from '../../plan/bundle-plans.ts';
import type { Plan } from '../../plan/plan.ts';
import { knowingShapes } from '../../request/known-shapes.ts';
import type { ReplyHeaders } from '../../transport/transport.ts';
import { FEAST_PRESENT } from './feast-text.ts';
import type { RequestInFlight } from '../../request/request-in-flight.ts';
import { feastPlan } from './feast-plan.ts';
import type { FeastNames } from './feast-plan.ts';
import { writeRowColumns } from './feast-row.ts';
import { writeColumns } from './feast-columns.ts';
import type { ExampleBody, Surface } from '../../request/surface.ts';

const ROUTE = '/get-online-features';
const KEY_TAIL = keyTail(1);

export const feastSurface: Surface<FeastNames> = {
  code: SURFACES.indexOf('feast'),
  route: ROUTE,
  path: ROUTE,
  takes: (path) => path === ROUTE,
  owns: (path) => path === ROUTE,
  parse: knowingShapes(parseFeast),
  answer: answerFeast,
  errorBody: feastErrorBody,
  examples: (plan) => [{ path: ROUTE, body: feastExample(plan) }],
};

function parseFeast(bytes: Buffer, plans: BundlePlans): FeatureRequest<FeastNames> {
  const body = parseJsonBody(bytes);
  const fullNames = body['full_feature_names'] ?? false;
  if (typeof fullNames !== 'boolean') {
    throw sidecarError(
      'SRV_REQUEST',
      `full_feature_names should be true or false, got ${describe(fullNames)}`,
      {
        field: 'full_feature_names',
      },
    );
  }
  const refs = featureRefs(body);
  const plan = refs === null ? plans.service(body['feature_service'] as string) : plans.featureList(refs);
  const names = namesOf(plan, fullNames);
  const columns = entityColumns(body);
  const count = countRows(plan, columns, false);
  const { parts, texts } = readKeys(plan, columns, count, false);
  if (refs !== null) plans.keepList(refs, plan);
  return { plan, count, parts, texts, form: names };
}

/** @returns the features that are asked for singly; null where the request names a service */
function featureRefs(body: Readonly<Record<string, unknown>>): readonly string[] | null {
  const service = body['feature_service'] ?? null;
  if (typeof service === 'string') return null;
  if (service !== null) {
    throw sidecarError('SRV_REQUEST', `feature_service should be a name, got ${describe(service)}`, {
      field: 'feature_service',
    });
  }
  const { features } = body;
  if (!Array.isArray(features) || features.length === 0 || !features.every((f) => typeof f === 'string')) {
    throw sidecarError(
      'SRV_REQUEST',
      `expected feature_service, or features as a list of view:feature, got ${describe(features)}`,
      { field: 'features' },
    );
  }
  return features;
}

/** @throws SRV_AMBIGUOUS_FEATURE for names that two features share */
function namesOf(plan: Plan, fullNames: boolean): FeastNames {
  const names = fullNames ? feastPlan(plan).fullNames : feastPlan(plan).shortNames;
  if (names.twice === null) return names;
  const ask = fullNames ? 'ask for it once' : 'ask with full_feature_names: true';
  throw sidecarError('SRV_AMBIGUOUS_FEATURE', `two features of the answer are named ${names.twice}; ${ask}`, {
    field: 'features',
  });
}

function answerFeast(
  inFlight: RequestInFlight<FeastNames>,
  _latencyMs: number,
  out: AnswerBuffer,
): ReplyHeaders {
  const { plan, count, form } = inFlight.request;
  const { runs } = feastPlan(plan);
  writeKeys(inFlight, out);
  for (let i = 0; i < runs.length; i++) {
    const run = runs[i]!;
    if (count === 1 && inFlight.statuses[run.role] === PRESENT) {
      // A cached row has the columns of one value each ready.
      out.comma();
      writeRowColumns(inFlight.rows[run.role]!, run, out);
    } else {
      writeColumns(inFlight, run, out);
    }
  }
  out.bytes(form.tail);
  return JSON_HEADERS;
}

/** The join keys come back as columns of their own. */
function writeKeys(inFlight: RequestInFlight, out: AnswerBuffer): void {
  const { count, texts } = inFlight.request;
  const tail = count === 1 ? KEY_TAIL : keyTail(count);
  let head = '{"results":[';
  for (let k = 0; k < texts.length; k++) {
    const values = count === 1 ? texts[k]![0]! : texts[k]!.join(',');
    head += k === 0 ? `{"values":[${values}${tail}` : `,{"values":[${values}${tail}`;
  }
  out.text(head);
}

/** Statuses and times of the column of a join key. */
function keyTail(count: number): string {
  const statuses = `,${FEAST_PRESENT}`.repeat(count).slice(1);
  return `],"statuses":[${statuses}],"event_timestamps":[${`,${FEAST_NO_TIME}`.repeat(count).slice(1)}]}`;
}

/** FastAPI's envelope, which Feast's server has for bad requests. */
export function feastErrorBody(error: CodedError): string {
  const { field, help } = error.details;
  return JSON.stringify({ detail: { code: error.code, message: error.message, field, help } });
}

/** Short names are refused when two features share one: then full ones are asked for. */
export function feastExample(plan: Plan): ExampleBody {
  const short = { feature_service: plan.service, entities: exampleEntities(plan) };
  return feastPlan(plan).shortNames.twice === null ? short : { ...short, full_feature_names: true };
}
