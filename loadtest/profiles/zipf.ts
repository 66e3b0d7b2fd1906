/** Popular and rare entities as they come: Zipf's law with the exponent that YCSB made customary. */
import { zipf as zipfChoice } from '../generator/key-choice.ts';
import type { Profile } from './profile.ts';

export const ZIPF_EXPONENT = 0.99;

export const zipf: Profile = {
  name: 'zipf',
  description: `Zipf's law, exponent ${ZIPF_EXPONENT}: the n-th entity is asked for in proportion to 1/n`,
  rows: 1,
  poolLimit: null,
  stopsStore: false,
  choose: (pool, { random }) => zipfChoice(pool, ZIPF_EXPONENT, random),
};
