/** What `log status` tells from the ends of the segments is what `log verify` finds by reading all of them. */
import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { readServedLog } from '../../../../contract/wire/log/served-log.ts';
import { writeDurably } from '../../../../contract/std/files/durable-file.ts';
import { PASSED_FILE, passedMarkText } from '../../../../contract/wire/log/passed-mark.ts';
import { systemClock } from '../../../../project/clock.ts';
import { silentLogger } from '../../../../contract/std/logger.ts';
import { formatTimestamp } from '../../../../contract/std/timestamp.ts';
import { SegmentEnds } from '../../../../contract/wire/log/segment-ends.ts';
import { FRAME_MAGIC } from '../../../../contract/wire/log/spool-frame.ts';
import { advanceCursor } from '../../../../contract/wire/log/spool-cursor.ts';
import { listSegments } from '../../../../contract/wire/log/spool-segment.ts';
import { verifyLog } from '../../../../sidecar/vector-log/log-commands.ts';
import { lagOf, sizedSegments } from '../../../../sidecar/vector-log/consumer-lag.ts';
import { ConsumerWatch } from '../../../../sidecar/vector-log/consumer-watch.ts';
import { renderStatus, statusOfLog } from '../../../../sidecar/vector-log/log-status.ts';
import { VectorLog } from '../../../../sidecar/vector-log/vector-log.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { SERVED_US, servedRequest } from '../../../support/fixtures/served-requests.ts';

let spool: string;
let servedUs: number;
beforeEach(() => {
  spool = scratchFolder({});
  servedUs = SERVED_US;
});

/** One start of a sidecar, records a microsecond apart; segments are an eighth of `maxBytes`. */
async function start(rowBytes: readonly number[], maxBytes = 2 ** 31): Promise<void> {
  const options = { folder: spool, pod: 'pod-1', clock: systemClock(), logger: silentLogger, maxBytes };
  const log = await VectorLog.open({
    ...options,
    durability: 'written',
    onFull: 'shed-log',
    consumers: ['ingest'],
    // On a busy disk a full ring would shed what the tests count.
    ringBytes: 0,
  });
  for (const [i, bytes] of rowBytes.entries()) {
    servedUs += 1;
    log.append({ ...servedRequest(`q-${i}`, bytes), servedUs });
    log.commit();
  }
  await log.close();
}

/** Takes the last record away, as a kill does, and leaves so much of it. */
function kill(leftBytes = 0): void {
  const path = pathOf(-1);
  const bytes = readFileSync(path);
  truncateSync(path, bytes.lastIndexOf(FRAME_MAGIC) + leftBytes);
}

const pathOf = (at: number): string => join(spool, listSegments(spool).at(at)!.file);
const sizes = (count: number): number[] => Array.from({ length: count }, (_, i) => 40 + ((i * 37) % 400));

