/** How long a sidecar goes on serving after it was told to stop, on a clock of the test's own. */
import { expect, test } from 'vitest';
import { drained } from '../../../../sidecar/process/drain.ts';

/**
 * @param until  requests come every 100 ms up to this time; the signal comes at 0 @returns when it stopped listening
 */
async function stopsAt(
  until: number,
  more: { drainMs?: number; limitMs?: number; cutMs?: number },
): Promise<number> {
  let nowMs = 0;
  const { drainMs = 5_000, limitMs = 20_000, cutMs = Infinity } = more;
  await drained({
    drainMs,
    limitMs,
    lastReadMs: () => (until === -Infinity ? until : Math.floor(Math.min(nowMs, until) / 100) * 100),
    isCut: () => nowMs >= cutMs,
    nowMs: () => nowMs,
    sleep: async (ms) => void (nowMs += ms),
  });
  return nowMs;
}

test.each([
  ['the least time, though nobody asks', -Infinity, {}, 5_000],
  ['2 s after the last request', 7_000, {}, 9_000],
  ['no longer than the grace period allows', Infinity, {}, 20_000],
  [
    'where the grace period is shorter than the least time, no longer either',
    -Infinity,
    { limitMs: 3_000 },
    3_000,
  ],
  ['as a native sidecar at once, when the others have long ended', -5_000, { drainMs: 0 }, 0],
  ['as a native sidecar too while somebody asks', 1_000, { drainMs: 0 }, 3_000],
  ['at once when somebody is impatient', Infinity, { cutMs: 40 }, 40],
])('%s', async (_, until, more, expected) => {
  expect(await stopsAt(until, more)).toBe(expected);
});
