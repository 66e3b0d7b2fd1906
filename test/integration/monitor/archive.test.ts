/**
 * The archive of a day: from the ingest and from the spool, its open hour, the days that are kept, and what may be odd
 * about a record.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ARCHIVE_DISK } from '../../../monitor/archive/archive-disk.ts';
import type { ArchiveDisk } from '../../../monitor/archive/archive-disk.ts';
import { archivedFiles } from '../../../project/archive/archive-files.ts';
import { localFolder } from '../../../project/storage/local-folder.ts';
import { archivedSpan } from '../../../monitor/day/archived-day.ts';
import { IngestLedger } from '../../../project/archive/ledger.ts';
import { renderIngest } from '../../../monitor/ingest/ingest-result.ts';
import { runIngest } from '../../../monitor/ingest/main.ts';
import { spanOf } from '../../../monitor/judged-span.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { listSegments } from '../../../contract/wire/log/spool-segment.ts';
import { DAY, at } from '../../support/day-time.ts';
import { archiveOptions } from '../../support/fixtures/archive-options.ts';
import { archivedRows } from '../../support/fixtures/archived-rows.ts';
import {
  LOG_KEY,
  MonitoredDay,
  SERVICE,
  earlierOrders,
  servedRow,
} from '../../support/fixtures/monitored-day.ts';
import { orders } from '../../support/fixtures/materialized-project.ts';

let day: MonitoredDay;
beforeEach(async () => {
  day = await MonitoredDay.make();
});
afterEach(() => day.remove());

const served = (): string => day.project.settings.served;
const pins = (): string => join(day.project.settings.folder, 'pins');
const now = (time: string): void => day.project.setClock(at(time));

async function rowsOf(select: string, scratch = join(day.project.settings.folder, 'scratch')) {
  const { files } = await archivedSpan(day.project, spanOf({ date: DAY }), scratch);
  return archivedRows(
    files.map(({ file }) => file),
    `_epoch, _sequence, _row, ${select}`,
  );
}

/** Without what is different in each run of a test. */
async function valuesOf(select: string): Promise<unknown[]> {
  const rows = await rowsOf(`{v: {${select}}}::JSON::VARCHAR AS v`);
  return rows.map((row) => (JSON.parse(row['v'] as string) as { v: unknown }).v);
}

const row = (event: string, count: bigint | null, spent: number | null) => ({
  event,
  created: event,
  values: [count, spent],
});

test('has a row a vector, with how each view was served and what its row held', async () => {
  day.serve('09:10', 'c-1', {
    row: row('08:00', 2n ** 60n, -0),
    watermark: '08:30',
    source: 'cache',
    fetched: '09:09',
  });
  day.serve('09:11', 'c|%2', { status: 'UNAVAILABLE', source: 'none' });
  day.serve('09:12', null, { row: row('08:00', null, null), status: 'OUTSIDE_TTL' });
  now('12:00');
  await day.closeLog();
  await runIngest(day.project);
  const found = await valuesOf(
    `request: _request_id, time: _served_time::VARCHAR, surface: _surface, version: _service_version,
     id: customer_id, driver: driver_id, orders: _view__orders.status, reason: _view__orders.reason,
     source: _view__orders.source, watermark: _view__orders.watermark::VARCHAR, event: _view__orders.event_time::VARCHAR,
     mine: _view__orders.definition_id = _view__orders.bundle_definition_id, count: orders__orders_1d::VARCHAR,
     spent: orders__spent_1d::VARCHAR, rate: driver_stats__conv_rate, missing: _view__driver_stats.status`,
  );
  const common = { surface: 'native', version: 1, driver: 1, rate: null, missing: 'MISSING' };
  const zone = (time: string): string => `${DAY} ${time}:00+00`;
  expect(found).toEqual([
    {
      ...common,
      request: 'q-1',
      time: zone('09:10'),
      id: 'c-1',
      orders: 'PRESENT',
      reason: null,
      source: 'cache',
      watermark: zone('08:30'),
      event: zone('08:00'),
      mine: true,
      count: String(2n ** 60n),
      spent: '-0.0',
    },
    {
      ...common,
      request: 'q-2',
      time: zone('09:11'),
      id: 'c|%2',
      orders: 'UNAVAILABLE',
      reason: null,
      source: 'none',
      watermark: null,
      event: null,
      mine: null,
      count: null,
      spent: null,
    },
    {
      ...common,
      request: 'q-3',
      time: zone('09:12'),
      id: null,
      orders: 'OUTSIDE_TTL',
      reason: null,
      source: 'store',
      watermark: null,
      event: zone('08:00'),
      mine: true,
      count: null,
      spent: null,
    },
  ]);
  for (const file of readdirSync(join(served(), 'churn'), { recursive: true, encoding: 'utf8' })) {
    const { mode } = statSync(join(served(), 'churn', file));
    expect((mode & 0o777).toString(8)).toBe(
      file.endsWith('.parquet') || file.endsWith('.json') ? '600' : '700',
    );
  }
});

