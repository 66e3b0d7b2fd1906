/** A day's snapshot holds the health of its end, whatever happened since. */
import { expect, test } from 'vitest';
import { PLAIN_VIEW } from '../../../../contract/definitions/plain-definition.ts';
import type { FeatureView } from '../../../../contract/model.ts';
import type { RunRecord } from '../../../../contract/run-record.ts';
import { dayHealth } from '../../../../monitor/health/day-health.ts';
import { at } from '../../../support/day-time.ts';
import { featureSample } from '../../../support/fixtures/sample-snapshot.ts';

const HOUR = 3_600_000_000;
const END = at('2026-01-03T00:00:00');
const VIEW = {
  ...PLAIN_VIEW,
  id: 'orders',
  scheduleUs: HOUR,
  freshnessUs: HOUR,
  freshnessAlertUs: 2 * HOUR,
} as unknown as FeatureView;

function run(started: string, finished: string, watermark: string): RunRecord {
  const times = { startedUs: at(started), finishedUs: at(finished), watermarkUs: at(watermark) };
  return { state: 'complete', error: null, ...times } as RunRecord;
}

test('runs count as they were by the end of the day', () => {
  const judged = { date: '2026-01-02', features: [featureSample({ name: 'orders__f', rows: 1_000 })] };
  const runs = [
    run('22:00', '22:05', '22:00'),
    run('23:50', '2026-01-03T00:10:00', '23:00'),
    run('2026-01-03T01:00:00', '2026-01-03T01:05:00', '2026-01-03T01:00:00'),
  ];
  const health = dayHealth('churn', [{ view: VIEW, runs }], judged, END);
  expect(health.map(({ check, of, state, why }) => [check, of, state, why])).toEqual([
    ['freshness', 'orders', 'good', 'complete up to 2026-01-02 22:00, 2h ago, past its freshness of 1h'],
    ['last run', 'orders', 'good', 'the run of 2026-01-02 23:50 has not ended after 10m'],
    ['skew', 'churn', 'good', expect.stringContaining('on 2026-01-02')],
    ['coverage', 'churn', 'good', expect.stringContaining('on 2026-01-02')],
  ]);
  // The first run alone, an hour later: past its alert age.
  const late = dayHealth('churn', [{ view: VIEW, runs: runs.slice(0, 1) }], judged, END + 1);
  expect(late[0]).toMatchObject({ check: 'freshness', state: 'bad' });
});
