import { expect, test } from 'vitest';
import { MARKER_IDLE_MS, Markers } from '../../../../sidecar/store/markers.ts';
import { MARKER_RENEWAL_MS } from '../../../../sidecar/store/store-reader.ts';

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