test('has all that a row held, what the service does not take under names of its own', async () => {
  const { features } = SERVICE;
  day.publish(day.orders, { ...SERVICE, features: features.filter(({ feature }) => feature !== 'spent_1d') });
  const driver = { row: { event: '08:00', created: '08:00', values: [0.5, 7n, ['a']] } };
  day.serve('09:10', 'c-1', { row: row('08:00', 5n, 1.5) }, 1, driver);
  day.serve('09:11', 'c-2', { status: 'MISSING' });
  now('12:00');
  await day.closeLog();
  const found = await valuesOf(`count: orders__orders_1d, spent: _row__orders__spent_1d,
    rate: driver_stats__conv_rate, trips: _row__driver_stats__trips, tags: _row__driver_stats__tags`);
  expect(found).toEqual([
    { count: 5, spent: 1.5, rate: 0.5, trips: 7, tags: ['a'] },
    { count: null, spent: null, rate: null, trips: null, tags: null },
  ]);
});

test('is the same from the spool as from the ingest, rows and account', async () => {
  for (let i = 0; i < 40; i++) day.serve(`09:${10 + i}`, `c-${i}`, { row: row('08:00', BigInt(i), i / 3) });
  day.serve('2026-01-03T00:00:00', 'c-1', {});
  await day.closeLog();
  now('23:00');
  const select = `COLUMNS(* EXCLUDE (_view__orders, _view__driver_stats)), _view__orders.row_hash`;
  const fromSpool = await rowsOf(select);
  const account = (
    await archivedSpan(day.project, spanOf({ date: DAY }), join(day.project.settings.folder, 'scratch'))
  ).ledger;
  expect(fromSpool).toHaveLength(40);
  await runIngest(day.project, { batchRecords: 17 });
  for (const { file } of listSegments(day.project.settings.log.spool))
    rmSync(join(day.project.settings.log.spool, file));
  expect(await rowsOf(select)).toEqual(fromSpool);
  const ingested = (await archivedSpan(day.project, spanOf({ date: DAY }), pins())).ledger;
  expect(ingested.epochs().map((epoch) => epoch.text())).toEqual(
    account.epochs().map((epoch) => epoch.text()),
  );
});

