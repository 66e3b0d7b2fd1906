/**
 * Sums of floats as 128-bit fixed point, so that no result hangs on the order of the input: the formulas are those
 * that JavaScript's BigInt gives to the bit (test/oracle/naive-aggregates.ts). Integer columns are summed unscaled.
 *
 * Traps: HUGEINT::DOUBLE is not correctly rounded above 2^53, the way over text is; a bare cast rounds half to even,
 * round() half away from zero.
 */
import type { ValueType } from '../../contract/value-type.ts';
import type { AggregatePlan, PlannedFeature, ValueColumn } from './aggregate-plan.ts';

export function isWhole(type: ValueType): boolean {
  return type.kind === 'int32' || type.kind === 'int64';
}

/** @returns the decimal places that a column is summed with for a feature */
export function scaleOf(feature: PlannedFeature): number {
  return isWhole(feature.column!.type) ? 0 : feature.aggregation.scale;
}

/** @returns a value as HUGEINT with `scale` decimal places; the cast fails where it does not fit */
export function fixedSql(value: string, type: ValueType, scale: number): string {
  return isWhole(type) ? `${value}::HUGEINT` : `round(${value}::DOUBLE * 1e${scale})::HUGEINT`;
}

/** The largest value in fixed point that is summed; past it the event is a bad row. */
export const FIXED_MAX = 1_000_000_000_000_000_000n;

/** @returns each column that is summed, once for each number of decimal places, with the features that sum it */
export function summedColumns(
  plan: AggregatePlan,
): { readonly column: ValueColumn; readonly scale: number; readonly features: readonly string[] }[] {
  const columns = new Map<string, { column: ValueColumn; scale: number; features: string[] }>();
  for (const planned of plan.features) {
    if (!['sum', 'avg', 'stddev'].includes(planned.aggregation.function)) continue;
    const scale = scaleOf(planned);
    const name = `${planned.column!.name}x${scale}`;
    const known = columns.get(name) ?? { column: planned.column!, scale, features: [] };
    known.features.push(planned.feature.name);
    columns.set(name, known);
  }
  return [...columns.values()];
}

const LIMB = 18_446_744_073_709_551_616n;
const LIMB_BITS = 64;
/** 10^38, from which on a sum of squares is not held, in limbs. */
const HIGH_LIMIT = 5_421_010_862_427_522_170n;
const LOW_LIMIT = 687_399_551_400_673_280n;
const BIGINT_MAX = 9_223_372_036_854_775_807n;

/** @returns the nearest DOUBLE of a HUGEINT; BIGINT::DOUBLE is correctly rounded, and a fifth of the way over text */
function doubleSql(h: string): string {
  return `(CASE WHEN ${fitsBigint(h)} THEN (${h})::BIGINT::DOUBLE ELSE (${h})::VARCHAR::DOUBLE END)`;
}

function fitsBigint(h: string): string {
  return `${h} BETWEEN -${BIGINT_MAX}::HUGEINT AND ${BIGINT_MAX}::HUGEINT`;
}

/** @param sum, count  HUGEINT; the sum of a column in fixed point and the count of its values that are not null */
export function sumSql(sum: string, feature: PlannedFeature): string {
  const scale = scaleOf(feature);
  if (isWhole(feature.feature.type) && isWhole(feature.column!.type)) return sum;
  return scale === 0 ? doubleSql(sum) : `${doubleSql(sum)} / 1e${scale}`;
}

export function avgSql(sum: string, count: string, scale: number): string {
  const divisor = doubleSql(`(${count}::HUGEINT * ${10n ** BigInt(scale)}::HUGEINT)`);
  return `CASE WHEN ${count} > 0 THEN ${doubleSql(sum)} / ${divisor} END`;
}

/**
 * The sample's standard deviation. With a = S // n and b = S % n, n times the variance of the sums is
 * Q - a (S + b) - b^2 / n, which fits 128 bits wherever Q does; n Q - S^2 would not.
 *
 * In three steps, each a SELECT of its own: the quotient a, then the two parts of the spread, then the root. In one
 * expression the divisions of 128 bits are done again at each mention, most of the cost of a whole view.
 *
 * @param count  BIGINT; where it is 0 the quotient is NULL
 */
export function quotientSql(sum: string, count: string): string {
  return `(CASE WHEN ${fitsBigint(sum)} THEN (${sum}::BIGINT // ${count})::HUGEINT ELSE ${sum} // ${count}::HUGEINT END)`;
}

/** The two parts of the spread, HUGEINT: Q - a (S + b), and b^2. */
export function spreadSql(
  sum: string,
  squares: string,
  count: string,
  quotient: string,
): { readonly whole: string; readonly rest: string } {
  const b = `(${sum} - ${quotient} * ${count}::HUGEINT)`;
  // Where the squares are not held, neither is the product.
  const whole = `(CASE WHEN ${squares} IS NOT NULL THEN ${squares} - ${quotient} * (${sum} + ${b}) END)`;
  return { whole, rest: `(${b} * ${b})` };
}

/**
 * Sums of squares in two limbs, x^2 // 2^64 and x^2 % 2^64, neither of which can overflow however many are added. Both
 * are taken by shift and mask: DuckDB divides 128 bits bit by bit, which was a quarter of the cost of a whole view
 * (docs/decisions/0010-windows-by-totals.md).
 *
 * @returns  the sum as HUGEINT, or NULL from 10^38 on
 */
export function squaresSql(high: string, low: string): string {
  const carried = `(${high} + ${aboveLimb(low)})`;
  const held = `${carried} < ${HIGH_LIMIT}::HUGEINT OR (${carried} = ${HIGH_LIMIT}::HUGEINT AND ${belowLimb(low)} < ${LOW_LIMIT}::HUGEINT)`;
  return `(CASE WHEN ${held} THEN ${carried} * ${LIMB}::HUGEINT + ${belowLimb(low)} END)`;
}

/** The limbs of one value's square. */
export function limbsOfSquare(fixed: string): { readonly high: string; readonly low: string } {
  const square = `(${fixed} * ${fixed})`;
  return { high: aboveLimb(square), low: belowLimb(square) };
}

/** @param h  HUGEINT, not negative */
function aboveLimb(h: string): string {
  return `(${h} >> ${LIMB_BITS}::HUGEINT)`;
}

function belowLimb(h: string): string {
  return `(${h} & ${LIMB - 1n}::HUGEINT)`;
}

/** @param whole, rest  columns that hold the two parts of the spread */
export function stddevSql(whole: string, rest: string, count: string, scale: number): string {
  // Rounding can bring a variance of nothing a hair below zero, which has no root.
  const spread = `${doubleSql(whole)} - ${doubleSql(rest)} / ${count}::DOUBLE`;
  const root = `sqrt(greatest(0.0::DOUBLE, ${spread}) / (${count} - 1)::DOUBLE)`;
  // Squares past what is held leave no spread, and greatest() would pass over a NULL.
  return `CASE WHEN ${count} > 1 AND ${whole} IS NOT NULL THEN ${root}${scale === 0 ? '' : ` / 1e${scale}`} END`;
}
