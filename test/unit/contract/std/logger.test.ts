import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { terminalLogger } from '../../../../contract/std/logger.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function streamOf(isTTY: boolean): { stream: NodeJS.WriteStream; written: string[] } {
  const written: string[] = [];
  const stream = { isTTY, write: (text: string) => written.push(text) > 0 };
  return { stream: stream as unknown as NodeJS.WriteStream, written };
}

test('off a terminal long work tells a line every 10 s, with rate and time left, and none when it is short', () => {
  const { stream, written } = streamOf(false);
  const logger = terminalLogger(stream);
  logger.progress('orders: computing', 0, 60, 'buckets');
  vi.advanceTimersByTime(9_999);
  expect(written).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(written).toEqual(['orders: computing: 0 of 60 buckets (0 %), for 10s\n']);
  logger.progress('orders: computing', 24, 60, 'buckets');
  vi.advanceTimersByTime(10_000);
  expect(written[1]).toBe('orders: computing: 24 of 60 buckets (40 %), 1.2/s, about 30s left\n');
  logger.progress('orders: computing', 60, 60, 'buckets');
  logger.progress('orders: writing', 0, 2);
  logger.progress('orders: writing', 2, 2);
  vi.advanceTimersByTime(60_000);
  expect(written).toHaveLength(2);
});

test('a second piece of work has a rate of its own', () => {
  const { stream, written } = streamOf(false);
  const logger = terminalLogger(stream);
  logger.progress('a', 0, 10);
  vi.advanceTimersByTime(5_000);
  logger.progress('b', 100, 1_000, 'rows');
  logger.progress('b', 200, 1_000, 'rows');
  vi.advanceTimersByTime(5_000);
  expect(written).toEqual(['b: 200 of 1000 rows (20 %), 20/s, about 40s left\n']);
});

test('on a terminal a bar redraws itself, also while no step ends, and goes before a line is said', () => {
  const { stream, written } = streamOf(true);
  const logger = terminalLogger(stream);
  vi.advanceTimersByTime(1_000);
  logger.progress('orders', 0, 4);
  expect(written).toEqual([`orders ${'░'.repeat(24)} 0/4, for 1s`]);
  vi.advanceTimersByTime(2_000);
  expect(written.at(-1)).toBe(`orders ${'░'.repeat(24)} 0/4, for 2s`);
  vi.advanceTimersByTime(500);
  logger.progress('orders', 1, 4);
  expect(written.at(-1)).toBe(`orders ${'█'.repeat(6)}${'░'.repeat(18)} 1/4, 24.0/min, about 8s left`);
  logger.info('said');
  expect(written.slice(-2)).toEqual(['\r\u001b[2K', 'said\n']);
  vi.advanceTimersByTime(1_000);
  expect(written.at(-1)).toContain('1/4');
  logger.progress('orders', 4, 4);
  expect(written.at(-1)).toBe('\r\u001b[2K');
});
