/**
 * Context: values that a request brings for itself, e.g. what lies in a cart, for features that are computed when they
 * are asked for. Definitions cannot declare any yet (docs/roadmap.md), so no service has a context field and each one
 * that a request names is a mistake of the caller: ignored in silence, it would be missing in the model's input.
 */
import { sidecarError } from '../errors.ts';
import { describe } from './json-body.ts';
import type { Plan } from '../plan/plan.ts';

/**
 * @param context  the request's field as parsed
 * @throws         SRV_REQUEST when it is no object; SRV_UNKNOWN_CONTEXT for its first field
 */
export function checkContext(plan: Plan, context: unknown): void {
  if (typeof context !== 'object' || context === null || Array.isArray(context)) {
    const message = `context should be an object with a value for each context field, got ${describe(context)}`;
    throw sidecarError('SRV_REQUEST', message, { field: 'context' });
  }
  for (const name in context) {
    throw sidecarError(
      'SRV_UNKNOWN_CONTEXT',
      `${plan.service} has no context field ${JSON.stringify(name.slice(0, 200))}; it has none`,
      {
        field: `context.${name.slice(0, 200)}`,
      },
    );
  }
}
