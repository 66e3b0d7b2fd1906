/** `plumb monitor ingest` of a real spool: what it keeps, what it reports, and that no verdict changes by it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lockFolder } from '../../../monitor/ingest/folder-share.ts';
import { renderIngest } from '../../../monitor/ingest/ingest-result.ts';
import { runIngest } from '../../../monitor/ingest/main.ts';
import { stateName } from '../../../project/archive/state-file.ts';
import { localFolder } from '../../../project/storage/local-folder.ts';
import { ARCHIVE_DISK } from '../../../monitor/archive/archive-disk.ts';
import { archivedFiles } from '../../../project/archive/archive-files.ts';
import { IngestLedger } from '../../../project/archive/ledger.ts';
import { writeDurably } from '../../../contract/std/files/durable-file.ts';
import { PASSED_FILE, passedMarkText } from '../../../contract/wire/log/passed-mark.ts';
import { walkSpool } from '../../../contract/wire/log/spool-walk.ts';
import { FRAME_MAGIC } from '../../../contract/wire/log/spool-frame.ts';
import { readCursor } from '../../../contract/wire/log/spool-cursor.ts';
import { listSegments } from '../../../contract/wire/log/spool-segment.ts';
import { VectorLog } from '../../../sidecar/vector-log/vector-log.ts';
import { DAY, at } from '../../support/day-time.ts';
import { archiveOptions } from '../../support/fixtures/archive-options.ts';
import { archivedRows } from '../../support/fixtures/archived-rows.ts';
import { MonitoredDay } from '../../support/fixtures/monitored-day.ts';
import { PLUMB, QUIET_NODE, plumb } from '../../support/processes/plumb-process.ts';
import { ingestedRequests } from '../../support/fixtures/ingested-requests.ts';
import { servedRequest } from '../../support/fixtures/served-requests.ts';
import { until } from '../../support/until.ts';

const HOUR_OF = (hour: number): string => `${DAY}T${String(hour).padStart(2, '0')}`;

let day: MonitoredDay;
let spool: string;
let served: string;
beforeEach(async () => {
  day = await MonitoredDay.make();
  ({ served } = day.project.settings);
  ({ spool } = day.project.settings.log);
});
afterEach(() => day.remove());

function openLog(
  { project }: MonitoredDay,
  consumers: string[] = [],
  maxBytes = 2 ** 30,
): Promise<VectorLog> {
  const { clock, logger } = project;
  const log = { folder: project.settings.log.spool, pod: 'pod-1', clock, logger, consumers, maxBytes };
  return VectorLog.open({ ...log, durability: 'written', onFull: 'shed-log' });
}

const spooledRecords = (): number => [...walkSpool(spool)].filter(({ kind }) => kind === 'record').length;

const stateFile = (tag = ''): string => join(served, stateName(localFolder(served), tag));

async function files(): Promise<string[]> {
  const { archive } = await IngestLedger.read(localFolder(served));
  return (await archivedFiles(localFolder(served), [archive], () => true)).files.map(({ file }) => file);
}

const idsOf = async (): Promise<string[]> =>
  (await ingestedRequests(served)).map(({ requestId }) => requestId);

/** Flips a byte in the n-th frame of a file, from 0. */
function damageFrame(file: string, n: number): void {
  const bytes = readFileSync(file);
  let from = -1;
  for (let i = 0; i <= n; i++) from = bytes.indexOf(FRAME_MAGIC, from + 1);
  bytes[from + 30]! ^= 0xff;
  writeFileSync(file, bytes);
}

const segmentPath = (n: number): string => join(spool, listSegments(spool).at(n)!.file);

