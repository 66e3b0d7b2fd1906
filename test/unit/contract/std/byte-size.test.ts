import { expect, test } from 'vitest';
import { parseBytes } from '../../../../contract/std/byte-size.ts';

test.each([
  ['7', 7],
  ['7B', 7],
  [' 7 B ', 7],
  ['2KB', 2_000],
  ['2 MB', 2_000_000],
  ['2GB', 2_000_000_000],
  ['2KiB', 2_048],
  ['2MiB', 2_097_152],
  ['2GiB', 2_147_483_648],
])('%j is %i bytes', (text, bytes) => {
  expect(parseBytes(text)).toBe(bytes);
});

test.each(['', 'B', '-1', '1.5MiB', '1kb', '1TiB', '1 M', '1e3'])('%j is no size', (text) => {
  expect(parseBytes(text)).toBeNull();
});
