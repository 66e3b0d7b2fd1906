/** The spool's folder is taken away under the writer: it is noticed, told, and a new segment begins in a new folder. */
import { mkdirSync, readdirSync, renameSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../project/clock.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import { listSegments } from '../../../contract/wire/log/spool-segment.ts';
import { verifyLog } from '../../../sidecar/vector-log/log-commands.ts';
import { VectorLog } from '../../../sidecar/vector-log/vector-log.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { servedRequest } from '../../support/fixtures/served-requests.ts';
import { until } from '../../support/until.ts';

const segmentsOf = (folder: string): string[] => listSegments(folder).map(({ file }) => file);

describe('a spool that is taken away', () => {
  const ways: readonly [string, (spool: string) => void][] = [
    ['removed with all in it', (spool) => rmSync(spool, { recursive: true })],
    [
      'replaced by an empty folder',
      (spool) => {
        renameSync(spool, `${spool}-before`);
        mkdirSync(spool);
      },
    ],
    [
      'emptied of its segments',
      (spool) => {
        for (const file of segmentsOf(spool)) unlinkSync(join(spool, file));
      },
    ],
  ];

  test.each(ways)('%s', async (_, takeAway) => {
    const spool = join(scratchFolder(), 'spool');
    const warned: string[] = [];
    const logger = { ...silentLogger, warn: (line: string) => void warned.push(line) };
    const options = { folder: spool, pod: 'pod-1', clock: systemClock(), maxBytes: 2 ** 30, logger };
    const log = await VectorLog.open({ ...options, durability: 'written', onFull: 'shed-log' });
    const serve = (id: string): void => {
      log.append(servedRequest(id));
      log.commit();
    };
    serve('before');
    await log.whenSynced();
    takeAway(spool);
    let n = 0;
    await until(() => {
      serve(`meanwhile-${n++}`);
      return log.stats().spool.vanished > 0;
    }, 'it is noticed');
    expect(log.stats().spool.isFailing).toBe(true);
    expect(warned.some((line) => line.includes('was removed or replaced'))).toBe(true);
    serve('after');
    expect(await log.whenSynced()).toBe(true);
    const { bytes, segments } = log.stats().spool;
    expect(segments).toBe(segmentsOf(spool).length);
    await log.close();
    const state = verifyLog(spool);
    // What was written into nothing shows as a gap of the segment that is named by the next one.
    expect(state.gaps[0]).toMatchObject({ reason: 'missing', fromSequence: 1 });
    expect(state.records).toBeGreaterThan(0);
    expect(state.epochs[0]!.closed).toBe(true);
    expect(bytes).toBeLessThanOrEqual(state.bytes);
    expect(readdirSync(spool)).toContain('lock.db');
    // The new folder is locked like the old one was.
    const again = await VectorLog.open({ ...options, durability: 'written', onFull: 'shed-log' });
    const third = VectorLog.open({ ...options, durability: 'written', onFull: 'shed-log' });
    await expect(third).rejects.toMatchObject({ code: 'LOG_LOCKED' });
    await again.close();
  });
});
