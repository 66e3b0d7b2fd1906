/** A flash sale: 100 entities take nine tenths of the traffic. */
import { hotAndCold } from '../generator/key-choice.ts';
import type { Profile } from './profile.ts';

export const HOT_KEYS = 100;
export const HOT_SHARE = 0.9;

export const hotKeys: Profile = {
  name: 'hot-keys',
  description: `${HOT_KEYS} entities take ${HOT_SHARE * 100} % of the requests`,
  rows: 1,
  poolLimit: null,
  stopsStore: false,
  choose: (pool, { random }) => hotAndCold(pool, HOT_KEYS, HOT_SHARE, random),
};
