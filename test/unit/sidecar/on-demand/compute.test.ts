/** On-demand views of a request: arguments, order, statuses, and what is counted, against values worked out by hand. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { MISSING, OUTSIDE_TTL, PRESENT, UNAVAILABLE } from '../../../../contract/status.ts';
import type { Value } from '../../../../contract/value-type.ts';
import { CachedRow } from '../../../../sidecar/cache/cached-row.ts';
import { computeAll, computeAllHere } from '../../../../sidecar/on-demand/compute-all.ts';
import type { ComputedRequest } from '../../../../sidecar/on-demand/compute.ts';
import { ComputedValues } from '../../../../sidecar/on-demand/computed-values.ts';
import { FunctionSlots } from '../../../../sidecar/on-demand/function-slots.ts';
import { BundlePlans, ViewSlots } from '../../../../sidecar/plan/bundle-plans.ts';
import { nativeSurface } from '../../../../sidecar/surface/native/native.ts';
import { PathExchange } from '../../../support/faults/path-exchange.ts';
import {
  bare,
  fee,
  onDemandContent,
  onDemandView,
  trip as tripView,
} from '../../../support/fixtures/on-demand-bundle.ts';
import {
  HOUR_US,
  NOON_US,
  PROFILE_VALUES,
  encodeRow,
  profile,
  spend,
} from '../../../support/fixtures/serving-fixture.ts';

/** `hold`: takes many milliseconds where x is over 0, on whatever machine. */
const HOLDING =
  '({ x }) => { let n = 0; for (let k = 0; k < x; k++) n += k % 7; return { sum: n, wrong: 1 } }';
const LONG_CALL = 3e7;

const MOMENT = { fetchedUs: NOON_US, order: 1, factor: 1, ready: null };

interface GivenRow {
  readonly status: number;
  readonly values?: readonly Value[];
}

const present = (values: readonly Value[]): GivenRow => ({ status: PRESENT, values });
const SPENT = present([25, 3n]);
const SCORED = present(PROFILE_VALUES);

function setUp(content = onDemandContent()) {
  const warnings: string[] = [];
  const functions = new FunctionSlots((line) => warnings.push(line));
  const plans = new BundlePlans({ ...content, hash: 'b' }, '', new ViewSlots(functions));
  plans.begin();
  /** @param rows  for each entity its rows of spend and profile */
  const request = (
    service: string,
    context: object,
    rows: readonly (readonly GivenRow[])[],
  ): ComputedRequest => {
    const entities = rows.length === 0 ? {} : { customer_id: rows.map((_, i) => i) };
    const text = JSON.stringify({ feature_service: service, entities, context });
    const parsed = nativeSurface.parse(Buffer.from(text), plans, new PathExchange());
    const { plan, count } = parsed;
    const cached = rows.flatMap((each) =>
      each.map(({ status, values }, role) => {
        const view = plan.roleViews[role]!;
        const raw = values === undefined ? null : encodeRow(view.view, values).toString('latin1');
        return status === UNAVAILABLE ? null : new CachedRow(view, MOMENT, 0, raw);
      }),
    );
    return {
      request: parsed,
      nowUs: NOON_US + HOUR_US,
      rows: cached,
      statuses: rows.flatMap((each) => each.map(({ status }) => status)),
      computed: new ComputedValues(plan, count),
    };
  };
  const failuresOf = (view: string): object => Object.fromEntries(plans.functionTallies.get(view)!.failures);
  return { plans, functions, warnings, request, failuresOf };
}

const CONTEXT = { cart: 50, city: 'Paris', big: 4, tags: [['a']] };
const TRIP = [2, 'Paris!', 7n, 13];

