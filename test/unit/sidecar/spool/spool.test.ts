import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLogger } from '../../../../contract/std/logger.ts';
import { systemClock } from '../../../../project/clock.ts';
import type { SpoolMode } from '../../../../sidecar/spool/spool.ts';
import { VectorLog } from '../../../../sidecar/vector-log/vector-log.ts';
import { StallingFiles } from '../../../support/faults/stalling-files.ts';
import { servedRequest } from '../../../support/fixtures/served-requests.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { until } from '../../../support/until.ts';

let files: StallingFiles;
let log: VectorLog;

beforeEach(async () => {
  files = new StallingFiles();
  log = await VectorLog.open({
    folder: scratchFolder(),
    pod: 'pod-1',
    clock: systemClock(),
    durability: 'written',
    maxBytes: 100_000,
    onFull: 'shed-log',
    logger: silentLogger,
    files,
  });
});
afterEach(async () => {
  files.fails = false;
  files.goOn();
  await log.close();
});

const mode = (): SpoolMode => log.stats().spool.mode;
const serve = (rowBytes = 400): void => {
  log.append(servedRequest('r', rowBytes));
  log.commit();
};
/** Writes until the mode is another, since each mode but `guarded` is left with a write. */
const untilMode = (wanted: SpoolMode): Promise<void> =>
  until(() => {
    if (mode() !== wanted) serve();
    return mode() === wanted;
  }, wanted);

test('writes directly, and guarded while a sync is in flight', async () => {
  expect(mode()).toBe('direct');
  files.syncForever();
  serve();
  await until(() => mode() === 'guarded', 'a sync');
  files.goOn();
  await until(() => mode() === 'direct', 'its end');
});

test('is slow while a sync takes over a second, and direct again when that is over', async () => {
  files.stall();
  await untilMode('slow');
  files.goOn();
  await until(() => mode() !== 'slow', 'a quiet second');
});

test('fails from a write that fails to one that does not', async () => {
  files.fails = true;
  serve();
  // Where a sync is in flight, it is the other thread that meets the fault.
  await untilMode('failing');
  files.fails = false;
  await until(() => {
    serve();
    return mode() !== 'failing';
  }, 'a write');
});

test('is full when frames do not fit, whatever the disk does', async () => {
  serve(200_000);
  expect(mode()).toBe('full');
  files.fails = true;
  serve();
  expect(mode()).toBe('full');
});
