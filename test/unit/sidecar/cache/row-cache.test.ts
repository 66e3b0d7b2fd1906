import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CachedRow } from '../../../../sidecar/cache/cached-row.ts';
import { RowCache } from '../../../../sidecar/cache/row-cache.ts';
import { planView } from '../../../../sidecar/plan/view-plan.ts';
import type { ViewPlan } from '../../../../sidecar/plan/view-plan.ts';
import { customer, feature, view } from '../../../support/fixtures/serving-fixture.ts';

const VIEWS: readonly ViewPlan[] = ['a', 'b'].map((name, slot) =>
  planView({ view: view(name, customer, [feature('x', 'float64')]), entity: customer }, slot),
);
const LIMITS = { entries: 4, bytes: 1e9, freshUs: 5_000_000, staleUs: 60_000_000 };

function row(plan: ViewPlan, fetchedUs: number, factor = 1, order = fetchedUs): CachedRow {
  return new CachedRow(plan, { fetchedUs, order, factor, ready: null }, 0, null);
}

/** The naive model: a Map in order of use, oldest first. */
class Model {
  readonly entities = new Map<string, Map<number, CachedRow>>();

  find(key: string): Map<number, CachedRow> | undefined {
    const found = this.entities.get(key);
    if (found !== undefined) {
      this.entities.delete(key);
      this.entities.set(key, found);
    }
    return found;
  }

  put(key: string, of: CachedRow): void {
    const rows = this.entities.get(key) ?? new Map<number, CachedRow>();
    const known = rows.get(of.view.slot);
    if (known !== undefined && known.order > of.order) return;
    rows.set(of.view.slot, of);
    this.entities.delete(key);
    this.entities.set(key, rows);
    if (this.entities.size > LIMITS.entries) this.entities.delete(this.entities.keys().next().value!);
  }
}

const key = fc.constantFrom('k1', 'k2', 'k3', 'k4', 'k5', 'k6');
const step = fc.oneof(
  fc.record({ kind: fc.constant('find' as const), key }),
  fc.record({
    kind: fc.constant('put' as const),
    key,
    slot: fc.constantFrom(0, 1),
    fetchedUs: fc.integer({ min: 0, max: 100_000_000 }),
    order: fc.integer({ min: 0, max: 100 }),
    factor: fc.double({ min: 0.85, max: 1, noNaN: true }),
  }),
);

describe('the row cache', () => {
  test('holds what a Map in order of use holds, and judges ages alike', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 0, max: 200_000_000 }),
        (steps, nowUs) => {
          const cache = new RowCache(LIMITS);
          const model = new Model();
          for (const each of steps) {
            if (each.kind === 'put') {
              const made = row(VIEWS[each.slot]!, each.fetchedUs, each.factor, each.order);
              cache.put(each.key, made);
              model.put(each.key, made);
            } else {
              const found = cache.find(each.key) ?? [];
              const expected = model.find(each.key) ?? new Map();
              for (const slot of [0, 1]) expect(found[slot]).toBe(expected.get(slot));
              for (const one of expected.values()) {
                const age = nowUs - one.fetchedUs;
                expect(cache.isFresh(one, nowUs)).toBe(Math.abs(age) < 5_000_000 * one.factor);
                expect(cache.isDueAhead(one, nowUs, false)).toBe(age >= 5_000_000 * one.factor * 0.8);
                expect(cache.isDueAhead(one, nowUs, true)).toBe(age >= 5_000_000 * one.factor * 0.6);
                expect(cache.mayStandIn(one, nowUs)).toBe(Math.abs(age) <= 60_000_000);
              }
            }
          }
          expect(cache.stats().entries).toBe(model.entities.size);
        },
      ),
    );
  });

  test.each([
    ['young', 2_999_999, false, false],
    ['due where it is hot', 3_000_000, false, true],
    ['not yet due where it is not', 3_999_999, false, true],
    ['due', 4_000_000, true, true],
  ])('a row that is %s', (_, ageUs, due, dueHot) => {
    const cache = new RowCache(LIMITS);
    const one = row(VIEWS[0]!, 0);
    expect([cache.isDueAhead(one, ageUs, false), cache.isDueAhead(one, ageUs, true)]).toEqual([due, dueHot]);
  });

  test.each([
    ['fresh', 4_999_999, true, true],
    ['at its time of freshness', 5_000_000, false, true],
    ['at the limit of standing in', 60_000_000, false, true],
    ['past it', 60_000_001, false, false],
  ])('a row that is %s, its time after now or before it', (_, ageUs, fresh, mayStandIn) => {
    const cache = new RowCache(LIMITS);
    const one = row(VIEWS[0]!, 100_000_000);
    for (const nowUs of [100_000_000 + ageUs, 100_000_000 - ageUs]) {
      expect([cache.isFresh(one, nowUs), cache.mayStandIn(one, nowUs)]).toEqual([fresh, mayStandIn]);
    }
  });

  test('a row of the same read takes the place of the one that is there, one of an earlier read does not', () => {
    const cache = new RowCache(LIMITS);
    const [earlier, later, again] = [1, 2, 2].map((order) => row(VIEWS[0]!, 7, 1, order));
    cache.put('k', later!);
    cache.put('k', earlier!);
    expect(cache.find('k')![0]).toBe(later);
    cache.put('k', again!);
    expect(cache.find('k')![0]).toBe(again);
  });

  test('after the clock was set back a row from the future is old, and the next read takes its place', () => {
    const cache = new RowCache(LIMITS);
    const HOUR_US = 3_600e6;
    const future = row(VIEWS[0]!, HOUR_US, 1, 1);
    cache.put('k', future);
    expect([cache.isFresh(future, 0), cache.mayStandIn(future, 0)]).toEqual([false, false]);
    const now = row(VIEWS[0]!, 0, 1, 2);
    cache.put('k', now);
    expect(cache.find('k')![0]).toBe(now);
  });

  test('is bounded by bytes', () => {
    const cache = new RowCache({ ...LIMITS, entries: 1_000, bytes: 10_000 });
    for (let i = 0; i < 500; i++) cache.put(`key ${i}`, row(VIEWS[0]!, 0));
    expect(cache.stats().bytes).toBeLessThanOrEqual(10_000);
    expect(cache.stats().entries).toBeGreaterThan(3);
  });

  test('without entries nothing is kept', () => {
    const cache = new RowCache({ ...LIMITS, entries: 0 });
    cache.put('k', row(VIEWS[0]!, 0));
    expect(cache.find('k')).toBeUndefined();
  });
});