describe('the state of a spool', () => {
  test('is that which reading all of it gives', async () => {
    await start(sizes(400), 400_000);
    await start(sizes(3));
    kill();
    await start([100, 700_000, 100], 2 ** 31);
    await start([100, 700_000]);
    kill(7);
    await start([]);
    await start(sizes(50));
    kill(30);
    const whole = verifyLog(spool);
    const status = await statusOfLog(spool);
    expect(
      status.starts.map(({ epoch, pod, lastSequence, closed }) => ({ epoch, pod, lastSequence, closed })),
    ).toEqual(
      whole.epochs.map(({ epoch, pod, lastSequence, closed }) => ({ epoch, pod, lastSequence, closed })),
    );
    expect(status.starts.map(({ closed }) => closed)).toEqual([true, false, true, false, true, false]);
    expect(status).toMatchObject({
      bytes: whole.bytes,
      segments: whole.segments,
      missing: [],
      damagedHeads: [],
    });
    expect(status.starts.reduce((sum, { tornBytes }) => sum + tornBytes, 0)).toBe(whole.tornBytes);
    // A slow disk gets many commits in one write, and a segment may be larger for it.
    expect(status.starts[0]!.segments).toBeGreaterThan(1);
    expect(status.starts.map(({ firstSequence }) => firstSequence)).toEqual([1, 1, 1, 1, 1, 1]);
    expect(status.newest).toBe(formatTimestamp(servedUs));
    const text = renderStatus(status, servedUs);
    const open = status.starts[1]!;
    expect(text).toContain(
      `epoch ${open.epoch} of pod-1 has numbers 1 to ${open.lastSequence} and no last record: it runs, or was killed`,
    );
    expect(text).toContain(', a torn tail of 30 bytes and no last record');
    expect(text).toContain(`read ${status.readBytes} bytes at the ends of segments: gaps within a segment`);
  });

  test('names segments that are gone from the middle, and a front that nobody has passed', async () => {
    await start(sizes(600), 400_000);
    const segments = listSegments(spool);
    const { epoch } = segments[0]!;
    for (const at of [0, 2, 3]) rmSync(join(spool, segments[at]!.file));
    const front = { epoch, fromSegment: 1, toSegment: 1 };
    const middle = { epoch, fromSegment: 3, toSegment: 4 };
    const status = await statusOfLog(spool);
    expect(status.missing).toEqual([front, middle]);
    expect(renderStatus(status, servedUs)).toContain(`of epoch ${epoch} segments 3 to 4 are missing`);
    // That a consumer has passed it does not say who removed it.
    advanceCursor(spool, 'ingest', { segment: segments[1]!.file, offset: 0, sequence: 0 });
    expect((await statusOfLog(spool)).missing).toEqual([front, middle]);
    writeDurably(join(spool, PASSED_FILE), passedMarkText(segments[0]!.file));
    expect((await statusOfLog(spool)).missing).toEqual([middle]);
  });

  test('names a segment that is shorter than the next one has found it', async () => {
    await start(sizes(600), 400_000);
    const [first] = listSegments(spool);
    const { size } = statSync(join(spool, first!.file));
    truncateSync(join(spool, first!.file), size - 1_000);
    const status = await statusOfLog(spool);
    expect(status.shrunk).toEqual([{ segment: first!.file, bytes: size - 1_000, missingBytes: 1_000 }]);
    expect(renderStatus(status, servedUs)).toContain(`has ${size - 1_000} bytes left and lacks 1000`);
  });

  test('goes on past damage at both ends', async () => {
    await start(sizes(200), 400_000);
    const file = listSegments(spool)[0]!.file;
    const head = readFileSync(pathOf(0));
    head[20]! ^= 1;
    writeFileSync(pathOf(0), head);
    const last = readFileSync(pathOf(-1));
    last.fill(0, last.length - 9);
    writeFileSync(pathOf(-1), last);
    const status = await statusOfLog(spool);
    expect(status.damagedHeads).toEqual([file]);
    const [only] = verifyLog(spool).epochs;
    const { lastSequence, closed } = only!;
    expect(status.starts).toMatchObject([{ pod: 'pod-1', firstSequence: null, lastSequence, closed }]);
    writeFileSync(pathOf(-1), Buffer.alloc(3_000_000));
    expect((await statusOfLog(spool)).starts).toMatchObject([{ lastSequence: null, closed: false }]);
  });

  test('of a spool that was only begun has no numbers yet', async () => {
    await start([]);
    kill();
    const text = renderStatus(await statusOfLog(spool), servedUs);
    expect(text).toContain('in 1 segment of 1 start\n');
    expect(text).toContain('has no numbers yet and no last record');
  });

  test('of an empty folder is empty', async () => {
    const status = await statusOfLog(spool, ['kafka']);
    expect(status).toMatchObject({
      bytes: 0,
      segments: 0,
      oldest: null,
      newest: null,
      starts: [],
      readBytes: 0,
    });
    expect(renderStatus(status, 0)).toContain('oldest: the spool is empty');
  });

  test('of two hundred megabytes takes a few hundred kilobytes', async () => {
    await start(Array.from({ length: 11_000 }, () => 20_000));
    const segments = listSegments(spool);
    expect(segments.length).toBeGreaterThan(3);
    advanceCursor(spool, 'ingest', { segment: segments[1]!.file, offset: 1_000_000, sequence: 0 });
    const before = readChars();
    const status = await statusOfLog(spool, ['kafka']);
    const read = readChars() - before;
    expect(status.bytes).toBeGreaterThan(200_000_000);
    expect(status.consumers.map(({ oldest }) => oldest !== null)).toEqual([true, true]);
    expect(status.readBytes).toBeLessThan(300_000);
    // What the system counts is what the status says, but for cursors and the like.
    expect(read - status.readBytes).toBeLessThan(100_000);
    expect(read - status.readBytes).toBeGreaterThanOrEqual(0);
  });
});

describe('the lag of a consumer', () => {
  test('at each position: the bytes behind it, and the time of the record that comes next', async () => {
    await start(sizes(120), 400_000);
    await start([100, 700_000, 300_000, 100]);
    kill(12);
    const items = [...readServedLog(spool)].flatMap((item) => {
      if (item.kind === 'gap' || item.kind === 'torn') return [];
      const atUs = item.kind === 'served' ? item.record.servedUs : item.heartbeat.atUs;
      return [{ next: item.next, atUs }];
    });
    const segments = await sizedSegments(spool);
    const ends = new SegmentEnds();
    let lastBytes = (await lagOf({ folder: spool, segments, ends }, 'ingest', null)).lagBytes;
    expect(lastBytes).toBe(verifyLog(spool).bytes);
    for (const [i, { next }] of items.entries()) {
      const { lagBytes, oldestUs } = await lagOf({ folder: spool, segments, ends }, 'ingest', next);
      // A record in parts does not say when it was served; the one behind it does.
      const known = items.slice(i + 1).map(({ atUs }) => atUs);
      expect(known.slice(0, 3).concat(known.length === 0 ? [0] : [])).toContain(oldestUs ?? 0);
      if (i < 100) expect(oldestUs).toBe(known[0]);
      expect(lagBytes).toBeLessThan(lastBytes);
      lastBytes = lagBytes;
    }
    expect(lastBytes).toBe(12);
  });

  test('is kept at hand by a watch, also behind a damaged cursor', async () => {
    await start(sizes(10));
    const watch = new ConsumerWatch(spool, ['ingest', 'kafka']);
    try {
      await watch.look();
      const bytes = statSync(pathOf(0)).size;
      const behind = { lagBytes: bytes, oldestUs: SERVED_US + 1 };
      expect(watch.lags).toMatchObject([
        { consumer: 'ingest', ...behind },
        { consumer: 'kafka', ...behind },
      ]);
      const last = [...readServedLog(spool)].findLast((item) => item.kind === 'last')!;
      advanceCursor(spool, 'ingest', (last as { next: Parameters<typeof advanceCursor>[2] }).next);
      writeFileSync(join(spool, 'kafka.cursor'), 'x');
      await watch.look();
      expect(watch.lags).toMatchObject([{ lagBytes: 0, oldestUs: null }, behind]);
    } finally {
      watch.stop();
    }
  });
});

/** Bytes that this process has read, from files and pipes, as Linux counts them. */
function readChars(): number {
  return Number(/rchar: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))![1]);
}
