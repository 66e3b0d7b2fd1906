import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeFolder } from '../../../../../contract/std/files/folder.ts';
import { scratchFolder } from '../../../../support/scratch.ts';

test('makes every folder that is missing, with the mode, and says whether any was', () => {
  const root = scratchFolder();
  expect(makeFolder(join(root, 'a/b/c'), 0o700)).toBe(true);
  expect(makeFolder(join(root, 'a/b/c'), 0o700)).toBe(false);
  expect(makeFolder(`${root}/a/../a/d/`)).toBe(true);
  expect((statSync(join(root, 'a')).mode & 0o777).toString(8)).toBe('700');
  expect(statSync(join(root, 'a/d')).isDirectory()).toBe(true);
});

test('where the file system makes none, the error comes at once and names the folder above', () => {
  expect(() => makeFolder('/proc/plumb/a')).toThrow(/no folder can be made in \/proc \(ENOENT/);
});

test('a link to a folder counts as one; a file or a link to nothing does not', () => {
  const root = scratchFolder();
  mkdirSync(join(root, 'real'));
  symlinkSync('real', join(root, 'link'));
  symlinkSync('nowhere', join(root, 'broken'));
  writeFileSync(join(root, 'file'), '');
  expect(makeFolder(join(root, 'link/in'))).toBe(true);
  expect(() => makeFolder(join(root, 'broken'))).toThrow(/EEXIST/);
  expect(() => makeFolder(join(root, 'file'))).toThrow(/EEXIST/);
  expect(() => makeFolder(join(root, 'file/in'))).toThrow(/ENOTDIR|EEXIST/);
});
