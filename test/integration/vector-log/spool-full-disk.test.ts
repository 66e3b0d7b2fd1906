/** A volume that is really full: a tmpfs of 1 MiB. Needs the right to mount one; skipped, and said so, without it. */
import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  rmdirSync,
  statfsSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { readServedLog } from '../../../contract/wire/log/served-log.ts';
import { systemClock } from '../../../project/clock.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import { SHED_DISK } from '../../../contract/wire/log/served-record.ts';
import { verifyLog } from '../../../sidecar/vector-log/log-commands.ts';
import { VectorLog } from '../../../sidecar/vector-log/vector-log.ts';
import { commitAndWait } from '../../support/processes/committed.ts';
import { servedRequest } from '../../support/fixtures/served-requests.ts';

const root = mkdtempSync(join(tmpdir(), 'plumb-'));
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'plumb', root]).status === 0;
const deadlineMs = 120_000;

beforeAll(() => {
  if (!mounted) process.stderr.write('no right to mount a tmpfs: the full-disk tests are skipped\n');
});
/** A test that falls leaves the volume to the next one empty. */
afterEach(() => {
  for (const name of readdirSync(root)) rmSync(join(root, name), { recursive: true });
});
afterAll(() => {
  if (mounted) expect(spawnSync('umount', [root]).status).toBe(0);
  rmdirSync(root);
});

function open(folder: string, onFull: 'shed-log' | 'reject'): Promise<VectorLog> {
  mkdirSync(folder);
  const options = { folder, pod: 'pod-1', clock: systemClock(), logger: silentLogger, onFull };
  return VectorLog.open({ ...options, durability: 'written', maxBytes: 2 ** 31 });
}

/** Turns of the event loop until the log takes a request again, as a sidecar under load would find out. */
async function untilTaken(log: VectorLog, requestId: string): Promise<void> {
  const startMs = performance.now();
  const { records } = log.stats();
  for (let i = 0; log.stats().records === records; i++) {
    if (performance.now() - startMs > deadlineMs) throw new Error('the log takes nothing');
    log.append(servedRequest(`${requestId}${i}`));
    log.commit();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe.skipIf(!mounted)('a full volume', () => {
  test('under shed-log: answers go on, what is lost is told of, and it recovers', async () => {
    const folder = join(root, 'shed');
    const log = await open(folder, 'shed-log');
    const ballast = join(root, 'ballast');
    writeFileSync(ballast, Buffer.alloc(500_000));
    for (let i = 0; i < 2_000; i++) {
      expect(log.append(servedRequest(`r${i}`, 1_000))).toBe(true);
      // A machine without a free processor looks like a slow disk: then a commit is held for a while.
      await commitAndWait(log);
    }
    const full = log.stats();
    expect(full.records + full.shedRecords).toBe(2_000);
    expect(full.records).toBeGreaterThan(100);
    expect(full.shedRecords).toBeGreaterThan(100);
    expect(statfsSync(root).bavail * statfsSync(root).bsize).toBeLessThan(8_192);
    unlinkSync(ballast);
    await untilTaken(log, 'again');
    await log.close();
    const { records, shedRecords } = log.stats();
    const state = verifyLog(folder);
    expect(state).toMatchObject({ records, gaps: [], tornBytes: 0 });
    let told = 0;
    for (const item of readServedLog(folder)) {
      if (item.kind !== 'heartbeat' && item.kind !== 'last') continue;
      for (const range of item.heartbeat.ranges) {
        expect(range.reason).toBe(SHED_DISK);
        told += range.toSequence - range.fromSequence + 1;
      }
      if (item.kind === 'last') expect(item.heartbeat.shed).toBe(shedRecords);
    }
    // Each failed try may also have lost a heartbeat of its own.
    expect(told).toBeGreaterThanOrEqual(shedRecords);
  });

  test('under reject: what is not logged is refused, and it recovers', async () => {
    const folder = join(root, 'reject');
    const log = await open(folder, 'reject');
    const ballast = join(root, 'ballast');
    writeFileSync(ballast, Buffer.alloc(500_000));
    const answered: string[] = [];
    for (let i = 0; i < 2_000; i++) {
      if (log.append(servedRequest(`r${i}`, 1_000)) && (await commitAndWait(log))) answered.push(`r${i}`);
    }
    expect(answered.length).toBeLessThan(2_000);
    unlinkSync(ballast);
    await untilTaken(log, 'again');
    await log.close();
    const logged = [...readServedLog(folder)].flatMap((item) =>
      item.kind === 'served' ? [item.record.requestId] : [],
    );
    expect(logged.filter((id) => id.startsWith('r'))).toEqual(answered);
    expect(verifyLog(folder).gaps).toEqual([]);
  });
});
