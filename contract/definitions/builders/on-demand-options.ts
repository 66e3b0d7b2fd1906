/** What a definition file may say of an on-demand view, and what its function gets and gives back. */
import type {
  ModuleDraft,
  OnDemandDraft,
  RequestTime,
  StoredFeature,
  ViewDraft,
  ViewSelection,
} from '../draft.ts';
import type { WrittenDeprecation } from './feature-options.ts';
import type { ColumnNameFault } from '../name.ts';
import type { Checked } from '../refused.ts';

export type Inputs = Readonly<Record<string, StoredFeature | RequestTime>>;
export type OnDemandFeatures = Readonly<Record<string, StoredFeature>>;

/** A value as the function gets it. */
type GivenValue<Type> = Type extends 'bool'
  ? boolean
  : Type extends 'int64' | 'timestamp'
    ? Int64
    : Type extends 'int32' | 'float32' | 'float64'
      ? number
      : Type extends 'string'
        ? string
        : Type extends 'bytes'
          ? Uint8Array
          : Type extends 'embedding'
            ? Float32Array
            : Anything;

/** A value as the function gives it back. */
type ReturnedValue<Type> = Type extends 'int64' | 'timestamp'
  ? number | bigint
  : Type extends 'embedding'
    ? Float32Array | readonly number[]
    : GivenValue<Type>;

/** With `int64: 'bigint'` a bigint, else a number; what a definition computes with it decides. */
// oxlint-disable-next-line typescript/no-explicit-any
type Int64 = any;
/** Lists, maps, structs and the features of other views, whose types stand in other definitions. */
// oxlint-disable-next-line typescript/no-explicit-any
type Anything = any;

type Given<In extends Inputs> = {
  readonly [Name in keyof In]: In[Name] extends StoredFeature<unknown, infer Type> ? GivenValue<Type> : Int64;
} & { readonly [used: string]: Anything };

type Returned<Of extends OnDemandFeatures> = {
  readonly [Name in keyof Of]: ReturnedValue<Of[Name]['~type']> | null;
};

/**
 * In  its inputs
 * Of  its features
 */
export interface OnDemandOptions<In extends Inputs = Inputs, Of extends OnDemandFeatures = OnDemandFeatures> {
  /** What a request brings for it: `{ cart_value: t.float64(), coupon: t.string({ optional: true }) }`. */
  readonly inputs?: Checked<In, { readonly [Name in keyof In]: ColumnNameFault<Name> }>;
  /** Features of other views: all of a view, or `view.pick('a', 'b')`, in a role with `.as('role')`. */
  readonly uses?: readonly (ViewDraft | OnDemandDraft | ViewSelection)[];
  readonly features: Checked<Of, { readonly [Name in keyof Of]: ColumnNameFault<Name> }>;
  /** A function that uses nothing but its argument, or `module('./file.ts')`. */
  readonly compute: ModuleDraft | ((given: Given<In>) => Returned<Of>);
  /** Rows to try it with when it is applied: inputs and used features by the names that the function knows. */
  readonly samples?: readonly Readonly<Record<string, unknown>>[];
  /**
   * What an int64 and a timestamp (microseconds) are to the function; numbers unless given, and past 2^53 - 1, of times
   * the year 2255, its features are UNAVAILABLE.
   */
  readonly int64?: 'number' | 'bigint';
  /** false: run it in the thread that answers, though it may never end. */
  readonly isolate?: false;
  readonly version?: number;
  readonly owner?: string;
  readonly team?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly deprecated?: WrittenDeprecation;
}
