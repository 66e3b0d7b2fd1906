/** No entity more popular than another: what the skewed profiles are compared with. */
import { uniform as uniformChoice } from '../generator/key-choice.ts';
import type { Profile } from './profile.ts';

export const uniform: Profile = {
  name: 'uniform',
  description: 'every entity as likely as any other',
  rows: 1,
  poolLimit: null,
  stopsStore: false,
  choose: (pool, { random }) => uniformChoice(pool, random),
};