describe('on-demand views', () => {
  test('get inputs, rows, the request time and what others computed', () => {
    const { request } = setUp();
    const of = request('ordered', CONTEXT, [[SPENT, SCORED]]);
    expect(computeAllHere(of)).toBe(true);
    expect(of.computed!.values).toEqual([...TRIP, Math.fround(2 + Math.fround(0.1)), ['a', null]]);
    expect(of.computed!.statuses).toEqual([PRESENT, PRESENT]);
  });

  test('get a value for all rows and one a row, and answer nulls', () => {
    const { request } = setUp();
    const context = { cart: [50, 10], big: 4, tags: [['a'], []] };
    const of = request('ordered', context, [
      [SPENT, SCORED],
      [present([0, null]), SCORED],
    ]);
    computeAllHere(of);
    expect(of.computed!.values.slice(0, 4)).toEqual([2, 'nowhere', 7n, 13]);
    expect(of.computed!.values.slice(6)).toEqual([null, 'nowhere', 4n, 13, null, [null]]);
    expect(of.computed!.statuses).toEqual([PRESENT, PRESENT, PRESENT, PRESENT]);
  });

  test.each([
    ['MISSING', { status: MISSING }],
    ['OUTSIDE_TTL', { status: OUTSIDE_TTL, values: [25, 3n] }],
  ] as const)('get the fallback or null of a row that is %s', (_, row) => {
    const { request } = setUp();
    // total has no fallback, orders has 0.
    const of = request('ordered', CONTEXT, [[row, SCORED]]);
    computeAllHere(of);
    expect(of.computed!.values.slice(0, 4)).toEqual([null, 'Paris!', 4n, 13]);
  });

  test('are not called where a row is UNAVAILABLE and has no fallback, nor is what uses them', () => {
    const { request, failuresOf, plans } = setUp();
    const of = request('ordered', CONTEXT, [
      [{ status: UNAVAILABLE }, SCORED],
      [SPENT, { status: UNAVAILABLE }],
    ]);
    computeAllHere(of);
    // score has the fallback 0.5, and ratio has -1.
    expect(of.computed!.statuses).toEqual([UNAVAILABLE, PRESENT, PRESENT, PRESENT]);
    expect(of.computed!.values[4]).toBe(Math.fround(0 + Math.fround(0.1)));
    expect(of.computed!.values[10]).toBe(2.5);
    expect(failuresOf('trip')).toEqual({ used: 1 });
    expect(plans.functionTallies.get('trip')!.calls).toBe(1);
  });

  test('that fail are UNAVAILABLE in that row alone, counted by reason, told once a minute', () => {
    const { request, failuresOf, warnings } = setUp();
    const of = request('bare_only', { x: [1, 2, 3], y: [1, 0, 0] }, []);
    computeAllHere(of);
    expect(of.computed!.statuses).toEqual([PRESENT, UNAVAILABLE, UNAVAILABLE]);
    expect(of.computed!.values.slice(0, 2)).toEqual([2, 1]);
    expect(failuresOf('bare')).toEqual({ returned: 2 });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('bare.ts:1');
  });

  test('for several reasons are told once a minute of each', () => {
    const { plans, warnings } = setUp();
    const { runner } = plans.service('bare_only').onDemand[0]!;
    const reasons = ['threw', 'returned', 'threw', 'deadline', 'returned'] as const;
    for (const [i, reason] of reasons.entries()) runner.failed(reason, 1, `${i}`, 1_000 + i);
    const told = warnings.map((line) => /\((.*)\): (.*)$/.exec(line)!.slice(1));
    expect(told).toEqual([
      ['threw', '0'],
      ['returned', '1'],
      ['deadline', '3'],
    ]);
    runner.failed('returned', 1, 'again', 61_000);
    expect(warnings).toHaveLength(3);
    runner.failed('returned', 1, 'again', 61_001);
    expect(warnings).toHaveLength(4);
  });

  test('an int64 past 2^53 - 1 makes its row UNAVAILABLE', () => {
    const { request, failuresOf } = setUp();
    const of = request('ordered', { ...CONTEXT, big: '9007199254740993' }, [[SPENT, SCORED]]);
    computeAllHere(of);
    expect(of.computed!.statuses[0]).toBe(UNAVAILABLE);
    expect(failuresOf('trip')).toEqual({ argument: 1 });
  });
});

test('a view of which half of 1,000 calls take over 1 ms is switched off, and tried again after 30 s', () => {
  const { plans, warnings } = setUp();
  const { runner } = plans.service('ordered').onDemand[0]!;
  const calls = (rows: number, ms: number, atMs: number): void => runner.ran(rows, rows * ms, atMs);
  calls(400, 1.5, 1_000);
  calls(599, 0.5, 2_000);
  expect(runner.isOff(2_000)).toBe(false);
  calls(1, 0.5, 2_500);
  // 400 of 1,000 are no half, and the next thousand is counted anew.
  expect(runner.isOff(2_500)).toBe(false);
  calls(600, 1.5, 3_000);
  calls(399, 0.5, 13_001);
  // The slow ones are over 10 s old.
  expect(runner.isOff(13_001)).toBe(false);
  calls(300, 0.5, 13_500);
  calls(700, 1.5, 14_000);
  expect([runner.isOff(14_000), runner.isOff(43_999), runner.isOff(44_000)]).toEqual([true, true, false]);
  expect(runner.tally.isOff).toBe(true);
  calls(1, 1.5, 44_001);
  expect([runner.isOff(44_002), runner.isOff(74_001)]).toEqual([true, false]);
  calls(1, 0.5, 74_002);
  expect([runner.isOff(74_003), runner.tally.isOff]).toEqual([false, false]);
  expect(warnings.map((line) => /switched off|on again/.exec(line)![0])).toEqual([
    'switched off',
    'on again',
  ]);
});

