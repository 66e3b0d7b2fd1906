/**
 * Counts values by slice of the traffic: what a group of vectors shares once for all of them, the hour, the pod and the
 * source of each vector by their numbers.
 */
import { ROW_SOURCES } from '../../contract/status.ts';
import type { SliceBy, ValueCounts } from '../verdict/snapshot.ts';
import { hourOf, isSlicedAlike, slicesOfGroup } from './served-place.ts';
import type { GroupPlace, VectorColumns } from './served-place.ts';

type Counts = { -readonly [name in keyof ValueCounts]: ValueCounts[name] };

/** What was counted of one slice. */
export interface CountedSlice extends ValueCounts {
  readonly by: SliceBy;
  readonly value: string;
}

export class SliceTally {
  readonly #hours: Counts[] = [];
  readonly #pods: Counts[] = [];
  readonly #sources: Counts[] = [];
  readonly #shared = new Map<string, Counts & { readonly by: SliceBy; readonly value: string }>();
  /** The slices of the group before: the next one is mostly in the same. */
  #last: { readonly place: GroupPlace; readonly counts: readonly Counts[] } | null = null;

  /** One vector, with the counts of its values. */
  addVector(vectors: VectorColumns, at: number, counts: ValueCounts): void {
    addTo((this.#hours[hourOf(vectors.servedUs[at]!)] ??= noCounts()), counts, 1);
    addTo((this.#pods[vectors.pod[at]!] ??= noCounts()), counts, 1);
    addTo((this.#sources[vectors.source[at]!] ??= noCounts()), counts, 1);
  }

  /** So many vectors of a group, which `addVector` has had. */
  addGroup(place: GroupPlace, counts: ValueCounts, vectors: number): void {
    if (this.#last === null || !isSlicedAlike(this.#last.place, place)) {
      const shared = slicesOfGroup(place).map(([by, value]) => this.#sharedBy(by, value));
      this.#last = { place, counts: shared };
    }
    for (const sum of this.#last.counts) addTo(sum, counts, vectors);
  }

  #sharedBy(by: SliceBy, value: string): Counts {
    const name = `${by} ${value}`;
    let counts = this.#shared.get(name);
    if (counts === undefined) this.#shared.set(name, (counts = { ...noCounts(), by, value }));
    return counts;
  }

  /** @param pods  the names of the pods, by their numbers */
  slices(pods: readonly string[]): CountedSlice[] {
    const named = (by: SliceBy, all: readonly Counts[], nameOf: (number: number) => string): CountedSlice[] =>
      all.flatMap((counts, number) => ({ ...counts, by, value: nameOf(number) }));
    return [
      ...named('hour', this.#hours, (hour) => String(hour).padStart(2, '0')),
      ...named('pod', this.#pods, (pod) => pods[pod]!),
      ...named('source', this.#sources, (source) => ROW_SOURCES[source] ?? String(source)),
      ...this.#shared.values(),
    ];
  }
}

export function noCounts(): Counts {
  return { values: 0, mismatches: 0, beyondPromise: 0 };
}

/** Adds the counts of so many vectors that are alike. */
export function addTo(
  sum: Counts,
  { values, mismatches, beyondPromise }: ValueCounts,
  vectors: number,
): void {
  sum.values += values * vectors;
  sum.mismatches += mismatches * vectors;
  sum.beyondPromise += beyondPromise * vectors;
}
