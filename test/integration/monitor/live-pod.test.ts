/** A sidecar that still runs: what it logs on later days says that its records of an earlier one are whole. */
import { expect, onTestFinished, test } from 'vitest';
import { runMonitor } from '../../../monitor/run.ts';
import { DAY, at } from '../../support/day-time.ts';
import { MonitoredDay } from '../../support/fixtures/monitored-day.ts';

test('a pod whose records go on has an open tail on its last day alone', async () => {
  const day = await MonitoredDay.make();
  onTestFinished(() => day.remove());
  await day.writeDrivers([{ driver: 1, event: '00:10:00', created: '00:15:00', convRate: 0.5 }]);
  await day.setWatermark('23:00:00');
  day.serve('09:00:00', 'c-1', {});
  const tailsOf = async (date: string): Promise<number> => {
    const [snapshot] = await runMonitor(day.project, day.project.database, { date });
    return snapshot!.vectors.openTails;
  };
  day.project.setClock(at('23:00:00'));
  expect(await tailsOf(DAY)).toBe(1);
  day.project.setClock(at('2026-01-03T23:00:00'));
  day.serve('2026-01-03T09:00:00', 'c-1', {});
  expect(await tailsOf(DAY)).toBe(0);
  expect(await tailsOf('2026-01-03')).toBe(1);
});
