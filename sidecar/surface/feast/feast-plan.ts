/**
 * What of an answer in Feast's form can be made ready once a plan: names, and runs of features of one role, for which
 * a cached row keeps its columns as bytes.
 */

import { newReadyKind } from '../../cache/ready-ring.ts';

/** Features of one role that stand next to each other in the answer. */
export interface FeastRun {
  readonly role: number;
  /** Indexes in the role's view. */
  readonly features: readonly number[];
  /** What the run's columns of a row are in the ready ring. */
  readonly kind: number;
}

export interface FeastNames {
  /** `],"metadata":{"feature_names":[...]}}`: keys, then features. */
  readonly tail: Buffer;
  /** A name that two features of the answer share, or null: then it cannot be asked for like this. */
  readonly twice: string | null;
}

export interface FeastPlan {
  readonly runs: readonly FeastRun[];
  /** With `view__feature`, and with the feature's name alone. */
  readonly fullNames: FeastNames;
  readonly shortNames: FeastNames;
}

export function planFeast(
  keyNames: readonly string[],
  fullNames: readonly string[],
  shortNames: readonly string[],
  featureRoles: readonly number[],
  featureIndexes: readonly number[],
): FeastPlan {
  const runs: { role: number; features: number[]; kind: number }[] = [];
  for (const [f, role] of featureRoles.entries()) {
    const last = runs.at(-1);
    if (last?.role === role) last.features.push(featureIndexes[f]!);
    else runs.push({ role, features: [featureIndexes[f]!], kind: newReadyKind() });
  }
  return { runs, fullNames: namesOf(keyNames, fullNames), shortNames: namesOf(keyNames, shortNames) };
}

function namesOf(keyNames: readonly string[], names: readonly string[]): FeastNames {
  const seen = new Set<string>();
  const twice = names.find((name) => seen.size === seen.add(name).size) ?? null;
  const tail = `],"metadata":{"feature_names":${JSON.stringify([...keyNames, ...names])}}}`;
  return { tail: Buffer.from(tail), twice };
}
