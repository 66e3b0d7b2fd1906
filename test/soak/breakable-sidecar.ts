/**
 * Given to a sidecar with `node --import breakable-sidecar.ts?FILE`: at SIGUSR2 it reads the file, a `Broken`, and its
 * disk and its wall clock are from then on as that says. The program itself knows nothing of it.
 */
import { readFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { DISK } from '../../sidecar/spool/spool-files.ts';
import { StallingFiles } from '../support/faults/stalling-files.ts';

export interface Broken {
  /** No sync of the spool ends, and no write while one is under way. */
  readonly diskStalls: boolean;
  /** Each write of the spool fails for want of space. */
  readonly diskIsFull: boolean;
  /** By how much the wall clock is ahead of this machine's; negative: behind. */
  readonly clockAheadMs: number;
}

// A thread of the sidecar starts with its flags too; it gets the main thread's disk with its work.
if (isMainThread) {
  const file = decodeURIComponent(new URL(import.meta.url).search.slice(1));
  const disk = new StallingFiles(undefined, { ...DISK });
  Object.assign(DISK, {
    inWorker: disk.inWorker,
    create: (path) => disk.create(path),
    write: (fd, bytes, from, position) => disk.write(fd, bytes, from, position),
    dataSync: (fd) => disk.dataSync(fd),
  } satisfies Partial<typeof DISK>);
  const trueNow = Date.now;
  let aheadMs = 0;
  Date.now = () => trueNow() + aheadMs;
  process.on('SIGUSR2', () => {
    const broken = JSON.parse(readFileSync(file, 'utf8')) as Broken;
    aheadMs = broken.clockAheadMs;
    disk.fails = broken.diskIsFull;
    if (broken.diskStalls) disk.stall();
    else disk.goOn();
  });
}
