/** `t`: the types of features and join keys, as definition files write them. */
import { calledAt } from './call-place.ts';
import { FeatureDraft } from './draft.ts';

/** What every feature may say about itself. */
export interface FeatureOptions {
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly examples?: readonly unknown[];
  readonly normalization?: { readonly mean: number; readonly stddev: number };
  /** What stands in where there is no row; null unless given. The same in training and serving. */
  readonly missing?: unknown;
  /** The largest difference that still counts as a match within tolerance. */
  readonly tolerance?: number;
  readonly checks?: { readonly min?: number; readonly max?: number; readonly maxNullShare?: number };
  readonly log?: 'raw' | 'hmac' | 'drop';
  /** The source's column that a stored feature reads, where it has another name. */
  readonly column?: string;
}

const typed = (type: string, options: FeatureOptions): FeatureDraft =>
  new FeatureDraft({ type, ...options }, calledAt());
const nested = (of: FeatureDraft): string => String(of.options['type']);

/** The types of features and join keys. */
export const t = {
  bool: (options: FeatureOptions = {}) => typed('bool', options),
  int32: (options: FeatureOptions = {}) => typed('int32', options),
  int64: (options: FeatureOptions = {}) => typed('int64', options),
  float32: (options: FeatureOptions = {}) => typed('float32', options),
  float64: (options: FeatureOptions = {}) => typed('float64', options),
  string: (options: FeatureOptions = {}) => typed('string', options),
  bytes: (options: FeatureOptions = {}) => typed('bytes', options),
  timestamp: (options: FeatureOptions = {}) => typed('timestamp', options),
  list: (of: FeatureDraft, options: FeatureOptions = {}) => typed(`list<${nested(of)}>`, options),
  embedding: (size: number, options: FeatureOptions = {}) => typed(`embedding(${size})`, options),
  map: (of: FeatureDraft, options: FeatureOptions = {}) => typed(`map<${nested(of)}>`, options),
  struct: (fields: Readonly<Record<string, FeatureDraft>>, options: FeatureOptions = {}) => {
    const inner = Object.entries(fields).map(([name, of]) => `${name}: ${nested(of)}`);
    return typed(`struct<${inner.join(', ')}>`, options);
  },
};