test('the present hour is open: its files are joined into one once it is over', async () => {
  const hour = join(served(), 'churn', 'v1.0', `date=${DAY}`, 'hour=09');
  for (let minute = 10; minute < 14; minute++) {
    now(`09:${minute}`);
    day.serve(`09:${minute}`, 'c-1', {});
    await runIngest(day.project);
  }
  expect(existsSync(hour)).toBe(false);
  expect(readdirSync(join(served(), '_open', 'churn', 'v1.0', `date=${DAY}`, 'hour=09'))).toHaveLength(4);
  expect(await rowsOf('_pod')).toHaveLength(4);
  now('10:06');
  await runIngest(day.project);
  expect(readdirSync(hour)).toHaveLength(1);
  expect(readdirSync(join(served(), '_open'))).toEqual([]);
  expect(await rowsOf('_pod')).toHaveLength(4);
  // What comes late has a file of its own.
  day.serve('09:50', 'c-1', {});
  await runIngest(day.project);
  expect(readdirSync(hour)).toHaveLength(2);
  expect(await rowsOf('_pod')).toHaveLength(5);
});

test('an open file that is gone is told, costs its own vectors alone, and stays counted', async () => {
  for (const minute of [10, 11, 12]) {
    now(`09:${minute}`);
    day.serve(`09:${minute}`, 'c-1', {});
    await runIngest(day.project);
  }
  const open = join(served(), '_open', 'churn', 'v1.0', `date=${DAY}`, 'hour=09');
  rmSync(join(open, readdirSync(open)[1]!));
  now('10:06');
  await runIngest(day.project);
  expect(day.project.said.join()).toContain(`is gone: its vectors of the hour ${DAY}T09 are lost`);
  const { archive } = await IngestLedger.read(localFolder(served()));
  expect(archive.hours.get(`${DAY}T09`)).toEqual({ files: 2, vectors: 3 });
  expect(await runIngest(day.project)).toMatchObject({ gaps: [] });
});

test('an open file that is damaged does not stop the ingest, costs its own vectors alone, and is set aside', async () => {
  for (const minute of [10, 11]) {
    now(`09:${minute}`);
    day.serve(`09:${minute}`, 'c-1', {});
    await runIngest(day.project);
  }
  const open = join(served(), '_open', 'churn', 'v1.0', `date=${DAY}`, 'hour=09');
  const [damaged] = readdirSync(open) as [string];
  writeFileSync(join(open, damaged), 'PAR1');
  now('10:06');
  for (let i = 0; i < 2; i++) expect(await runIngest(day.project)).toMatchObject({ gaps: [] });
  expect(day.project.said.join()).toContain(
    `_damaged-${damaged} is damaged: its vectors of the hour ${DAY}T09 are lost`,
  );
  const { archive } = await IngestLedger.read(localFolder(served()));
  expect(archive.hours.get(`${DAY}T09`)).toEqual({ files: 2, vectors: 2 });
  expect(readdirSync(open)).toEqual([`_damaged-${damaged}`]);
});

test('days past those that are kept are removed, and what comes of them later', async () => {
  const { settings } = day.project;
  const project = {
    ...day.project,
    settings: { ...settings, monitor: { ...settings.monitor, keepServedDays: 2 } },
  };
  const days = (): string[] =>
    readdirSync(join(served(), 'churn', 'v1.0')).filter((name) => name.startsWith('date='));
  for (const date of ['2025-12-30', '2025-12-31', DAY]) day.serve(`${date}T09:00:00`, 'c-1', {});
  now('12:00');
  await runIngest(day.project);
  expect(days()).toEqual(['date=2025-12-30', 'date=2025-12-31', `date=${DAY}`]);
  day.serve('2025-12-30T10:00:00', 'c-2', {});
  await runIngest(project);
  expect(days()).toEqual(['date=2025-12-31', `date=${DAY}`]);
  day.serve('2025-12-30T11:00:00', 'c-3', {});
  expect(await runIngest(project)).toMatchObject({ counts: { records: 1 } });
  expect(days()).toEqual(['date=2025-12-31', `date=${DAY}`]);
});

