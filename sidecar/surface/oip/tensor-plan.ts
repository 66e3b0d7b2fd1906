/**
 * A service as tensors: the features that are numbers in one, in the service's order, and each of those that are rows
 * of numbers in one of its own.
 *
 *   features    [rows, n]       row 0: | segment | segment | ..   row 1: ..      FP64 or FP32, little endian
 *   status      [rows, n + m]   one byte a value, a code of contract/status.ts: the n of `features`, then those below
 *   {full name} [rows, ..]      FP32, for each of the m embeddings and lists (vector-column.ts)
 */
import { PRESENT, STATUSES } from '../../../contract/status.ts';
import type { Feature } from '../../../contract/model.ts';
import { formatType, isNumeric, isVector } from '../../../contract/value-type.ts';
import type { ValueType } from '../../../contract/value-type.ts';
import { newReadyKind } from '../../cache/ready-ring.ts';
import { encoderPlan } from '../../plan/encoder-plan.ts';
import { featureRuns } from '../../plan/feature-runs.ts';
import type { FeatureRun } from '../../plan/feature-runs.ts';
import type { Plan } from '../../plan/plan.ts';
import { DATATYPE_BYTES, makeImage } from './tensor-image.ts';
import type { TensorDatatype } from './tensor-image.ts';
import { planColumn } from './vector-column.ts';
import type { VectorColumn } from './vector-column.ts';

const EXACT_KINDS: Readonly<Record<TensorDatatype, readonly string[]>> = {
  FP32: ['float32'],
  FP64: ['float32', 'float64', 'int32'],
};

/** The outputs that every service has; a full name of a feature is none of them. */
export const FEATURES = 'features';
export const STATUS = 'status';

/** A run of number features of one view, apart from any row. */
export interface TensorSegment {
  readonly role: number;
  /** The on-demand view that computes the features, else NO_VIEW. */
  readonly onDemand: number;
  readonly datatype: TensorDatatype;
  /** Indexes in the role's view; of an on-demand view its columns. */
  readonly features: readonly number[];
  readonly definitions: readonly Feature[];
  /** Where the statuses begin in an image. */
  readonly valueBytes: number;
  /** What stands in where a row is not PRESENT, by its status: the fallbacks. */
  readonly absentImages: readonly Buffer[];
  /** The statuses of a row that lacks no value. */
  readonly presentStatuses: Buffer;
  /** The kind of a row's image in the ready ring. */
  readonly kind: number;
}

interface NamedType {
  /** Full. */
  readonly name: string;
  readonly type: string;
}

export interface TensorPlan {
  readonly datatype: TensorDatatype;
  readonly segments: readonly TensorSegment[];
  /** Full names, in the order of the columns of `features`. */
  readonly names: readonly string[];
  /** The features that have a tensor of their own, in the service's order. */
  readonly vectors: readonly VectorColumn[];
  /** Features whose type has numbers that the tensor's type lacks: FP64 rounds an int64 past 2^53. */
  readonly rounded: readonly NamedType[];
  /** The same of those that have a tensor of their own. */
  readonly roundedVectors: readonly NamedType[];
  /** The features that are in no tensor. */
  readonly leftOut: readonly NamedType[];
}

/** A service's part of the tensors' encoder. */
export const tensorPlan = encoderPlan((plan: Plan): TensorPlan => {
  const { definition, featureDefinitions, fullNames } = plan;
  const datatype = definition.tensor === 'float32' ? 'FP32' : 'FP64';
  const types = featureDefinitions.map(({ type }) => type);
  const columns = types.flatMap((type, f) => (isNumeric(type) ? [f] : []));
  const vectors = types.flatMap((type, f) => (isVector(type) ? [f] : []));
  const named = (f: number): NamedType => ({ name: fullNames[f]!, type: formatType(types[f]!) });
  const exact = EXACT_KINDS[datatype];
  return {
    datatype,
    segments: featureRuns(plan, columns).map((run) => segmentOf(run, datatype)),
    names: columns.map((f) => fullNames[f]!),
    vectors: vectors.map((f) => planColumn(featureRuns(plan, [f])[0]!)),
    rounded: columns.filter((f) => !exact.includes(types[f]!.kind)).map(named),
    roundedVectors: vectors.filter((f) => !isExactVector(types[f]!)).map(named),
    leftOut: types.flatMap((type, f) => (isNumeric(type) || isVector(type) ? [] : [named(f)])),
  };
});

function isExactVector(type: ValueType): boolean {
  return type.kind === 'embedding' || (type.kind === 'list' && EXACT_KINDS.FP32.includes(type.of.kind));
}

function segmentOf(run: FeatureRun, datatype: TensorDatatype): TensorSegment {
  const { role, onDemand, features, definitions } = run;
  const valueBytes = features.length * DATATYPE_BYTES[datatype];
  const lacking = makeImage({ datatype, features, definitions }, []);
  return {
    role,
    onDemand,
    datatype,
    features,
    definitions,
    valueBytes,
    absentImages: STATUSES.map((_, status) => Buffer.from(lacking).fill(status, valueBytes)),
    presentStatuses: Buffer.alloc(features.length, PRESENT),
    kind: newReadyKind(),
  };
}
