/**
 * What Feast's surface has ready for a service: the names in the answer, and runs of features of one view, whose
 * columns a cached row keeps as bytes.
 */
import { newReadyKind } from '../../cache/ready-ring.ts';
import { encoderPlan } from '../../plan/encoder-plan.ts';
import { allFeatureRuns } from '../../plan/feature-runs.ts';
import type { Plan } from '../../plan/plan.ts';
import { absentPieces } from './feast-pieces.ts';

/** Features of one role that stand next to each other in the answer. */
export interface FeastRun {
  readonly role: number;
  /** Indexes in the role's view. */
  readonly features: readonly number[];
  /** What stands in for a row, by its status, as `feast-pieces.ts` draws it. */
  readonly absent: readonly DataView[];
  /** The kind of the run's columns in the ready ring. */
  readonly kind: number;
}

export interface FeastNames {
  /** `],"metadata":{"feature_names":[...]}}`: keys, then features. */
  readonly tail: Buffer;
  /** A name that two features of the answer share: such a request is refused; null: there is none. */
  readonly twice: string | null;
}

interface FeastPlan {
  readonly runs: readonly FeastRun[];
  /** With `view__feature`, and with the feature's name alone. */
  readonly fullNames: FeastNames;
  readonly shortNames: FeastNames;
}

/** A service's part of Feast's encoder. */
export const feastPlan = encoderPlan((plan: Plan): FeastPlan => ({
  runs: allFeatureRuns(plan).map(({ role, view, features }) => ({
    role,
    features,
    absent: absentPieces(view),
    kind: newReadyKind(),
  })),
  fullNames: namesOf(plan.keyNames, plan.fullNames),
  shortNames: namesOf(plan.keyNames, plan.shortNames),
}));

function namesOf(keyNames: readonly string[], names: readonly string[]): FeastNames {
  const seen = new Set<string>();
  const twice = names.find((name) => seen.size === seen.add(name).size) ?? null;
  const tail = `],"metadata":{"feature_names":${JSON.stringify([...keyNames, ...names])}}}`;
  return { tail: Buffer.from(tail), twice };
}
