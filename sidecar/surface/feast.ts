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
import { PRESENT } from '../../registry/status.ts';
import type { CodedError } from '../../registry/std/coded-error.ts';
import { SURFACES } from '../../registry/wire/served-record.ts';
import type { AnswerBuffer } from '../answer-buffer.ts';
import { JSON_HEADERS } from '../answers.ts';
import type { Asked } from '../entities.ts';
import { countRows, entityColumns, readKeys } from '../entities.ts';
import { sidecarError } from '../errors.ts';
import { describe, parseJsonBody } from '../json-body.ts';
import type { PlanBook } from '../plan-book.ts';
import type { Plan } from '../plan.ts';
import type { ReplyHeaders } from '../transport/transport.ts';
import { FEAST_PRESENT, FEAST_STATUS_TEXTS } from '../value-text.ts';
import type { Work } from '../work.ts';
import type { Surface } from './surface.ts';

const NO_TIME = '"1970-01-01T00:00:00Z"';

export const feastSurface: Surface = {
  code: SURFACES.indexOf('feast'),
  route: '/get-online-features',
  parse: parseFeast,
  answer: answerFeast,
  errorBody: feastErrorBody,
};

function parseFeast(bytes: Buffer, book: PlanBook): Asked {
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
  const plan = findPlan(body, book);
  checkNames(plan, fullNames);
  const columns = entityColumns(body);
  const count = countRows(plan, columns, false);
  const { parts, texts } = readKeys(plan, columns, count, false);
  return { plan, count, parts, texts, fullNames, tensors: null };
}

function findPlan(body: Readonly<Record<string, unknown>>, book: PlanBook): Plan {
  const service = body['feature_service'] ?? null;
  if (typeof service === 'string') return book.service(service);
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
  return book.featureList(features);
}

function checkNames(plan: Plan, fullNames: boolean): void {
  const { twice } = fullNames ? plan.feast.fullNames : plan.feast.shortNames;
  if (twice === null) return;
  const ask = fullNames ? 'ask for it once' : 'ask with full_feature_names: true';
  throw sidecarError('SRV_AMBIGUOUS_FEATURE', `two features of the answer are named ${twice}; ${ask}`, {
    field: 'features',
  });
}

function answerFeast(work: Work, _latencyMs: number, out: AnswerBuffer): ReplyHeaders {
  const { plan, count, fullNames } = work.asked;
  if (count === 1) answerOneRow(work, out);
  else answerRows(work, out);
  out.text((fullNames ? plan.feast.fullNames : plan.feast.shortNames).tail);
  return JSON_HEADERS;
}

/** Columns of one value each: a cached row has them ready, run by run. */
function answerOneRow(work: Work, out: AnswerBuffer): void {
  const { plan, texts } = work.asked;
  let head = '{"results":[';
  for (let k = 0; k < texts.length; k++) {
    const key = `{"values":[${texts[k]![0]!}],"statuses":[${FEAST_PRESENT}],"event_timestamps":[${NO_TIME}]}`;
    head += k === 0 ? key : `,${key}`;
  }
  out.text(head);
  const { runs } = plan.feast;
  for (let i = 0; i < runs.length; i++) {
    const run = runs[i]!;
    out.comma();
    if (work.statuses[run.role] === PRESENT) out.bytes(work.rows[run.role]!.feastColumns(run));
    else out.text(run.features.map((index) => column(work, run.role, index, null)).join(','));
  }
}

function answerRows(work: Work, out: AnswerBuffer): void {
  const { plan, count, texts } = work.asked;
  const times = `[${Array.from({ length: count }, () => NO_TIME).join(',')}]`;
  const present = `[${Array.from({ length: count }, () => FEAST_PRESENT).join(',')}]`;
  const keys = texts.map(
    (keyTexts) => `{"values":[${keyTexts.join(',')}],"statuses":${present},"event_timestamps":${times}}`,
  );
  out.text(`{"results":[${keys.join(',')}`);
  const { runs } = plan.feast;
  for (let i = 0; i < runs.length; i++) {
    const { role, features } = runs[i]!;
    const tail = tailOfWhole(work, role);
    for (let f = 0; f < features.length; f++) out.text(`,${column(work, role, features[f]!, tail)}`);
  }
}

/** @returns statuses and times of a role's rows, the same for each of its features; null where a value is absent */
function tailOfWhole(work: Work, role: number): string | null {
  const { plan, count } = work.asked;
  const roles = plan.roleViews.length;
  for (let r = 0; r < count; r++) {
    const at = r * roles + role;
    if (work.statuses[at] !== PRESENT || !work.rows[at]!.isWhole) return null;
  }
  let statuses = FEAST_PRESENT;
  let times = work.rows[role]!.feastEventTime;
  for (let r = 1; r < count; r++) {
    statuses += `,${FEAST_PRESENT}`;
    times += `,${work.rows[r * roles + role]!.feastEventTime}`;
  }
  return `],"statuses":[${statuses}],"event_timestamps":[${times}]}`;
}

/** @param tail  from `tailOfWhole`, where the values alone differ from feature to feature */
function column(work: Work, role: number, index: number, tail: string | null): string {
  const { plan, count } = work.asked;
  const roles = plan.roleViews.length;
  if (tail !== null) {
    let values = work.rows[role]!.feastValue(index);
    for (let r = 1; r < count; r++) values += `,${work.rows[r * roles + role]!.feastValue(index)}`;
    return `{"values":[${values}${tail}`;
  }
  let values = '';
  let statuses = '';
  let times = '';
  for (let r = 0; r < count; r++) {
    const at = r * roles + role;
    const row = work.rows[at]!;
    const comma = r === 0 ? '' : ',';
    if (work.statuses[at] === PRESENT) {
      values += comma + row!.feastValue(index);
      statuses += comma + row!.feastStatus(index);
    } else {
      values += comma + plan.roleViews[role]!.fallbackFeast[index]!;
      statuses += comma + FEAST_STATUS_TEXTS[work.statuses[at]!]!;
    }
    times += comma + (row === null || row.raw === null ? NO_TIME : row.feastEventTime);
  }
  return `{"values":[${values}],"statuses":[${statuses}],"event_timestamps":[${times}]}`;
}

/** FastAPI's envelope, which Feast's server has for bad requests. */
export function feastErrorBody(error: CodedError): string {
  const { field, help } = error.details;
  return JSON.stringify({ detail: { code: error.code, message: error.message, field, help } });
}
