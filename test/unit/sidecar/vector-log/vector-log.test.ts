import { OWN_PACKAGE } from '../../../../project/own-package.ts';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readServedLog } from '../../../../contract/wire/log/served-log.ts';
import type { LogItem } from '../../../../contract/wire/log/served-log.ts';
import { CodedError } from '../../../../contract/std/coded-error.ts';
import { MAX_RECORD_BYTES } from '../../../../contract/wire/log/served-encoder.ts';
import { SHED_DISK, SHED_SPOOL_FULL, SHED_TOO_LARGE } from '../../../../contract/wire/log/served-record.ts';
import { advanceCursor } from '../../../../contract/wire/log/spool-cursor.ts';
import { verifyLog } from '../../../../sidecar/vector-log/log-commands.ts';
import { VectorLog } from '../../../../sidecar/vector-log/vector-log.ts';
import type { VectorLogOptions } from '../../../../sidecar/vector-log/vector-log.ts';
import { FaultyFiles } from '../../../support/faults/faulty-files.ts';
import { SERVED_US, servedRequest } from '../../../support/fixtures/served-requests.ts';

let root: string;
let folder: string;
let files: FaultyFiles;
let said: string[];
const open: VectorLog[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'plumb-'));
  folder = join(root, 'spool');
  files = new FaultyFiles();
  said = [];
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
});
afterEach(async () => {
  for (const log of open.splice(0)) await log.close();
  vi.useRealTimers();
  rmSync(root, { recursive: true });
});

async function openLog(options: Partial<VectorLogOptions> = {}): Promise<VectorLog> {
  const log = await VectorLog.open({
    folder,
    pod: 'pod-1',
    clock: { nowUs: () => SERVED_US, offsetUs: () => 0 },
    durability: 'written',
    maxBytes: 2 ** 30,
    onFull: 'shed-log',
    logger: { info: (line) => said.push(line), warn: (line) => said.push(line), progress() {} },
    files,
    ...options,
  });
  open.push(log);
  return log;
}

const items = (): LogItem[] => [...readServedLog(folder)];
const logged = (): string[] =>
  items().flatMap((item) => (item.kind === 'served' ? [item.record.requestId] : []));
const ranges = (): unknown[] =>
  items().flatMap((item) =>
    item.kind === 'heartbeat' || item.kind === 'last'
      ? item.heartbeat.ranges.map((range) => [range.fromSequence, range.toSequence, range.reason])
      : [],
  );

