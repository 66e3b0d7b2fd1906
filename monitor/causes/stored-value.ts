/** What is wrong with one stored value, beside the one that the history holds in the same row. */
import type { Value, ValueType } from '../../contract/value-type.ts';
import { UNKNOWN_VALUE, isSame } from './value-equality.ts';

/** Digits to which a decimal text may have been cut: fewer would make neighbours of different values. */
const LEAST_DIGITS = 6;
const MOST_DIGITS = 16;
/** Microseconds in a millisecond and in a second: the units to which timestamps are cut. */
const TIME_UNITS: readonly bigint[] = [1_000n, 1_000_000n];

/**
 * @param served, held  of one stored row: online, and in the history; not the same
 * @param fallback      of the feature
 * @returns             null: neither explains it
 */
export function alterationOf(
  type: ValueType,
  served: Value,
  held: Value,
  fallback: Value,
): 'null or default substituted' | 'precision / type' | null {
  if (served === UNKNOWN_VALUE || held === UNKNOWN_VALUE) return null;
  const isSubstituted = (a: Value, b: Value): boolean =>
    isNothing(a) && (isNothing(b) || isInfinite(b) || isBlank(type, b) || isSame(type, b, fallback));
  if (isSubstituted(served, held) || isSubstituted(held, served)) return 'null or default substituted';
  return isRounded(type, served, held) ? 'precision / type' : null;
}

/** Whether a value says nothing of its entity: null, NaN, zero, false, or empty. */
export function isBlank(type: ValueType, value: Value): boolean {
  if (isNothing(value)) return true;
  if (value === UNKNOWN_VALUE) return false;
  switch (type.kind) {
    case 'embedding':
      return (value as Float32Array).every((item) => item === 0 || Number.isNaN(item));
    case 'list':
    case 'string':
    case 'bytes':
      return (value as string | Uint8Array | readonly Value[]).length === 0;
    case 'map':
      return (value as ReadonlyMap<string, Value>).size === 0;
    case 'struct':
      return type.fields.every((f) => isBlank(f.type, (value as { [field: string]: Value })[f.name] ?? null));
    default:
      return value === 0 || value === 0n || value === false;
  }
}

function isNothing(value: Value): boolean {
  return value === null || (typeof value === 'number' && Number.isNaN(value));
}

function isInfinite(value: Value): boolean {
  return value === Infinity || value === -Infinity;
}

/** Whether two values are one after rounding to float32, to 6 or more digits, or after another type's detour. */
function isRounded(type: ValueType, a: Value, b: Value): boolean {
  if (a === null || b === null) return false;
  switch (type.kind) {
    case 'int32':
    case 'int64':
      return Math.fround(Number(a)) === Math.fround(Number(b));
    case 'float32':
    case 'float64':
      return isRoundedFloat(a as number, b as number);
    case 'timestamp':
      return TIME_UNITS.some((unit) => floorTo(a as bigint, unit) === floorTo(b as bigint, unit));
    case 'string':
      return isSameNumber(a as string, b as string);
    case 'embedding':
      return isRoundedList({ kind: 'float32' }, [...(a as Float32Array)], [...(b as Float32Array)]);
    case 'list':
      return isRoundedList(type.of, a as readonly Value[], b as readonly Value[]);
    default:
      return false;
  }
}

function isRoundedFloat(a: number, b: number): boolean {
  if (!Number.isFinite(a) || !Number.isFinite(b)) return false;
  if (Math.fround(a) === Math.fround(b)) return true;
  // Numbers that are one in 6 digits are nearer than this; most that differ are not, and need no texts.
  if (Math.abs(a - b) > 2e-5 * Math.max(Math.abs(a), Math.abs(b))) return false;
  for (let digits = LEAST_DIGITS; digits <= MOST_DIGITS; digits++) {
    if (a.toPrecision(digits) === b.toPrecision(digits)) return true;
  }
  return false;
}

function isRoundedList(of: ValueType, a: readonly Value[], b: readonly Value[]): boolean {
  return a.length === b.length && a.every((item, i) => isSame(of, item, b[i]!) || isRounded(of, item, b[i]!));
}

function floorTo(us: bigint, unit: bigint): bigint {
  return us - (((us % unit) + unit) % unit);
}

/** Whether two texts are one number, written in two ways: `5` and `5.0`. */
function isSameNumber(a: string, b: string): boolean {
  const isNumber = (text: string): boolean => /^[+-]?\d+(\.\d*)?(e[+-]?\d+)?$/i.test(text);
  return isNumber(a) && isNumber(b) && Number(a) === Number(b);
}
