/** A disk that stops for seconds under load, and what is answered, counted and written meanwhile and afterwards. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readServedLog } from '../../../contract/wire/log/served-log.ts';
import { systemClock } from '../../../project/clock.ts';
import { verifyLog } from '../../../sidecar/vector-log/log-commands.ts';
import { VectorLog } from '../../../sidecar/vector-log/vector-log.ts';
import type { VectorLogOptions } from '../../../sidecar/vector-log/vector-log.ts';
import { commitAndWait } from '../../support/processes/committed.ts';
import { servedRequest } from '../../support/fixtures/served-requests.ts';
import { StallingFiles } from '../../support/faults/stalling-files.ts';

const LIMIT_MS = 120_000;

let folder: string;
let files: StallingFiles;
let said: string[];
let log: VectorLog;
let answered: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plumb-'));
  files = new StallingFiles();
  said = [];
  answered = [];
});
afterEach(async () => {
  files.fails = false;
  files.goOn();
  await log.close();
  rmSync(folder, { recursive: true });
});

async function open(options: Partial<VectorLogOptions> = {}): Promise<void> {
  log = await VectorLog.open({
    folder,
    pod: 'pod-1',
    clock: systemClock(),
    durability: 'written',
    maxBytes: 2 ** 30,
    onFull: 'shed-log',
    logger: { info: (line) => said.push(line), warn: (line) => said.push(line), progress() {} },
    files,
    ...options,
  });
}

/** Ticks of ten requests until `enough`. */
async function load(enough: () => boolean, rowBytes = 400): Promise<void> {
  const startMs = performance.now();
  while (!enough()) {
    if (performance.now() - startMs > LIMIT_MS) throw new Error('what the load waits for has not come');
    const ids: string[] = [];
    for (let i = 0; i < 10; i++) {
      const requestId = `r${answered.length + ids.length}`;
      if (log.append(servedRequest(requestId, rowBytes))) ids.push(requestId);
    }
    log.commit();
    answered.push(...ids);
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setTimeout(resolve));
  }
}

/** -1: the same; two long lists are not worth a drawing of how they differ. */
function firstDifference(a: readonly string[], b: readonly string[]): number {
  const at = a.findIndex((item, i) => item !== b[i]);
  return at === -1 && a.length !== b.length ? a.length : at;
}
const logged = (): string[] =>
  [...readServedLog(folder)].flatMap((item) => (item.kind === 'served' ? [item.record.requestId] : []));

