/** The log's disk stands still or is full, while a sidecar of its own process is under load. */
import { afterAll, describe, test } from 'vitest';
import { FULL_DISK_FAULTS, STALL, mountSmallVolume } from '../../support/faults/disk-faults.ts';
import { shortFaults } from '../../support/faults/fault.ts';
import { REDIS_START_LIMIT_MS } from '../../support/redis/redis.ts';

const SECONDS = 1.5;
const STALL_SECONDS = 5;

const volume = mountSmallVolume();
if (volume === null) process.stderr.write('no right to mount a tmpfs: the full-disk tests are skipped\n');
afterAll(() => volume?.unmount());

describe("the log's disk", () => {
  test(STALL.name, { timeout: REDIS_START_LIMIT_MS }, () => STALL.run(null, STALL_SECONDS).then(() => {}));

  for (const { name, run } of shortFaults(FULL_DISK_FAULTS)) {
    test.skipIf(volume === null)(name, () => run(volume!.folder, SECONDS).then(() => {}));
  }
});
