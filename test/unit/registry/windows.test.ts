import { expect, test } from 'vitest';
import { dueEdgeUs, edgeAt, enteringEdge, longestWindowUs, windowHops } from '../../../registry/windows.ts';
import { aggregatedView } from '../../support/aggregated-view.ts';

const HOUR = 3_600_000_000;

test('an event on an edge enters at the next one: the row at e covers events before e', () => {
  expect(enteringEdge(5 * HOUR - 1, HOUR)).toBe(5);
  expect(enteringEdge(5 * HOUR, HOUR)).toBe(6);
  expect(edgeAt(5 * HOUR, HOUR)).toBe(5);
  expect(edgeAt(5 * HOUR - 1, HOUR)).toBe(4);
});

test('an edge is due once the delay has passed, both ends included', () => {
  const view = { hopUs: HOUR, delayUs: 300_000_000 };
  expect(dueEdgeUs(5 * HOUR + 300_000_000, view)).toBe(5 * HOUR);
  expect(dueEdgeUs(5 * HOUR + 299_999_999, view)).toBe(4 * HOUR);
});

test('the longest window is that of the view, and null with a lifetime', () => {
  const sketch = { joinKeys: [], path: 'x', eventTime: 't', createdTime: null, hopUs: HOUR };
  const windows = [
    { name: 'a', function: 'count', windowUs: 3 * HOUR },
    { name: 'b', function: 'count', windowUs: 7 * HOUR },
  ] as const;
  const { view } = aggregatedView({ ...sketch, features: windows });
  expect(longestWindowUs(view)).toBe(7 * HOUR);
  expect(view.features.map((feature) => windowHops(view, feature))).toEqual([3, 7]);
  const forever = aggregatedView({ ...sketch, features: [...windows, { name: 'c', function: 'count' }] });
  expect(longestWindowUs(forever.view)).toBeNull();
});
