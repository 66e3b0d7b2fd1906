import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { lockView, refuseLocked } from '../../../../materializer/run/view-lock.ts';
import { historyFolder } from '../../../../project/history/history-folder.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { localFolder } from '../../../../project/storage/local-folder.ts';

const view = { id: 'orders', name: 'orders', version: 1 };

/** Holds a lock for a moment. */
const LOOK = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { DatabaseSync } = require('node:sqlite');
  const database = new DatabaseSync(workerData);
  database.exec('BEGIN EXCLUSIVE');
  parentPort.postMessage('held');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30);
  database.close();
`;

test('a run and a dry run wait for one who looks at the lock, and for no run', async () => {
  const root = scratchFolder();
  lockView(root, view).release();
  for (const take of [() => lockView(root, view).release(), () => refuseLocked(root, view)]) {
    const look = new Worker(LOOK, {
      eval: true,
      workerData: join(historyFolder(localFolder(root), view).path, '_run.lock'),
    });
    // A thread that ends before this one looks tells of its message and of its end in one go.
    const ended = once(look, 'exit');
    await once(look, 'message');
    take();
    await ended;
  }
  const run = lockView(root, view);
  for (const take of [() => lockView(root, view), () => refuseLocked(root, view)])
    expect(take).toThrow(expect.objectContaining({ code: 'MAT_BUSY' }));
  run.release();
});