test('days are removed after the state that no longer counts them is written, not before', async () => {
  const days = (): string[] =>
    readdirSync(join(served(), 'churn', 'v1.0')).filter((name) => name.startsWith('date'));
  for (const date of ['2025-12-30', DAY]) day.serve(`${date}T09:00:00`, 'c-1', {});
  now('12:00');
  await runIngest(day.project);
  const { bundles } = day.project.settings;
  const full = (): never => {
    throw new Error('ENOSPC');
  };
  const nowUs = (): number => at('12:00');
  const kept = { bundles, nowUs, keepDays: 1 };
  const archive = archiveOptions({ ...kept, disk: { ...ARCHIVE_DISK, writeState: full } });
  await expect(runIngest(day.project, { archive })).rejects.toMatchObject({ code: 'MON_SERVED' });
  expect(days()).toEqual(['date=2025-12-30', `date=${DAY}`]);
  await runIngest(day.project, { archive: archiveOptions(kept) });
  expect(days()).toEqual([`date=${DAY}`]);
  expect([...(await IngestLedger.read(localFolder(served()))).archive.hours.keys()]).toEqual([`${DAY}T09`]);
});

test('days that a killed ingest had forgotten and not removed yet are removed by the next', async () => {
  const days = (): string[] =>
    readdirSync(join(served(), 'churn', 'v1.0')).filter((name) => name.startsWith('date'));
  for (const date of ['2025-12-30', DAY]) day.serve(`${date}T09:00:00`, 'c-1', {});
  now('12:00');
  await runIngest(day.project);
  const { bundles } = day.project.settings;
  const kept = { bundles, nowUs: () => at('12:00'), keepDays: 1 };
  let isWritten = false;
  const killed: ArchiveDisk = {
    ...ARCHIVE_DISK,
    async writeState(file, text) {
      await ARCHIVE_DISK.writeState(file, text);
      isWritten = true;
    },
    async emptyFolder(folder) {
      if (isWritten) throw new Error('killed');
      await ARCHIVE_DISK.emptyFolder(folder);
    },
  };
  const archive = archiveOptions({ ...kept, disk: killed });
  await expect(runIngest(day.project, { archive })).rejects.toMatchObject({ code: 'MON_SERVED' });
  expect((await IngestLedger.read(localFolder(served()))).archive.keptFrom).toBe('2026-01-01');
  expect(days()).toEqual(['date=2025-12-30', `date=${DAY}`]);
  await runIngest(day.project, { archive: archiveOptions(kept) });
  expect(days()).toEqual([`date=${DAY}`]);
});

test('a column of another type begins another folder, and an older bundle goes on in its own', async () => {
  now('23:00');
  day.serve('09:00', 'c-1', { row: row('08:00', 1n, 1) });
  const first = day.orders;
  const asText = orders();
  const features = asText.features.map((one) =>
    one.name === 'orders_1d' ? { ...one, type: { kind: 'float64' as const } } : one,
  );
  day.publish({ ...asText, features, definitionId: 7 });
  day.serve('10:00', 'c-1', { row: { event: '08:00', created: '08:00', values: [2.5, 1] } });
  day.publish(first);
  day.serve('11:00', 'c-1', { row: row('08:00', 3n, 1) });
  await day.closeLog();
  await runIngest(day.project);
  const { files } = await archivedSpan(day.project, spanOf({ date: DAY }), pins());
  expect(files.map(({ folder, hour }) => `${folder} ${hour.slice(11)}`)).toEqual([
    'churn/v1.0 09',
    'churn/v1.0 11',
    'churn/v1.1 10',
  ]);
});

test('a row of another definition is read by it, one of an unknown definition keeps its bytes', async () => {
  now('23:00');
  day.serve('09:00', 'c-1', { row: row('08:00', 5n, 1), definition: earlierOrders });
  day.serve('09:01', 'c-1', { row: row('08:00', 6n, 1), definition: { ...day.orders, definitionId: 99 } });
  await day.closeLog();
  const found = await valuesOf(
    `count: orders__orders_1d, id: _view__orders.definition_id, bytes: octet_length(_view__orders.undecoded) > 24`,
  );
  expect(found).toEqual([
    { count: 5, id: earlierOrders.definitionId, bytes: null },
    { count: null, id: 99, bytes: true },
  ]);
});

