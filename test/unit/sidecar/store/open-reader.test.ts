import { expect, test, vi } from 'vitest';
import { silentLogger } from '../../../../contract/std/logger.ts';
import { trouble } from '../../../../sidecar/store/open-reader.ts';

test('a fault is told once in ten seconds, and silences no other; a flood of different ones is cut off', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  try {
    const told: string[] = [];
    const tell = trouble({ ...silentLogger, warn: (line: string) => void told.push(line) });
    const fail = (message: string): void => tell(new Error(message));
    for (const message of ['no connection', 'no connection', 'the marker of v', 'no connection'])
      fail(message);
    expect(told).toEqual(['the online store: no connection', 'the online store: the marker of v']);
    vi.advanceTimersByTime(9_999);
    fail('no connection');
    expect(told).toHaveLength(2);
    vi.advanceTimersByTime(1);
    fail('no connection');
    expect(told.slice(2)).toEqual(['the online store: no connection']);
    for (let node = 0; node < 100; node += 1) fail(`node ${node}`);
    expect(told).toHaveLength(10);
  } finally {
    vi.useRealTimers();
  }
});
