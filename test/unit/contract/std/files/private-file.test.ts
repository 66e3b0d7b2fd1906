import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeDurably } from '../../../../../contract/std/files/durable-file.ts';
import { makePrivateFile } from '../../../../../contract/std/files/private-file.ts';
import { scratchFolder } from '../../../../support/scratch.ts';

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

test('a new file and its new folders are for their owner; one that is there stays as it is', () => {
  const folder = scratchFolder();
  const file = join(folder, 'a/b/online.db');
  makePrivateFile(file);
  expect([modeOf(file), modeOf(join(folder, 'a'))]).toEqual(['600', '700']);
  writeFileSync(file, 'kept');
  makePrivateFile(file);
  expect(readFileSync(file, 'utf8')).toBe('kept');
});

test('a durable file is too, unless it is meant for others', () => {
  const folder = scratchFolder();
  writeDurably(join(folder, 'reports/day.json'), '{}');
  expect([modeOf(join(folder, 'reports/day.json')), modeOf(join(folder, 'reports'))]).toEqual(['600', '700']);
  writeDurably(join(folder, 'history/mark.json'), '{}', 0o644);
  expect(modeOf(join(folder, 'history/mark.json'))).toBe('644');
});
