import { expect, test } from 'vitest';
import { SyncQueue } from '../../../../sidecar/spool/sync-queue.ts';

test('finished segments are synced, and so closed, also while nothing new is written', async () => {
  let retired = 0;
  let syncs = 0;
  const queue = new SyncQueue({
    sync: async () => {
      syncs += 1;
      retired = 0;
    },
    written: () => 0,
    hasRetired: () => retired > 0,
    onFailed: () => expect.unreachable('nothing fails'),
    onRecovered: () => expect.unreachable('nothing failed'),
  });
  await queue.sync();
  expect(syncs).toBe(0);
  retired = 1;
  await queue.sync();
  await queue.sync();
  expect(syncs).toBe(1);
});
