/** A file that is written aside: whole or not there, and nothing left of what failed. */
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { removeAsides, writeDurably } from '../../../../../contract/std/files/durable-file.ts';
import { scratchFolder } from '../../../../support/scratch.ts';

test('a write that fails leaves nothing behind', () => {
  const folder = scratchFolder();
  mkdirSync(join(folder, 'taken'));
  expect(() => writeDurably(join(folder, 'taken'), 'text')).toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
  expect(readdirSync(folder)).toEqual(['taken']);
  writeDurably(join(folder, 'file'), 'text');
  expect(readdirSync(folder)).toEqual(['file', 'taken']);
});

test('what writers that were killed have left goes after a day, and nothing else', () => {
  const folder = scratchFolder();
  const now = Date.UTC(2026, 0, 2);
  const old = (now - 2 * 86_400_000) / 1_000;
  for (const name of ['a.json.17.tmp', 'b.tmp', 'c.json']) {
    writeFileSync(join(folder, name), '');
    utimesSync(join(folder, name), old, old);
  }
  writeFileSync(join(folder, 'd.json.18.tmp'), '');
  utimesSync(join(folder, 'd.json.18.tmp'), now / 1_000, now / 1_000);
  removeAsides(folder, now);
  expect(readdirSync(folder)).toEqual(['b.tmp', 'c.json', 'd.json.18.tmp']);
});
