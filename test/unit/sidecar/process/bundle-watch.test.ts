import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { silentLogger } from '../../../../contract/std/logger.ts';
import { watchBundles } from '../../../../sidecar/process/bundle-watch.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const HASH = '0123456789abcdef';

test.each([
  ['the folder', (folder: string) => rmSync(folder, { recursive: true })],
  ['what says which is in force', (folder: string) => rmSync(join(folder, 'current'))],
])('%s removed under a running sidecar is said once, and shows in the metrics', (_, remove) => {
  const folder = scratchFolder({ current: `${HASH}\n` });
  const warned: string[] = [];
  const swap = (): void => expect.unreachable('there is nothing to take');
  const watch = watchBundles(folder, HASH, swap, { ...silentLogger, warn: (line) => void warned.push(line) });
  watch.look();
  expect([watch.refuses, warned]).toEqual([false, []]);
  remove(folder);
  watch.look();
  watch.look();
  watch.stop();
  expect(watch.refuses).toBe(true);
  expect(warned).toEqual([
    expect.stringMatching(`^the bundles in .* cannot be read, ${HASH} stays in force`),
  ]);
});