describe('the vector log', () => {
  test('has on the disk what was committed, before it is closed', async () => {
    const log = await openLog();
    log.append(servedRequest('a'));
    log.append(servedRequest('b'));
    expect(logged()).toEqual([]);
    expect(log.commit()).toBe('taken');
    expect(logged()).toEqual(['a', 'b']);
    expect(log.stats()).toMatchObject({ records: 2, shedRecords: 0, sequence: 2 });
    expect(log.stats().bytes).toBe(statSync(join(folder, readdirSync(folder)[0]!)).size);
  });

  test('ends with a last record, and each start is another epoch', async () => {
    for (const name of ['a', 'b']) {
      const log = await openLog();
      log.append(servedRequest(name));
      await log.close();
    }
    const { epochs, gaps, records } = verifyLog(folder);
    expect(gaps).toEqual([]);
    expect(records).toBe(2);
    expect(epochs.map(({ closed, pod, lastSequence }) => [closed, pod, lastSequence])).toEqual([
      [true, 'pod-1', 2],
      [true, 'pod-1', 2],
    ]);
    expect(new Set(epochs.map(({ epoch }) => epoch)).size).toBe(2);
    expect(logged()).toEqual(['a', 'b']);
  });

  test('beats every 10 s with the highest number', async () => {
    const log = await openLog();
    log.bundle = '0123456789abcdef';
    log.append(servedRequest('a'));
    log.commit();
    vi.advanceTimersByTime(10_000);
    const { version } = OWN_PACKAGE;
    const engine = expect.stringMatching(/^V8 [\w.-]+ \w+$/);
    expect(items().at(-1)).toMatchObject({
      kind: 'heartbeat',
      heartbeat: { bundle: '0123456789abcdef', version, engine },
    });
    expect(items().at(-1)).toMatchObject({
      kind: 'heartbeat',
      heartbeat: { atUs: SERVED_US, highestSequence: 2, served: 1, shed: 0, clockOffsetUs: 0, ranges: [] },
    });
  });

  test('a heartbeat does not take a tick from its commit: what fails is told to who asked', async () => {
    const log = await openLog({ onFull: 'reject' });
    log.append(servedRequest('a'));
    files.room = 0;
    vi.advanceTimersByTime(10_000);
    files.room = Infinity;
    log.append(servedRequest('b'));
    const committed = log.commit();
    expect([committed, logged()]).toEqual(['taken', ['a', 'b']]);
  });

  test('left open tells from its heartbeats how much can be missing at most', async () => {
    const log = await openLog();
    const serve = (count: number): void => {
      for (let i = 0; i < count; i++) log.append(servedRequest(`r${i}`));
      log.commit();
    };
    serve(3);
    expect(verifyLog(folder).epochs[0]).toMatchObject({ closed: false, lossAtMost: null });
    vi.advanceTimersByTime(10_000);
    serve(1);
    vi.advanceTimersByTime(10_000);
    serve(1);
    // Numbers 4 and 6 are heartbeats; four numbers were the most between two, and one has come since.
    expect(verifyLog(folder).epochs[0]).toMatchObject({ lastSequence: 7, closed: false, lossAtMost: 3 });
    serve(9);
    expect(verifyLog(folder).epochs[0]).toMatchObject({ lossAtMost: 0 });
    await log.close();
    expect(verifyLog(folder).epochs[0]).toMatchObject({ closed: true, lossAtMost: 0 });
  });

  test('is written by one sidecar at a time', async () => {
    const log = await openLog();
    const error: unknown = await openLog().catch((fault: unknown) => fault);
    expect(error).toBeInstanceOf(CodedError);
    expect((error as CodedError).code).toBe('LOG_LOCKED');
    expect((error as CodedError).message).toContain(folder);
    log.append(servedRequest('a'));
    expect(log.commit()).toBe('taken');
    await expect(openLog()).rejects.toMatchObject({ code: 'LOG_LOCKED' });
    await log.close();
    await openLog();
  });

  test('says in one sentence that its folder cannot be written', async () => {
    writeFileSync(join(root, 'file'), '');
    const error: unknown = await openLog({ folder: join(root, 'file', 'spool') }).catch(
      (fault: unknown) => fault,
    );
    expect(error).toMatchObject({ code: 'LOG_FOLDER', kind: 'failed' });
    expect((error as Error).message).toContain('cannot write the spool in');
  });

  test('is for its owner alone', async () => {
    await openLog();
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    for (const file of readdirSync(folder)) expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
  });

  test('at level queued is written after the tick', async () => {
    const log = await openLog({ durability: 'queued' });
    log.append(servedRequest('a'));
    expect(log.commit()).toBe('taken');
    expect(logged()).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(logged()).toEqual(['a']);
  });

  test('tells when all that was committed is synced, and when the disk failed to', async () => {
    const log = await openLog({ durability: 'synced' });
    log.append(servedRequest('a'));
    log.commit();
    expect(await log.whenSynced()).toBe(true);
    files.syncFails = true;
    log.append(servedRequest('b'));
    log.commit();
    expect(await log.whenSynced()).toBe(false);
    files.syncFails = false;
    log.append(servedRequest('c'));
    log.commit();
    expect(await log.whenSynced()).toBe(true);
    expect(readdirSync(folder).filter((file) => file.endsWith('.seg'))).toHaveLength(2);
    expect(said.filter((line) => line.includes('sync failed'))).toHaveLength(1);
    expect(logged()).toEqual(['a', 'b', 'c']);
  });

  test('counts what a sync failed for at the level that is certain, and alarms until one succeeds', async () => {
    const log = await openLog({ durability: 'synced' });
    files.syncFails = true;
    log.append(servedRequest('a'));
    log.commit();
    expect(await log.whenSynced()).toBe(false);
    expect(log.stats()).toMatchObject({
      levels: { queued: 0, written: 1, synced: 0 },
      spool: { isFailing: true },
    });
    files.syncFails = false;
    vi.advanceTimersByTime(200);
    log.append(servedRequest('b'));
    log.commit();
    expect(await log.whenSynced()).toBe(true);
    expect(log.stats()).toMatchObject({ levels: { written: 1, synced: 1 }, spool: { isFailing: false } });
    expect(said.at(-1)).toContain('can be synced again');
  });

  test('makes few segments while syncs fail, and says so to who waits at once', async () => {
    const log = await openLog({ durability: 'synced' });
    files.syncFails = true;
    for (let i = 0; i < 600; i++) {
      log.append(servedRequest(`r${i}`));
      log.commit();
      expect(await log.whenSynced()).toBe(false);
      vi.advanceTimersByTime(100);
    }
    // After 0.2, 0.4, 0.8, 1.6 and 3.2 s, then every 5 s of a minute.
    expect(readdirSync(folder).filter((file) => file.endsWith('.seg')).length).toBeLessThan(20);
    expect(said).toHaveLength(1);
    expect(log.stats().levels).toEqual({ queued: 0, written: 600, synced: 0 });
  });

  test('under reject writes no request while syncs fail, and finds out by itself that they do not', async () => {
    const log = await openLog({ durability: 'synced', onFull: 'reject' });
    files.syncFails = true;
    log.append(servedRequest('a'));
    log.commit();
    expect(await log.whenSynced()).toBe(false);
    for (let i = 0; i < 50; i++) {
      expect(log.append(servedRequest(`r${i}`))).toBe(false);
      vi.advanceTimersByTime(100);
      await log.whenSynced();
    }
    expect(log.stats().levels).toEqual({ queued: 0, written: 0, synced: 0 });
    files.syncFails = false;
    for (let i = 0; i < 200 && log.stats().spool.isFailing; i++) {
      vi.advanceTimersByTime(100);
      await stat(folder);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(log.append(servedRequest('b'))).toBe(true);
    expect(log.commit()).toBe('taken');
    await log.close();
    expect(logged()).toEqual(['a', 'b']);
  });

  test('whose last sync fails says at its end that not all is certain', async () => {
    const log = await openLog();
    log.append(servedRequest('a'));
    log.commit();
    files.syncFails = true;
    expect(await log.close()).toContain('the last sync failed');
  });

  test('sheds a record that no frame could hold, and counts it', async () => {
    const log = await openLog();
    log.append(servedRequest('a'));
    expect(log.append(servedRequest('huge', MAX_RECORD_BYTES))).toBe(true);
    log.append(servedRequest('b'));
    log.commit();
    expect(logged()).toEqual(['a', 'b']);
    expect(ranges()).toEqual([[2, 2, SHED_TOO_LARGE]]);
    expect(said.filter((line) => line.includes('is not in the log'))).toEqual([
      '1 answered request is not in the log: its record is larger than the 32 MiB that one may have; ask for fewer rows at once',
    ]);
    const ranged = [{ fromSequence: 2, toSequence: 2, reason: SHED_TOO_LARGE }];
    expect(verifyLog(folder)).toMatchObject({ gaps: [], epochs: [{ shed: 1, shedRanges: ranged }] });
  });
});

describe('a full spool', () => {
  test('under shed-log answers on and records exactly what was lost', async () => {
    const log = await openLog({ maxBytes: 10_000 });
    for (let i = 1; i <= 100; i++) {
      expect(log.append(servedRequest(`r${i}`))).toBe(true);
      expect(log.commit()).toBe('taken');
    }
    const kept = logged().length;
    expect(log.stats()).toMatchObject({ records: kept, shedRecords: 100 - kept, sequence: 100 });
    expect(log.stats().bytes).toBeLessThanOrEqual(10_000);
    expect(said.filter((line) => line.includes('is full'))).toHaveLength(1);
    await log.close();
    expect(ranges()).toEqual([[kept + 1, 100, SHED_SPOOL_FULL]]);
    expect(verifyLog(folder).gaps).toEqual([]);
  });

  test('under reject refuses, and gives refused requests no number', async () => {
    const log = await openLog({ maxBytes: 10_000, onFull: 'reject' });
    const taken: string[] = [];
    for (let i = 1; i <= 100; i++) {
      if (log.append(servedRequest(`r${i}`))) taken.push(`r${i}`);
      expect(log.commit()).toBe('taken');
    }
    expect(taken.length).toBeLessThan(100);
    expect(logged()).toEqual(taken);
    expect(log.stats()).toMatchObject({ records: taken.length, shedRecords: 0, sequence: taken.length });
  });

  test('has room again once every consumer has passed a segment', async () => {
    const log = await openLog({ maxBytes: 10_000, consumers: ['kafka', 'ingest'] });
    for (let i = 1; i <= 100; i++) {
      log.append(servedRequest(`r${i}`));
      log.commit();
    }
    const kept = logged();
    const half = items().filter((item) => item.kind === 'served')[Math.floor(kept.length / 2)]!;
    advanceCursor(folder, 'kafka', half.next);
    vi.advanceTimersByTime(1_000);
    log.append(servedRequest('still full'));
    // The sweep that found nothing has ended by then.
    await stat(folder);
    advanceCursor(folder, 'ingest', half.next);
    vi.advanceTimersByTime(1_000);
    const isSwept = (): boolean =>
      !readdirSync(folder).some((file) => file.endsWith('.seg') && file < half.next.segment);
    while (!isSwept()) await stat(folder);
    log.append(servedRequest('room'));
    log.commit();
    expect(logged().at(-1)).toBe('room');
    expect(ranges()).toEqual([[kept.length + 1, 101, SHED_SPOOL_FULL]]);
    expect(verifyLog(folder).gaps).toEqual([]);
    expect([...readServedLog(folder, half.next)].some((item) => item.kind === 'gap')).toBe(false);
    expect(said.at(-1)).toContain('room again');
  });
});

test('what Kafka refused counts to the spool, so that it cannot fill the volume', async () => {
  mkdirSync(join(folder, 'rejected'), { recursive: true });
  writeFileSync(join(folder, 'rejected', 'a.json'), Buffer.alloc(5_000));
  const log = await openLog({ maxBytes: 10_000 });
  expect(log.stats().bytes).toBeGreaterThan(5_000);
  for (let i = 1; i <= 100; i++) {
    log.append(servedRequest(`r${i}`));
    log.commit();
  }
  expect(log.stats().shedRecords).toBeGreaterThan(0);
  expect(log.stats().bytes).toBeLessThan(10_500);
});

describe('a disk that is full or fails', () => {
  test.each(['ENOSPC', 'EIO', 'EDQUOT'])(
    '(%s) never throws; what it lost is told of when it works again',
    async (code) => {
      files.failsWith = code;
      const log = await openLog();
      log.append(servedRequest('a'));
      log.commit();
      files.room = 150;
      log.append(servedRequest('b'));
      log.append(servedRequest('c'));
      expect(log.commit()).toBe('refused');
      log.append(servedRequest('d'));
      expect(log.commit()).toBe('taken');
      expect(log.stats()).toMatchObject({ records: 1, shedRecords: 3, sequence: 4 });
      files.room = Infinity;
      vi.advanceTimersByTime(100);
      log.append(servedRequest('e'));
      expect(log.commit()).toBe('taken');
      expect(logged()).toEqual(['a', 'e']);
      expect(ranges()).toEqual([[2, 4, SHED_DISK]]);
      expect(verifyLog(folder)).toMatchObject({ gaps: [], tornBytes: 0 });
      expect(said).toHaveLength(2);
      expect(said[0]).toContain(code);
    },
  );

  test('under reject has the tick refused, and what follows until it works again', async () => {
    const log = await openLog({ onFull: 'reject' });
    files.room = 10;
    expect(log.append(servedRequest('a'))).toBe(true);
    expect(log.commit()).toBe('refused');
    expect(log.append(servedRequest('b'))).toBe(false);
    files.room = Infinity;
    vi.advanceTimersByTime(100);
    expect(log.append(servedRequest('c'))).toBe(true);
    expect(log.commit()).toBe('taken');
    expect(logged()).toEqual(['c']);
    expect(verifyLog(folder).gaps).toEqual([]);
  });

  test('that cannot even cut a torn write back costs no other record', async () => {
    const log = await openLog();
    log.append(servedRequest('a'));
    log.commit();
    files.room = 100;
    files.truncateFails = true;
    log.append(servedRequest('b'));
    expect(log.commit()).toBe('refused');
    files.room = Infinity;
    vi.advanceTimersByTime(100);
    log.append(servedRequest('c'));
    log.commit();
    expect(logged()).toEqual(['a', 'c']);
    expect(verifyLog(folder).gaps).toMatchObject([{ bytes: 100, fromSequence: null, reason: 'damaged' }]);
  });

  test('lets the sidecar start, and is used as soon as it works', async () => {
    files.room = 0;
    const log = await openLog();
    log.append(servedRequest('a'));
    expect(log.commit()).toBe('taken');
    files.room = Infinity;
    vi.advanceTimersByTime(100);
    log.append(servedRequest('b'));
    expect(log.commit()).toBe('taken');
    expect(logged()).toEqual(['b']);
    expect(ranges()).toEqual([[1, 1, SHED_DISK]]);
  });
});
