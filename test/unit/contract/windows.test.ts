import { expect, test } from 'vitest';
import { dueEdgeUs, edgeAt, windowHops } from '../../../contract/windows.ts';
import { aggregatedView } from '../../support/fixtures/aggregated-view.ts';

const HOUR = 3_600_000_000;

test('an edge lies at its own time', () => {
  expect(edgeAt(5 * HOUR, HOUR)).toBe(5);
  expect(edgeAt(5 * HOUR - 1, HOUR)).toBe(4);
});

test('an edge is due once the delay has passed, both ends included', () => {
  const view = { hopUs: HOUR, delayUs: 300_000_000 };
  expect(dueEdgeUs(5 * HOUR + 300_000_000, view)).toBe(5 * HOUR);
  expect(dueEdgeUs(5 * HOUR + 299_999_999, view)).toBe(4 * HOUR);
});

test('a window is so many hops, a lifetime none', () => {
  const sketch = { joinKeys: [], path: 'x', eventTime: 't', createdTime: null, hopUs: HOUR };
  const windows = [
    { name: 'a', function: 'count', windowUs: 3 * HOUR },
    { name: 'b', function: 'count', windowUs: 7 * HOUR },
    { name: 'c', function: 'count' },
  ] as const;
  const { view } = aggregatedView({ ...sketch, features: windows });
  expect(view.features.map((feature) => windowHops(view, feature))).toEqual([3, 7, null]);
});
