/**
 * Runs of neighbouring features that come from one row, so that the row's part of an answer is one piece, or from one
 * on-demand view.
 */
import type { Feature } from '../../contract/model.ts';
import { COMPUTED } from './plan.ts';
import type { Plan } from './plan.ts';

export interface FeatureRun {
  /** COMPUTED: the features are of an on-demand view. */
  readonly role: number;
  /** The on-demand view's index in the plan; NO_VIEW: the features come from a row. */
  readonly onDemand: number;
  /** Indexes in the role's view; of an on-demand view its columns. */
  readonly features: readonly number[];
  readonly definitions: readonly Feature[];
  readonly fullNames: readonly string[];
}

export const NO_VIEW = -1;

/**
 * @param columns  indexes of the service's features, in the order of the answer
 * @returns        the longest runs of one role each, in the same order
 */
export function featureRuns(plan: Plan, columns: readonly number[]): FeatureRun[] {
  const { featureRoles, featureIndexes, featureDefinitions, fullNames } = plan;
  const runs: FeatureRun[] = [];
  for (let from = 0; from < columns.length;) {
    const role = featureRoles[columns[from]!]!;
    const onDemand = viewOf(plan, columns[from]!);
    let to = from + 1;
    while (
      to < columns.length &&
      featureRoles[columns[to]!] === role &&
      viewOf(plan, columns[to]!) === onDemand
    )
      to += 1;
    const run = columns.slice(from, to);
    runs.push({
      role,
      onDemand,
      features: run.map((f) => featureIndexes[f]!),
      definitions: run.map((f) => featureDefinitions[f]!),
      fullNames: run.map((f) => fullNames[f]!),
    });
    from = to;
  }
  return runs;
}

/** @returns the on-demand view that computes a feature, as its index in the plan; NO_VIEW: none does */
function viewOf({ featureRoles, featureIndexes, onDemand }: Plan, f: number): number {
  if (featureRoles[f] !== COMPUTED) return NO_VIEW;
  return onDemand.findLastIndex(({ firstColumn }) => firstColumn <= featureIndexes[f]!);
}

/** @returns the runs of all features of a service */
export function allFeatureRuns(plan: Plan): FeatureRun[] {
  return featureRuns(
    plan,
    plan.featureRoles.map((_, f) => f),
  );
}
