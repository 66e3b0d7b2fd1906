/** `plumb monitor run --engine spark` where there is no Spark, and of what is not done in Spark. */
import { afterEach, expect, test } from 'vitest';
import { MonitoredDay, servedRow } from '../../support/fixtures/monitored-day.ts';
import { driverStats } from '../../support/fixtures/materialized-project.ts';
import { serviceOf } from '../../support/fixtures/planted-day.ts';

const SETTLED = '2026-01-10T00:00:00';

let day: MonitoredDay;
afterEach(() => day.remove());

/** Two vectors of a driver whose row is right. */
async function serveDriver(): Promise<void> {
  day.publish(day.orders, serviceOf('driver_stats', ['conv_rate']));
  await day.writeDrivers([{ driver: 1, event: '07:00:00', created: '07:01:00', convRate: 0.5 }]);
  const row = { event: '07:00:00', created: '07:01:00', values: [0.5, null, null] };
  for (const time of ['09:00:00', '10:00:00'])
    day.append(time, { driver_id: '1' }, [servedRow(day.driverStats, time, { row })]);
}

test('no program that starts Spark: one sentence says which one was looked for', async () => {
  day = await MonitoredDay.make();
  await serveDriver();
  const { settings } = day.project;
  const spark = { ...settings.spark, command: 'no-such-spark' };
  Object.assign(day.project, { settings: { ...settings, spark } });
  await expect(day.judge(SETTLED, null, null, 'spark')).rejects.toMatchObject({
    code: 'SPARK_START',
    message: expect.stringContaining('no-such-spark cannot be run') as string,
  });
});

test('values that the log has as HMACs are compared by DuckDB, and a line says so', async () => {
  const features = driverStats().features.map((one) => ({ ...one, log: 'hmac' as const }));
  day = await MonitoredDay.make({}, { features });
  await serveDriver();
  const { features: judged } = await day.judge(SETTLED, 'k1', null, 'spark');
  expect(judged.find(({ name }) => name === 'driver_stats__conv_rate')).toMatchObject({
    exact: 2,
    present: 2,
  });
  expect(day.project.said).toContain(
    'driver_stats is replayed by DuckDB: HMACs in the log are not compared in Spark yet',
  );
});
