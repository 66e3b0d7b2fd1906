import { describe, expect, test } from 'vitest';
import { Decisions } from '../../../../monitor/tally/decided.ts';
import { exampleOf } from '../../../../monitor/tally/example.ts';
import { NO_PAIRS } from '../../../../monitor/tally/agreeing-pairs.ts';
import { FeatureTally } from '../../../../monitor/tally/feature-tally.ts';
import type { AskedRow, RowFacts, ValueFacts } from '../../../../monitor/causes/facts.ts';
import { stateOf } from '../../../../monitor/causes/value-state.ts';
import { asReceived } from '../../../../monitor/judge/received-value.ts';
import type { Distributions } from '../../../../monitor/statistics/distributions.ts';
import { isSame, isWithinTolerance } from '../../../../monitor/causes/value-equality.ts';
import { MISSING, OUTSIDE_TTL, PRESENT, UNAVAILABLE } from '../../../../contract/status.ts';
import { parseType } from '../../../../contract/value-type.ts';
import type { Value } from '../../../../contract/value-type.ts';
import type { GroupPlace } from '../../../../monitor/tally/served-place.ts';
import { feature } from '../../../support/fixtures/materialized-project.ts';

const HOUR = 3_600_000_000;
const DOUBLE = parseType('float64')!;
const PLACE: GroupPlace = {
  role: 0,
  entity: 0,
  row: 0,
  agreed: 0,
  bundle: 'b',
  serviceVersion: 1,
  surface: 'native',
  entityIsNew: false,
  isUnavailable: false,
};
const VECTOR = { requestId: 'q', row: 0, pod: 'p', entities: { customer_id: 'c' } };

/** Serving lacked a row of `missedHours` ago, in a view that promises two hours. */
function facts(
  served: Value,
  replayed: Value,
  change: Partial<ValueFacts> = {},
  missedHours = 1,
): ValueFacts {
  const servedUs = 100 * HOUR;
  const missed: AskedRow = {
    times: { eventUs: servedUs - missedHours * HOUR, createdUs: 1, definitionId: 1, runId: null },
    run: null,
    failed: null,
  };
  const row: RowFacts = {
    view: { id: 'v', kind: 'aggregated', hopUs: HOUR, delayUs: 0, ttlUs: null, freshnessUs: 2 * HOUR },
    servedUs,
    status: PRESENT,
    source: 2,
    fetchedUs: servedUs,
    watermarkUs: 0,
    served: { eventUs: 0, createdUs: 1, definitionId: 1, writtenUs: 1 },
    writer: null,
    fidelity: { answer: 'true', isDuplicated: false },
    alteration: null,
    replayed: missed.times,
    replayedOutsideTtl: false,
    missed,
    missedReplayed: missed,
    honest: null,
    ofServedDefinition: null,
    clocks: [],
    nextRun: null,
  };
  return {
    row,
    feature: 'f',
    type: DOUBLE,
    fallback: null,
    served,
    replayed,
    servedState: stateOf(PRESENT, served),
    replayedState: stateOf(PRESENT, replayed),
    available: undefined,
    alteration: null,
    earlier: null,
    isAnswerAltered: false,
    ...change,
  };
}

/** Counts a value of a row for so many vectors. */
function add(tally: FeatureTally, value: ValueFacts, vectors = 1): void {
  const compared = tally.compare(value);
  const differs = !compared.isExact && compared.isPresent;
  tally.add(compared, PLACE, differs ? new Decisions().of(value, 'p') : null, vectors);
}

/** The distributions of one pair of values. */
function distributionsOf(type: string, served: Value, replayed: Value): Distributions | null {
  const tally = new FeatureTally(feature('f', type));
  add(tally, facts(served, replayed, { type: parseType(type)! }));
  return tally.snapshot('v__f', 'v').distributions;
}

