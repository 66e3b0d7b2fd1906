/** How fresh a view is by its runs, in words and as JSON. */
import { expect, test } from 'vitest';
import type { RunRecord } from '../../../../contract/run-record.ts';
import { freshnessOf, freshnessText, freshnessToJson } from '../../../../project/overview/view-freshness.ts';
import { HOUR_US, orders, START_US } from '../../../support/fixtures/materialized-project.ts';

const view = orders({ freshnessUs: HOUR_US, freshnessAlertUs: 3 * HOUR_US });
const run = (state: string, hours: number, kind = 'ordinary'): RunRecord =>
  ({ state, kind, watermarkUs: hours < 0 ? 0 : START_US + hours * HOUR_US }) as RunRecord;

test.each([
  [[], 'never', 'complete up to no time yet'],
  [[run('failed', 4)], 'never', 'complete up to no time yet'],
  [
    [run('complete', 4), run('failed', 4.5)],
    'fresh',
    'complete up to 2026-01-01T04:00:00.000000Z, 1h ago: within its freshness',
  ],
  [
    [run('complete', 2.75)],
    'late',
    'complete up to 2026-01-01T02:45:00.000000Z, 2h15m ago: late, past its freshness of 1h',
  ],
  [
    [run('complete', 1)],
    'stale',
    'complete up to 2026-01-01T01:00:00.000000Z, 4h ago: stale, past its alert age of 3h',
  ],
  // A stream that runs says at each commit how far it is; one that has committed nothing says nothing.
  [
    [run('complete', 1), run('running', 4.9975, 'stream')],
    'fresh',
    'complete up to 2026-01-01T04:59:51.000000Z, 9s ago: within its freshness',
  ],
  [
    [run('complete', 4), run('running', -1, 'stream')],
    'fresh',
    'complete up to 2026-01-01T04:00:00.000000Z, 1h ago: within its freshness',
  ],
])('%#: %s', (runs, state, text) => {
  const freshness = freshnessOf(view, runs, START_US + 5 * HOUR_US);
  expect(freshness.state).toBe(state);
  expect(freshnessText(view, freshness)).toBe(text);
});

test('as JSON it has times in RFC 3339 and ages in seconds', () => {
  const of = (runs: RunRecord[]): object => freshnessToJson(freshnessOf(view, runs, START_US + HOUR_US));
  expect(of([run('complete', 0.5)])).toEqual({
    watermark: '2026-01-01T00:30:00.000000Z',
    ageSeconds: 1800,
    state: 'fresh',
  });
  expect(of([])).toEqual({ watermark: null, ageSeconds: null, state: 'never' });
});
