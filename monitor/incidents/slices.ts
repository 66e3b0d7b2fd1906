/** Parts of the day's traffic, and the one that holds an incident. Pure. */
import { LIMITS } from '../limits.ts';
import type { IncidentCounts, SliceCounts } from '../verdict/judged-view.ts';
import { SLICES } from '../verdict/snapshot.ts';
import type { Slice, SliceBy } from '../verdict/snapshot.ts';

/** Slices of one kind that a snapshot holds; the others are added up as one. */
const MOST_SLICES = 40;

/** @returns the traffic of all views by each property: the most values beyond the promise first */
export function slicesOf(traffic: readonly SliceCounts[]): Slice[] {
  return SLICES.flatMap((by) => {
    const own = Map.groupBy(
      traffic.filter((counts) => counts.by === by),
      ({ value }) => value,
    );
    const slices = [...own]
      .map(([value, counts]) => sliceOf(by, value, counts))
      .toSorted(
        (a, b) => b.beyondPromise - a.beyondPromise || b.mismatches - a.mismatches || b.values - a.values,
      );
    const others = slices.slice(MOST_SLICES);
    if (others.length < 2) return slices;
    return [...slices.slice(0, MOST_SLICES), sliceOf(by, `${others.length} others`, others)];
  });
}

function sliceOf(by: SliceBy, value: string, counts: readonly Omit<Slice, 'by' | 'value'>[]): Slice {
  return {
    by,
    value,
    values: valuesOf(counts),
    mismatches: counts.reduce((sum, one) => sum + one.mismatches, 0),
    beyondPromise: counts.reduce((sum, one) => sum + one.beyondPromise, 0),
  };
}

function valuesOf(counts: readonly Pick<Slice, 'values'>[]): number {
  return counts.reduce((sum, { values }) => sum + values, 0);
}

/**
 * The slice that holds nearly all of an incident and little of its view's traffic: where to look. Of several the one
 * with the least traffic.
 *
 * @returns null when none does
 */
export function holdingSlice(
  { view, values, slices }: Pick<IncidentCounts, 'view' | 'values' | 'slices'>,
  traffic: readonly SliceCounts[],
): Pick<Slice, 'by' | 'value'> | null {
  if (values < LIMITS.leastInSlice) return null;
  const own = traffic.filter((counts) => counts.view === view);
  const found = slices.flatMap(({ by, value, mismatches }) => {
    if (mismatches < LIMITS.sliceHolds * values) return [];
    const alike = own.filter((counts) => counts.by === by);
    // A view that the service takes in several roles has counts of each.
    const within = valuesOf(alike.filter((counts) => counts.value === value));
    // Mismatches that are unjudged are in no traffic, so nothing tells how much of it the slice had.
    if (mismatches > within) return [];
    const share = within / valuesOf(alike);
    return share <= LIMITS.sliceTraffic ? [{ by, value, share }] : [];
  });
  const [least] = found.toSorted((a, b) => a.share - b.share || SLICES.indexOf(a.by) - SLICES.indexOf(b.by));
  return least === undefined ? null : { by: least.by, value: least.value };
}
