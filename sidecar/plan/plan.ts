/**
 * The plan of a service: everything about it that does not change from request to request, decided once for each
 * bundle. It is frozen data in parallel arrays, and serve.ts runs over it without looking anything up. What a surface
 * has ready for the service is kept with the plan and unknown to it (encoder-plan.ts).
 *
 *   service  ->  groups     one for each (entity, request keys): one hash in the store
 *                roles      one for each view as the service uses it; belongs to a group
 *                onDemand   one for each on-demand view, each behind those that it uses
 *                features   in the service's order: role and index in the view, or the column of what is computed
 */
import type { Bundle, Entity, Feature, FeatureService, JoinKey, RequestInput } from '../../contract/model.ts';
import { keyPoliciesOf } from '../../contract/log-privacy.ts';
import type { HmacKey } from '../../contract/log-privacy.ts';
import type { FunctionRunner } from '../on-demand/function-runner.ts';
import { deprecationsOf } from './deprecations.ts';
import type { DeprecatedTally, Deprecations } from './deprecations.ts';
import { planOnDemand } from './on-demand-plan.ts';
import type { OnDemandPlan } from './on-demand-plan.ts';
import type { ViewPlan } from './view-plan.ts';

/** The most values that one request may ask for: rows times features. */
export const MAX_VALUES = 10_000;

interface GroupPlan {
  /** `{prefix}fstore:{entity}:`, to be followed by the id. */
  readonly keyStart: string;
  /** Indexes in `Plan.keys`, in the order of the entity's join keys. */
  readonly keys: readonly number[];
}

export interface Plan {
  /** Empty for a list of single features. */
  readonly service: string;
  readonly version: number;
  readonly bundle: string;
  readonly keys: readonly JoinKey[];
  readonly keyNames: readonly string[];
  readonly groups: readonly GroupPlan[];
  readonly roleNames: readonly string[];
  readonly roleViews: readonly ViewPlan[];
  readonly roleGroups: readonly number[];
  /** For each role its features in the service, as indexes in its view. */
  readonly roleFeatures: readonly (readonly number[])[];
  /** What a request brings beside its keys, in the order in which it is logged. */
  readonly inputs: readonly RequestInput[];
  /** Indexes of the keys that are also inputs that may not be null. */
  readonly neededKeys: readonly number[];
  readonly onDemand: readonly OnDemandPlan[];
  /** How many values the on-demand views compute for each row, those of which the service lists no feature included. */
  readonly columnCount: number;
  readonly featureCount: number;
  /** COMPUTED: the feature is one of an on-demand view. */
  readonly featureRoles: readonly number[];
  /** In the role's view; of a computed feature the column. */
  readonly featureIndexes: readonly number[];
  readonly featureDefinitions: readonly Feature[];
  readonly fullNames: readonly string[];
  readonly shortNames: readonly string[];
  /** How ids are logged, and that answers are not; null: everything is logged as it is. */
  readonly privacy: PlanPrivacy | null;
  readonly definition: FeatureService;
  /** What callers are told will go; null: all stays. */
  readonly deprecations: Deprecations | null;
  /** What encoders have ready for the service; see encoder-plan.ts. */
  readonly encoderPlans: unknown[];
}

/** In the place of a role: the feature is computed by an on-demand view. */
export const COMPUTED = -1;

/** What the log may hold of a service that has marked values. */
export interface PlanPrivacy {
  /** For each key an index into LOG_POLICIES; empty: all raw. */
  readonly keyPolicies: readonly number[];
  readonly hmacKey: HmacKey | null;
}

/** What a service is planned with. */
interface ServiceSurroundings {
  readonly bundle: Pick<Bundle, 'hash' | 'entities'>;
  /** Every view that the service uses, by id. */
  readonly views: ReadonlyMap<string, ViewPlan>;
  /** What runs each on-demand view that the service uses, by id. */
  readonly runners: ReadonlyMap<string, FunctionRunner>;
  readonly keyPrefix: string;
  readonly hmacKey: HmacKey | null;
  readonly tallyOf: (service: string) => DeprecatedTally;
}

