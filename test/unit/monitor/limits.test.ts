import { afterEach, describe, expect, test } from 'vitest';
import { renderReport } from '../../../monitor/report/html/report.ts';
import { LIMITS, distanceLevel, matchLevel } from '../../../monitor/limits.ts';
import { conclude } from '../../../monitor/verdict/verdict.ts';
import { dayOfCounts } from '../../support/fixtures/counted-day.ts';
import { emptyDay, featureSample } from '../../support/fixtures/sample-snapshot.ts';

const USUAL = { ...LIMITS };

afterEach(() => {
  Object.assign(LIMITS, USUAL);
});

test('levels of a match, each limit itself still being good', () => {
  expect([1, 0.99, 0.9899, 0.9, 0.8999, 0].map(matchLevel)).toEqual([
    'ok',
    'ok',
    'alert',
    'alert',
    'alarm',
    'alarm',
  ]);
});

test('levels of D: warn from 0.05, alarm from 0.10', () => {
  expect([0, 0.0499, 0.05, 0.0999, 0.1, 1].map(distanceLevel)).toEqual([
    'ok',
    'ok',
    'warn',
    'warn',
    'alarm',
    'alarm',
  ]);
});

describe('a changed limit is everywhere', () => {
  /** 96 % match within the promise. */
  const feature = featureSample({ name: 'v__f', rows: 1_000, causes: { 'missing online': 40 } });
  /** Five features, so that only those that need a look are unfolded. */
  const features = [feature, ...['a', 'b', 'c', 'd'].map((name) => featureSample({ name: `v__${name}` }))];
  const page = (): string => renderReport({ ...emptyDay(), features });
  const verdict = (): string => conclude(dayOfCounts({ features })).verdict;
  const limitLine = (): string | undefined => /class="limit" d="([^"]*)"/.exec(page())?.[1];
  const unfolded = (): number => page().match(/<details class="feature"\s+open/g)?.length ?? 0;

  test('of the match: the verdict, the chart, the colour of the table, and what is unfolded', () => {
    expect(verdict()).toBe('alert');
    expect(page()).toContain('the monitor alerts below 99\u00a0%');
    expect(page()).toContain('<span class="warn">96.00\u00a0%</span>');
    expect(unfolded()).toBe(1);
    const usualLine = limitLine();

    Object.assign(LIMITS, { alertBelow: 0.95 });
    expect(verdict()).toBe('pass');
    expect(page()).toContain('the monitor alerts below 95\u00a0%');
    expect(page()).not.toContain('<span class="warn">96.00\u00a0%</span>');
    expect(unfolded()).toBe(0);
    expect(limitLine()).not.toBe(usualLine);

    Object.assign(LIMITS, { alertBelow: 0.98, alarmBelow: 0.97 });
    expect(verdict()).toBe('alarm');
    expect(page()).toContain('<span class="alarm">96.00\u00a0%</span>');
  });

  test('of D: the words beside the chart', () => {
    const distributions = {
      kind: 'numeric',
      ks: { d: 0.07, location: 1, sign: 1, level: 'warn' },
      histogram: { edges: [0, 1], served: [10], replayed: [10] },
      ecdf: { x: [0, 1], served: [0.5, 1], replayed: [0.4, 1] },
      wasserstein: 0.1,
      psi: { value: 0, fill: 1e-4 },
      jensenShannon: { distance: 0, base: 2 },
      notNumbers: { served: { nulls: 0, nan: 0, infinite: 0 }, replayed: { nulls: 0, nan: 0, infinite: 0 } },
      servedRows: 10,
      replayedRows: 10,
    } as const;
    const draw = (): string =>
      renderReport({ ...emptyDay(), features: [featureSample({ name: 'v__f', distributions })] });
    expect(draw()).toContain('warns from 0.05');
    Object.assign(LIMITS, { distanceWarn: 0.07 });
    expect(draw()).toContain('warns from 0.07');
  });
});
