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
import type { CodedError } from '../../../contract/std/coded-error.ts';
import { SURFACES } from '../../../contract/wire/log/served-record.ts';
import type { Plan } from '../../plan/plan.ts';
import { exampleEntities, exampleInputs } from '../../request/example-entities.ts';
import { knowingShapes } from '../../request/known-shapes.ts';
import type { ExampleBody, Surface } from '../../request/surface.ts';
import { answerFeast } from './feast-answer.ts';
import { feastPlan } from './feast-plan.ts';
import type { FeastNames } from './feast-plan.ts';
import { parseFeast } from './feast-request.ts';

const ROUTE = '/get-online-features';

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

/** FastAPI's envelope, which Feast's server has for bad requests. */
export function feastErrorBody(error: CodedError): string {
  const { field, help } = error.details;
  return JSON.stringify({ detail: { code: error.code, message: error.message, field, help } });
}

/** Short names are refused when two features share one: then full ones are asked for. */
export function feastExample(plan: Plan): ExampleBody {
  const short = {
    feature_service: plan.service,
    entities: { ...exampleEntities(plan), ...exampleInputs(plan) },
  };
  return feastPlan(plan).shortNames.twice === null ? short : { ...short, full_feature_names: true };
}
