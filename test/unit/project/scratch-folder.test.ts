/** Scratch folders, here of trainings: swept when their process is gone, left alone while it lives. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openScratchFolder } from '../../../project/scratch-folder.ts';
import { QUIET_NODE } from '../../support/processes/plumb-process.ts';
import { scratchFolder } from '../../support/scratch.ts';

const MODULE = join(import.meta.dirname, '../../../project/scratch-folder.ts');

/** A process that opens a folder in `temp`, says its name, and then lives until it is killed. */
async function training(temp: string): Promise<{ folder: string; kill(): Promise<void> }> {
  const script = `import { openScratchFolder } from ${JSON.stringify(MODULE)};
    console.log(openScratchFolder(${JSON.stringify(temp)}, 'train').folder); setInterval(() => {}, 1_000);`;
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
  const own = openScratchFolder(temp, 'train');
  expect([killed, living, own].map(({ folder }) => existsSync(folder))).toEqual([false, true, true]);
  const others = openScratchFolder(temp, 'train');
  expect(existsSync(own.folder)).toBe(true);
  own.remove();
  others.remove();
  await living.kill();
  openScratchFolder(temp, 'train').remove();
  expect(readdirSync(join(temp, 'plumb-train'))).toEqual(['sweep.lock']);
});

test("a user's files stay, whatever they are called", () => {
  const temp = scratchFolder();
  const elsewhere = scratchFolder();
  const home = join(temp, 'plumb-train');
  writeFileSync(join(elsewhere, 'model.bin'), 'weeks of work');
  writeFileSync(join(elsewhere, 'plumb.lock'), '');
  mkdirSync(home);
  for (const folder of [temp, home]) {
    for (const name of ['train-data', 'train-2024', 'train-abc123', 'models']) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'part.parquet'), 'rows');
    }
    writeFileSync(join(folder, 'train-labels.parquet'), 'rows');
    writeFileSync(join(folder, 'train.lock'), 'of another tool');
    symlinkSync(elsewhere, join(folder, 'train-linked'));
    symlinkSync(join(elsewhere, 'plumb.lock'), join(folder, 'train-data', 'plumb.lock'));
    mkdirSync(join(folder, 'train-2024', 'plumb.lock'));
    mkdirSync(join(folder, 'train-2024', 'lock.db'));
    writeFileSync(join(folder, 'models', 'plumb.lock'), '');
  }
  // Outside our folder, not even what looks like ours is.
  mkdirSync(join(temp, 'train-locked'));
  writeFileSync(join(temp, 'train-locked', 'plumb.lock'), '');
  const before = readdirSync(temp, { recursive: true }).toSorted();
  openScratchFolder(temp, 'train').remove();
  const after = readdirSync(temp, { recursive: true }).filter((name) => name !== 'plumb-train/sweep.lock');
  expect(after.toSorted()).toEqual(before);
  expect(readFileSync(join(elsewhere, 'model.bin'), 'utf8')).toBe('weeks of work');
});
