/** What the native surface has ready for a service: names and statuses as text, by runs of features of one view. */
import { MISSING, OUTSIDE_TTL, PRESENT, STATUSES, UNAVAILABLE } from '../../../contract/status.ts';
import { newReadyKind } from '../../cache/ready-ring.ts';
import { encoderPlan } from '../../plan/encoder-plan.ts';
import { allFeatureRuns } from '../../plan/feature-runs.ts';
import type { FeatureRun } from '../../plan/feature-runs.ts';
import type { Plan } from '../../plan/plan.ts';
import type { ViewPlan } from '../../plan/view-plan.ts';
import type { Feature } from '../../../contract/model.ts';
import type { ValueType } from '../../../contract/value-type.ts';
import { nativeText } from '../value-text.ts';

/** The text of a run of features, apart from any row. */
export interface NativeSegment {
  readonly role: number;
  /** The on-demand view that computes the features, else NO_VIEW. */
  readonly onDemand: number;
  /** Indexes in the role's view; of an on-demand view its columns. */
  readonly features: readonly number[];
  readonly types: readonly ValueType[];
  readonly fullNames: readonly string[];
  /** `"role__feature":` for each feature of the run. */
  readonly nameTexts: readonly string[];
  /** What stands for a row that is not PRESENT: the fallbacks, and by status the statuses. */
  readonly fallbackText: Buffer;
  readonly statusTexts: readonly Buffer[];
  /** The statuses of a row that lacks no value. */
  readonly presentText: Buffer;
  /** The kinds of a row's texts in the ready ring. */
  readonly featuresKind: number;
  readonly statusesKind: number;
}

interface NativePlan {
  /** `"customer_id":` for each join key. */
  readonly keyTexts: readonly string[];
  readonly segments: readonly NativeSegment[];
  /** `"metadata":{"feature_service":...,"bundle":"...",` */
  readonly metadataStart: string;
}

/** A service's part of the native encoder. */
export const nativePlan = encoderPlan((plan: Plan): NativePlan => ({
  keyTexts: plan.keyNames.map((name) => `${JSON.stringify(name)}:`),
  segments: allFeatureRuns(plan).map(segmentOf),
  metadataStart:
    `"metadata":{"feature_service":${JSON.stringify(plan.service)},"service_version":${plan.version},` +
    `"bundle":"${plan.bundle}",${plan.deprecations === null ? '' : `"deprecated":${plan.deprecations.text},`}`,
}));

/** The fallbacks of a view as text, in the order of its features. */
export const nativeFallbacks = encoderPlan(({ view }: ViewPlan): readonly string[] =>
  view.features.map(fallbackText),
);

/** What stands for a feature where it has no value. */
export function fallbackText({ type, missing }: Pick<Feature, 'type' | 'missing'>): string {
  return nativeText(type, missing);
}

function segmentOf({ role, onDemand, features, definitions, fullNames }: FeatureRun): NativeSegment {
  const nameTexts = fullNames.map((name) => `${JSON.stringify(name)}:`);
  const statusText = (status: number): Buffer =>
    Buffer.from(nameTexts.map((name) => `${name}"${STATUSES[status]!}"`).join(','));
  const statusTexts: Buffer[] = STATUSES.map(() => Buffer.alloc(0));
  for (const status of [MISSING, OUTSIDE_TTL, UNAVAILABLE]) statusTexts[status] = statusText(status);
  return {
    role,
    onDemand,
    features,
    types: definitions.map(({ type }) => type),
    fullNames,
    nameTexts,
    fallbackText: Buffer.from(nameTexts.map((name, i) => name + fallbackText(definitions[i]!)).join(',')),
    statusTexts,
    presentText: statusText(PRESENT),
    featuresKind: newReadyKind(),
    statusesKind: newReadyKind(),
  };
}
