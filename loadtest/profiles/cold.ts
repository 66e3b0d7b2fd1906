/** The worst case: no entity again before all others; with more entities than fit the cache's time, all miss. */
import { inTurn } from '../generator/key-choice.ts';
import type { Profile } from './profile.ts';

export const cold: Profile = {
  name: 'cold',
  description: 'every entity in turn: all miss when there are more than rate x 5 s',
  rows: 1,
  poolLimit: null,
  stopsStore: false,
  choose: (pool, { shard, shards }) => inTurn(pool, shard, shards),
};
