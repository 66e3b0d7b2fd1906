/**
 * The archive of served vectors and a history in object storage: a day that is ingested and judged there says what the
 * same day in folders does, whatever becomes of calls; of two ingests one has the archive.
 */
import { copyFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { runIngest } from '../../monitor/ingest/main.ts';
import { ObjectDisk } from '../../monitor/archive/object-disk.ts';
import type { Snapshot } from '../../monitor/verdict/snapshot.ts';
import { archivedFiles } from '../../project/archive/archive-files.ts';
import { servedFolder } from '../../project/archive/archive-place.ts';
import { IngestAccount } from '../../project/archive/ingest-account.ts';
import { IngestLedger } from '../../project/archive/ledger.ts';
import type { S3Settings } from '../../project/settings/s3-settings.ts';
import type { Settings } from '../../project/settings/settings.ts';
import type { Folder } from '../../project/storage/folder.ts';
import { openFolder } from '../../project/storage/open-folder.ts';
import { DAY, at } from '../support/day-time.ts';
import { archiveOptions } from '../support/fixtures/archive-options.ts';
import { MonitoredDay } from '../support/fixtures/monitored-day.ts';
import { downloadedExtensions } from '../support/s3/duckdb-extensions.ts';
import { startFakeS3 } from '../support/s3/fake-s3.ts';
import type { FakeS3 } from '../support/s3/fake-s3.ts';
import { startFaultProxy } from '../support/s3/fault-proxy.ts';
import type { FaultProxy, ObjectFault } from '../support/s3/fault-proxy.ts';
import { scratchFolder } from '../support/scratch.ts';

const LIMIT_MS = 300_000;
/** What becomes of a call that brings something. */
const SPOILED: readonly ObjectFault[] = ['lost', 'cut', 'half', 'slow'];
let s3: FakeS3;
let proxy: FaultProxy;
let extensions: string;
beforeAll(async () => {
  s3 = await startFakeS3();
  proxy = await startFaultProxy(s3.endpoint);
  extensions = await downloadedExtensions(['httpfs']);
}, LIMIT_MS);
afterAll(async () => {
  await proxy.close();
  await s3.close();
});
let days = 0;
beforeEach(() => {
  proxy.fault = () => null;
  days += 1;
});

/** Every ninth call is spoiled. */
function spoilCalls(): () => number {
  let calls = 0;
  proxy.fault = (method) => {
    calls += 1;
    if (calls % 9 !== 0) return null;
    return method === 'PUT' ? SPOILED[calls % SPOILED.length]! : 'busy';
  };
  return () => calls;
}

/** A day whose archive, and with `history` whose history, lie in object storage. */
function move(day: MonitoredDay): Settings {
  const { settings } = day.project;
  const login = { accessKeyId: 'test', secretAccessKey: 'not-shown', sessionToken: null };
  const { endpoint } = proxy;
  const own: S3Settings = { endpoint, region: 'us-east-1', pathStyle: true, login, aside: scratchFolder() };
  const changed = {
    ...settings,
    served: `s3://lake/days/${days} +/served`,
    history: openFolder(`s3://lake/days/${days} +/history`, own),
    elsewhere: { extensions, s3: own },
  };
  Object.assign(day.project, { settings: changed });
  return changed;
}

async function sendFolder(from: string, to: Folder): Promise<void> {
  for (const file of readdirSync(from, { withFileTypes: true, recursive: true })) {
    if (!file.isFile()) continue;
    const path = join(file.parentPath, file.name);
    const copy = join(scratchFolder(), file.name);
    copyFileSync(path, copy);
    await to.bring([{ from: copy, to: path.slice(from.length + 1) }]);
  }
}

const row = (event: string, values: readonly [bigint, number]) => ({ event, created: event, values });

async function servedDay(): Promise<MonitoredDay> {
  const day = await MonitoredDay.make();
  onTestFinished(() => day.remove());
  const run = { run: 'r1', customer: 'c-1' };
  await day.appendOrders([
    { ...run, event: '08:00', created: '08:01', values: [2n, 1.5] },
    { ...run, event: '10:00', created: '10:01', values: [3n, 2.5] },
    { ...run, customer: 'c-2', event: '09:00', created: '09:01', values: [7n, 0.5] },
  ]);
  await day.setWatermark('23:00');
  await day.writeDrivers([{ driver: 1, event: '00:00', created: '00:00', convRate: 0.5 }]);
  return day;
}

function serve(day: MonitoredDay): void {
  for (let minute = 0; minute < 50; minute += 5) {
    const mm = String(minute).padStart(2, '0');
    day.serve(`09:${mm}`, 'c-1', { row: row('08:00', [2n, 1.5]) });
    // Behind: the history has a newer row by then.
    day.serve(`11:${mm}`, 'c-1', { row: row('08:00', [2n, 1.5]) });
    day.serve(`12:${mm}`, 'c-2', { row: row('09:00', [7n, 0.5]) });
  }
}

/** What the verdict says, without when and how long. */
function said(snapshot: Snapshot): object {
  return JSON.parse(
    JSON.stringify(snapshot, (key, value: unknown) =>
      /(?:Us|Ms|Id|At|^bundle)$/.test(key) ? undefined : value,
    ),
  ) as object;
}

async function judgedDay(place: 'here' | 'there'): Promise<object> {
  const day = await servedDay();
  const { path } = day.project.settings.history;
  if (place === 'there') {
    const { history } = move(day);
    await sendFolder(path, history);
  }
  serve(day);
  // While 12 o'clock is open, and once it is over.
  for (const now of ['12:30', '13:30']) {
    day.project.setClock(at(now));
    await runIngest(day.project, { batchRecords: 7 });
  }
  return said(await day.judge('23:59:59'));
}

test(
  'a day that is ingested and judged in object storage says what it does in folders',
  async () => {
    const here = await judgedDay('here');
    expect(JSON.stringify(here)).toContain('"materialization lag"');
    const calls = spoilCalls();
    expect(await judgedDay('there')).toEqual(here);
    expect(calls()).toBeGreaterThan(100);
  },
  LIMIT_MS,
);

test(
  'an ingest that dies between any two steps loses nothing and doubles nothing',
  async () => {
    const day = await servedDay();
    const settings = move(day);
    serve(day);
    await day.closeLog();
    const served = servedFolder(settings);
    for (let steps = 1, isDone = false; !isDone; steps += 4) {
      const disk = dyingAfter(steps, served);
      const archive = archiveOptions({ disk, bundles: settings.bundles, nowUs: () => at('12:30') });
      isDone = await runIngest(day.project, { archive, batchRecords: 9 }).then(
        () => true,
        (error: unknown) => {
          expect((error as Error).message).toContain('killed');
          return false;
        },
      );
    }
    const { bundles, elsewhere } = settings;
    const archive = { ...archiveOptions({ disk: new ObjectDisk(served), bundles }), elsewhere };
    await runIngest(day.project, { archive });
    const account = await IngestAccount.read(served);
    const { files, lost } = await archivedFiles(served, account.archives, () => true);
    expect(lost).toEqual([]);
    expect(files.every(({ isInPlace }) => isInPlace)).toBe(true);
    const vectors = account.archives.flatMap(({ hours }) => [...hours.values()].map((hour) => hour.vectors));
    expect(vectors.reduce((sum, n) => sum + n, 0)).toBe(30);
    expect(files.map(({ hour }) => hour)).toEqual(expect.arrayContaining([`${DAY}T12`]));
  },
  LIMIT_MS,
);

/** The process of an ingest ends after so many steps. */
function dyingAfter(steps: number, served: Folder): ObjectDisk {
  let left = steps;
  return new Proxy(new ObjectDisk(served), {
    get(disk, name) {
      const value: unknown = Reflect.get(disk, name, disk);
      if (typeof value !== 'function') return value;
      if (name === 'writtenAt') return value.bind(disk) as unknown;
      return async (...args: unknown[]) => {
        if (left-- <= 0) throw new Error('killed');
        const result: unknown = await Reflect.apply(value, disk, args);
        if (left-- <= 0) throw new Error('killed');
        return result;
      };
    },
  });
}

test(
  'of two ingests that go on from one state the later has the archive, and the other changes nothing',
  async () => {
    const day = await servedDay();
    const settings = move(day);
    serve(day);
    const served = servedFolder(settings);
    day.project.setClock(at('12:30'));
    await runIngest(day.project);
    day.serve('12:40', 'c-2', { row: row('09:00', [7n, 0.5]) });
    await day.closeLog();
    const first = new ObjectDisk(served);
    // Another machine begins while the first one is about to commit.
    const keep = first.keep.bind(first);
    first.keep = async (file) => {
      await keep(file);
      await new ObjectDisk(served).claim(served.fileOf('_ingest'));
    };
    const archive = archiveOptions({ disk: first, bundles: settings.bundles, nowUs: () => at('12:41') });
    await expect(runIngest(day.project, { archive })).rejects.toMatchObject({
      code: 'MON_INGEST_RUNS',
      message: expect.stringContaining('has taken') as string,
    });
    expect((await IngestLedger.read(served)).counts.records).toBe(30);
    await runIngest(day.project);
    const { counts } = await IngestLedger.read(served);
    expect(counts).toMatchObject({ duplicates: 0 });
    expect(counts.records).toBeGreaterThan(30);
  },
  LIMIT_MS,
);
