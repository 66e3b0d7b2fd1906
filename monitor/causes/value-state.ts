/** The state of a served or replayed value: absent for one of several reasons, a special number, or any other value. */
import { MISSING, NULL, OUTSIDE_TTL, PRESENT, UNAVAILABLE } from '../../contract/status.ts';
import type { Value } from '../../contract/value-type.ts';

export const STATES = [
  'missing',
  'outside TTL',
  'unavailable',
  'null',
  'NaN',
  'zero',
  'empty',
  'value',
] as const;
export type State = (typeof STATES)[number];

/** Whether there is no value of the row's own: a fallback may stand in. */
export function isAbsent(state: State): boolean {
  return state === 'missing' || state === 'outside TTL' || state === 'unavailable' || state === 'null';
}

/** By the status of the row. */
export const ABSENT_STATES: Readonly<Record<number, State>> = {
  [MISSING]: 'missing',
  [OUTSIDE_TTL]: 'outside TTL',
  [UNAVAILABLE]: 'unavailable',
  [NULL]: 'null',
};

/** @param value  before conversion to its surface's type */
export function stateOf(status: number, value: Value): State {
  if (status !== PRESENT) return ABSENT_STATES[status]!;
  if (value === null) return 'null';
  if (typeof value === 'number' && Number.isNaN(value)) return 'NaN';
  if (value === 0 || value === 0n) return 'zero';
  return isEmpty(value) ? 'empty' : 'value';
}

/** A text or bytes without any, a list without items, a map without entries. */
function isEmpty(value: NonNullable<Value>): boolean {
  if (value instanceof Map) return value.size === 0;
  return (
    (Array.isArray(value) || value instanceof Uint8Array || typeof value === 'string') && value.length === 0
  );
}