describe('what is ingested', () => {
  test('is every record once, its vectors in the hour they were served in', async () => {
    for (const time of ['09:59:59', '10:00:00', '10:30', '23:59']) day.serve(time, 'c-1', {});
    // Heartbeats come in between where the machine is slow; they are records too.
    const first = await runIngest(day.project);
    const { read } = first.counts;
    expect(first.counts).toEqual({ read, records: read, duplicates: 0, unreadable: 0, leftOut: 0 });
    expect(first.hours).toEqual([9, 10, 23].map(HOUR_OF));
    expect(first.openTails).toMatchObject([{ pod: 'pod-1', lastSequence: read }]);
    const nothing = await runIngest(day.project);
    expect(nothing.counts).toMatchObject({ read: nothing.counts.records, duplicates: 0 });
    day.serve('09:10', 'c-2', {});
    await day.closeLog();
    const late = await runIngest(day.project);
    expect(late).toMatchObject({ counts: { duplicates: 0 }, gaps: [], openTails: [] });
    const requests = await ingestedRequests(served);
    expect(requests.map(({ hour }) => hour)).toEqual([9, 10, 10, 23, 9].map(HOUR_OF));
    expect((await IngestLedger.read(localFolder(served))).counts.records).toBe(spooledRecords());
  });

  test("is for its owner's eyes only", async () => {
    day.serve('10:00', 'c-1', {});
    await runIngest(day.project);
    for (const file of [...(await files()), stateFile()]) expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(served).mode & 0o777).toBe(0o700);
  });

  test('is the spool to its last record, though a sidecar writes it meanwhile', async () => {
    await day.closeLog();
    await runIngest(day.project);
    const log = await openLog(day, [], 4 * 2 ** 20);
    const stop = new AbortController();
    const running = runIngest(day.project, {
      follow: true,
      signal: stop.signal,
      batchRecords: 150,
      batchMs: 200,
    });
    for (let i = 0; i < 2_000; i++) {
      log.append(servedRequest(`r${i}`, 24 + ((i * 7_919) % 2_000)));
      if (i % 7 === 0) log.commit();
      if (i % 50 === 0) await new Promise(setImmediate);
    }
    await log.close();
    // Requests, the last record, and heartbeats where the writing took its time.
    const { sequence } = log.stats();
    await expect.poll(() => readCursor(spool, 'ingest')?.sequence, { timeout: 180_000 }).toBe(sequence);
    stop.abort();
    expect(await running).toMatchObject({
      counts: { records: sequence, duplicates: 0 },
      gaps: [],
      openTails: [],
    });
    expect(await idsOf()).toEqual(Array.from({ length: 2_000 }, (_, i) => `r${i}`));
  });

  test('are records of a large request, whose parts the spool holds one by one', async () => {
    await day.closeLog();
    const log = await openLog(day);
    log.append(servedRequest('large', 700_000));
    log.append(servedRequest('small'));
    await log.close();
    expect(await runIngest(day.project)).toMatchObject({ counts: { records: 4 }, gaps: [] });
    const rows = await archivedRows(await files(), '*, octet_length(_view__purchases.undecoded) AS bytes');
    expect(rows.map((row) => [row['_request_id'], row['bytes']])).toEqual([
      ['large', 700_000n],
      ['small', 120n],
    ]);
  });
});

