/**
 * What of the archive cannot be read, or is left out, is told as what it is: neither as the spool nor as a history. The
 * rest of the day is judged.
 */
import { mkdirSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { runIngest } from '../../../monitor/ingest/main.ts';
import { runMonitor } from '../../../monitor/run.ts';
import type { Snapshot } from '../../../monitor/verdict/snapshot.ts';
import { whatIf } from '../../../monitor/whatif/what-if.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { quotePaths } from '../../../project/engine/duckdb/file-sql.ts';
import { DAY, at } from '../../support/day-time.ts';
import { MonitoredDay, SERVICE, servedRow } from '../../support/fixtures/monitored-day.ts';

let day: MonitoredDay;
afterEach(() => day.remove());

const SETTLED = at('2026-01-10T00:00:00');
const CUSTOMERS = Array.from({ length: 50 }, (_, i) => `c-${i}`);

/**
 * All customers are served by each service at each time, and the log is ingested.
 *
 * @param times     such as `09:00:00`
 * @param nowUs     of the ingest: the hour of it stays open
 * @param services  by the names of their folders
 * @returns         the files of the archive, by their hours
 */
async function ingestedDay(
  times: readonly string[],
  nowUs = SETTLED,
  services: readonly string[] = [SERVICE.name],
): Promise<readonly string[]> {
  day = await MonitoredDay.make();
  const published = services.map((name) => ({ ...SERVICE, name }));
  day.publish(day.orders, published);
  const row = { event: '08:00:00', created: '08:10:00' };
  await day.appendOrders(
    CUSTOMERS.map((customer, i) => ({ customer, ...row, run: 'r', values: [BigInt(i), i / 7] })),
  );
  await day.writeDrivers([{ driver: 1, event: '00:10:00', created: '00:15:00', convRate: 0.5 }]);
  await day.setWatermark('23:00:00');
  for (const time of times) {
    for (const [i, customer] of CUSTOMERS.entries()) {
      const orders = { row: { ...row, values: [BigInt(i), i / 7] }, watermark: '08:00:00' };
      const rows = [servedRow(day.orders, time, orders), servedRow(day.driverStats, time, {})];
      for (const service of services)
        day.append(time, { customer_id: customer, driver_id: '1' }, rows, 0, { service });
    }
  }
  await day.closeLog();
  day.project.setClock(nowUs);
  await runIngest(day.project);
  const { served } = day.project.settings;
  const names = readdirSync(served, { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => name.endsWith('.parquet')).map((name) => join(served, name));
  return files.toSorted((a, b) => (hourIn(a) < hourIn(b) ? -1 : 1));
}

function hourIn(file: string): string {
  return /hour=\d\d/.exec(file)![0];
}

const run = (services?: string[]): Promise<Snapshot[]> =>
  runMonitor(day.project, day.project.database, {
    date: DAY,
    ...(services === undefined ? {} : { services }),
  });

/** The only service's. */
async function verdict(): Promise<Snapshot> {
  const snapshots = await run();
  expect(snapshots).toHaveLength(1);
  return snapshots[0]!;
}

/** As the report names it. */
const nameOf = (file: string): string => relative(day.project.settings.served, file);

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

/** Fills the values of a column with bytes that decompress to nothing; the footer stays whole. */
async function damageColumn(file: string, column: string): Promise<void> {
  const bytes = readFileSync(file);
  const { from, to } = await placeOf(file, column);
  bytes.fill(0xff, from, to);
  writeFileSync(file, bytes);
}

const DAMAGES: readonly [string, (file: string) => void | Promise<void>][] = [
  ['that was cut', (file) => truncateSync(file, 300)],
  ['that is empty', (file) => truncateSync(file, 0)],
  ['that is no Parquet', (file) => writeFileSync(file, 'no Parquet')],
  [
    'that is a folder',
    (file) => {
      rmSync(file);
      mkdirSync(file);
    },
  ],
  // What the judge reads, what the day's account reads, and what both do.
  ['with a damaged feature', (file) => damageColumn(file, 'orders__spent_1d')],
  ['with damaged times', (file) => damageColumn(file, '_served_time')],
  ['with a damaged key', (file) => damageColumn(file, 'customer_id')],
];

test.each(DAMAGES)('a file %s costs its own vectors alone, and is named', async (_, damage) => {
  const [whole, damaged] = await ingestedDay(['09:00:00', '12:00:00']);
  await damage(damaged!);
  const snapshot = await verdict();
  expect(snapshot.vectors).toMatchObject({ read: 50, judged: 50 });
  const path = nameOf(damaged!);
  expect(snapshot.lostFiles).toEqual([{ hour: 12, files: 1, vectors: 50, damaged: [path] }]);
  expect(snapshot.verdict).not.toBe('pass');
  expect(snapshot.findings.map(({ text }) => text)).toContain(
    'The archive lacks 1 file with 50 vectors of all services, of the hour from 12:00 to 13:00: ' +
      `what was served then is not judged. ${path} is there, but cannot be read. Put it back from a copy, or ingest ` +
      'the log anew where it still has those vectors.',
  );
  const said = day.project.said.filter((line) => line.includes('cannot be read'));
  expect(said).toEqual([expect.stringContaining(`${damaged!} cannot be read, and is left out: `)]);
  expect(said[0]).not.toContain(day.project.settings.monitor.scratch);
  expect(said[0]).not.toContain(whole);
});

const EACH_KIND = DAMAGES.filter(([name]) => /cut|folder|feature/.test(name));

test.each(EACH_KIND)('a file %s of the hour that goes on is named by its own path', async (_, damage) => {
  const [, damaged] = await ingestedDay(['09:00:00', '12:00:00'], at('12:30:00'));
  expect(nameOf(damaged!)).toMatch(/^_open\/churn\//);
  await damage(damaged!);
  const { vectors, lostFiles } = await verdict();
  expect(vectors.read).toBe(50);
  expect(lostFiles).toEqual([{ hour: 12, files: 1, vectors: 50, damaged: [nameOf(damaged!)] }]);
  expect(day.project.said.join('\n')).toContain(`${damaged!} cannot be read, and is left out: `);
});

test('the day is judged without several files, found one after another', async () => {
  const files = await ingestedDay(['08:30:00', '09:00:00', '12:00:00', '14:00:00']);
  truncateSync(files[0]!, 300);
  await damageColumn(files[1]!, 'orders__spent_1d');
  await damageColumn(files[3]!, '_served_time');
  const { vectors, lostFiles } = await verdict();
  expect(vectors.read).toBe(50);
  expect(lostFiles).toEqual(
    [8, 9, 14].map((hour, i) => {
      const damaged = [nameOf(files[[0, 1, 3][i]!]!)];
      return { hour, files: 1, vectors: 50, damaged };
    }),
  );
});

test.each(EACH_KIND)('where the only file is one %s there is a report that says so', async (_, damage) => {
  const [file] = await ingestedDay(['09:00:00']);
  await damage(file!);
  expect(await verdict()).toMatchObject({
    verdict: 'not-enough-data',
    vectors: { read: 0 },
    lostFiles: [{ hour: 9, files: 1, vectors: 50, damaged: [nameOf(file!)] }],
  });
});

test('a what-if goes on without a damaged file, too', async () => {
  const [, damaged] = await ingestedDay(['09:00:00', '12:00:00']);
  await verdict();
  await damageColumn(damaged!, '_served_time');
  expect(await whatIf(day.project, { date: DAY })).toMatchObject([{ service: SERVICE.name }]);
  expect(day.project.said.join('\n')).toContain(`${damaged!} cannot be read, and is left out: `);
});

test('what is right of the archive is not blamed: a history that cannot be read is told as one', async () => {
  await ingestedDay(['09:00:00']);
  writeFileSync(join(day.project.settings.folder, 'data', 'drivers.parquet'), 'no Parquet');
  await expect(run()).rejects.toMatchObject({ code: 'REG_SOURCE' });
  expect(day.project.said.join('\n')).not.toContain('is left out');
});

test('a service that was judged before the damage was met is not judged again', async () => {
  // The bundle has its services in this order.
  const services = ['calm', 'churn'];
  const files = await ingestedDay(['09:00:00'], SETTLED, services);
  await damageColumn(
    files.find((file) => nameOf(file).startsWith('churn/'))!,
    'orders__spent_1d',
  );
  const told: string[] = [];
  const snapshots = await runMonitor(day.project, day.project.database, { date: DAY }, ({ service }) => {
    told.push(service);
  });
  expect(told).toEqual(services);
  const read = snapshots.map(({ service, vectors }) => [service, vectors.read]);
  expect(read).toEqual([
    ['calm', 50],
    ['churn', 0],
  ]);
  expect(snapshots[1]!.lostFiles).toMatchObject([{ hour: 9, files: 1, vectors: 50 }]);
});

test('where all vectors are left out, it says why, and that they lie in the archive', async () => {
  await ingestedDay(['09:00:00']);
  day.publish(day.orders, { ...SERVICE, name: 'other' });
  await expect(run()).rejects.toMatchObject({
    code: 'MON_NO_VECTORS',
    message:
      `the archive in ${day.project.settings.served} has no vectors of ${DAY} that can be judged; ` +
      '50 of the unknown service churn are left out',
  });
});
