/** A training set made again: the same bytes while what it was made of is there, and what has changed otherwise. */
import {
  appendFileSync,
  existsSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadCurrentBundle } from '../../../contract/definitions/bundle-folder.ts';
import { HistoriesSeen } from '../../../project/history/history-place.ts';
import { trainAgain } from '../../../training/again.ts';
import { makeSet as makeSetOf } from '../../../training/make-set.ts';
import { manifestNamed } from '../../../training/manifest/shown-manifest.ts';
import { writeAside } from '../../../training/set-file.ts';
import { runTrain } from '../../../training/train.ts';
import { orders } from '../../support/fixtures/materialized-project.ts';
import { MonitoredDay, servedRow } from '../../support/fixtures/monitored-day.ts';
import type { OrderRow } from '../../support/fixtures/monitored-day.ts';
import { runIngest } from '../../../monitor/ingest/main.ts';
import { at } from '../../support/day-time.ts';

let day: MonitoredDay;
beforeEach(async () => {
  day = await MonitoredDay.make();
});
afterEach(() => day.remove());

const path = (name: string): string => join(day.project.settings.folder, name);
const order = (customer: string, event: string, spent: number, run = 'r1'): OrderRow => ({
  customer,
  event,
  created: event,
  run,
  values: [1n, spent],
});

/** A set of both views, as Parquet. */
async function makeSet(options = {}): Promise<Buffer> {
  await day.appendOrders([order('c-1', '08:00', 1.5), order('c-2', '09:00', 2.5)]);
  await day.setWatermark('12:00');
  await day.writeDrivers([{ driver: 1, event: '08:00', created: '08:00', convRate: 0.5 }]);
  const lines = ['c-1,1,2026-01-02 10:00,yes', 'c-2,1,2026-01-02 10:30,', 'c-3,2,2026-01-02 11:00,no'];
  writeFileSync(path('labels.csv'), `customer_id,driver_id,event_timestamp,note\n${lines.join('\n')}\n`);
  await runTrain(day.project, {
    labels: path('labels.csv'),
    service: 'churn',
    out: path('set.parquet'),
    ...options,
  });
  return readFileSync(path('set.parquet'));
}

const again = (options = {}) =>
  trainAgain(day.project, { again: 'set.parquet', out: path('again.parquet'), ...options });

