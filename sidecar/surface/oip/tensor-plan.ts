/**
 * A service as a tensor: the features that are numbers, in the service's order, and for a row of each view an image
 * that is ready to be copied.
 *
 *   features [rows, n]   row 0: | segment | segment | ..   row 1: ..      FP64 or FP32, little endian
 *   status   [rows, n]   the same with one byte a value, a code of contract/status.ts
 *
 *   image of a segment = value * features | status byte * features
 *
 * Where there is no value a NaN stands: nothing else can be told from a number that a model was trained on.
 */
import type { FeatureService } from '../../../contract/model.ts';
import { MISSING, NULL, PRESENT, STATUSES } from '../../../contract/status.ts';
import { formatType, isNumeric } from '../../../contract/value-type.ts';
import type { Value } from '../../../contract/value-type.ts';
import type { ViewPlan } from '../../plan/view-plan.ts';
import { newReadyKind } from '../../cache/ready-ring.ts';

export type TensorDatatype = 'FP32' | 'FP64';
export const DATATYPE_BYTES: Readonly<Record<TensorDatatype, number>> = { FP32: 4, FP64: 8 };

const EXACT_KINDS: Readonly<Record<TensorDatatype, readonly string[]>> = {
  FP32: ['float32'],
  FP64: ['float32', 'float64', 'int32'],
};

/** A run of number features of one view, apart from any row. */
export interface TensorPart {
  readonly datatype: TensorDatatype;
  /** Indexes in the view. */
  readonly features: readonly number[];
  /** Where the statuses begin in an image. */
  readonly valueBytes: number;
  /** What stands in where a row is not PRESENT, by its status: the fallbacks. */
  readonly absentImages: readonly Buffer[];
  /** The statuses of a row that lacks no value. */
  readonly presentStatuses: Buffer;
  /** What a row's image is in the ready ring. */
  readonly kind: number;
}

export interface TensorSegment {
  readonly role: number;
  /** Index in `view.tensorParts`; a cached row keeps an image for each. */
  readonly slot: number;
  readonly part: TensorPart;
}

export interface NamedType {
  /** Full. */
  readonly name: string;
  readonly type: string;
}

export interface TensorPlan {
  readonly datatype: TensorDatatype;
  readonly segments: readonly TensorSegment[];
  /** Full names, in the order of the columns. */
  readonly names: readonly string[];
  /** Features whose type has numbers that the tensor's has not: FP64 rounds an int64 past 2^53. */
  readonly rounded: readonly NamedType[];
  /** The features that are no numbers. */
  readonly leftOut: readonly NamedType[];
}

/** @param featureRoles, featureIndexes  by feature of the service: its role, and its index in the role's view */
export function planTensor(
  service: FeatureService,
  roleViews: readonly ViewPlan[],
  featureRoles: readonly number[],
  featureIndexes: readonly number[],
): TensorPlan {
  const datatype = service.tensor === 'float32' ? 'FP32' : 'FP64';
  const types = service.features.map(
    (_, f) => roleViews[featureRoles[f]!]!.view.features[featureIndexes[f]!]!.type,
  );
  // Single features (Feast's surface) are no model, and each list of them would leave parts behind.
  const isModel = service.name !== '';
  const columns = types.flatMap((type, f) => (isModel && isNumeric(type) ? [f] : []));
  const segments: TensorSegment[] = [];
  for (let from = 0; from < columns.length;) {
    const role = featureRoles[columns[from]!]!;
    let to = from + 1;
    while (to < columns.length && featureRoles[columns[to]!] === role) to += 1;
    const features = columns.slice(from, to).map((f) => featureIndexes[f]!);
    const view = roleViews[role]!;
    const part = tensorPart(view, datatype, features);
    segments.push({ role, slot: view.tensorParts.push(part) - 1, part });
    from = to;
  }
  const named = (f: number): NamedType => ({
    name: service.features[f]!.fullName,
    type: formatType(types[f]!),
  });
  const exact = EXACT_KINDS[datatype];
  return Object.freeze({
    datatype,
    segments,
    names: columns.map((f) => service.features[f]!.fullName),
    rounded: columns.filter((f) => !exact.includes(types[f]!.kind)).map(named),
    leftOut: types.flatMap((type, f) => (isNumeric(type) ? [] : [named(f)])),
  });
}

function tensorPart(view: ViewPlan, datatype: TensorDatatype, features: readonly number[]): TensorPart {
  const valueBytes = features.length * DATATYPE_BYTES[datatype];
  const part = { datatype, features, valueBytes };
  const lacking = tensorImage(view, part, []);
  const absentImages = STATUSES.map((_, status) => Buffer.from(lacking).fill(status, valueBytes));
  const presentStatuses = Buffer.alloc(features.length, PRESENT);
  return { ...part, absentImages, presentStatuses, kind: newReadyKind() };
}

/**
 * @param values  of a row that is PRESENT, in the order of the view's features; undefined: the row lacks the feature
 */
export function tensorImage(
  { view }: ViewPlan,
  { datatype, features, valueBytes }: Pick<TensorPart, 'datatype' | 'features' | 'valueBytes'>,
  values: readonly (Value | undefined)[],
): Buffer {
  const image = Buffer.allocUnsafe(valueBytes + features.length);
  const size = DATATYPE_BYTES[datatype];
  for (let i = 0; i < features.length; i++) {
    const value = values[features[i]!];
    const shown = value === undefined ? view.features[features[i]!]!.missing : value;
    const number = shown === null ? Number.NaN : Number(shown);
    if (size === 4) image.writeFloatLE(number, i * size);
    else image.writeDoubleLE(number, i * size);
    image[valueBytes + i] = value === undefined ? MISSING : value === null ? NULL : PRESENT;
  }
  return image;
}
