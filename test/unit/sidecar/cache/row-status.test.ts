import { expect, test } from 'vitest';
import { MISSING, OUTSIDE_TTL, PRESENT, UNAVAILABLE } from '../../../../contract/status.ts';
import { CachedRow } from '../../../../sidecar/cache/cached-row.ts';
import { planView } from '../../../../sidecar/plan/view-plan.ts';
import { statusOf } from '../../../../sidecar/cache/row-status.ts';
import {
  DAY_US,
  HOUR_US,
  NOON_US,
  PROFILE_VALUES,
  customer,
  encodeRow,
  profile,
  spend,
} from '../../../support/fixtures/serving-fixture.ts';

const plans = {
  profile: planView({ view: profile, entity: customer }, 0),
  spend: planView({ view: spend, entity: customer }, 1),
};
const raws = {
  profile: encodeRow(profile, PROFILE_VALUES).toString('latin1'),
  spend: encodeRow(spend, [1, 2n]).toString('latin1'),
};

function row(of: 'profile' | 'spend', watermarkUs: number, raw: string | null = raws[of]): CachedRow {
  const moment = { fetchedUs: NOON_US, order: 1, factor: 1, ready: null };
  return new CachedRow(plans[of], moment, watermarkUs, raw);
}

test.each([
  ['no row, the store failed', null, NOON_US, UNAVAILABLE],
  ['an absent row', row('profile', NOON_US, null), NOON_US, MISSING],
  ['a stored row within its TTL', row('profile', 0), NOON_US - HOUR_US + DAY_US, PRESENT],
  ['a stored row past it', row('profile', NOON_US), NOON_US - HOUR_US + DAY_US + 1, OUTSIDE_TTL],
  ['an aggregated row at twice its freshness', row('spend', NOON_US), NOON_US + 2 * HOUR_US, PRESENT],
  ['an aggregated row past it', row('spend', NOON_US), NOON_US + 2 * HOUR_US + 1, OUTSIDE_TTL],
  ['a row that was written before its first marker', row('spend', 0), NOON_US, PRESENT],
])('%s', (_, of, nowUs, status) => {
  expect(statusOf(of, nowUs)).toBe(status);
});
