/**
 * A process that serves a day hour by hour and ingests it: files of the hour that goes on, which are joined into one
 * when it is over. It prints the project's folder, goes on, and ends with the day.
 *
 *   node joining-ingest.ts HOURS
 */
import { runIngest } from '../../../monitor/ingest/main.ts';
import { at } from '../day-time.ts';
import { MonitoredDay } from '../fixtures/monitored-day.ts';

/** So many vectors each ingest finds, and so many ingests an hour has. */
export const VECTORS = 3;
export const INGESTS = 2;

async function serveHours(hours: number): Promise<void> {
  const day = await MonitoredDay.make();
  const two = (number: number): string => String(number).padStart(2, '0');
  await day.writeDrivers([{ driver: 1, event: '00:00:00', created: '00:00:00', convRate: 0.5 }]);
  await day.setWatermark('23:59:00');
  process.stdout.write(`${day.project.settings.folder}\n`);
  for (let hour = 0; hour < hours; hour++) {
    for (let ingest = 0; ingest < INGESTS; ingest++) {
      for (let i = 0; i < VECTORS; i++) day.serve(`${two(hour)}:${two(ingest * 10 + i)}:00`, 'c-1', {});
      day.project.setClock(at(`${two(hour)}:${two(ingest * 10 + 5)}:00`));
      await runIngest(day.project);
    }
    day.project.setClock(at(`${two(hour + 1)}:05:01`));
    await runIngest(day.project);
  }
  await day.closeLog();
}

if (process.argv[1] === import.meta.filename) await serveHours(Number(process.argv[2]));
