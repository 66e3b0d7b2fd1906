/** What of the archive cannot be read, or is left out, is told as what it is: neither as the spool nor as a history. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { runIngest } from '../../../monitor/ingest/main.ts';
import { runMonitor } from '../../../monitor/run.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { quotePaths } from '../../../project/engine/duckdb/file-sql.ts';
import { DAY, at } from '../../support/day-time.ts';
import { MonitoredDay, SERVICE } from '../../support/fixtures/monitored-day.ts';

let day: MonitoredDay;
afterEach(() => day.remove());

/** @returns the one file of the archive */
async function ingestedDay(): Promise<string> {
  day = await MonitoredDay.make();
  const row = { event: '08:00:00', created: '08:10:00' };
  const customers = Array.from({ length: 50 }, (_, i) => `c-${i}`);
  await day.appendOrders(
    customers.map((customer, i) => ({ customer, ...row, run: 'r', values: [BigInt(i), i / 7] })),
  );
  await day.writeDrivers([{ driver: 1, event: '00:10:00', created: '00:15:00', convRate: 0.5 }]);
  day.setWatermark('23:00:00');
  for (const [i, customer] of customers.entries())
    day.serve('09:00:00', customer, { row: { ...row, values: [BigInt(i), i / 7] }, watermark: '08:00:00' });
  await day.closeLog();
  day.project.setClock(at('2026-01-10T00:00:00'));
  await runIngest(day.project);
  const { served } = day.project.settings;
  const names = readdirSync(served, { recursive: true, encoding: 'utf8' });
  return join(
    served,
    names.find((name) => name.endsWith('.parquet'))!,
  );
}

const run = (services?: string[]): Promise<unknown> =>
  runMonitor(day.project, day.project.database, {
    date: DAY,
    ...(services === undefined ? {} : { services }),
  });

/** Where the values of a column lie in a Parquet file. */
async function placeOf(
  file: string,
  column: string,
): Promise<{ readonly from: number; readonly to: number }> {
  const duck = await DuckDb.open({ threads: 1 });
  try {
    const [row] = await duck.rows(`SELECT data_page_offset::DOUBLE AS at, total_compressed_size::DOUBLE AS n
      FROM parquet_metadata(${quotePaths([file])}) WHERE path_in_schema = '${column}'`);
    const { at: from, n } = row as { at: number; n: number };
    return { from, to: from + n };
  } finally {
    duck.close();
  }
}

test('a file that is no Parquet is one of the archive', async () => {
  writeFileSync(await ingestedDay(), 'no Parquet');
  await expect(run()).rejects.toMatchObject({
    code: 'MON_SERVED',
    message: expect.stringContaining(
      `the archive in ${day.project.settings.served} cannot be read: `,
    ) as string,
  });
});

test('a damaged column of the archive is not the history', async () => {
  const file = await ingestedDay();
  const bytes = readFileSync(file);
  const { from, to } = await placeOf(file, 'orders__spent_1d');
  bytes.fill(0xff, from, to);
  writeFileSync(file, bytes);
  await expect(run()).rejects.toMatchObject({
    code: 'MON_SERVED',
    message: expect.stringContaining(
      `the archive in ${day.project.settings.served} cannot be read: `,
    ) as string,
  });
});

test('where all vectors are left out, it says why, and that they lie in the archive', async () => {
  await ingestedDay();
  day.publish(day.orders, { ...SERVICE, name: 'other' });
  await expect(run()).rejects.toMatchObject({
    code: 'MON_NO_VECTORS',
    message:
      `the archive in ${day.project.settings.served} has no vectors of ${DAY} that can be judged; ` +
      '50 of the unknown service churn are left out',
  });
});