describe('a feature over a day', () => {
  test('counts exact, promised and tolerated matches by hand-made numbers', () => {
    const tally = new FeatureTally(feature('f', 'float64', { tolerance: 0.5 }));
    for (const value of [1, 2, 0, -3]) add(tally, facts(value, value)); // 4 exact
    add(tally, facts(1, 1.5)); // within the promise, within tolerance
    add(tally, facts(1, 9)); // within the promise
    add(tally, facts(1, 1.25, {}, 3)); // within tolerance
    add(tally, facts(null, 7, {}, 3)); // neither
    const snapshot = tally.snapshot('v__f', 'v');
    expect(snapshot).toMatchObject({
      rows: 8,
      present: 8,
      exact: 4,
      withinPromise: 2,
      beyondPromise: 2,
      exactMatch: 4 / 8,
      exactMatchWithinPromise: 6 / 8,
      toleranceMatch: 6 / 8,
      availableMatch: null,
      causes: { 'materialization lag': { values: 4, beyondPromise: 2 } },
    });
    expect(snapshot.states).toEqual([
      { served: 'null', replayed: 'value', rows: 1 },
      { served: 'zero', replayed: 'zero', rows: 1 },
      { served: 'value', replayed: 'value', rows: 6 },
    ]);
    // Differences of the seven pairs: four zeros, -0.5, -8, -0.25.
    expect(snapshot.meanDifference).toBeCloseTo(-8.75 / 7, 12);
  });

  test('an altered answer is right in no rate, whatever its row holds', () => {
    const tally = new FeatureTally(feature('f', 'float64', { tolerance: 0.5 }));
    add(tally, facts(1, 1, { available: 1 }));
    add(tally, facts(2, 2, { available: 2, isAnswerAltered: true }));
    expect(tally.snapshot('v__f', 'v')).toMatchObject({
      present: 2,
      exactMatch: 0.5,
      toleranceMatch: 0.5,
      availableMatch: 0.5,
    });
  });

  test('counts UNAVAILABLE and unjudged apart', () => {
    const tally = new FeatureTally(feature('f', 'float64'));
    const down = { servedState: 'unavailable' } as const;
    const { row } = facts(null, 4);
    add(tally, facts(null, 4, { ...down, row: { ...row, status: UNAVAILABLE, served: null } }));
    add(tally, facts(null, null, { ...down, row: { ...row, status: UNAVAILABLE, served: null } }));
    tally.addUnjudged(1);
    expect(tally.snapshot('v__f', 'v')).toMatchObject({
      rows: 3,
      present: 0,
      unavailable: 2,
      unjudged: 1,
      exactMatch: null,
      exactMatchWithinPromise: null,
      causes: {},
      distributions: null,
    });
  });

  test('keeps 20 examples of a cause, what is beyond the promise first, and the worst of these', () => {
    const tally = new FeatureTally(feature('f', 'float64'));
    tally.measureBy(100);
    const serve = (i: number, hour: number, missedHours: number): void => {
      const value = facts(1, i + 2, {}, missedHours);
      const compared = tally.compare(value);
      const decided = new Decisions().of(value, 'p');
      const place = { ...PLACE, entity: i, row: i };
      tally.add(compared, place, decided, 1);
      const harm = decided.withinPromise ? 0 : compared.harm;
      const names = { vid: i, request: i, entity: i, hash: i };
      const candidate = { decided, harm, hour, ...names, value, row: value.row };
      tally.examples.listsOf(decided).offer(candidate);
    };
    for (let i = 0; i < 72; i++) serve(i, i % 24, 1);
    for (let i = 72; i < 75; i++) serve(i, 5, 3);
    const { causes, harm } = tally.snapshot('v__f', 'v');
    const examples = tally.chosen().map((one) => exampleOf(one, { ...VECTOR, requestId: `q${one.vid}` }));
    expect(examples).toHaveLength(20);
    expect(causes).toEqual({ 'materialization lag': { values: 75, beyondPromise: 3 } });
    expect(harm).toBeCloseTo(0.73 + 0.74 + 0.75, 12);
    expect(examples.slice(0, 4).map((e) => [e.requestId, e.withinPromise])).toEqual([
      ['q74', false],
      ['q73', false],
      ['q72', false],
      [expect.any(String), true],
    ]);
    expect(examples[0]).toEqual({
      ...VECTOR,
      requestId: 'q74',
      servedAt: '1970-01-05T04:00:00.000000Z',
      source: 'store',
      served: expect.objectContaining({ state: 'value', value: 1 }) as unknown,
      replayed: expect.objectContaining({ state: 'value', value: 76 }) as unknown,
      causes: ['materialization lag'],
      withinPromise: false,
      harm: 0.75,
      evidence: expect.any(String) as unknown,
    });
  });

  test('compares with what was available only where the history has created times', () => {
    const tally = new FeatureTally(feature('f', 'float64'));
    add(tally, facts(1, 2, { available: 1 }));
    add(tally, facts(2, 2, { available: 1 }));
    expect(tally.snapshot('v__f', 'v').availableMatch).toBe(0.5);
    add(tally, facts(2, 2, { available: undefined }));
    expect(tally.snapshot('v__f', 'v').availableMatch).toBeNull();
  });

  test('has the distribution that its type can have', () => {
    expect(distributionsOf('int64', 3n, 4n)).toMatchObject({
      kind: 'numeric',
      ks: { d: 1 },
      servedRows: 1,
      replayedRows: 1,
    });
    expect(distributionsOf('float64', null, 4)).toBeNull();
    const none = { nulls: 0, nan: 0, infinite: 0 };
    expect(distributionsOf('float64', NaN, 4)).toEqual({
      kind: 'no numbers',
      notNumbers: { served: { ...none, nan: 1 }, replayed: none },
    });
    expect(distributionsOf('string', 'a', 'b')).toMatchObject({ kind: 'categorical', lInfinity: 1 });
    expect(distributionsOf('bool', true, true)).toMatchObject({ kind: 'categorical', lInfinity: 0 });
    expect(distributionsOf('list<int32>', [1], [2])).toMatchObject({ kind: 'list', differing: 1 });
    expect(distributionsOf('timestamp', 5_000_000n, 1n)).toMatchObject({ kind: 'times', differing: 1 });
    expect(distributionsOf('map<int32>', new Map(), new Map([['a', 1]]))).toBeNull();
  });
});