describe('what is missing', () => {
  /** An epoch of 301 records in seven segments or so. */
  async function writeSegments(): Promise<void> {
    await day.closeLog();
    const log = await openLog(day, [], 400_000);
    for (let i = 0; i < 300; i++) {
      log.append(servedRequest(`r${i}`, 900));
      log.commit();
    }
    await log.close();
    expect(log.stats().shedRecords).toBe(0);
  }

  test('a damaged segment in the middle: all before and after it, and the gap with its numbers', async () => {
    await writeSegments();
    // A slow disk makes fewer segments, which are larger; the first is another epoch's, the last must stay.
    damageFrame(segmentPath(1), 3);
    damageFrame(segmentPath(1), 4);
    rmSync(segmentPath(2));
    const result = await runIngest(day.project);
    const gone = result.gaps.flatMap(({ fromSequence: from, toSequence: to }) =>
      Array.from({ length: to - from + 1 }, (_, i) => from + i),
    );
    expect(result.gaps).toHaveLength(2);
    expect(result.gaps[0]!.toSequence - result.gaps[0]!.fromSequence).toBe(1);
    const there = (await ingestedRequests(served)).filter(({ epoch }) => epoch === result.gaps[0]!.epoch);
    // The last record is no request.
    expect([...there.map(({ sequence }) => sequence), ...gone, 301].toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 301 }, (_, i) => i + 1),
    );
    expect(renderIngest(result)).toContain(`${gone.length} missing in 2 gaps, 0 shed, 0 open tails`);
    // Nothing of it is reported again, and a damaged end is no reason to stop.
    expect(await runIngest(day.project)).toMatchObject({ counts: { read: 0 }, gaps: result.gaps });
  });

  test('an epoch without its last record is an open tail, with a bound from its heartbeats', async () => {
    day.serve('10:00', 'c-1', {});
    await day.closeLog();
    const [segment] = listSegments(spool);
    const bytes = readFileSync(join(spool, segment!.file));
    writeFileSync(join(spool, segment!.file), bytes.subarray(0, bytes.lastIndexOf(FRAME_MAGIC)));
    const { openTails } = await runIngest(day.project);
    expect(openTails).toEqual([
      {
        pod: 'pod-1',
        epoch: segment!.epoch,
        lastSequence: 1,
        lastAt: `${DAY}T10:00:00.000000Z`,
        lossAtMost: null,
      },
    ]);
  });

  test('a spool whose front was deleted in order has no gap there', async () => {
    await writeSegments();
    const segments = listSegments(spool);
    const { epoch } = segments.at(-1)!;
    const front = segments.filter((segment) => segment.epoch === epoch).slice(0, 2);
    writeDurably(join(spool, PASSED_FILE), passedMarkText(front.at(-1)!.file));
    for (const { file } of front) rmSync(join(spool, file));
    expect((await runIngest(day.project)).gaps).toEqual([]);
  });

  test('a folder that was replaced is reported: it lacks starts, and no mark says that they were deleted', async () => {
    const warned: string[] = [];
    const logger = { ...day.project.logger, warn: (line: string) => void warned.push(line) };
    const replaced = (): boolean =>
      warned.some((line) => line.includes('the folder was removed or replaced'));
    day.serve('10:00', 'c-1', {});
    await day.closeLog();
    await runIngest({ ...day.project, logger });
    expect(replaced()).toBe(false);
    const lost = listSegments(spool)[0]!.epoch;
    rmSync(spool, { recursive: true });
    await day.openLog();
    day.serve('11:00', 'c-1', {});
    const later = await runIngest({ ...day.project, logger });
    expect([replaced(), later.counts.records]).toEqual([true, 1]);
    expect(later.lostStarts).toEqual([{ folder: spool, pod: expect.any(String), epochs: [lost] }]);
    expect(renderIngest(later)).toMatch(/LOST: .* lacks 1 start of .* that was ingested/);
    writeDurably(join(spool, PASSED_FILE), passedMarkText(listSegments(spool)[0]!.file));
    warned.length = 0;
    const marked = await runIngest({ ...day.project, logger });
    expect([replaced(), marked.lostStarts]).toEqual([false, []]);
  });
});

