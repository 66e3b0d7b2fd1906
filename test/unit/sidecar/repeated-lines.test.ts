import { expect, test } from 'vitest';
import { RepeatedLines } from '../../../sidecar/repeated-lines.ts';

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
