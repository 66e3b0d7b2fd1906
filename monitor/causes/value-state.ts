/** The state of a served or replayed value: absent for one of several reasons, a special number, or any other value. */
export const STATES = ['missing', 'outside TTL', 'unavailable', 'null', 'NaN', 'zero', 'value'] as const;
export type State = (typeof STATES)[number];

/** Whether there is no value of the row's own: a fallback may stand in. */
export function isAbsent(state: State): boolean {
  return state === 'missing' || state === 'outside TTL' || state === 'unavailable' || state === 'null';
}
