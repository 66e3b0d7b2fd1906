/**
 * What Feast's surface has ready for a service: the names in the answer, and runs of features of one view, whose
 * columns a cached row keeps as bytes.
 */
import { newReadyKind } from '../../cache/ready-ring.ts';
import { encoderPlan } from '../../plan/encoder-plan.ts';
import { allFeatureRuns, NO_VIEW } from '../../plan/feature-runs.ts';
import type { FeatureRun } from '../../plan/feature-runs.ts';
import type { Plan } from '../../plan/plan.ts';
import type { ValueType } from '../../../contract/value-type.ts';
import { absentPieces, piecesOfAbsent } from './feast-pieces.ts';

/** Features of one role that stand next to each other in the answer. */
export interface FeastRun {
  readonly role: number;
  /** The on-demand view that computes the features, else NO_VIEW. */
  readonly onDemand: number;
  /** Places of the features' pieces: indexes in the role's view, or in the run where they are computed. */
  readonly features: readonly number[];
  /** Of an on-demand view the columns, and the types of their values. */
  readonly columns: readonly number[];
  readonly types: readonly ValueType[];
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
  runs: allFeatureRuns(plan).map((run) => runOf(plan, run)),
  fullNames: namesOf(plan.keyNames, plan.fullNames),
  shortNames: namesOf(plan.keyNames, plan.shortNames),
}));

function runOf(plan: Plan, { role, onDemand, features, definitions }: FeatureRun): FeastRun {
  const isComputed = onDemand !== NO_VIEW;
  return {
    role,
    onDemand,
    features: isComputed ? features.map((_, i) => i) : features,
    columns: isComputed ? features : [],
    types: definitions.map(({ type }) => type),
    absent: isComputed ? piecesOfAbsent(definitions) : absentPieces(plan.roleViews[role]!),
    kind: newReadyKind(),
  };
}

function namesOf(keyNames: readonly string[], names: readonly string[]): FeastNames {
  const seen = new Set<string>();
  const twice = names.find((name) => seen.size === seen.add(name).size) ?? null;
  const tail = `],"metadata":{"feature_names":${JSON.stringify([...keyNames, ...names])}}}`;
  return { tail: Buffer.from(tail), twice };
}
