/** Runs of neighbouring features that come from one row, so that the row's part of an answer is one piece. */
import type { Plan } from './plan.ts';
import type { ViewPlan } from './view-plan.ts';

export interface FeatureRun {
  readonly role: number;
  readonly view: ViewPlan;
  /** Indexes in the view. */
  readonly features: readonly number[];
  readonly fullNames: readonly string[];
}

/**
 * @param columns  indexes of the service's features, in the order of the answer
 * @returns        the longest runs of one role each, in the same order
 */
export function featureRuns(plan: Plan, columns: readonly number[]): FeatureRun[] {
  const { roleViews, featureRoles, featureIndexes, fullNames } = plan;
  const runs: FeatureRun[] = [];
  for (let from = 0; from < columns.length;) {
    const role = featureRoles[columns[from]!]!;
    let to = from + 1;
    while (to < columns.length && featureRoles[columns[to]!] === role) to += 1;
    const run = columns.slice(from, to);
    runs.push({
      role,
      view: roleViews[role]!,
      features: run.map((f) => featureIndexes[f]!),
      fullNames: run.map((f) => fullNames[f]!),
    });
    from = to;
  }
  return runs;
}

/** @returns the runs of all features of a service */
export function allFeatureRuns(plan: Plan): FeatureRun[] {
  return featureRuns(
    plan,
    plan.featureRoles.map((_, f) => f),
  );
}