test('a view that is switched off is not called: its rows are UNAVAILABLE, and so are those that use it', () => {
  const { plans, request, failuresOf } = setUp();
  const { runner } = plans.service('ordered').onDemand[0]!;
  runner.ran(1_000, 2_000, performance.now());
  const of = request('ordered', CONTEXT, [[SPENT, SCORED]]);
  computeAllHere(of);
  // fee takes the fallback of ratio.
  expect(of.computed!.statuses).toEqual([UNAVAILABLE, PRESENT]);
  expect(failuresOf('trip')).toEqual({ slow: 1 });
});

describe('views that hold the thread', () => {
  const rowsOf = (x: number, count: number) => ({ x: Array.from({ length: count }, () => x), y: [1] });

  test('get no more rows after a time: those behind are UNAVAILABLE, counted as slow', () => {
    const { request, failuresOf, warnings } = setUp(holding(1));
    const of = request('holding', rowsOf(LONG_CALL, 200), []);
    expect(computeAllHere(of)).toBe(true);
    const computedRows = of.computed!.statuses.indexOf(UNAVAILABLE);
    expect(computedRows).toBeGreaterThan(0);
    expect(of.computed!.statuses.slice(0, computedRows)).not.toContain(UNAVAILABLE);
    expect(of.computed!.statuses.slice(computedRows)).not.toContain(PRESENT);
    expect(failuresOf('hold0')).toEqual({ slow: 200 - computedRows });
    expect(warnings[0]).toContain('take over 100 ms in all');
  });

  test('have one time in all, however many views a request asks for', () => {
    const { request, failuresOf } = setUp(holding(3));
    const of = request('holding', rowsOf(LONG_CALL, 50), []);
    computeAllHere(of);
    expect(of.computed!.statuses[0]).toBe(PRESENT);
    // The first view took all of it.
    expect([failuresOf('hold1'), failuresOf('hold2')]).toEqual([{ slow: 50 }, { slow: 50 }]);
    const quick = request('holding', rowsOf(0, 50), []);
    computeAllHere(quick);
    expect(quick.computed!.statuses).not.toContain(UNAVAILABLE);
  });
});

/** A service of so many views, each of which may hold the thread. */
function holding(count: number): ReturnType<typeof onDemandContent> {
  const views = Array.from({ length: count }, (_, i) =>
    onDemandView(`hold${i}`, HOLDING, { features: bare.features, inputs: bare.inputs }),
  );
  const content = onDemandContent();
  const service = {
    ...content.services.get('bare_only')!,
    name: 'holding',
    features: views.map(({ id }) => ({ fullName: `${id}__sum`, view: id, role: id, feature: 'sum' })),
    onDemand: views.map(({ id }) => ({ role: id, view: id, uses: [] })),
  };
  return {
    ...content,
    onDemand: new Map([...content.onDemand, ...views.map((view) => [view.id, view] as const)]),
    services: new Map(content.services).set('holding', service),
  };
}