async function expectChanged(...clauses: string[]): Promise<void> {
  const error = await again().then(
    () => null,
    (one: Error) => one,
  );
  expect(error).toMatchObject({ code: 'TRAIN_AGAIN', kind: 'check-failed' });
  for (const clause of clauses) expect(error!.message).toContain(clause);
  expect(existsSync(path('again.parquet'))).toBe(false);
  expect(readdirSync(day.project.settings.folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
}

describe('a set of the history', () => {
  test('is the same to the byte after the history has gone on and definitions have changed', async () => {
    const bytes = await makeSet();
    await day.appendOrders([order('c-1', '09:30', 7, 'r2'), order('c-3', '09:30', 8, 'r2')]);
    await day.setWatermark('13:00');
    const changed = orders().features.map((one) => ({
      ...one,
      missing: one.name === 'spent_1d' ? -9 : null,
    }));
    day.publish(orders({ features: changed }));
    const result = await again();
    expect(readFileSync(path('again.parquet')).equals(bytes)).toBe(true);
    expect(result).toMatchObject({ name: 'set.parquet', rows: 3 });
    expect(existsSync(path('again.parquet.croissant.json'))).toBe(true);
    await again({ out: undefined });
    expect(readFileSync(path('set.parquet')).equals(bytes)).toBe(true);
    // What is trained now is another set.
    await runTrain(day.project, { labels: path('labels.csv'), service: 'churn', out: path('new.parquet') });
    expect(readFileSync(path('new.parquet')).equals(bytes)).toBe(false);
  });

  test('of before sets said their zone has times without one again', async () => {
    await makeSet();
    const project = day.project;
    const manifest = await manifestNamed(project.database, 'set.parquet');
    const bundle = loadCurrentBundle(project.settings.bundles);
    const origin = { bundle, service: bundle.services.get('churn')!, seen: new HistoriesSeen() };
    const options = { labels: path('labels.csv'), service: 'churn', out: path('old.parquet') };
    const file = { file: path('old.parquet'), zone: null };
    const sha256 = await makeSetOf(project, origin, options, async (set, { duck, scratch }) => {
      const written = await writeAside(duck, set, { ...file, scratch });
      written.place();
      return written.sha256;
    });
    expect(sha256).not.toBe(manifest.out.sha256);
    const { rows } = manifest.out;
    const out = { file: file.file, rows, sha256 };
    await project.database.recordTrainingSet({ ...manifest, name: 'old', out });
    await again({ again: 'old' });
    expect(readFileSync(path('again.parquet')).equals(readFileSync(path('old.parquet')))).toBe(true);
  });

  test('also as available, and with labels that lie elsewhere now', async () => {
    const bytes = await makeSet({ as: 'available', name: 'mine' });
    renameSync(path('labels.csv'), path('moved.csv'));
    await again({ again: 'mine', labels: path('moved.csv') });
    expect(readFileSync(path('again.parquet')).equals(bytes)).toBe(true);
  });

  test('says which labels, bundle, commit and file are not the same', async () => {
    await makeSet();
    appendFileSync(path('labels.csv'), 'c-9,1,2026-01-02 10:00,\n');
    const { bundles, history } = day.project.settings;
    for (const name of readdirSync(bundles)) if (name.endsWith('.json')) rmSync(join(bundles, name));
    await expectChanged('labels.csv are not the same', 'the bundle ', 'is not kept any more');
    day.publish(day.orders);
    const files = readdirSync(join(history.path, 'orders'), { recursive: true, encoding: 'utf8' });
    const file = files.find((name) => name.endsWith('.parquet'))!;
    rmSync(join(history.path, 'orders', file));
    await expectChanged('labels.csv are not the same', 'of commit ', 'is gone');
  });

  test('tells a source that was written anew by what differs in the set', async () => {
    await makeSet();
    await day.writeDrivers([
      { driver: 1, event: '08:00', created: '08:00', convRate: 0.75 },
      { driver: 2, event: '08:00', created: '08:00', convRate: null },
    ]);
    await expectChanged(
      'the source of driver_stats had 1 file of ',
      'driver_stats__conv_rate: nulls 0, now 1, missing 1, now 0',
    );
  });

  test('of another format, or of a name that was never made, is refused', async () => {
    await makeSet();
    await expect(again({ out: path('again.csv') })).rejects.toMatchObject({ code: 'TRAIN_FORMAT' });
    await expect(again({ again: 'nobody' })).rejects.toMatchObject({ code: 'TRAIN_UNKNOWN' });
    await expect(again({ out: path('labels.csv') })).rejects.toMatchObject({ code: 'TRAIN_FORMAT' });
  });
});

describe('a set of the log', () => {
  test('is the same to the byte, until the archive has more of its requests', async () => {
    const row = { row: { event: '08:00', created: '08:00', values: [1n, 2.5] } };
    day.serve('09:00', 'c-1', row);
    day.serve('09:05', 'c-2', row);
    await day.closeLog();
    day.project.setClock(at('12:00'));
    await runIngest(day.project);
    writeFileSync(
      path('labels.csv'),
      'request_id,event_timestamp\nq-1,2026-01-02 10:00\nq-2,2026-01-02 10:00\n',
    );
    const options = { fromLog: true, statuses: true, within: '2h' };
    const given = { labels: path('labels.csv'), service: 'churn', out: path('set.parquet') };
    await runTrain(day.project, { ...given, ...options });
    const bytes = readFileSync(path('set.parquet'));
    await again();
    expect(readFileSync(path('again.parquet')).equals(bytes)).toBe(true);
    rmSync(path('again.parquet'));
    await expect(again({ engine: 'spark' })).rejects.toMatchObject({ code: 'REG_USAGE' });
    const more = async (requestId: string): Promise<void> => {
      await day.openLog();
      const rows = [servedRow(day.orders, '09:45', {}), servedRow(day.driverStats, '09:45', {})];
      day.append('09:45', { customer_id: 'c-2', driver_id: '1' }, rows, 0, { requestId });
      await day.closeLog();
      await runIngest(day.project);
    };
    // A request that no label names changes nothing.
    await more('another');
    await again();
    expect(readFileSync(path('again.parquet')).equals(bytes)).toBe(true);
    rmSync(path('again.parquet'));
    await more('q-2');
    await expectChanged(
      '0 other vectors had their requests, and 1 have',
      'orders__spent_1d: present 2, now 1',
    );
  });
});
