import { expect, test } from 'vitest';
import { MARKER_IDLE_MS, Markers } from '../../../../sidecar/store/markers.ts';
import { MARKER_AGE_MS, MARKER_RENEWAL_MS } from '../../../../sidecar/store/store-reader.ts';

test('only hashes that were asked for in the last minute are read again, and asking wakes them', async () => {
  let nowMs = 0;
  const fetched: string[] = [];
  const markers = new Markers(
    async (hash) => {
      fetched.push(hash);
      return { spend: '1' };
    },
    () => nowMs,
  );
  await markers.read('busy', 0);
  await markers.read('idle', 0);
  const periods = (2 * MARKER_IDLE_MS) / MARKER_RENEWAL_MS;
  for (let period = 0; period < periods; period++) {
    nowMs += MARKER_RENEWAL_MS;
    markers.known('busy', nowMs * 1_000);
    markers.renew(nowMs * 1_000);
    await Promise.resolve();
    await Promise.resolve();
  }
  const counts = (hash: string): number => fetched.filter((each) => each === hash).length;
  expect(counts('busy')).toBe(1 + periods);
  expect(counts('idle')).toBe(1 + periods / 2);
  expect(markers.known('idle', nowMs * 1_000)).toBeNull();
  expect([...(await markers.read('idle', nowMs * 1_000)).watermarks]).toEqual([['spend', 1]]);
});

test.each([
  ['read just now', 0, 0, true],
  ['at their age on both clocks', MARKER_AGE_MS, MARKER_AGE_MS * 1_000, true],
  ['past it on the monotonic clock', MARKER_AGE_MS + 1, 0, false],
  ['past it on the wall clock', 0, MARKER_AGE_MS * 1_000 + 1, false],
  ['from before the wall clock was set back', 0, -MARKER_AGE_MS * 1_000 - 1, false],
])('markers stand before a row when they are young on both clocks: %s', async (_, ageMs, ageUs, isKnown) => {
  let nowMs = 0;
  const markers = new Markers(
    async () => ({ spend: '1' }),
    () => nowMs,
  );
  await markers.read('hash', 1e15);
  nowMs += ageMs;
  expect(markers.known('hash', 1e15 + ageUs) !== null).toBe(isKnown);
});

test('of what lately asked hashes say of a view the least counts', async () => {
  let nowMs = 0;
  const markers = new Markers(
    async (hash): Promise<Record<string, string>> =>
      hash === 'a' ? { spend: '5', visits: '7' } : { spend: '3' },
    () => nowMs,
  );
  expect([...markers.least()]).toEqual([]);
  await markers.read('a', 0);
  expect([...markers.least()]).toEqual([
    ['spend', 5],
    ['visits', 7],
  ]);
  nowMs = MARKER_IDLE_MS;
  await markers.read('b', 0);
  expect(markers.least().get('spend')).toBe(3);
  nowMs += 1;
  expect([...markers.least()]).toEqual([['spend', 3]]);
});

test('a marker that is no time vouches for nothing, and is told', async () => {
  const told: string[] = [];
  const texts: Record<string, string> = {
    good: '5',
    far: '99999999999999999',
    '\u001b[2J': 'x'.repeat(1_000),
  };
  const markers = new Markers(
    async () => texts,
    undefined,
    ({ message }) => void told.push(message),
  );
  expect([...(await markers.read('hash', 0)).watermarks]).toEqual([['good', 5]]);
  expect(told[0]).toBe(
    'the marker of far should be microseconds before the year 2200, got "99999999999999999": it counts as missing ' +
      'until the view is materialized again',
  );
  expect(told[1]).toHaveLength(told[1]!.replaceAll('\u001b', '').length);
  expect(told[1]!.length).toBeLessThan(300);
});