describe('isolated views', () => {
  test('are waited for, ended where they loop, and come back', async () => {
    const { request, functions, failuresOf } = setUp();
    try {
      const first = request('looping', { cart: [1, 14], city: 'x', big: 1 }, [[SPENT], [SPENT]]);
      expect(computeAllHere(first)).toBe(false);
      await computeAll(first, 20_000);
      expect(first.computed!.statuses).toEqual([PRESENT, PRESENT, PRESENT, UNAVAILABLE]);
      expect(first.computed!.values[4]).toBe(2);
      const looping = request('looping', { cart: [13, 2], big: 1 }, [[SPENT], [SPENT]]);
      await computeAll(looping, 20_000);
      expect(looping.computed!.statuses).toEqual([PRESENT, UNAVAILABLE, PRESENT, PRESENT]);
      const after = request('looping', { cart: 3, big: 1 }, [[SPENT]]);
      await computeAll(after, 20_000);
      expect(after.computed!.values[4]).toBe(6);
      expect(failuresOf('spin')).toEqual({ threw: 1, deadline: 1 });
    } finally {
      await functions.close();
    }
  });

  test('that have not answered at the deadline are UNAVAILABLE, and late answers change nothing', async () => {
    const { request, functions, failuresOf, warnings } = setUp();
    try {
      const of = request('looping', { cart: 1, big: 1 }, [[SPENT]]);
      await computeAll(of, 0);
      await computeAll(of, 0);
      expect(of.computed!.statuses).toEqual([PRESENT, UNAVAILABLE]);
      expect(failuresOf('spin')).toEqual({ late: 2 });
      expect(warnings).toEqual([
        expect.stringMatching(/^the on-demand view spin is UNAVAILABLE in a row \(late\): /),
      ]);
    } finally {
      await functions.close();
    }
  });
});

test('a view that did not change keeps its function under the next bundle; another gets a new one', async () => {
  const { plans, functions } = setUp();
  const runner = (of: BundlePlans, service: string, v: number) => of.service(service).onDemand[v]!.runner;
  const same = plans.next({ ...onDemandContent(), hash: 'c' });
  same.begin();
  expect(runner(same, 'ordered', 0)).toBe(runner(plans, 'ordered', 0));
  expect(runner(same, 'looping', 1)).toBe(runner(plans, 'looping', 1));
  const content = onDemandContent();
  const trip = content.onDemand.get('trip')!;
  const changed = { ...trip, code: { ...trip.code, hash: 'a'.repeat(64) } };
  const other = plans.next({
    ...content,
    onDemand: new Map(content.onDemand).set('trip', changed),
    hash: 'd',
  });
  expect(runner(other, 'ordered', 0)).not.toBe(runner(plans, 'ordered', 0));
  expect(runner(other, 'ordered', 1)).toBe(runner(plans, 'ordered', 1));
  // A mark changes no code, and the log must follow it at once.
  const marked = { ...trip, features: trip.features.map((one) => ({ ...one, log: 'drop' as const })) };
  const hidden = plans.next({
    ...content,
    onDemand: new Map(content.onDemand).set('trip', marked),
    hash: 'e',
  });
  expect(hidden.service('ordered').featureDefinitions[0]!.log).toBe('drop');
  expect(hidden.service('ordered').privacy).not.toBe(null);
  // The type of what it uses is part of how it is called.
  const [total, ...rest] = spend.features;
  const wide = { ...spend, features: [{ ...total!, type: { kind: 'string' as const } }, ...rest] };
  const retyped = plans.next({ ...content, views: new Map(content.views).set('spend', wide), hash: 'f' });
  expect(runner(retyped, 'ordered', 0)).not.toBe(runner(plans, 'ordered', 0));
  expect(runner(retyped, 'bare_only', 0)).toBe(runner(plans, 'bare_only', 0));
  await functions.close();
});

test('plans are ready once one function was called and the process of another is there; nothing of it is counted', async () => {
  const inTime = '(() => { let n = 0; for (let i = 0; i < 1e8; i++) n += i % 7; return n })()';
  const slow = onDemandView('bare', `((n) => ({ x }) => ({ sum: x, wrong: n & 1 }))(${inTime})`, {
    features: bare.features,
    inputs: bare.inputs,
    costly: 'has a loop (bare.ts:1)',
    isolated: true,
  });
  const functions = new FunctionSlots();
  onTestFinished(() => functions.close());
  const bundle = { ...onDemandContent([tripView, fee, slow]), hash: 'b' };
  const plans = new BundlePlans(bundle, '', new ViewSlots(functions));
  const beganMs = performance.now();
  await plans.ready();
  // Its code alone takes longer, on whatever machine.
  expect(performance.now() - beganMs).toBeGreaterThan(50);
  expect(plans.service('ordered').onDemand[0]!.given[0]).toBe(0.5);
  const counts = [...plans.functionTallies.values()].map(({ calls, failures }) => calls + failures.size);
  expect(counts).toEqual([0, 0, 0]);
});

test('the columns of spend and profile are those of the fixture', () => {
  expect(spend.features.map(({ name }) => name)).toEqual(['total', 'orders']);
  expect(profile.features[3]).toMatchObject({ name: 'score', missing: 0.5 });
});
