/**
 * Functions that loop for ever, in a sidecar of its own process: what others lose by them, beside the same load without
 * them, in turn (benchmarks/harness/looping-load.ts). Prints both. Run by `npm run test:long`.
 */
import { expect, test } from 'vitest';
import { loopingTurns } from '../../../benchmarks/harness/looping-load.ts';

const TURNS = 6;
const MOST_LOST_MS = 10;

test('cost others under 10 ms, and their own values', async () => {
  const { refused, looping, endedCalls, afterwards, ...others } = await loopingTurns(TURNS);
  expect(refused).toEqual([]);
  for (const kind of ['plain', 'doubling'] as const) {
    const turns = others[kind];
    console.info(kind, turns);
    // Of each the best turn: what a busy machine adds to one of them is no doing of the loops.
    const best = (withLoops: boolean, of: (turn: (typeof turns)[number]) => number): number =>
      Math.min(...turns.filter((one) => one.withLoops === withLoops).map(of));
    const lost = best(true, ({ p99 }) => p99) - best(false, ({ p99 }) => p99);
    expect(lost, `${kind}: what the p99 loses`).toBeLessThan(MOST_LOST_MS);
    const lacking = [true, false].map((withLoops) => best(withLoops, (one) => one.lacking));
    expect(lacking[0], `${kind}: rows without values`).toBe(lacking[1]);
  }
  expect(looping).toHaveLength((TURNS / 2) * 12);
  for (const { body } of looping) expect(body).toContain('"UNAVAILABLE"');
  console.info('calls ended', endedCalls, 'functions that looped', looping.length);
  expect(endedCalls).toBeGreaterThan(0);
  for (const body of afterwards) expect(body).toContain('__y":8');
});
