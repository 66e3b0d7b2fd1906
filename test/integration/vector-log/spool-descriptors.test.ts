/** The spool's two threads share descriptors of files; a number that was closed may long belong to another file. */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { expect, test } from 'vitest';
import { systemClock } from '../../../project/clock.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import { VectorLog } from '../../../sidecar/vector-log/vector-log.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { servedRequest } from '../../support/fixtures/served-requests.ts';

test('the end of the writing thread closes nothing that others have opened since', async () => {
  const log = await VectorLog.open({
    folder: scratchFolder(),
    pod: 'pod',
    clock: systemClock(),
    durability: 'written',
    maxBytes: 64 * 2 ** 20,
    onFull: 'shed-log',
    logger: silentLogger,
  });
  // Segments of 8 MiB. While a sync is under way the thread writes, and so opens segments too.
  for (let i = 0; i < 500; i++) {
    for (let k = 0; k < 10; k++) log.append(servedRequest(`r${i}-${k}`, 6_000));
    void log.whenSynced();
    log.commit();
    if (i % 10 === 0) await new Promise(setImmediate);
  }
  await log.whenSynced();
  const files = Array.from({ length: 64 }, () => openSync('/dev/null', 'r'));
  await log.close();
  expect(files.filter((fd) => !isOpen(fd))).toEqual([]);
  for (const fd of files) closeSync(fd);
});

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}
