/**
 * Given to a sidecar with `node --import`, its disk is one that stops and goes on with SIGUSR2, for the thread that
 * answers and for the one that writes, as `stalling-files.ts` has it. The program itself knows nothing of it.
 */
import { isMainThread } from 'node:worker_threads';
import { DISK } from '../../../sidecar/spool/spool-files.ts';
import { StallingFiles } from './stalling-files.ts';

// A thread of the sidecar starts with its flags too; it gets the main thread's disk with its work.
if (isMainThread) {
  const disk = new StallingFiles(undefined, { ...DISK });
  Object.assign(DISK, {
    inWorker: disk.inWorker,
    create: (path) => disk.create(path),
    write: (fd, bytes, from, position) => disk.write(fd, bytes, from, position),
    dataSync: (fd) => disk.dataSync(fd),
  } satisfies Partial<typeof DISK>);
  let stalled = false;
  process.on('SIGUSR2', () => {
    stalled = !stalled;
    if (stalled) disk.stall();
    else disk.goOn();
  });
}
