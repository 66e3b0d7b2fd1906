/** The causes of a mismatch, in the order in which the rules look for their evidence. */
export const CAUSES = [
  'unavailable',
  'answer altered',
  'definition changed',
  'inherited',
  'cache age',
  'materialization lag',
  'TTL boundary',
  'missing online',
  'missing in history',
  'null or default substituted',
  'precision / type',
  'late arrival',
  'rewritten history',
  'served ahead',
  'on-demand differs',
  'unexplained',
] as const;
export type Cause = (typeof CAUSES)[number];
