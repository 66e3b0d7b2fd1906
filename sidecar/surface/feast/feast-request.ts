/**
 * A request in Feast's form: a service or single features, full names or short ones, and a list for each join key and
 * input.
 */
import { sidecarError } from '../../errors.ts';
import type { BundlePlans } from '../../plan/bundle-plans.ts';
import type { Plan } from '../../plan/plan.ts';
import { checkCount, countRows, entityColumns, readKeys } from '../../request/entities.ts';
import { countWithInputs, readInputs } from '../../request/inputs.ts';
import type { FeatureRequest } from '../../request/feature-request.ts';
import { describe } from '../../../contract/wire/request/exact-json.ts';
import { parseJsonBody } from '../../request/json-body.ts';
import { feastPlan } from './feast-plan.ts';
import type { FeastNames } from './feast-plan.ts';

const PLACE = { field: 'entities', takesBare: false, repeatsKeys: false };
const TYPED_PLACE = { ...PLACE, isTyped: true };

/** @throws the SRV_ codes of bad input */
export function parseFeast(bytes: Buffer, plans: BundlePlans): FeatureRequest<FeastNames> {
  return readFeast(parseJsonBody(bytes), plans);
}

/**
 * Reads a request apart from how it came: gRPC has the same fields.
 * @param isTyped  whether its values are of a message, and not of JSON
 * @throws         as `parseFeast`
 */
export function readFeast(
  body: Readonly<Record<string, unknown>>,
  plans: BundlePlans,
  isTyped = false,
): FeatureRequest<FeastNames> {
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
  const columns = entityColumns(plan, body);
  const place = isTyped ? TYPED_PLACE : PLACE;
  const count = countWithInputs(plan, columns, countRows(plan, columns, false), place);
  checkCount(plan, count, 'entities');
  const { parts, texts } = readKeys(plan, columns, count, false);
  const inputs = readInputs(plan, columns, count, place);
  if (refs !== null) plans.keepList(refs, plan);
  return { plan, count, parts, texts, inputs, passedOver: passedOver(plan, columns), form: names };
}

/** @returns how many columns are neither a join key nor an input: Feast ignores them, too */
function passedOver(plan: Plan, columns: Readonly<Record<string, unknown>>): number {
  let count = 0;
  for (const name in columns) {
    if (!plan.keyNames.includes(name) && !plan.inputs.some((input) => input.name === name)) count += 1;
  }
  return count;
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
