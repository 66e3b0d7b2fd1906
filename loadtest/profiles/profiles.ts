/** All load profiles by name. */
import { cached } from './cached.ts';
import { cold } from './cold.ts';
import { faults } from './faults.ts';
import { fiftyRows } from './fifty-rows.ts';
import { hotKeys } from './hot-keys.ts';
import type { Profile } from './profile.ts';
import { uniform } from './uniform.ts';
import { zipf } from './zipf.ts';

export const PROFILES: ReadonlyMap<string, Profile> = new Map(
  [cached, cold, uniform, zipf, hotKeys, fiftyRows, faults].map((profile) => [profile.name, profile]),
);