test('without the bundle that a record names its rows keep their bytes, and the reason is told', async () => {
  now('23:00');
  day.serve('09:00', 'c-1', { row: row('08:00', 5n, 1) });
  await day.closeLog();
  rmSync(day.project.settings.bundles, { recursive: true });
  await runIngest(day.project);
  const [found] = await valuesOf(`id: customer_id, bytes: octet_length(_view__orders.undecoded) > 24`);
  expect(found).toEqual({ id: 'c-1', bytes: true });
  expect(day.project.said.join()).toMatch(/rows under bundle [0-9a-f]{16} are read by the bundle in force/);
});

test('of hashed ids and values it has the HMACs', async () => {
  const hashed = orders();
  const features = hashed.features.map((one) =>
    one.name === 'spent_1d' ? { ...one, log: 'hmac' as const } : one,
  );
  day.publish({ ...hashed, features }, SERVICE, 'hmac');
  now('23:00');
  const policies = { keyPolicies: [1, 1], hmacKeyId: LOG_KEY.id };
  day.append(
    '09:00',
    { customer_id: 'ab'.repeat(32), driver_id: 'cd'.repeat(32) },
    [servedRow(day.orders, '09:00', { row: row('08:00', 5n, 1.5) }), servedRow(day.driverStats, '09:00', {})],
    0,
    policies,
  );
  await day.closeLog();
  const found = await valuesOf(
    `id: customer_id, key: hex(customer_id__hmac), driver: driver_id, secret: _hmac_key, count: orders__orders_1d,
     spent: orders__spent_1d, hmac: octet_length(orders__spent_1d__hmac)`,
  );
  expect(found).toEqual([
    { id: null, key: 'AB'.repeat(32), driver: null, secret: 'k1', count: 5, spent: null, hmac: 32 },
  ]);
});

test('of requests for single features it has a row a vector and view', async () => {
  now('23:00');
  const rows = [
    servedRow(day.orders, '09:00', { row: row('08:00', 5n, 1.5) }),
    servedRow(day.driverStats, '09:00', {}),
  ];
  day.append('09:00', { customer_id: 'c-1', driver_id: '7' }, rows, 1, { service: '' });
  await day.closeLog();
  const { files } = await archivedSpan(
    day.project,
    spanOf({ date: DAY }),
    join(day.project.settings.folder, 'scratch'),
  );
  expect(files.map(({ folder }) => folder)).toEqual(['_views/driver_stats/v1.0', '_views/orders/v1.0']);
  const [drivers, ofOrders] = await Promise.all(files.map(({ file }) => archivedRows([file])));
  expect(drivers).toMatchObject([{ _surface: 'feast', driver_id: 7n, driver_stats__conv_rate: null }]);
  expect(drivers![0]).not.toHaveProperty('customer_id');
  expect(ofOrders).toMatchObject([{ customer_id: 'c-1', orders__orders_1d: 5n, orders__spent_1d: 1.5 }]);
});

test("a service of any name, and a name that no column can have, cost nobody else's vectors", async () => {
  now('23:00');
  day.append('09:00', { customer_id: 'c-1' }, [servedRow(day.orders, '09:00', {})], 0, {
    service: '../ser=v"i\'ce\0[é*]',
  });
  day.append('09:01', { 'no "column': 'c-2' }, [servedRow(day.orders, '09:01', {})], 0, { service: 'odd' });
  day.serve('09:02', 'c-3', {});
  await day.closeLog();
  const result = await runIngest(day.project);
  expect(result.counts).toMatchObject({ unreadable: 0, leftOut: 1 });
  expect(renderIngest(result)).toContain('1 that the archive cannot hold');
  expect(await valuesOf('id: customer_id')).toEqual([{ id: 'c-1' }, { id: 'c-3' }]);
  expect(readdirSync(served())).toContain('%2E%2E%2Fser%3Dv%22i%27ce%00%5B%C3%A9%2A%5D');
  expect(day.project.said.join()).toContain('no "column can be no column\'s name');
});

