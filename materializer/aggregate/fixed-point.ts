/**
 * Sums of floats as 128-bit fixed point, so that no result hangs on the order of the input: the formulas are those
 * that JavaScript's BigInt gives to the bit (test/oracle/naive-aggregates.ts). Integer columns are summed unscaled.
 *
 * Traps: HUGEINT::DOUBLE is not correctly rounded above 2^53, the way over text is; a bare cast rounds half to even,
 * round() half away from zero.
 */
import type { ValueType } from '../../registry/value-type.ts';
import type { PlannedFeature } from './aggregate-plan.ts';

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

/** @returns the nearest DOUBLE of a HUGEINT */
export function doubleSql(h: string): string {
  return `(CASE WHEN abs(${h}) < 9007199254740992 THEN (${h})::DOUBLE ELSE (${h})::VARCHAR::DOUBLE END)`;
}

/** @param sum, count  HUGEINT; the sum of a column in fixed point and the count of its values that are not null */
export function sumSql(sum: string, feature: PlannedFeature): string {
  if (isWhole(feature.feature.type)) return sum;
  const scale = scaleOf(feature);
  return scale === 0 ? doubleSql(sum) : `${doubleSql(sum)} / 1e${scale}`;
}

export function avgSql(sum: string, count: string, scale: number): string {
  const divisor = doubleSql(`(${count})::HUGEINT * ${10n ** BigInt(scale)}::HUGEINT`);
  return `CASE WHEN ${count} > 0 THEN ${doubleSql(sum)} / ${divisor} END`;
}

/**
 * The sample's standard deviation. With a = S // n and b = S % n, n times the variance of the sums is
 * Q - a (S + b) - b^2 / n, which fits 128 bits wherever Q does; n Q - S^2 would not.
 */
export function stddevSql(sum: string, squares: string, count: string, scale: number): string {
  const a = `((${sum})::HUGEINT // (${count})::HUGEINT)`;
  const b = `((${sum})::HUGEINT % (${count})::HUGEINT)`;
  const whole = doubleSql(`((${squares})::HUGEINT - ${a} * ((${sum})::HUGEINT + ${b}))`);
  const rest = `${doubleSql(`(${b} * ${b})`)} / (${count})::DOUBLE`;
  // Rounding can bring a variance of nothing a hair below zero, which has no root.
  const root = `sqrt(greatest(0.0::DOUBLE, ${whole} - ${rest}) / ((${count}) - 1)::DOUBLE)`;
  return `CASE WHEN ${count} > 1 THEN ${root}${scale === 0 ? '' : ` / 1e${scale}`} END`;
}
