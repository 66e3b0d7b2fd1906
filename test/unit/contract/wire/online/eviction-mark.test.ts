import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  evictedSince,
  evictionField,
  formatEvictionMark,
  infoField,
  parseEvictionMark,
  viewOfEvictionField,
} from '../../../../../contract/wire/online/eviction-mark.ts';

const node = fc.record({
  runId: fc.stringMatching(/^[0-9a-f]{40}$/),
  evictedKeys: fc.nat(),
});

test('a mark comes back as it was kept, and says how many keys went since', () => {
  const mark = fc.record({
    healedMs: fc.nat(),
    counts: fc.uniqueArray(node, { selector: ({ runId }) => runId }),
  });
  fc.assert(
    fc.property(mark, node, (made, other) => {
      expect(parseEvictionMark(formatEvictionMark(made))).toEqual(made);
      for (const { runId, evictedKeys } of made.counts) {
        expect(evictedSince(made, { runId, evictedKeys })).toBe(0);
        expect(evictedSince(made, { runId, evictedKeys: evictedKeys + 3 })).toBe(3);
        // A count that was set back (CONFIG RESETSTAT) evicts nothing.
        expect(evictedSince(made, { runId, evictedKeys: evictedKeys - 1 })).toBe(0);
      }
      fc.pre(!made.counts.some(({ runId }) => runId === other.runId));
      expect(evictedSince(made, other)).toBe(other.evictedKeys);
    }),
  );
});

test('what is no mark is none, and a field is a watermark or a mark', () => {
  for (const text of ['', 'x', '1 2', '1 zz:1', '1  ab:1', '1767225600000000 '])
    expect(parseEvictionMark(text)).toBeNull();
  expect(viewOfEvictionField(evictionField('spend@v2'))).toBe('spend@v2');
  expect(viewOfEvictionField('spend')).toBeNull();
});

test('a line of INFO is found by its whole name', () => {
  const info = '# Stats\r\nevicted_keys_x:9\r\nevicted_keys:17\r\nexpired_keys:3\r\n';
  expect(infoField(info, 'evicted_keys')).toBe('17');
  expect(infoField(info, 'run_id')).toBeNull();
});