describe('commits', () => {
  test('a cursor that a crash left behind is advanced by the next ingest; files of no commit are removed', async () => {
    day.serve('10:00', 'c-1', {});
    await runIngest(day.project);
    const before = readFileSync(join(spool, 'ingest.cursor'));
    day.serve('11:00', 'c-1', {});
    await runIngest(day.project);
    const after = readFileSync(join(spool, 'ingest.cursor'));
    writeFileSync(join(spool, 'ingest.cursor'), before);
    writeFileSync(join(served, '_batches', '00000009-0.parquet'), 'half a file');
    const result = await runIngest(day.project);
    expect(result.counts).toMatchObject({ read: 0 });
    expect(readFileSync(join(spool, 'ingest.cursor'))).toEqual(after);
    expect(await files()).toHaveLength(2);
    expect(readdirSync(join(served, '_batches'))).toEqual([]);
  });

  test('a disk that fails in the middle of a batch ends the run and costs nothing', async () => {
    for (let i = 0; i < 40; i++) day.serve(`${10 + (i % 4)}:00`, 'c-1', {});
    let writes = 0;
    const disk = {
      ...ARCHIVE_DISK,
      async keep(file: string) {
        if (++writes === 3) throw new Error('ENOSPC: no space left on device');
        await ARCHIVE_DISK.keep(file);
      },
    };
    const archive = archiveOptions({ bundles: day.project.settings.bundles, disk });
    await expect(runIngest(day.project, { archive, batchRecords: 10 })).rejects.toMatchObject({
      code: 'MON_SERVED',
    });
    expect(await runIngest(day.project)).toMatchObject({ counts: { records: 40, duplicates: 0 } });
    expect(await idsOf()).toHaveLength(40);
  });

  test('tells what other ingests of the folder know when it ends', async () => {
    day.serve('10:00', 'c-1', {});
    const other = await IngestLedger.read(localFolder(served));
    other.setPosition('topic:t', {});
    other.take({ pod: 'pod-2', epoch: '0000000000000009', sequence: 1 }, at('10:00'), true);
    const disk = {
      ...ARCHIVE_DISK,
      async writeState(file: string, text: string) {
        await ARCHIVE_DISK.writeState(file, text);
        await ARCHIVE_DISK.writeState(stateFile('-1of2'), other.text());
      },
    };
    const archive = archiveOptions({ bundles: day.project.settings.bundles, disk });
    const { openTails } = await runIngest(day.project, { archive });
    expect(openTails.map(({ pod }) => pod)).toContain('pod-2');
  });

  test('one ingest at a time', async () => {
    const lock = lockFolder(served)!;
    await expect(runIngest(day.project)).rejects.toMatchObject({ code: 'MON_INGEST_RUNS' });
    lock.release();
    await runIngest(day.project);
  });

  test('a state that cannot be read is an error, never a fresh start', async () => {
    day.serve('10:00', 'c-1', {});
    await runIngest(day.project);
    writeFileSync(stateFile(), '{"format":9}');
    await expect(runIngest(day.project)).rejects.toMatchObject({ code: 'MON_SERVED' });
  });

  test('a state that is lost is an error that says the way out: its archive would be there twice', async () => {
    day.serve('10:00', 'c-1', {});
    await runIngest(day.project);
    rmSync(stateFile());
    const lost = { code: 'MON_SERVED', message: expect.stringContaining('is gone') as string };
    await expect(runIngest(day.project)).rejects.toMatchObject(lost);
    await expect(day.judge('2026-01-10T00:00:00')).rejects.toMatchObject(lost);
    renameSync(served, `${served}-before`);
    expect(await runIngest(day.project)).toMatchObject({ gaps: [] });
    expect(await idsOf()).toEqual(['q-1']);
  });

  test('a state that is older than the archive is an error too: what came since would be there twice', async () => {
    day.serve('10:00', 'c-1', {});
    await runIngest(day.project);
    copyFileSync(stateFile(), `${served}.copy`);
    day.serve('10:01', 'c-1', {});
    await runIngest(day.project);
    renameSync(stateFile(), `${served}.newest`);
    renameSync(`${served}.copy`, stateFile());
    await expect(runIngest(day.project)).rejects.toMatchObject({
      code: 'MON_SERVED',
      message: expect.stringContaining(
        'is older than the archive: it ends with batch 1, and there are files of batch 2',
      ) as string,
      details: { help: expect.stringContaining('the newest copy') as string },
    });
    renameSync(`${served}.newest`, stateFile());
    expect(await runIngest(day.project)).toMatchObject({ gaps: [] });
    expect(await idsOf()).toEqual(['q-1', 'q-2']);
  });

  test('the spool shrinks behind the ingest, and not before', async () => {
    await day.closeLog();
    const log = await openLog(day, ['ingest'], 800_000);
    const fill = async (name: string): Promise<void> => {
      for (let i = 0; i < 400; i++) {
        log.append(servedRequest(`${name}${i}`, 1_000));
        log.commit();
      }
    };
    await fill('a');
    // Where a sync was under way, another thread has yet to write some of it.
    await until(() => listSegments(spool).length > 4, 'five segments are written');
    await runIngest(day.project);
    await expect.poll(() => listSegments(spool).length, { timeout: 180_000 }).toBeLessThanOrEqual(2);
    const { shedRecords } = log.stats();
    await fill('b');
    await log.close();
    expect(log.stats().shedRecords).toBe(shedRecords);
    expect(await runIngest(day.project)).toMatchObject({ gaps: [], openTails: [] });
    expect(await idsOf()).toEqual(
      ['a', 'b'].flatMap((name) => Array.from({ length: 400 }, (_, i) => `${name}${i}`)),
    );
  });
});

