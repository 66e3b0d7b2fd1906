/** Folders of trainings: swept when their process is gone, left alone while it lives. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openTrainScratch } from '../../../training/train-scratch.ts';
import { QUIET_NODE } from '../../support/processes/plumb-process.ts';
import { scratchFolder } from '../../support/scratch.ts';

const MODULE = join(import.meta.dirname, '../../../training/train-scratch.ts');

/** A process that opens a folder in `temp`, says its name, and then lives until it is killed. */
async function training(temp: string): Promise<{ folder: string; kill(): Promise<void> }> {
  const script = `import { openTrainScratch } from ${JSON.stringify(MODULE)};
    console.log(openTrainScratch(${JSON.stringify(temp)}).folder); setInterval(() => {}, 1_000);`;
  const child = spawn(process.execPath, [QUIET_NODE, '--input-type=module', '-e', script]);
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    folder: said.toString().trim(),
    async kill() {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

test('a killed training is swept by the next one, a living one is not', async () => {
  const temp = scratchFolder();
  const [killed, living] = [await training(temp), await training(temp)];
  writeFileSync(join(killed.folder, 'features.parquet'), 'half');
  await killed.kill();
  mkdirSync(join(temp, 'train-before-locks'));
  mkdirSync(join(temp, 'of-somebody-else'));
  const own = openTrainScratch(temp);
  expect([killed, living, own].map(({ folder }) => existsSync(folder))).toEqual([false, true, true]);
  const others = openTrainScratch(temp);
  expect(existsSync(own.folder)).toBe(true);
  own.remove();
  others.remove();
  await living.kill();
  openTrainScratch(temp).remove();
  expect(readdirSync(temp).toSorted()).toEqual(['of-somebody-else', 'train.lock']);
});
