import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pointerText } from '../../../../contract/bundles/bundle-pointer.ts';
import { publishBundle } from '../../../../contract/definitions/bundle-folder.ts';
import type { Bundle } from '../../../../contract/model.ts';
import { silentLogger } from '../../../../contract/std/logger.ts';
import { watchBundles } from '../../../../sidecar/process/bundle-watch.ts';
import { onDemandContent } from '../../../support/fixtures/on-demand-bundle.ts';
import { bundleContent } from '../../../support/fixtures/serving-fixture.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const HASH = '0123456789abcdef';
const POINTER = {
  project: 'test',
  registry: '',
  sequence: 0,
  revision: 0,
  hash: '0'.repeat(64),
  name: HASH,
  staged: null,
  signature: null,
};

test.each([
  ['the folder', (folder: string) => rmSync(folder, { recursive: true })],
  ['what says which is in force', (folder: string) => rmSync(join(folder, 'current'))],
])('%s removed under a running sidecar is said once, and shows in the metrics', async (_, remove) => {
  const folder = scratchFolder({ current: pointerText(POINTER) });
  const warned: string[] = [];
  const swap = (): never => expect.unreachable('there is nothing to take');
  const watch = watchBundles({ folder, pod: 'pod', taker: null, everyUs: 1e7 }, HASH, swap, {
    ...silentLogger,
    warn: (line) => void warned.push(line),
  });
  await watch.look();
  expect([watch.refuses, warned]).toEqual([false, []]);
  remove(folder);
  await watch.look();
  await watch.look();
  await watch.stop();
  expect(watch.refuses).toBe(true);
  expect(warned).toEqual([
    expect.stringMatching(`^the bundles in .* cannot be read, ${HASH} stays in force`),
  ]);
});

test('a bundle is told of once it is in force; another one waits for it, and so does the end', async () => {
  const folder = scratchFolder({});
  const first = publishBundle(folder, bundleContent()).hash;
  const told: string[] = [];
  let isReady = (): void => {};
  const swap = async ({ hash }: Bundle): Promise<void> => {
    told.push(`taking ${hash}`);
    await new Promise<void>((resolve) => (isReady = resolve));
  };
  const watch = watchBundles({ folder, pod: 'pod', taker: null, everyUs: 1e7 }, first, swap, {
    ...silentLogger,
    info: (line) => void told.push(line),
  });
  const second = publishBundle(folder, onDemandContent()).hash;
  const looking = watch.look();
  publishBundle(folder, bundleContent());
  void watch.look();
  expect(told).toEqual([`taking ${second}`]);
  let hasStopped = false;
  const stopping = watch.stop().then(() => (hasStopped = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(hasStopped).toBe(false);
  isReady();
  await Promise.all([looking, stopping]);
  expect(told).toEqual([`taking ${second}`, `serving bundle ${second}`]);
});