describe('the command', () => {
  const start = (...args: string[]) =>
    spawn(process.execPath, [QUIET_NODE, PLUMB, '-C', day.project.settings.folder, '--json', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });

  test('killed again and again, nothing is lost and nothing is there twice', async () => {
    await day.closeLog();
    const log = await openLog(day);
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 500; i++) log.append(servedRequest(`r${round * 500 + i}`, 300));
      log.commit();
      rmSync(join(served, 'lock.db'), { force: true });
      const process_ = start('monitor', 'ingest');
      const ended = once(process_, 'exit');
      // Before its commit, in it and behind it.
      await until(
        () => process_.exitCode !== null || existsSync(join(served, 'lock.db')),
        'the ingest begins',
      );
      const atMs = performance.now() + 70 * round;
      await until(() => process_.exitCode !== null || performance.now() > atMs, 'its time is up');
      process_.kill('SIGKILL');
      await ended;
    }
    await log.close();
    const { code, stdout } = await plumb(['-C', day.project.settings.folder, '--json', 'monitor', 'ingest']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ counts: { duplicates: 0 }, gaps: [], openTails: [] });
    expect((await idsOf()).toSorted()).toEqual(Array.from({ length: 2_000 }, (_, i) => `r${i}`).toSorted());
  });

  test('that follows ends in order when it is asked to, with what it had read committed', async () => {
    day.serve('10:00', 'c-1', {});
    const process_ = start('monitor', 'ingest', '--follow');
    const ended = once(process_, 'exit');
    await until(() => existsSync(join(served, 'lock.db')), 'the ingest begins');
    process_.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    await runIngest(day.project);
    expect(await idsOf()).toHaveLength(1);
  });
});

