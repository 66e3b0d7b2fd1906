/**
 * The plan of a service: everything about it that does not change from request to request, decided once for each
 * bundle. It is frozen data in parallel arrays, and serve.ts runs over it without looking anything up. What a surface
 * has ready for the service is kept with the plan and unknown to it (encoder-plan.ts).
 *
 *   service  ->  groups     one for each (entity, request keys): one hash in the store
 *                roles      one for each view as the service uses it; belongs to a group
 *                features   in the service's order: role, index in the view, names
 */
import type { Bundle, Entity, FeatureService, JoinKey } from '../../contract/model.ts';
import { keyPoliciesOf } from '../../contract/log-privacy.ts';
import type { HmacKey } from '../../contract/log-privacy.ts';
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
  readonly featureCount: number;
  readonly featureRoles: readonly number[];
  readonly featureIndexes: readonly number[];
  readonly fullNames: readonly string[];
  readonly shortNames: readonly string[];
  /** How ids are logged, and that answers are not; null: everything is logged as it is. */
  readonly privacy: PlanPrivacy | null;
  readonly definition: FeatureService;
  /** What encoders have ready for the service; see encoder-plan.ts. */
  readonly encoderPlans: unknown[];
}

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
  readonly keyPrefix: string;
  readonly hmacKey: HmacKey | null;
}

export function planService(
  service: FeatureService,
  { bundle, views, keyPrefix, hmacKey }: ServiceSurroundings,
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
  const featureRoles = service.features.map((f) => roleAt.get(f.role)!);
  const featureIndexes = service.features.map((f) =>
    views.get(f.view)!.view.features.findIndex(({ name }) => name === f.feature),
  );
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
    featureCount: service.features.length,
    featureRoles,
    featureIndexes,
    fullNames: service.features.map((f) => f.fullName),
    shortNames: service.features.map((f) => f.feature),
    privacy: planPrivacy(service, bundle.entities, views, hmacKey),
    definition: service,
    encoderPlans: [],
  });
}

function planPrivacy(
  service: FeatureService,
  entities: ReadonlyMap<string, Entity>,
  plans: ReadonlyMap<string, ViewPlan>,
  hmacKey: HmacKey | null,
): PlanPrivacy | null {
  const views = new Map(service.views.map(({ view }) => [view, plans.get(view)!.view]));
  const keyPolicies = keyPoliciesOf({ entities, views }, service);
  const allRaw = keyPolicies.every((policy) => policy === 0);
  if (allRaw && service.views.every(({ view }) => plans.get(view)!.mask === null)) return null;
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