test('the queries of the page run', async () => {
  now('23:00');
  day.serve('09:00', 'c-1', { row: row('08:00', 5n, 1.5) });
  await day.closeLog();
  await runIngest(day.project);
  const page = readFileSync(join(import.meta.dirname, '../../../docs/ingest.md'), 'utf8');
  const queries = [...page.matchAll(/```sql\n([^]*?)```/g)]
    .flatMap(([, sql]) => sql!.split(/;\s*\n/))
    .filter(Boolean);
  expect(queries).toHaveLength(3);
  const duck = await DuckDb.open();
  try {
    for (const query of queries) {
      const sql = query.replaceAll('.plumb/served', served());
      expect(await duck.rows(sql), query).toHaveLength(1);
    }
  } finally {
    duck.close();
  }
});

test('files of an hour that are gone are told, by the state that names them', async () => {
  now('23:00');
  day.serve('09:00', 'c-1', {});
  day.serve('10:00', 'c-1', {});
  await day.closeLog();
  await runIngest(day.project);
  rmSync(join(served(), 'churn', 'v1.0', `date=${DAY}`, 'hour=10'), { recursive: true });
  const found = await archivedSpan(day.project, spanOf({ date: DAY }), pins());
  expect(found.files.map(({ hour }) => hour)).toEqual([`${DAY}T09`]);
  expect(found.lost).toEqual([{ hour: `${DAY}T10`, files: 1 }]);
});

test('what a killed ingest has committed counts at once, and the next one puts it in its place', async () => {
  now('23:00');
  day.serve('09:00', 'c-1', {});
  await day.closeLog();
  const killed = (): never => {
    throw new Error('killed');
  };
  const { bundles } = day.project.settings;
  const archive = archiveOptions({ bundles, disk: { ...ARCHIVE_DISK, move: killed } });
  await expect(runIngest(day.project, { archive })).rejects.toMatchObject({ code: 'MON_SERVED' });
  const files = async (): Promise<string[]> => {
    const { archive: committed } = await IngestLedger.read(localFolder(served()));
    return (await archivedFiles(localFolder(served()), [committed], () => true)).files.map(
      ({ file }) => file,
    );
  };
  expect(await files()).toEqual([expect.stringContaining('_batches') as string]);
  expect(await archivedRows(await files())).toHaveLength(1);
  mkdirSync(join(served(), '_batches', 'left'));
  await runIngest(day.project);
  expect(await files()).toEqual([expect.stringContaining(`date=${DAY}`) as string]);
  expect(readdirSync(join(served(), '_batches'))).toEqual([]);
});

test('what a killed ingest has joined is there once, also what came with the batch that joined it', async () => {
  now('09:10');
  day.serve('09:10', 'c-1', {});
  await runIngest(day.project);
  day.serve('09:50', 'c-2', {});
  now('10:06');
  const move = async (from: string, to: string): Promise<void> => {
    // What the ingest before has moved is not there any more.
    if (existsSync(from)) throw new Error('killed');
    await ARCHIVE_DISK.move(from, to);
  };
  const { bundles } = day.project.settings;
  const archive = archiveOptions({ bundles, disk: { ...ARCHIVE_DISK, move } });
  await expect(runIngest(day.project, { archive })).rejects.toMatchObject({ code: 'MON_SERVED' });
  const rows = async () =>
    archivedRows(
      (
        await archivedFiles(
          localFolder(served()),
          [(await IngestLedger.read(localFolder(served()))).archive],
          () => true,
        )
      ).files.map(({ file }) => file),
    );
  expect(await rows()).toHaveLength(2);
  await runIngest(day.project);
  expect(await rows()).toHaveLength(2);
});
