/** How far off an approximate aggregation may be, as `plumb show` and the catalogue tell it. */
import type { AggregateFunction, FeatureView } from '../model.ts';
import { PERCENTILE_ERROR } from './sketch/ddsketch.ts';
import { DISTINCT_ERROR } from './sketch/hyperloglog.ts';

interface ErrorBound {
  /** As a share of the true value. */
  readonly relative: number;
  /** worst: of every value; standard: one standard deviation over values. */
  readonly kind: 'worst' | 'standard';
  readonly text: string;
}

const BOUNDS: Readonly<Partial<Record<AggregateFunction, ErrorBound>>> = {
  approxCountDistinct: {
    relative: DISTINCT_ERROR,
    kind: 'standard',
    text: '1.6 % off (one standard deviation)',
  },
  approxPercentile: { relative: PERCENTILE_ERROR, kind: 'worst', text: 'within 1 %' },
};

/** @returns null of an exact one */
export function errorBound(name: AggregateFunction): ErrorBound | null {
  return BOUNDS[name] ?? null;
}

/** @returns the bounds of a view's approximate features, by their names: as JSON has them */
export function errorBoundsOf({
  features,
}: Pick<FeatureView, 'features'>): Record<string, Omit<ErrorBound, 'text'>> {
  const bounds: Record<string, Omit<ErrorBound, 'text'>> = {};
  for (const { name, aggregation } of features) {
    const bound = aggregation === null ? null : errorBound(aggregation.function);
    if (bound !== null) bounds[name] = { relative: bound.relative, kind: bound.kind };
  }
  return bounds;
}