describe('the verdict', () => {
  const SETTLED = '2026-01-10T00:00:00';
  const DRIVERS = [{ driver: 1, event: '01:00:00', created: '01:00:00', convRate: 0.5 }];

  /** Two epochs, one with a damaged record and a repeated segment, one that ended in no order. */
  async function serveDay(): Promise<void> {
    const row = (i: number, hour: string) => ({
      customer: `c-${i}`,
      event: `${hour}:00:00`,
      created: `${hour}:00:00`,
      run: `r-${hour}`,
      values: [BigInt(i), i + 0.25] as [bigint, number],
    });
    const history = Array.from({ length: 30 }, (_, i) => row(i, i % 3 === 0 ? '08' : '05'));
    const serveAll = (hour: string): void => {
      for (const [i, own] of history.entries()) {
        const stale = i % 7 === 0;
        const values = stale ? ([own.values[0] + 1n, null] as const) : own.values;
        day.serve(`${hour}:${10 + i}`, own.customer, {
          row: { event: own.event, created: own.created, values },
          watermark: '08:00:00',
          source: i % 2 === 0 ? 'cache' : 'store',
        });
      }
    };
    serveAll('09');
    day.serve('2026-01-01T23:59:59', 'c-1', {});
    await day.closeLog();
    const [first] = listSegments(spool);
    writeFileSync(
      join(spool, first!.file.replace(/1\.seg$/, '2.seg')),
      readFileSync(join(spool, first!.file)),
    );
    await day.openLog();
    serveAll('14');
    day.serve('2026-01-03T00:00:00', 'c-1', {});
    await day.closeLog();
    damageFrame(segmentPath(-1), 5);
    const bytes = readFileSync(segmentPath(-1));
    writeFileSync(segmentPath(-1), bytes.subarray(0, bytes.lastIndexOf(FRAME_MAGIC)));
    await day.appendOrders(history);
    await day.writeDrivers(DRIVERS);
    await day.setWatermark('23:00:00');
  }

  test('is the same from the ingested log as from the spool', async () => {
    await serveDay();
    const fromSpool = await day.judge(SETTLED);
    // What is torn stands behind the day, where the pod still served.
    expect(fromSpool.vectors).toMatchObject({ read: 59, duplicates: 30, gaps: 1, openTails: 0 });
    expect(await runIngest(day.project, { batchRecords: 17 })).toMatchObject({ counts: { duplicates: 32 } });
    for (const { file } of listSegments(spool)) rmSync(join(spool, file));
    // A verdict that replaces another one keeps what that one found.
    rmSync(day.project.settings.reports, { recursive: true });
    expect(await day.judge(SETTLED)).toEqual(fromSpool);
  });

  test('is of the whole day, though only a part of it was ingested before', async () => {
    await day.writeDrivers(DRIVERS);
    day.serve('09:00', 'c-1', {});
    await runIngest(day.project);
    day.serve('10:00', 'c-1', {});
    expect((await day.judge(SETTLED)).vectors.read).toBe(2);
  });

  test('is given where files of an hour are gone, and says what it lacks; nothing less than that passes', async () => {
    await serveDay();
    day.project.setClock(at(SETTLED));
    await runIngest(day.project, { batchRecords: 7 });
    const { archive } = await IngestLedger.read(localFolder(served));
    const { files: of14 } = await archivedFiles(
      localFolder(served),
      [archive],
      (hour) => hour === `${DAY}T14`,
    );
    for (const { file } of of14.slice(1)) rmSync(file);
    const snapshot = await day.judge(SETTLED);
    const [lost] = snapshot.lostFiles!;
    expect(lost).toMatchObject({ hour: 14, files: of14.length - 1 });
    expect(snapshot.vectors.read + lost!.vectors!).toBe(59);
    const told = snapshot.findings.find(({ verdict }) => verdict === 'not-enough-data')!;
    expect(told.text).toMatch(
      /^The archive lacks \d files with \d+ vectors of all services, of the hour from 14:00 to 15:00:/,
    );
    expect((await day.judge(SETTLED, null, 9)).lostFiles).toBeUndefined();
    await expect(day.judge(SETTLED, null, 15)).rejects.toMatchObject({ code: 'MON_NO_VECTORS' });
  });

  test('passes over no file that was lost while its hour was open, also once the hour is joined', async () => {
    await day.writeDrivers(DRIVERS);
    await day.setWatermark('23:00:00');
    day.project.setClock(at('09:30'));
    day.serve('09:00', 'c-1', {});
    await runIngest(day.project);
    for (const file of await files()) rmSync(file);
    day.serve('10:00', 'c-1', {});
    const lostFiles = [{ hour: 9, files: 1, vectors: 1 }];
    for (const time of ['10:30', SETTLED]) {
      const snapshot = await day.judge(time);
      expect(snapshot.lostFiles).toEqual(lostFiles);
      expect(snapshot.findings.map(({ text }) => text)).toContainEqual(
        expect.stringMatching(
          /^The archive lacks 1 file with 1 vector of all services, of the hour from 09:00 to 10:00:/,
        ),
      );
    }
  });

  test('is that there is not enough data where no file of the day is left, and none of an hour', async () => {
    await day.writeDrivers(DRIVERS);
    await day.setWatermark('23:00:00');
    day.serve('09:00', 'c-1', {});
    await runIngest(day.project);
    for (const file of await files()) rmSync(file);
    await expect(day.judge(SETTLED, null, 9)).rejects.toMatchObject({
      code: 'MON_SERVED',
      message: expect.stringContaining('is not whole: The archive lacks 1 file with 1 vector') as string,
    });
    const snapshot = await day.judge(SETTLED);
    expect(snapshot).toMatchObject({
      verdict: 'not-enough-data',
      vectors: { read: 0 },
      lostFiles: [{ hour: 9, files: 1, vectors: 1 }],
    });
    expect(snapshot.findings.map(({ text }) => text)).toEqual([
      expect.stringMatching(/^The archive lacks 1 file with 1 vector of all services/),
      `No vector of churn is in the log of ${DAY}: they may have been in files that are lost.`,
    ]);
  });

  test('stays where it was given before the files went', async () => {
    await day.writeDrivers(DRIVERS);
    await day.setWatermark('23:00:00');
    day.serve('09:00', 'c-1', {});
    const before = await day.judge(SETTLED);
    await runIngest(day.project);
    for (const file of await files()) rmSync(file);
    await expect(day.judge(SETTLED)).rejects.toMatchObject({ code: 'MON_SERVED' });
    expect(day.project.said.join()).toContain('the verdict on it, of 1 vectors, stays');
    expect(before.vectors.read).toBe(1);
  });

  test('warns where the rest of the day could not be read', async () => {
    await day.writeDrivers(DRIVERS);
    day.project.setClock(at('09:30'));
    day.serve('09:00', 'c-1', {});
    await runIngest(day.project);
    const lock = lockFolder(served)!;
    expect((await day.judge(SETTLED)).vectors.read).toBe(1);
    lock.release();
    expect(day.project.said.join('\n')).toContain(`ingested up to ${DAY}T09:30:00.000000Z`);
  });
});
