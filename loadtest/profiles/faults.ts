/** The store hangs in the middle of the run: what is cached must be served, the rest be UNAVAILABLE in time. */
import { zipf as zipfChoice } from '../generator/key-choice.ts';
import type { Profile } from './profile.ts';
import { ZIPF_EXPONENT } from './zipf.ts';

/** When the store of `--store-pid` is stopped (SIGSTOP) and resumed (SIGCONT), as shares of the run. */
export const STOPPED_FROM = 0.25;
export const STOPPED_TO = 0.6;

export const faults: Profile = {
  name: 'faults',
  description: `as zipf; the process of --store-pid is stopped from ${STOPPED_FROM * 100} to ${STOPPED_TO * 100} % of the run`,
  rows: 1,
  poolLimit: null,
  stopsStore: true,
  choose: (pool, { random }) => zipfChoice(pool, ZIPF_EXPONENT, random),
};
