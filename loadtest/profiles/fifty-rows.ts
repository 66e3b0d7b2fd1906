/** A ranking model: fifty candidates in one request. */
import { uniform } from '../generator/key-choice.ts';
import type { Profile } from './profile.ts';

export const fiftyRows: Profile = {
  name: 'fifty-rows',
  description: '50 entities a request, evenly among at most 1,000',
  rows: 50,
  poolLimit: 1_000,
  stopsStore: false,
  choose: (pool, { random }) => uniform(pool, random),
};