/** What a feature's vectors tell, one by one or many at once. */
describe('vectors that are alike', () => {
  const pairs: readonly (readonly [type: string, served: Value, replayed: Value])[] = [
    ['float64', 1, 2.5],
    ['float64', 3, 3],
    ['float64', null, 4],
    ['int64', 2n ** 60n, 2n ** 60n + 1n],
    ['timestamp', 5_000_000n, 1n],
    ['string', 'a', 'b'],
    ['string', 'a', 'a'],
    ['bool', true, null],
    ['embedding(2)', Float32Array.of(1, 2), Float32Array.of(1, 3)],
    ['list<int32>', [1, 2, 3], [2]],
  ];

  test.each(pairs)('count as many as they are: %s, %o and %o', (type, served, replayed) => {
    const told = (calls: number, vectors: number): unknown => {
      const tally = new FeatureTally(feature('f', type));
      tally.measureBy(10);
      const value = facts(served, replayed, { type: parseType(type)!, available: served }, 3);
      add(tally, facts(replayed, replayed, { type: parseType(type)!, available: replayed }));
      for (let i = 0; i < calls; i++) add(tally, value, vectors);
      return tally.snapshot('v__f', 'v');
    };
    expect(told(1, 3)).toEqual(told(3, 1));
  });

  test('a row is one observation, whichever groups its vectors are in', () => {
    const tally = new FeatureTally(feature('f', 'float64'));
    add(tally, facts(1, 2, {}, 3), 3);
    add(tally, facts(2, 2), 1);
    const other = facts(1, 5, {}, 3);
    tally.add(tally.compare(other), { ...PLACE, row: 1, agreed: 4 }, new Decisions().of(other, 'p'), 4);
    // A fourth of the first row is right, half of the second, and 9 agreeing rows, of which the second is one.
    expect(tally.snapshot('v__f', 'v', { pairs: NO_PAIRS, rows: 9 })).toMatchObject({
      rowsJudged: 10,
      rowsWithinPromise: 8 + 1 / 4 + 1 / 2,
    });
  });
});

describe('equality of values', () => {
  test.each<[string, Value, Value, boolean]>([
    ['float64', 0, -0, false],
    ['float64', NaN, NaN, true],
    ['float64', null, 0, false],
    ['float64', null, null, true],
    ['int64', 2n ** 53n, 2n ** 53n + 1n, false],
    ['bytes', Uint8Array.of(1), Uint8Array.of(1), true],
    ['list<float64>', [1, null], [1, null], true],
    ['list<float64>', [0], [-0], false],
    ['embedding(2)', Float32Array.of(1, NaN), Float32Array.of(1, NaN), true],
    [
      'map<int32>',
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
      new Map([
        ['b', 2],
        ['a', 1],
      ]),
      true,
    ],
    ['map<int32>', new Map([['a', null]]), new Map([['b', null]]), false],
    ['struct<a: int32>', { a: 1 }, { a: 1 }, true],
  ])('of %s: %o and %o', (type, a, b, same) => {
    expect(isSame(parseType(type)!, a, b)).toBe(same);
  });

  test('within tolerance takes numbers only, and both ends', () => {
    expect(isWithinTolerance(DOUBLE, 1, 1.5, 0.5)).toBe(true);
    expect(isWithinTolerance(DOUBLE, 1, 1.5, 0.49)).toBe(false);
    expect(isWithinTolerance(DOUBLE, 0, -0, null)).toBe(false);
    expect(isWithinTolerance(DOUBLE, null, 0, 9)).toBe(false);
    expect(isWithinTolerance({ kind: 'int64' }, 5n, 6n, 1)).toBe(true);
  });
});

describe('what a model gets, and when it can be judged', () => {
  test('the tensor surface makes every number a double or a float32, null a NaN', () => {
    const oip = 2;
    expect(asReceived({ kind: 'int64' }, 2n ** 53n + 1n, oip, 'float64')).toBe(2 ** 53);
    expect(asReceived(DOUBLE, 0.1, oip, 'float32')).toBe(Math.fround(0.1));
    expect(asReceived(DOUBLE, null, oip, 'float64')).toBeNaN();
    expect(asReceived({ kind: 'string' }, null, oip, 'float64')).toBeNull();
    expect(asReceived({ kind: 'int64' }, 2n ** 53n + 1n, 0, 'float64')).toBe(2n ** 53n + 1n);
  });

  test('states', () => {
    expect([null, NaN, 0, -0, 0n, 1, false, { length: 0 }].map((value) => stateOf(PRESENT, value))).toEqual([
      'null',
      'NaN',
      'zero',
      'zero',
      'zero',
      'value',
      'value',
      'value',
    ]);
    const empty = ['', [], new Map(), Buffer.of()];
    expect(new Set(empty.map((value) => stateOf(PRESENT, value)))).toEqual(new Set(['empty']));
    expect([MISSING, OUTSIDE_TTL, UNAVAILABLE].map((status) => stateOf(status, 0))).toEqual([
      'missing',
      'outside TTL',
      'unavailable',
    ]);
  });
});
