/** What run records say of a view: fresh, late, failed, still running, never run. */
import { expect, test } from 'vitest';
import { PLAIN_VIEW } from '../../../../contract/definitions/plain-definition.ts';
import type { FeatureView } from '../../../../contract/model.ts';
import type { RunRecord } from '../../../../contract/run-record.ts';
import { exitCodeOfHealth } from '../../../../monitor/health/health-check.ts';
import { viewHealth } from '../../../../monitor/health/view-health.ts';

const MINUTE = 60_000_000;
const NOW = 1_795_262_400_000_000;
const VIEW = {
  ...PLAIN_VIEW,
  id: 'orders',
  scheduleUs: 10 * MINUTE,
  freshnessUs: 30 * MINUTE,
  freshnessAlertUs: 60 * MINUTE,
} as unknown as FeatureView;

function run(state: RunRecord['state'], startedAgo: number, took: number | null, watermarkAgo = startedAgo) {
  return {
    state,
    startedUs: NOW - startedAgo * MINUTE,
    finishedUs: took === null ? null : NOW - (startedAgo - took) * MINUTE,
    watermarkUs: NOW - watermarkAgo * MINUTE,
    error: state === 'failed' ? 'no such column' : null,
  } as RunRecord;
}

test.each([
  ['never run', [], 'unknown', /no run of it is complete/, 'unknown', /never run/],
  ['fresh', [run('complete', 20, 5)], 'good', /20m ago$/, 'good', /is complete, in 5m$/],
  ['past its freshness', [run('complete', 40, 5)], 'good', /past its freshness of 30m/, 'good', /complete/],
  ['past its alert age', [run('complete', 61, 5)], 'bad', /past its alert age of 1h/, 'good', /complete/],
  ['slower than its schedule', [run('complete', 20, 11)], 'good', /ago$/, 'bad', /in 11m, more than 10m/],
  [
    'failed after a good one',
    [run('complete', 20, 5), run('failed', 9, 1)],
    'good',
    /20m ago$/,
    'bad',
    /failed: no such column/,
  ],
  [
    'running',
    [run('complete', 20, 5), run('running', 3, null)],
    'good',
    /ago/,
    'good',
    /not ended after 3m$/,
  ],
  [
    'never ended',
    [run('running', 30, null)],
    'unknown',
    /no run/,
    'bad',
    /not ended after 30m: was it killed/,
  ],
  [
    'filled anew for longer than its schedule',
    [run('complete', 50, 5), { ...run('complete', 45, 40), kind: 'backfill' as const }],
    'good',
    /45m ago/,
    'good',
    /^the backfill of .* is complete, in 40m$/,
  ],
  [
    'still being filled anew',
    [run('complete', 50, 5), { ...run('running', 45, null), kind: 'backfill' as const }],
    'good',
    /50m ago/,
    'good',
    /^the backfill of .* has not ended after 45m$/,
  ],
  [
    'half filled by a backfill that failed',
    [run('complete', 20, 5), { ...run('failed', 9, 1), kind: 'backfill' as const }],
    'good',
    /20m ago/,
    'bad',
    /^the backfill of .* failed: no such column$/,
  ],
  [
    'older by a backfill that came last',
    [run('complete', 20, 5), run('complete', 9, 1, 500)],
    'good',
    /20m ago/,
    'good',
    /in 1m/,
  ],
] as const)('a view that is %s', (_, runs, fresh, freshWhy, last, lastWhy) => {
  const checks = viewHealth(VIEW, runs, NOW);
  expect(checks.map(({ state }) => state)).toEqual([fresh, last]);
  expect(checks[0]!.why).toMatch(freshWhy);
  expect(checks[1]!.why).toMatch(lastWhy);
  const states = new Set(checks.map(({ state }) => state));
  expect(exitCodeOfHealth(checks)).toBe(states.has('bad') ? 1 : states.has('unknown') ? 3 : 0);
});
