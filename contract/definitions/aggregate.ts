/** `agg`: the aggregates over raw events, as definition files write them. */
import { calledAt } from './call-place.ts';
import { FeatureDraft } from './draft.ts';
import type { FeatureOptions } from './stored-feature.ts';

export interface AggregateOptions extends Omit<FeatureOptions, 'column'> {
  /** Text of a type, where it should not follow from the column. */
  readonly type?: string;
  /** Decimal places kept when floats are summed; 6 unless given. */
  readonly scale?: number;
}

/** An aggregate that still needs its window. */
export interface Aggregate {
  /** Over the events with `edge - window <= event < edge`. */
  over(window: string, options?: AggregateOptions): FeatureDraft;
  /** Over all events before the edge. */
  lifetime(options?: AggregateOptions): FeatureDraft;
}

function aggregate(
  name: string,
  column: string | undefined,
  more: Readonly<Record<string, unknown>> = {},
): Aggregate {
  const draft = (window: string | undefined, options: AggregateOptions): FeatureDraft => {
    const own = {
      agg: name,
      ...(column === undefined ? {} : { column }),
      ...(window === undefined ? {} : { window }),
    };
    return new FeatureDraft({ ...own, ...more, ...options }, calledAt());
  };
  return {
    over: (window, options = {}) => draft(window, options),
    lifetime: (options = {}) => draft(undefined, options),
  };
}

/** Aggregates over raw events. All but `count()` ignore nulls. */
export const agg = {
  /** Without a column: events; with one: its non-null values. */
  count: (column?: string) => aggregate('count', column),
  countDistinct: (column: string) => aggregate('countDistinct', column),
  approxCountDistinct: (column: string) => aggregate('approxCountDistinct', column),
  sum: (column: string) => aggregate('sum', column),
  avg: (column: string) => aggregate('avg', column),
  min: (column: string) => aggregate('min', column),
  max: (column: string) => aggregate('max', column),
  first: (column: string) => aggregate('first', column),
  last: (column: string) => aggregate('last', column),
  lastN: (column: string, n: number) => aggregate('lastN', column, { n }),
  stddev: (column: string) => aggregate('stddev', column),
  mostFrequent: (column: string) => aggregate('mostFrequent', column),
  approxPercentile: (column: string, percentile: number) =>
    aggregate('approxPercentile', column, { percentile }),
};
