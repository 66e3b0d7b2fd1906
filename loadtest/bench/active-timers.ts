/**
 * Given to a sidecar with `node --import active-timers.ts?FILE`: SIGUSR2 writes to the file how many timers it has. Node
 * tells that only to the process itself.
 */
import { writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

// The sidecar's threads start with its flags too.
if (isMainThread) {
  const file = decodeURIComponent(new URL(import.meta.url).search.slice(1));
  process.on('SIGUSR2', () => {
    const timers = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    writeFileSync(file, String(timers));
  });
}
