/** DDSketch of a column, for approxPercentile: how many values each bucket holds. What comes in can be taken out. */
import type { ValueType } from '../../value-type.ts';
import type { TileValue } from '../canonical-order.ts';
import { BUCKETS, bucketOf } from '../sketch/ddsketch.ts';
import { TileFault } from '../tile-reader.ts';
import { countFromJson, listFromJson } from '../value-json.ts';
import { givenText } from '../../std/given-text.ts';
import type { TilePart } from './part.ts';

/** By bucket its count, above 0. */
export type BucketCounts = Map<number, number>;

export function bucketsPart(column: number, type: ValueType): TilePart<BucketCounts> {
  const name = `buckets${column}`;
  const bucket: (value: TileValue) => number =
    type.kind === 'int64' ? (value) => bucketOf(Number(value)) : (value) => bucketOf(value as number);
  return {
    key: { name: 'buckets', column, scale: 0 },
    fields: [{ name, kind: 'list' }],
    size: 0,
    empty: () => new Map(),
    add: (state, value) => addTimes(state, bucket(value), 1),
    retraction: (state, value) => (state.has(bucket(value)) ? 'counted' : 'unknown'),
    take: (state, value) => addTimes(state, bucket(value), -1),
    merge: addBuckets,
    slide: {
      kind: 'slide',
      empty: () => new Map(),
      enter: addBuckets,
      leave: (window, tile) => {
        for (const [of, count] of tile) addTimes(window, of, -count);
        return window;
      },
    },
    write: (to, state) => {
      to.count(state.size);
      for (const [of, count] of inOrder(state)) {
        to.whole(of);
        to.count(count);
      }
    },
    read: (from) =>
      countsOf(
        from.ascending(
          () => [Number(from.whole()), from.count()] as const,
          ([a], [b]) => a - b,
        ),
      ),
    toJson: (state) => [inOrder(state)],
    fromJson: ([json]) =>
      countsOf(
        listFromJson(name, json).map((pair) => {
          const [of, count] = listFromJson(name, pair);
          if (!Number.isSafeInteger(of))
            throw new TileFault(`expected a bucket, got ${givenText(of ?? null)}`);
          return [of as number, countFromJson(name, count)] as const;
        }),
      ),
  };
}

/** Ascending, as percentiles are read from them. */
export function inOrder(counts: BucketCounts): [number, number][] {
  return [...counts].toSorted(([a], [b]) => a - b);
}

function addBuckets(into: BucketCounts, from: BucketCounts): BucketCounts {
  for (const [bucket, count] of from) addTimes(into, bucket, count);
  return into;
}

function addTimes(counts: BucketCounts, bucket: number, times: number): BucketCounts {
  const count = (counts.get(bucket) ?? 0) + times;
  if (count > 0) counts.set(bucket, count);
  else counts.delete(bucket);
  return counts;
}

function countsOf(pairs: readonly (readonly [number, number])[]): BucketCounts {
  const counts: BucketCounts = new Map(pairs);
  if (counts.size !== pairs.length) throw new TileFault('expected each bucket once');
  if (pairs.some(([bucket, count]) => Math.abs(bucket) > BUCKETS || count === 0)) {
    throw new TileFault(`expected buckets from -${BUCKETS} to ${BUCKETS} with counts of at least 1`);
  }
  return counts;
}
