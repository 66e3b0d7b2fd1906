/** DuckDB's share of memory in a container. */
import { expect, test } from 'vitest';
import { memoryLimit } from '../../../monitor/memory-limit.ts';

test('what the setting says, and no more than half of the container', () => {
  const settings = { memory: 512 * 2 ** 20 };
  expect(memoryLimit(settings, 0)).toBe('536870912B');
  expect(memoryLimit(settings, 2 ** 64)).toBe('536870912B');
  expect(memoryLimit(settings, 2 ** 30)).toBe('536870912B');
  expect(memoryLimit(settings, 600 * 2 ** 20)).toBe(`${300 * 2 ** 20}B`);
});
