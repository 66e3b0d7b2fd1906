/** `agg`: the aggregates over raw events, as definition files write them. */
import type { Duration } from '../../std/duration.ts';
import { calledAt } from './call-place.ts';
import { FeatureDraft } from '../draft.ts';
import type { AggregatedFeature } from '../draft.ts';
import type { AggregateOptions, ListOptions, NumberType, SingleType } from './feature-options.ts';

/**
 * An aggregate that still needs its window.
 *
 * Types    the types that the option `type` may ask for
 * Natural  the types that it may give without that option; which one depends on the column, which is not known here
 */
interface Aggregate<
  Types extends SingleType = SingleType,
  Natural extends Types = Types,
  Window extends Duration | Session = Duration,
> {
  /** Over the events with `edge - window <= event < edge`. */
  over<Type extends Types = Natural>(window: Window, options?: AggregateOptions<Type>): AggregatedFeature;
  /** Over all events before the edge. */
  lifetime<Type extends Types = Natural>(options?: AggregateOptions<Type>): AggregatedFeature;
}

/** An aggregate that only sessions have. */
interface SessionAggregate {
  over<Type extends NumberType = 'int64'>(
    window: Session,
    options?: AggregateOptions<Type>,
  ): AggregatedFeature;
}

/** An aggregate that gives a list of the column's values. */
interface ListAggregate {
  over(window: Duration, options?: ListOptions): AggregatedFeature;
  lifetime(options?: ListOptions): AggregatedFeature;
}

function aggregate<
  Types extends SingleType,
  Natural extends Types = Types,
  Window extends Duration | Session = Duration,
>(
  name: string,
  column: string | undefined,
  parameters: { readonly n?: number; readonly percentile?: number } = {},
): Aggregate<Types, Natural, Window> {
  const draft = (window: Duration | Session | undefined, options: object): AggregatedFeature => {
    const own = {
      agg: name,
      ...(column === undefined ? {} : { column }),
      ...parameters,
      ...(typeof window === 'string' ? { window } : window),
    };
    return new FeatureDraft({ ...own, ...options }, calledAt()) as AggregatedFeature;
  };
  return {
    over: (window, options = {}) => draft(window, options),
    lifetime: (options = {}) => draft(undefined, options),
  };
}

/** Over the events since the last gap of this length before the edge: `agg.count().over(session('30m'))`. */
export function session(gap: Duration): Session {
  return { session: gap };
}

interface Session {
  readonly session: Duration;
}

const counted = (name: string, column?: string) => aggregate<NumberType, 'int64'>(name, column);
const summed = (column: string) =>
  aggregate<NumberType, 'int64' | 'float64', Duration | Session>('sum', column);
const averaged = (name: string, column: string) => aggregate<NumberType, 'float64'>(name, column);
const picked = (name: string, column: string) =>
  aggregate<SingleType, SingleType, Duration | Session>(name, column);
const listed = (name: string, column: string, n: number) => aggregate(name, column, { n }) as ListAggregate;

/** Aggregates over raw events. All but `count()` ignore nulls. */
export const agg = {
  /** Without a column: events; with one: its non-null values. */
  count: (column?: string) => aggregate<NumberType, 'int64', Duration | Session>('count', column),
  countDistinct: (column: string) => counted('countDistinct', column),
  sum: summed,
  avg: (column: string) => averaged('avg', column),
  stddev: (column: string) => averaged('stddev', column),
  min: (column: string) => picked('min', column),
  max: (column: string) => picked('max', column),
  first: (column: string) => picked('first', column),
  last: (column: string) => picked('last', column),
  mostFrequent: (column: string) => aggregate<SingleType>('mostFrequent', column),
  /** Of a session alone: from its first event to its last, in microseconds. */
  duration: (): SessionAggregate => aggregate<NumberType, 'int64', Session>('duration', undefined),
  /** About how many different values: off by 1.6 % (one standard deviation). */
  approxCountDistinct: (column: string) => counted('approxCountDistinct', column),
  /** The newest n values, newest first; at most 1,000. */
  lastN: (column: string, n: number) => listed('lastN', column, n),
  /** The value at a share of the sorted values, in (0, 1), within 1 % of it. */
  approxPercentile: (column: string, percentile: number) =>
    aggregate<NumberType, 'float64'>('approxPercentile', column, { percentile }),
};
