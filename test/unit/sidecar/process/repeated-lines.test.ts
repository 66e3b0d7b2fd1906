import { expect, test } from 'vitest';
import { RepeatedLines } from '../../../../sidecar/process/repeated-lines.ts';

test('lines that differ in a duration alone are the same, those of two nodes are not', () => {
  const written: string[] = [];
  const lines = new RepeatedLines((line) => written.push(line));
  for (let i = 0; i < 10; i++) lines.add(`again after ${50 + i / 2}ms`);
  expect(written).toHaveLength(3);
  for (let i = 0; i < 10; i++) lines.add(`127.0.0.1:${7_000 + i} is gone for 1 s`);
  expect(written).toHaveLength(13);
  lines.endMinute();
  expect(written.at(-1)).toBe('again after 54.5ms (7 more times within a minute)');
});

test('a line that comes again and again is written three times a minute and then counted', () => {
  const written: string[] = [];
  const lines = new RepeatedLines((line) => written.push(line));
  for (let i = 0; i < 10; i++) {
    lines.add('the disk is slow');
    if (i < 2) lines.add('another');
  }
  expect(written.filter((line) => line === 'the disk is slow')).toHaveLength(3);
  lines.endMinute();
  expect(written.at(-1)).toBe('the disk is slow (7 more times within a minute)');
  expect(written.filter((line) => line.startsWith('another'))).toHaveLength(2);
  lines.add('the disk is slow');
  expect(written.at(-1)).toBe('the disk is slow');
  lines.endMinute();
  expect(written.at(-1)).toBe('the disk is slow');
});
