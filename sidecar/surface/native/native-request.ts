/** A request of the native surface: the service by its name, and a list of ids for each join key. */
import { sidecarError } from '../../errors.ts';
import type { BundlePlans } from '../../plan/bundle-plans.ts';
import { countRows, entityColumns, readKeys } from '../../request/entities.ts';
import type { FeatureRequest } from '../../request/feature-request.ts';
import { describe, parseJsonBody } from '../../request/json-body.ts';
import { checkContext } from '../../request/request-context.ts';

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
