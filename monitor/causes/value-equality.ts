/** When two values of a feature are the same to a model, bit for bit or within the feature's tolerance. */
import { isNumeric } from '../../contract/value-type.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';

/** Stands for a value of which nothing is known but that it is none of those it is compared with. */
export const UNKNOWN_VALUE: Value = new Map();

/**
 * Equality bit for bit: -0 is not 0. Every NaN is the same NaN, since languages do not keep its other bits. float32
 * values are compared as float32, because both sides hold them as such.
 */
export function isSame(type: ValueType, a: Value, b: Value): boolean {
  if (a === null || b === null || a === UNKNOWN_VALUE || b === UNKNOWN_VALUE) return a === b;
  switch (type.kind) {
    case 'bytes':
      return Buffer.compare(a as Uint8Array, b as Uint8Array) === 0;
    case 'embedding': {
      const [left, right] = [a as Float32Array, b as Float32Array];
      return left.length === right.length && left.every((item, i) => Object.is(item, right[i]));
    }
    case 'list': {
      const [left, right] = [a as readonly Value[], b as readonly Value[]];
      return left.length === right.length && left.every((item, i) => isSame(type.of, item, right[i]!));
    }
    case 'map': {
      const [left, right] = [a as ReadonlyMap<string, Value>, b as ReadonlyMap<string, Value>];
      if (left.size !== right.size) return false;
      return [...left].every(([key, item]) => right.has(key) && isSame(type.of, item, right.get(key)!));
    }
    case 'struct': {
      const [left, right] = [a, b] as [{ [field: string]: Value }, { [field: string]: Value }];
      return type.fields.every((f) => isSame(f.type, left[f.name] ?? null, right[f.name] ?? null));
    }
    default:
      return Object.is(a, b);
  }
}

/** @param tolerance  the largest difference at which two numbers match; null: only the same value matches */
export function isWithinTolerance(type: ValueType, a: Value, b: Value, tolerance: number | null): boolean {
  if (isSame(type, a, b)) return true;
  if (tolerance === null || !isNumeric(type) || a === null || b === null) return false;
  return Math.abs(Number(a) - Number(b)) <= tolerance;
}
