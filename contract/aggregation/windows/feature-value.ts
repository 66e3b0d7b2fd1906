/**
 * The value of a feature over a window, from what the tiles of the window come to. The formulas are those of the batch
 * SQL (materializer/aggregate/fixed-point.ts), so that both give the same bits.
 */
import type { Value, ValueType } from '../../value-type.ts';
import type { TileValue } from '../canonical-order.ts';
import type { Whole } from '../fixed-point.ts';
import { POWERS, SQUARES_END } from '../fixed-point.ts';
import { percentileOf } from '../sketch/ddsketch.ts';
import { estimateDistinct } from '../sketch/hyperloglog.ts';
import { inOrder } from '../parts/buckets-part.ts';
import type { BucketCounts } from '../parts/buckets-part.ts';
import type { RegisterWindow } from '../parts/registers-part.ts';
import type { TimedValue } from '../parts/endpoint-part.ts';
import type { CountedWindow } from '../parts/counted-window.ts';
import type { TileFeature } from '../tile-plan.ts';
import { heldValue } from './held-value.ts';

/**
 * @param n       events of the window, or of the session
 * @param states  what its tiles come to
 * @param parts   where the states of the feature's parts stand among them
 * @returns       the value; undefined: it cannot be held, and the feature is null
 */
export function featureValue(
  planned: TileFeature,
  n: number,
  states: readonly unknown[],
  parts: readonly number[],
): Value | undefined {
  const { feature } = planned;
  switch (planned.function) {
    case 'count':
      return heldValue(feature.type, parts.length === 0 ? n : (states[parts[0]!] as number));
    case 'countDistinct':
      return heldValue(feature.type, (states[parts[0]!] as CountedWindow).size);
    case 'sum':
      return sumOf(planned, states[parts[0]!] as Whole);
    case 'avg':
      return heldOrNull(
        planned,
        averageOf(states[parts[0]!] as Whole, states[parts[1]!] as number, planned.scale),
      );
    case 'stddev': {
      const squares = states[parts[2]!] as Whole;
      if ((states[parts[1]!] as number) > 1 && squares >= SQUARES_END) return undefined;
      return heldOrNull(
        planned,
        deviationOf(states[parts[0]!] as Whole, states[parts[1]!] as number, squares) /
          POWERS[planned.scale]!,
      );
    }
    case 'min':
    case 'max':
      return heldOrNull(planned, states[parts[0]!] as TileValue | null);
    case 'first':
    case 'last':
      return heldOrNull(planned, (states[parts[0]!] as TimedValue | null)?.value ?? null);
    case 'mostFrequent':
      return heldOrNull(planned, (states[parts[0]!] as CountedWindow).mostFrequent());
    case 'lastN': {
      const type = (feature.type as { readonly of: ValueType }).of;
      const latest = (states[parts[0]!] as readonly TimedValue[]).slice(0, feature.aggregation!.n);
      return latest.length === 0 ? null : latest.map(({ value }) => heldValue(type, value)!);
    }
    case 'approxCountDistinct':
      return heldValue(feature.type, estimateDistinct((states[parts[0]!] as RegisterWindow).ranks.values()));
    case 'approxPercentile':
      return heldOrNull(
        planned,
        percentileOf(inOrder(states[parts[0]!] as BucketCounts), feature.aggregation!.percentile),
      );
    case 'duration': {
      const [first, last] = [states[parts[0]!] as bigint | null, states[parts[1]!] as bigint | null];
      return first === null ? null : heldValue(feature.type, last! - first);
    }
  }
}

/** NaN: there is none. */
function heldOrNull({ feature }: TileFeature, value: TileValue | null): Value | undefined {
  return value === null || Number.isNaN(value) ? null : heldValue(feature.type, value);
}

function sumOf({ feature, function: name, scale }: TileFeature, sum: Whole): Value | undefined {
  const whole = feature.aggregation!.columnType!.kind.startsWith('int');
  if (!whole) return heldValue(feature.type, Number(sum) / POWERS[scale]!);
  const float = feature.type.kind.startsWith('float');
  return heldValue(feature.type, name === 'sum' && float ? Number(sum) : BigInt(sum));
}

/** @returns NaN over no values */
function averageOf(sum: Whole, count: number, scale: number): number {
  if (count === 0) return Number.NaN;
  const divisor = count * POWERS[scale]!;
  const exact = divisor <= Number.MAX_SAFE_INTEGER;
  return Number(sum) / (exact ? divisor : Number(BigInt(count) * BigInt(POWERS[scale]!)));
}

/**
 * The sample's standard deviation in fixed point: with a = S / n and b = S % n, n times the variance of the sums is
 * Q - a (S + b) - b^2 / n.
 *
 * @returns NaN below two values
 */
function deviationOf(sum: Whole, count: number, squares: Whole): number {
  if (count < 2) return Number.NaN;
  const [s, n] = [BigInt(sum), BigInt(count)];
  const [quotient, rest] = [s / n, s % n];
  const spread = Number(BigInt(squares) - quotient * (s + rest)) - Number(rest * rest) / count;
  // Rounding can bring a variance of nothing a hair below zero.
  return Math.sqrt(Math.max(0, spread) / (count - 1));
}
