/**
 * A segment's part of an answer in Plumbline's own form: names and statuses as text that a plan has ready, and the
 * values of a row.
 */
import { MISSING, NULL, OUTSIDE_TTL, PRESENT, STATUSES, UNAVAILABLE } from '../../../contract/status.ts';
import type { Value } from '../../../contract/value-type.ts';
import type { ViewPlan } from '../../plan/view-plan.ts';
import { newReadyKind } from '../../cache/ready-ring.ts';
import { nativeText } from '../value-text.ts';

/** Text of a run of features of one view, apart from any row. */
export interface SegmentText {
  /** `"role__feature":` for each feature of the run. */
  readonly nameTexts: readonly string[];
  readonly fullNames: readonly string[];
  /** Indexes in the view. */
  readonly features: readonly number[];
  /** What stands for a row that is not PRESENT: the fallbacks, and by status the statuses. */
  readonly fallbackText: Buffer;
  readonly statusTexts: readonly Buffer[];
  /** The statuses of a row that lacks no value. */
  readonly presentText: Buffer;
  /** What the texts of a row are in the ready ring. */
  readonly featuresKind: number;
  readonly statusesKind: number;
}

export function segmentText(view: ViewPlan, fullNames: string[], features: number[]): SegmentText {
  const nameTexts = fullNames.map((name) => `${JSON.stringify(name)}:`);
  const statusText = (status: number): Buffer =>
    Buffer.from(nameTexts.map((name) => `${name}"${STATUSES[status]!}"`).join(','));
  const statusTexts: Buffer[] = STATUSES.map(() => Buffer.alloc(0));
  for (const status of [MISSING, OUTSIDE_TTL, UNAVAILABLE]) statusTexts[status] = statusText(status);
  return {
    nameTexts,
    fullNames,
    features,
    fallbackText: Buffer.from(
      nameTexts.map((name, i) => name + view.fallbackNative[features[i]!]!).join(','),
    ),
    statusTexts,
    presentText: statusText(PRESENT),
    featuresKind: newReadyKind(),
    statusesKind: newReadyKind(),
  };
}

/**
 * @param values  of a row that is PRESENT, in the order of the view's features; undefined: the row lacks the feature
 * @returns       `"role__feature":value` for each feature, comma-separated
 */
export function segmentFeatures(
  view: ViewPlan,
  { nameTexts, features }: SegmentText,
  values: readonly (Value | undefined)[],
): string {
  let text = '';
  for (let i = 0; i < features.length; i++) {
    const index = features[i]!;
    const value = values[index];
    const shown =
      value === undefined ? view.fallbackNative[index]! : nativeText(view.view.features[index]!.type, value);
    text += `${i === 0 ? '' : ','}${nameTexts[i]!}${shown}`;
  }
  return text;
}

/** @returns `"role__feature":"STATUS"` for each feature, comma-separated */
export function segmentStatuses(
  { nameTexts, features }: SegmentText,
  values: readonly (Value | undefined)[],
): string {
  let text = '';
  for (let i = 0; i < features.length; i++) {
    text += `${i === 0 ? '' : ','}${nameTexts[i]!}"${STATUSES[statusOf(values[features[i]!])]!}"`;
  }
  return text;
}

/** @returns the status of a value in a row that is PRESENT */
function statusOf(value: Value | undefined): number {
  return value === undefined ? MISSING : value === null ? NULL : PRESENT;
}
