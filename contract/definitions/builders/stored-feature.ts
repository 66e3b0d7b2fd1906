/**
 * `t`: the types of features and join keys, as definition files write them. The compiler knows of each feature its type
 * and the values that stand for it in `missing` and `examples`.
 */
import type { TimeUnit } from '../../stream-source.ts';
import type { TimeText } from '../../std/timestamp.ts';
import { calledAt } from './call-place.ts';
import { FeatureDraft, REQUEST_TIME } from '../draft.ts';
import type { RequestTime, StoredFeature } from '../draft.ts';
import type { LogPolicy } from '../../model.ts';
import type { FeatureOptions, NumberOptions } from './feature-options.ts';
import type { Refused } from '../refused.ts';
import type { FloatValue, Int64Value, ScalarValues } from './written-value.ts';

function typed<Value, Type extends string>(type: string, options: object): StoredFeature<Value, Type> {
  return new FeatureDraft({ type, ...options }, calledAt()) as StoredFeature<Value, Type>;
}

const nested = (of: FeatureDraft): string => String(of.options['type']);

/** What stands for a value within a list, a map or a struct. */
type Item<Value> = NoInfer<Value> | null;
type Fields = Readonly<Record<string, StoredFeature>>;
type StructValue<Of extends Fields> = { readonly [Name in keyof Of]: Of[Name]['~value'] | null };

/** 1 to 65536, as far as a type can tell it. */
type Size<N extends number> = `${N}` extends '0' | `-${string}` | `${string}.${string}`
  ? Refused<'an embedding has 1 to 65536 numbers'>
  : N;

interface TimeOptions extends FeatureOptions<TimeText> {
  /** Only of a stream's field: what its numbers count since 1970, or that it is a text. */
  readonly unit?: TimeUnit;
}

/** The types of features and join keys. */
export const t = {
  bool: (options: FeatureOptions<boolean> = {}) => typed<boolean, 'bool'>('bool', options),
  int32: (options: NumberOptions<number> = {}) => typed<number, 'int32'>('int32', options),
  int64: (options: NumberOptions<Int64Value> = {}) => typed<Int64Value, 'int64'>('int64', options),
  float32: (options: NumberOptions<FloatValue> = {}) => typed<FloatValue, 'float32'>('float32', options),
  float64: (options: NumberOptions<FloatValue> = {}) => typed<FloatValue, 'float64'>('float64', options),
  string: (options: FeatureOptions<string> = {}) => typed<string, 'string'>('string', options),
  /** In base64. */
  bytes: (options: FeatureOptions<ScalarValues['bytes']> = {}) => typed<string, 'bytes'>('bytes', options),
  timestamp: (options: TimeOptions = {}) => typed<TimeText, 'timestamp'>('timestamp', options),
  list: <Value>(of: StoredFeature<Value>, options: FeatureOptions<readonly Item<Value>[]> = {}) =>
    typed<readonly Item<Value>[], 'list'>(`list<${nested(of)}>`, options),
  embedding: <const N extends number>(size: Size<N>, options: FeatureOptions<readonly number[]> = {}) =>
    typed<readonly number[], 'embedding'>(`embedding(${String(size)})`, options),
  map: <Value>(
    of: StoredFeature<Value>,
    options: FeatureOptions<Readonly<Record<string, Item<Value>>>> = {},
  ) => typed<Readonly<Record<string, Item<Value>>>, 'map'>(`map<${nested(of)}>`, options),
  struct: <Of extends Fields>(fields: Of, options: FeatureOptions<StructValue<Of>> = {}) => {
    const inner = Object.entries(fields).map(([name, of]) => `${name}: ${nested(of)}`);
    return typed<StructValue<Of>, 'struct'>(`struct<${inner.join(', ')}>`, options);
  },
  /** Only as an input of an on-demand view, sent by nobody: the time of the request, in microseconds. */
  requestTime: (options: { readonly log?: LogPolicy } = {}) =>
    new FeatureDraft({ type: REQUEST_TIME, ...options }, calledAt()) as RequestTime,
};
