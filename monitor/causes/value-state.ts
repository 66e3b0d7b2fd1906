/** What a value can be on a side: nothing, for one of several reasons, a special number, or a value like others. */
export const STATES = ['missing', 'outside TTL', 'unavailable', 'null', 'NaN', 'zero', 'value'] as const;
export type State = (typeof STATES)[number];
