/**
 * Plumbline's own surface, `POST /feature-service/get-online-features`:
 *
 *   {"feature_service": "churn_v1", "entities": {"customer_id": [17850, 13047]}, "context"?: {"cart_value": 12.5}}
 *   {"results": [{"entities": {..}, "features": {..}, "statuses": {..}}, ..], "metadata": {..}}
 */
import type { CodedError } from '../../../contract/std/coded-error.ts';
import { SURFACES } from '../../../contract/wire/log/served-record.ts';
import type { Plan } from '../../plan/plan.ts';
import { exampleEntities, exampleInputs } from '../../request/example-entities.ts';
import { knowingShapes } from '../../request/known-shapes.ts';
import type { ExampleBody, Surface } from '../../request/surface.ts';
import { answerNative } from './native-answer.ts';
import { parseNative } from './native-request.ts';

const ROUTE = '/feature-service/get-online-features';

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

export function nativeExample(plan: Plan): ExampleBody {
  const asked = { feature_service: plan.service, entities: exampleEntities(plan) };
  return plan.inputs.length === 0 ? asked : { ...asked, context: exampleInputs(plan) };
}

export function nativeErrorBody(error: CodedError): string {
  const { field, help } = error.details;
  return JSON.stringify({ error: { code: error.code, message: error.message, field, help } });
}
