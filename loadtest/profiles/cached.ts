/** The best case: few entities, all of them cached after the warm-up. */
import { uniform } from '../generator/key-choice.ts';
import type { Profile } from './profile.ts';

export const cached: Profile = {
  name: 'cached',
  description: 'at most 1,000 entities, evenly: after the warm-up all of them are cached',
  rows: 1,
  poolLimit: 1_000,
  stopsStore: false,
  choose: (pool, { random }) => uniform(pool, random),
};
