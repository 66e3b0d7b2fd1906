import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { requireUnchanged, sha256Of } from '../../../../training/labels/labels-hash.ts';
import { scratchFolder } from '../../../support/scratch.ts';

test('labels are said to be changed, removed or not to be read, each where it is so', async () => {
  const file = join(scratchFolder({ 'labels.csv': 'a' }), 'labels.csv');
  const sha256 = await sha256Of(file);
  await requireUnchanged(file, sha256);
  const said = (): Promise<unknown> => requireUnchanged(file, sha256).catch((error: Error) => error.message);
  writeFileSync(file, 'b');
  expect(await said()).toBe(`${file} changed while the training set was made of it`);
  rmSync(file);
  expect(await said()).toBe(`${file} was removed while the training set was made of it`);
  mkdirSync(file);
  expect(await said()).toMatch(
    /labels\.csv could not be read any more \(EISDIR: .*\) while the training set/,
  );
});