export function planService(
  service: FeatureService,
  { bundle, views, runners, keyPrefix, hmacKey, tallyOf }: ServiceSurroundings,
): Plan {
  const groups: GroupPlan[] = [];
  const groupAt = new Map<string, number>();
  const roleGroups = service.views.map(({ view, requestKeys }) => {
    const entity = bundle.entities.get(views.get(view)!.view.entity)!;
    const name = `${entity.name}|${requestKeys.join('|')}`;
    const known = groupAt.get(name);
    if (known !== undefined) return known;
    groupAt.set(name, groups.length);
    groups.push(planGroup(service, entity, requestKeys, keyPrefix));
    return groups.length - 1;
  });
  const roleAt = new Map(service.views.map(({ role }, i) => [role, i]));
  const roleViews = service.views.map(({ view }) => views.get(view)!);
  const inputs = service.inputs.filter(({ requestTime }) => !requestTime);
  const onDemand = planOnDemand(service, { views, runners, inputs });
  const computed = new Map(onDemand.map((one) => [one.role, one]));
  const places = service.features.map((f) => placeOf(f, computed.get(f.role), views));
  const featureRoles = service.features.map((f) => roleAt.get(f.role) ?? COMPUTED);
  const featureDefinitions = places.map(({ feature }) => feature);
  const used = [...roleViews, ...onDemand].map(({ view }) => view);
  const parts = { views: used, features: featureDefinitions };
  const featureIndexes = places.map(({ index }) => index);
  return Object.freeze({
    service: service.name,
    version: service.version,
    bundle: bundle.hash,
    keys: service.requestKeys,
    keyNames: service.requestKeys.map((key) => key.name),
    groups,
    roleNames: service.views.map(({ role }) => role),
    roleViews,
    roleGroups,
    roleFeatures: roleViews.map((_, role) => featureIndexes.filter((_index, f) => featureRoles[f] === role)),
    inputs,
    neededKeys: neededKeys(service, onDemand),
    onDemand,
    columnCount: onDemand.reduce((sum, { view }) => sum + view.features.length, 0),
    featureCount: service.features.length,
    featureRoles,
    featureIndexes,
    featureDefinitions,
    fullNames: service.features.map((f) => f.fullName),
    shortNames: service.features.map((f) => f.feature),
    privacy: planPrivacy(service, { bundle, views, runners, hmacKey }),
    definition: service,
    deprecations: deprecationsOf(service, parts, tallyOf),
    encoderPlans: [],
  });
}

/** @returns a feature's definition, and its place: in its view, or in what is computed for a row */
function placeOf(
  { view, feature }: FeatureService['features'][number],
  computed: OnDemandPlan | undefined,
  views: ReadonlyMap<string, ViewPlan>,
): { readonly feature: Feature; readonly index: number } {
  const { features } = computed?.view ?? views.get(view)!.view;
  const index = features.findIndex(({ name }) => name === feature);
  return { feature: features[index]!, index: index + (computed?.firstColumn ?? 0) };
}

/** Keys that some function takes as an input that it must have. */
function neededKeys(service: FeatureService, onDemand: readonly OnDemandPlan[]): number[] {
  const needed = onDemand.flatMap(({ view }) => view.inputs.filter(({ optional }) => !optional));
  return service.requestKeys.flatMap(({ name }, k) => (needed.some((one) => one.name === name) ? [k] : []));
}

function planPrivacy(
  service: FeatureService,
  { bundle, views: plans, runners, hmacKey }: Omit<ServiceSurroundings, 'keyPrefix' | 'tallyOf'>,
): PlanPrivacy | null {
  const views = new Map(service.views.map(({ view }) => [view, plans.get(view)!.view]));
  const keyPolicies = keyPoliciesOf({ entities: bundle.entities, views }, service);
  const allRaw = keyPolicies.every((policy) => policy === 0);
  const computed = service.onDemand.flatMap(({ view }) => runners.get(view)!.view.features);
  const areValuesRaw = [...service.inputs, ...computed].every(({ log }) => log === 'raw');
  if (allRaw && areValuesRaw && service.views.every(({ view }) => plans.get(view)!.mask === null))
    return null;
  return { keyPolicies: allRaw ? [] : keyPolicies, hmacKey };
}

function planGroup(
  service: FeatureService,
  entity: Entity,
  requestKeys: readonly string[],
  keyPrefix: string,
): GroupPlan {
  return {
    keyStart: `${keyPrefix}fstore:${entity.name}:`,
    keys: requestKeys.map((name) => service.requestKeys.findIndex((key) => key.name === name)),
  };
}
