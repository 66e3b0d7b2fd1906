import { expect, test } from 'vitest';
import { EndedCalls } from '../../../../contract/on-demand/ended-calls.ts';
import { onDemandView } from '../../../support/fixtures/on-demand-view.ts';

const VIEW = onDemandView('loop', '({ x }) => ({ y: x })', { x: 'float64' }, { y: 'float64' });
const OPTIONS = {
  rest: { ends: 3, withinMs: 10_000, restMs: 30_000 },
  apart: { firstMs: 10_000, mostMs: 50_000 },
};

test('a view of which a call was ended is apart for twice as long each time, up to the most', () => {
  const ended = new EndedCalls(OPTIONS);
  expect(ended.isApart(VIEW, 0)).toBe(false);
  for (let atMs = 0, n = 0; n < 4; n++) {
    ended.add(VIEW, atMs);
    const lasts = [10_000, 20_000, 40_000, 50_000][n]!;
    expect([ended.isApart(VIEW, atMs + lasts - 1), ended.isApart(VIEW, atMs + lasts)]).toEqual([true, false]);
    atMs += lasts;
  }
});

test('one that behaves for as long as it was apart is forgotten', () => {
  const ended = new EndedCalls(OPTIONS);
  ended.add(VIEW, 0);
  ended.add(VIEW, 20_001);
  expect([ended.isApart(VIEW, 30_000), ended.isApart(VIEW, 30_001)]).toEqual([true, false]);
});

test('one that is ended often within a short time rests', () => {
  const ended = new EndedCalls(OPTIONS);
  for (const atMs of [0, 5_000, 10_000]) ended.add(VIEW, atMs);
  expect(ended.rests(VIEW, 10_000)).toBe(false);
  ended.add(VIEW, 14_000);
  expect([ended.rests(VIEW, 14_000), ended.rests(VIEW, 43_999), ended.rests(VIEW, 44_000)]).toEqual([
    true,
    true,
    false,
  ]);
});

test('it is known by its name and its code, whatever bundle it is of', () => {
  const ended = new EndedCalls(OPTIONS);
  ended.add(VIEW, 0);
  expect(ended.isApart({ ...VIEW, description: 'told otherwise' }, 1)).toBe(true);
  expect(ended.isApart({ ...VIEW, code: { ...VIEW.code, hash: '1'.repeat(64) } }, 1)).toBe(false);
});
