/** When a sidecar takes itself for one that does not keep up, and what it refuses then. */
import { describe, expect, test } from 'vitest';
import { Codel } from '../../../../sidecar/request/overload.ts';

/** Requests of these ages, one every 10 ms; @returns which were refused */
function run(codel: Codel, ages: readonly number[], fromMs = 0): boolean[] {
  return ages.map((age, i) => {
    codel.turn();
    return codel.refuses(age, fromMs + i * 10);
  });
}

const times = (n: number, age: number): number[] => Array.from({ length: n }, () => age);

describe('CoDel', () => {
  test('lets a burst of 100 ms through, however old its requests are', () => {
    const codel = new Codel();
    codel.idle(0);
    expect(run(codel, times(11, 90))).toEqual(times(11, 0).map(() => false));
  });

  test('refuses from 10 ms of age on when no request was young for longer than that', () => {
    const codel = new Codel();
    codel.idle(0);
    run(codel, times(11, 12));
    expect([6, 9.9, 10, 50].map((age) => codel.refuses(age, 111))).toEqual([false, false, true, true]);
  });

  test('does not take a process that stood still for one that is behind', () => {
    const codel = new Codel();
    codel.idle(0);
    for (let turn = 1; turn <= 9; turn++) codel.turn();
    expect(codel.refuses(5_000, 5_000)).toBe(false);
    codel.turn();
    expect(codel.refuses(5_000, 5_000)).toBe(true);
  });

  test('one request of at most 5 ms, or a queue that was empty, and it keeps up again', () => {
    for (const mend of [(codel: Codel) => codel.refuses(5, 200), (codel: Codel) => codel.idle(200)]) {
      const codel = new Codel();
      codel.idle(0);
      run(codel, times(11, 50));
      expect(codel.refuses(50, 150)).toBe(true);
      mend(codel);
      run(codel, times(10, 50), 200);
      expect([codel.refuses(50, 300), codel.refuses(50, 301)]).toEqual([false, true]);
    }
  });
});
