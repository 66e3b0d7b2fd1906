/** A request of the native surface: the service by its name, a list of ids for each join key, and its inputs. */
import { sidecarError } from '../../errors.ts';
import type { BundlePlans } from '../../plan/bundle-plans.ts';
import { checkCount, countRows, entityColumns, readKeys } from '../../request/entities.ts';
import type { FeatureRequest } from '../../request/feature-request.ts';
import { describe } from '../../../contract/wire/request/exact-json.ts';
import { parseJsonBody } from '../../request/json-body.ts';
import { contextFields, countWithInputs, readInputs } from '../../request/inputs.ts';

const PLACE = { field: 'context', takesBare: true, repeatsKeys: true };
const FIELDS = ['feature_service', 'entities', 'context'];

/** @throws the SRV_ codes of bad input */
export function parseNative(bytes: Buffer, plans: BundlePlans): FeatureRequest<null> {
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
  const context = contextFields(plan, body['context']);
  const columns = entityColumns(plan, body);
  for (const key in columns) {
    if (!plan.keyNames.includes(key)) {
      const has = plan.keys.length === 0 ? 'none' : plan.keyNames.join(', ');
      const hint = plan.inputs.some((input) => input.name === key) ? ` (${key} is a field of context)` : '';
      throw sidecarError('SRV_UNKNOWN_KEY', `${name} has no join key ${key}; it has ${has}${hint}`, {
        field: `entities.${key}`,
      });
    }
  }
  const count = countWithInputs(plan, context, countRows(plan, columns, true), PLACE);
  checkCount(plan, count, plan.keys.length === 0 ? 'context' : 'entities');
  const { parts, texts } = readKeys(plan, columns, count, true);
  const inputs = readInputs(plan, context, count, PLACE);
  return { plan, count, parts, texts, inputs, passedOver: 0, form: null };
}
