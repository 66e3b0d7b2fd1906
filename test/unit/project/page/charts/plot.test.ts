import fc from 'fast-check';
import { expect, test } from 'vitest';
import { histogramChart } from '../../../../../monitor/report/html/charts/distribution-chart.ts';
import { ecdfChart, hasFunctions } from '../../../../../monitor/report/html/charts/ecdf-chart.ts';
import { SMALL_PLOT, linePath, simplified, stepCorners } from '../../../../../project/page/charts/plot.ts';
import type { Point } from '../../../../../project/page/charts/plot.ts';
import { valueAxis } from '../../../../../project/page/charts/value-axis.ts';
import { compareNumeric } from '../../../../support/fixtures/compared-values.ts';

/** Where a path of M, h, v and l ends after each command. */
function follow(path: string): Point[] {
  const points: Point[] = [];
  let [x, y] = [0, 0];
  for (const [, command, rest] of path.matchAll(/([Mhvl])([^Mhvl]*)/g)) {
    const numbers = [...rest!.matchAll(/-?(?:\d+\.?\d*|\.\d+)/g)].map(Number);
    if (command === 'M') [x, y] = [numbers[0]!, numbers[1]!];
    else if (command === 'h') x += numbers[0]!;
    else if (command === 'v') y += numbers[0]!;
    else [x, y] = [x + numbers[0]!, y + numbers[1]!];
    points.push([x, y]);
  }
  return points;
}

const coordinate = fc.double({ min: 0, max: 400, noNaN: true });
const line = fc.array(fc.tuple(coordinate, coordinate), { minLength: 2, maxLength: 60 });

test('a path ends where its last point is, however many steps it took', () => {
  fc.assert(
    fc.property(line, (points) => {
      const [x, y] = follow(linePath(points)).at(-1)!;
      expect(Math.abs(x - points.at(-1)![0])).toBeLessThan(0.06);
      expect(Math.abs(y - points.at(-1)![1])).toBeLessThan(0.06);
    }),
  );
});

test('steps hold their value until the next point', () => {
  const path = linePath(
    stepCorners([
      [0, 10],
      [5, 4.5],
      [10.25, 0.5],
    ]),
  );
  expect(path).toBe('M0 10h5v-5.5h5.3v-4');
});

test('a rising line keeps its ends and stays within the tolerance of what it drops', () => {
  fc.assert(
    fc.property(line, (points) => {
      const rising = points.toSorted((a, b) => a[0] - b[0]);
      const kept = simplified(rising, 0.6);
      expect([kept[0], kept.at(-1)]).toEqual([rising[0], rising.at(-1)]);
      for (const point of rising) {
        const near = kept.some(
          (from, i) => i + 1 < kept.length && distance(point, from, kept[i + 1]!) < 0.61,
        );
        expect(near).toBe(true);
      }
    }),
  );
});

/** From a point to the line through two others. */
function distance([x, y]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const length = Math.hypot(bx - ax, by - ay);
  if (length === 0) return Math.hypot(x - ax, y - ay);
  return Math.abs((bx - ax) * (ay - y) - (ax - x) * (by - ay)) / length;
}

const value = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  fc.integer({ min: -30, max: 30 }),
  fc.constantFrom(1e15, 1e15 + 1, 5e-324, 1e-323, -9.3e18, 9.3e18),
);
const side = fc.array(value, { minLength: 1, maxLength: 60 }).map((values) => Float64Array.from(values));
const type = fc.constantFrom('float64', 'int64', 'timestamp');

test('an axis holds every value between its ends, and its labels do not touch', () => {
  fc.assert(
    fc.property(side, side, type, (served, replayed, ofType) => {
      const distributions = compareNumeric(served, replayed);
      if (distributions?.kind !== 'numeric' || !hasFunctions(distributions))
        throw new Error('expected numbers');
      const axis = valueAxis(distributions.histogram.edges, ofType, SMALL_PLOT);
      const places = [...distributions.ecdf.x.map((x) => axis.at(x)), ...axis.ticks.map((tick) => tick.at)];
      expect(places.every((at) => at >= SMALL_PLOT.left && at <= SMALL_PLOT.right)).toBe(true);
      for (const [i, tick] of axis.ticks.entries()) {
        if (i > 0) expect(tick.at - axis.ticks[i - 1]!.at).toBeGreaterThan(10);
      }
      const drawn = histogramChart(distributions, ofType).text + ecdfChart(distributions, ofType).text;
      expect(drawn.includes('NaN') || drawn.includes('Infinity')).toBe(false);
    }),
    { numRuns: 300 },
  );
});