describe('a disk that stops', () => {
  test('holds no answer until it goes on, and everything is written afterwards, in order', async () => {
    await open();
    await load(() => log.stats().levels.written > 100);
    files.stall();
    // They leave, though nothing can be written. A busy machine may have queued some before.
    const { queued } = log.stats().levels;
    await load(
      () => log.stats().spool.isSlow && files.held.writes > 0 && log.stats().levels.queued > queued + 1_000,
    );
    const stalled = log.stats();
    expect(stalled.spool).toMatchObject({ isSlow: true, mode: 'slow' });
    expect(stalled.shedRecords).toBe(0);
    expect(stalled.spool.ringBytes).toBeGreaterThan(0);
    expect(files.held.writes).toBeGreaterThan(0);
    files.goOn();
    await load(() => !log.stats().spool.isSlow);
    const { written } = log.stats().levels;
    await load(() => log.stats().levels.written > written);
    await log.close();
    expect(firstDifference(logged(), answered)).toBe(-1);
    expect(verifyLog(folder)).toMatchObject({ gaps: [], tornBytes: 0, records: answered.length });
    // A busy machine may make a slow disk of a quick one besides; each is said once, and its end.
    const episodes = log.stats().spool.slowEpisodes;
    expect(said.filter((line) => line.includes('is slow'))).toHaveLength(episodes);
    expect(said.filter((line) => line.includes('quiet again')).length).toBeGreaterThanOrEqual(1);
  });

  test('while the process is asked to stop: the stop waits, and nothing is lost', async () => {
    await open();
    files.stall();
    await load(() => log.stats().levels.queued > 200);
    const closed = log.close();
    let isClosed = false;
    void closed.then(() => (isClosed = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(isClosed).toBe(false);
    files.goOn();
    await closed;
    expect(firstDifference(logged(), answered)).toBe(-1);
    expect(verifyLog(folder)).toMatchObject({ gaps: [], epochs: [{ closed: true }] });
  });

  test('for longer than the ring has memory: the policy decides, and what was shed is told of', async () => {
    await open({ ringBytes: 64 * 1024 });
    files.stall();
    await load(() => log.stats().shedRecords > 50);
    files.goOn();
    await load(() => !log.stats().spool.isSlow);
    await log.close();
    const { records, shedRecords } = log.stats();
    expect(records + shedRecords).toBe(answered.length);
    const state = verifyLog(folder);
    expect(state).toMatchObject({ gaps: [], records });
    let told = 0;
    for (const item of readServedLog(folder)) {
      if (item.kind !== 'heartbeat' && item.kind !== 'last') continue;
      for (const range of item.heartbeat.ranges) told += range.toSequence - range.fromSequence + 1;
    }
    expect(told).toBeGreaterThanOrEqual(shedRecords);
  });

  test('under reject, a full ring refuses and loses nothing that it took', async () => {
    await open({ ringBytes: 64 * 1024, onFull: 'reject' });
    files.stall();
    const startMs = performance.now();
    let refused = 0;
    while (refused < 20) {
      if (performance.now() - startMs > LIMIT_MS) throw new Error('nothing is refused');
      const requestId = `r${answered.length}`;
      if (log.append(servedRequest(requestId, 400)) && (await commitAndWait(log))) answered.push(requestId);
      else refused += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    files.goOn();
    await log.close();
    expect(firstDifference(logged(), answered)).toBe(-1);
    expect(verifyLog(folder).gaps).toEqual([]);
  });

  /** It becomes full while frames wait for it, and the writing thread has met that. */
  async function becomesFull(): Promise<void> {
    files.stall();
    await load(() => log.stats().levels.queued > 100);
    files.failFrom(2_000);
    files.goOn();
  }

  test('and is full when it goes on keeps what waits, takes no more, and tells of each number', async () => {
    await open();
    await becomesFull();
    // Nobody looks at the metrics meanwhile: the log itself must ask.
    const before = answered.length;
    let ticks = 0;
    await load(() => ++ticks > 600);
    expect(log.stats().shedRecords).toBeGreaterThan((answered.length - before) / 2);
    expect(log.stats().spool.isFailing).toBe(true);
    expect(said.filter((line) => line.includes('cannot be written: ENOSPC'))).toHaveLength(1);
    files.fails = false;
    await load(() => !log.stats().spool.isFailing && !log.stats().spool.isSlow);
    expect(await log.close()).toBe(null);
    const { records, shedRecords } = log.stats();
    expect(records + shedRecords).toBe(answered.length);
    expect(verifyLog(folder)).toMatchObject({ gaps: [], records, epochs: [{ closed: true }] });
    expect(said.filter((line) => line.includes('can be written again'))).toHaveLength(1);
  });

  test('and is full when it goes on refuses under reject, and loses nothing that it took', async () => {
    await open({ onFull: 'reject' });
    await becomesFull();
    await load(() => log.stats().spool.isFailing);
    const waiting = answered.length;
    for (let i = 0; i < 100; i++) expect(log.append(servedRequest(`refused${i}`, 400))).toBe(false);
    files.fails = false;
    await load(() => !log.stats().spool.isFailing);
    await log.close();
    expect(waiting).toBeGreaterThan(100);
    // Ticks that were under way when the writing thread met it were refused by their commit.
    const ids = logged();
    expect(ids.filter((id) => id.startsWith('refused'))).toEqual([]);
    expect(log.stats()).toMatchObject({ records: ids.length });
    expect(verifyLog(folder).gaps).toEqual([]);
  });

  test.each([
    ['with room for the last record', 2_000, true, 'its last record tells which'],
    ['for the last record too', 0, false, 'neither is the last record'],
  ])('and stays full at the stop, %s, is said, with what it cost', async (_, bytes, closed, told) => {
    await open();
    files.stall();
    await load(() => log.stats().levels.queued > 100);
    files.failFrom(bytes);
    files.goOn();
    const notKept = await log.close();
    const { records, shedRecords } = log.stats();
    expect(shedRecords).toBeGreaterThan(100);
    expect(records + shedRecords).toBe(answered.length);
    expect(firstDifference(logged(), answered.slice(0, records))).toBe(-1);
    expect(notKept).toContain(`${shedRecords} answered requests are not in the log`);
    expect(notKept).toContain(told);
    expect(verifyLog(folder)).toMatchObject({ gaps: [], epochs: [{ closed }] });
  });

  test('at level synced holds its answers until it goes on', async () => {
    await open({ durability: 'synced' });
    files.stall();
    log.append(servedRequest('a'));
    log.commit();
    let synced: boolean | null = null;
    const done = log.whenSynced().then((kept) => (synced = kept));
    await load(() => log.stats().spool.isSlow);
    expect(synced).toBe(null);
    files.goOn();
    await done;
    expect(synced).toBe(true);
    expect(await log.whenSynced()).toBe(true);
    await log.close();
    expect(firstDifference(logged(), ['a', ...answered])).toBe(-1);
  });
});
