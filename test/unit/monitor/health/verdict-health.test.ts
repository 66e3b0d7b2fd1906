/** What the newest verdict says of a service: skew against 0.01 %, coverage, and nothing where it is not of now. */
import { expect, test } from 'vitest';
import { verdictHealth } from '../../../../monitor/health/verdict-health.ts';
import type { Snapshot } from '../../../../monitor/verdict/snapshot.ts';
import { featureSample, goodDay } from '../../../support/fixtures/sample-snapshot.ts';

const good = goodDay();
const DAY_US = 86_400_000_000;
const nextDayUs = Date.parse(good.date) * 1_000 + 1.5 * DAY_US;

function dayOf(feature: Partial<Snapshot['features'][number]>): Snapshot {
  return { ...good, features: [{ ...featureSample({ name: 'stores__revenue_30d' }), ...feature }] };
}

const statesOf = (verdict: Snapshot, atUs = nextDayUs): string[] =>
  verdictHealth('basket', [verdict], atUs).map(({ check, state, value }) => `${check} ${state} ${value}`);

test('the limit of skew is 1 value of 10,000', () => {
  const none = { present: 20_000, bothAbsent: 0, unavailable: 0, states: [] };
  expect(statesOf(dayOf({ ...none, beyondPromise: 2 }))[0]).toBe('skew good 0.0001');
  expect(statesOf(dayOf({ ...none, beyondPromise: 3 }))[0]).toBe('skew bad 0.00015');
});

test('coverage counts what was served, of all that was asked for and could be judged', () => {
  const states: Snapshot['features'][number]['states'] = [
    { served: 'value', replayed: 'value', rows: 60 },
    { served: 'zero', replayed: 'missing', rows: 20 },
    { served: 'missing', replayed: 'value', rows: 10 },
    { served: 'null', replayed: 'null', rows: 5 },
  ];
  const [, coverage] = verdictHealth(
    'basket',
    [dayOf({ present: 90, bothAbsent: 5, unavailable: 5, unjudged: 100, beyondPromise: 0, states })],
    nextDayUs,
  );
  expect(coverage).toMatchObject({ state: 'good', value: 0.8 });
  const absent = states.filter(({ served }) => served === 'missing');
  expect(
    statesOf(dayOf({ present: 10, bothAbsent: 0, unavailable: 0, beyondPromise: 0, states: absent })),
  ).toEqual(['skew good 0', 'coverage bad 0']);
});

test.each([
  ['that was never judged', [], nextDayUs, /never judged: nobody asked it, or/],
  [
    'whose verdict cannot be read',
    [new Error('2026-11-20.json cannot be read'), good],
    nextDayUs,
    /cannot be read/,
  ],
  ['whose verdict is old', [good], nextDayUs + 3 * DAY_US, /the newest verdict is on 2026-11-20, 4 days ago/],
  [
    'of which nothing was judged',
    [{ ...good, features: [] }],
    nextDayUs,
    /no value of 2026-11-20 was judged/,
  ],
] as const)('of a service %s nothing is known', (_, verdicts, atUs, why) => {
  const checks = verdictHealth('basket', verdicts, atUs);
  expect(checks.map(({ state }) => state)).toEqual(['unknown', 'unknown']);
  expect(checks[0]!.why).toMatch(why);
});

test('a day without a value hides none of what the day before showed', () => {
  const bad = dayOf({ present: 20_000, bothAbsent: 0, unavailable: 0, states: [], beyondPromise: 3 });
  const quiet = { ...good, date: '2026-11-21', features: [] };
  const [skew] = verdictHealth('basket', [quiet, bad], nextDayUs);
  expect(skew).toMatchObject({ state: 'bad', value: 0.00015 });
  expect(skew!.why).toMatch(/^on 2026-11-20, no value was judged since: 3 of 20000 values/);
});
