/**
 * Given to a sidecar with `node --import soak-probe.ts?FILE`: SIGUSR2 writes to the file what Node tells only to the
 * process itself: how many timers it has, and the memory of its heap and beside it.
 */
import { writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

export interface Probed {
  readonly timers: number;
  readonly heapBytes: number;
  /** Of buffers and native objects. */
  readonly externalBytes: number;
}

// The sidecar's threads start with its flags too.
if (isMainThread) {
  const file = decodeURIComponent(new URL(import.meta.url).search.slice(1));
  process.on('SIGUSR2', () => {
    const timers = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const { heapUsed: heapBytes, external: externalBytes } = process.memoryUsage();
    writeFileSync(file, JSON.stringify({ timers, heapBytes, externalBytes } satisfies Probed));
  });
}
