/**
 * Which feature of a row is which of another: rows of an older definition are read by this rule, served and judged
 * alike.
 */
import { formatType } from './value-type.ts';
import type { ValueType } from './value-type.ts';

interface Field {
  readonly name: string;
  readonly type: ValueType;
}

export function isSameFeature(a: Field, b: Field): boolean {
  return a.name === b.name && formatType(a.type) === formatType(b.type);
}

/**
 * Features are matched by name and type: one that changed its type is another feature.
 *
 * @returns for each of `wanted` its index in `there`, -1 where it is not there
 */
export function matchFeatures(wanted: readonly Field[], there: readonly Field[]): number[] {
  const at = new Map(there.map((field, i) => [fieldName(field), i]));
  return wanted.map((field) => at.get(fieldName(field)) ?? -1);
}

function fieldName({ name, type }: Field): string {
  return `${name}:${formatType(type)}`;
}
