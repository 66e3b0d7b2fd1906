/** A timestamp of 1970 is the zero of its type, whether DuckDB counts it or the judge does. */
import { afterEach, expect, test } from 'vitest';
import { MonitoredDay, SERVICE, servedRow } from '../../support/fixtures/monitored-day.ts';
import { driverStats, feature } from '../../support/fixtures/materialized-project.ts';

let day: MonitoredDay;
afterEach(() => day.remove());

test('it counts as a zero by both ways', async () => {
  const features = [feature('seen', 'timestamp')];
  day = await MonitoredDay.make({}, { ...driverStats(), features, ttlUs: null });
  const [, role] = SERVICE.views;
  const taken = {
    fullName: 'driver_stats__seen',
    view: 'driver_stats',
    role: 'driver_stats',
    feature: 'seen',
  };
  day.publish(day.orders, {
    ...SERVICE,
    features: [taken],
    views: [role!],
    requestKeys: [SERVICE.requestKeys[1]!],
  });
  const rows = [1, 2].map(
    (driver) => `SELECT ${driver}::BIGINT AS driver_id, TIMESTAMP '2026-01-02 09:00:00' AS event_timestamp,
      TIMESTAMP '2026-01-02 09:01:00' AS created, make_timestamp(0) AS seen`,
  );
  await day.project.writeParquet('drivers', rows.join(' UNION ALL '));
  for (const [driver, answer] of [
    ['1', null],
    [
      '2',
      Buffer.from('{"results":[{"entities":{},"features":{"driver_stats__seen":"1970-01-01T00:00:00Z"}}]}'),
    ],
  ] as const) {
    const row = { event: '09:00:00', created: '09:01:00', values: [0n] };
    const served = servedRow(day.driverStats, '10:00:00', { row, watermark: '09:30:00' });
    // An answer that is logged leaves its row to the judge.
    day.append('10:00:00', { driver_id: driver }, [served], 0, { answer });
  }
  const snapshot = await day.judge('2026-01-10T00:00:00');
  expect(snapshot.features[0]!.states).toEqual([{ served: 'zero', replayed: 'zero', rows: 2 }]);
});
