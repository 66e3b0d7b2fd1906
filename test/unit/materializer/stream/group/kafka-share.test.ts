/** How long a member of a group may write, by a clock of the test's. */
import { beforeEach, expect, test } from 'vitest';
import { KafkaShare } from '../../../../../materializer/stream/group/kafka-share.ts';

let nowMs: number;
let stop: AbortController;
beforeEach(() => {
  nowMs = 1_000;
  stop = new AbortController();
});

function share(): KafkaShare {
  const lengths = { sessionMs: 6_000, rebalanceMs: 10_000, askedMs: 1_000 };
  const of = { partitions: [0, 2], generation: 7, group: 'clicks' };
  return new KafkaShare({ ...lengths, ...of, signal: stop.signal, nowMs: () => nowMs });
}

test('it is held for a session after the last heartbeat that was answered was sent', async () => {
  const one = share();
  await one.hold();
  nowMs = 6_999;
  await one.hold();
  one.answered(6_500, 'held');
  nowMs = 12_400;
  await one.hold();
  nowMs = 12_500;
  let isHeld = false;
  const held = one.hold().then(() => (isHeld = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(isHeld).toBe(false);
  // The group still knows it: nobody else was given anything.
  one.answered(12_490, 'held');
  await held;
});

test('one that the group goes on without is lost, however soon that is known', async () => {
  const one = share();
  one.answered(1_500, 'lost');
  expect([one.isOver, one.isLost]).toEqual([true, true]);
  await expect(one.hold()).rejects.toMatchObject({
    code: 'MAT_LEASE',
    message: expect.stringMatching(/^the partitions 0, 2 may have another holder in the group clicks/),
  });
  one.answered(1_600, 'held');
  expect(one.isLost).toBe(true);
});

test('one that is over is held while members are waited for, and no longer', async () => {
  const one = share();
  one.answered(2_000, 'held');
  one.answered(3_000, 'over');
  expect([one.isOver, one.isLost]).toEqual([true, false]);
  for (nowMs = 3_000; nowMs < 12_000; nowMs += 1_000) {
    one.answered(nowMs, 'over');
    await one.hold();
  }
  one.answered(12_000, 'over');
  await expect(one.hold()).rejects.toMatchObject({ code: 'MAT_LEASE' });
  expect(one.isLost).toBe(true);
});
