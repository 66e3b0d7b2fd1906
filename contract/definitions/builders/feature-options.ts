/** What a definition file may say of a feature beside its type or its aggregation. */
import type { LogPolicy } from '../../model.ts';
import type { Refused } from '../refused.ts';
import type { TimeText } from '../../std/timestamp.ts';
import type { ScalarValues } from './written-value.ts';

/** As definition files write it. */
export interface WrittenDeprecation {
  /** From when on it is not to be relied on. */
  readonly date: TimeText | Date;
  /** What to use in its place. */
  readonly successor?: string;
}

/** What every feature may say about itself. */
interface CommonOptions<Value> {
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly examples?: readonly (Value | null)[];
  readonly normalization?: { readonly mean: number; readonly stddev: number };
  /** What stands in where there is no row; null unless given. The same in training and serving. */
  readonly missing?: Value | null;
  readonly checks?: { readonly min?: number; readonly max?: number; readonly maxNullShare?: number };
  readonly log?: LogPolicy;
  readonly deprecated?: WrittenDeprecation;
}

/** Of a stored feature whose values have the type `Value` in definitions. */
export interface FeatureOptions<Value = unknown> extends CommonOptions<Value> {
  /** The source's column that it reads, where it has another name. */
  readonly column?: string;
  /** Only of an input of an on-demand view: a request may leave it out, and the function then gets null. */
  readonly optional?: boolean;
}

/** Of a stored feature that is a number. */
export interface NumberOptions<Value = number> extends FeatureOptions<Value> {
  /** The largest difference that still counts as a match within tolerance. */
  readonly tolerance?: number;
}

export type NumberType = 'int32' | 'int64' | 'float32' | 'float64';
/** What an aggregate may give: one value, no list of them. */
export type SingleType = NumberType | 'bool' | 'string' | 'timestamp';

/** Decimal places. */
// prettier-ignore
type Scale =
  | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15 | 16 | 17 | 18 | 19 | 20 | 21 | 22;

/** Of an aggregate that gives one of the types `Type`. */
export interface AggregateOptions<Type extends SingleType = SingleType> extends CommonOptions<
  ScalarValues[Type]
> {
  /** The type of its values, where it should not follow from the column. */
  readonly type?: Type;
  /** The largest difference that still counts as a match within tolerance. */
  readonly tolerance?: [Extract<Type, NumberType>] extends [never]
    ? Refused<'only numbers have a tolerance'>
    : number;
  /** Decimal places kept when floats are summed; 6 unless given. */
  readonly scale?: Scale;
}

/** Of an aggregate that gives a list. */
export type ListOptions = CommonOptions<readonly (ScalarValues[SingleType] | null)[]>;
