/** The as-of join against the oracle in `contract/as-of.ts`: the same row for every label, on data full of traps. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asOf } from '../../contract/as-of.ts';
import type { AsOfRow, AsOfRule } from '../../contract/as-of.ts';
import { NO_ROW, ROW_FOUND, ROW_OUTSIDE_TTL, joinAsOf } from '../../project/engine/duckdb/as-of-join.ts';
import type { AsOfJoin } from '../../project/engine/duckdb/as-of-join.ts';
import { DuckDb, duckTypeOf, quoteText, valueFromDuck } from '../../project/engine/duckdb/duckdb.ts';
import { sqlLiteral } from '../../project/engine/duckdb/sql-literal.ts';
import { parseType } from '../../contract/value-type.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import { rounds } from '../support/long-run.ts';

interface HistoryRow extends AsOfRow {
  readonly keys: readonly [string | null, bigint | null];
}

interface Label {
  readonly keys: readonly [string | null, bigint | null];
  readonly tUs: number | null;
}

const FEATURES: readonly { name: string; type: ValueType }[] = [
  { name: 'f', type: { kind: 'float64' } },
  { name: 's', type: { kind: 'string' } },
  { name: 'l', type: { kind: 'list', of: { kind: 'float64' } } },
  { name: 'o', type: parseType('struct<a: float32, b: map<int64>>')! },
];
const TYPES = FEATURES.map((feature) => feature.type);
const BASE = 1_700_000_000_000_000;

// Few keys and few times, so that ties, duplicates and boundaries come up in nearly every run.
const key = fc.tuple(
  fc.constantFrom('a', 'a\0b', null),
  fc.constantFrom(1n, 2n ** 53n, 2n ** 53n + 1n, null),
) as fc.Arbitrary<[string | null, bigint | null]>;
const time = fc.option(
  fc.integer({ min: -2, max: 6 }).map((n) => BASE + n * 500_000),
  { freq: 12 },
);
const value = fc.tuple(
  fc.constantFrom(null, NaN, 0, -0, 1.5, -Infinity, Infinity),
  fc.constantFrom(null, '', 'ä', 'z', '\u{10000}', '\uffff'),
  fc.constantFrom<Value>(null, [], [1], [-0, 1], [0, -0], [0, 1], [null], [2], [NaN], [-0, null]),
  fc.constantFrom<Value>(
    null,
    { a: null, b: new Map() },
    { a: 1, b: new Map([['x', 1n]]) },
    { a: 1, b: new Map([['x', null]]) },
    { a: -0, b: new Map([['y', 1n]]) },
    { a: 0, b: null },
  ),
) as fc.Arbitrary<Value[]>;
// Rows of one created time are all tombstones or none is: one run writes one row of an entity and event.
const historyRow = fc
  .record({ keys: key, eventUs: time, createdUs: time, values: value })
  .map((row) => ({ ...row, deleted: row.createdUs === BASE || row.createdUs === BASE + 1_500_000 }));
const label = fc.record({ keys: key, tUs: time });
const history = fc
  .array(historyRow, { maxLength: 60 })
  .chain((rows) => fc.subarray(rows).map((twice): readonly HistoryRow[] => rows.concat(twice)));
const anyCuts = fc.uniqueArray(
  fc.integer({ min: -2, max: 6 }).map((n) => BASE + n * 500_000),
  { maxLength: 3 },
);
const rule = fc.record({
  mode: fc.constantFrom('trained', 'available') as fc.Arbitrary<AsOfRule['mode']>,
  delayUs: fc.constantFrom(0, 500_000, 1_000_000),
  ttlUs: fc.constantFrom(null, 0, 500_000, 1_500_000),
});

let duck: DuckDb;

beforeAll(async () => {
  duck = await DuckDb.open({ threads: 2 });
});
afterAll(() => duck.close());

/** @param cuts  event times at which the history is read in parts, newest first, as days of an aggregated view's are */
async function replay(
  rows: readonly HistoryRow[],
  labels: readonly Label[],
  asOfRule: AsOfRule,
  cuts: readonly number[],
  nanos = false,
) {
  const part = (us: number | null): string => String(nanos ? (us ?? 0) % 1_000 : 0);
  const whole = (us: number | null): number | null => (nanos && us !== null ? Math.floor(us / 1_000) : us);
  await fill(
    'hist',
    'k1 VARCHAR, k2 BIGINT, event_time TIMESTAMP, created_time TIMESTAMP, run_id VARCHAR, '
      .concat('definition_id UINTEGER, deleted BOOLEAN, "~event_ns" SMALLINT, "~created_ns" SMALLINT, ')
      .concat(FEATURES.map((f) => `${f.name} ${duckTypeOf(f.type)}`).join(', ')),
    rows.map((row) => [
      keysSql(row.keys),
      timeSql(whole(row.eventUs)),
      timeSql(whole(row.createdUs)),
      "'r'",
      '7',
      // A file from before there were tombstones has none.
      row.deleted === true ? 'true' : 'NULL',
      part(row.eventUs),
      part(row.createdUs),
      ...row.values.map((item, i) => sqlLiteral(TYPES[i]!, item)),
    ]),
  );
  await fill(
    'lab',
    'rid BIGINT, a VARCHAR, b BIGINT, t BIGINT',
    labels.map((item, i) => [String(i), keysSql(item.keys), item.tUs === null ? 'NULL' : String(item.tUs)]),
  );
  const join: AsOfJoin = {
    labels: 'lab',
    rid: 'rid',
    time: 't',
    history: partsOf(cuts),
    nanos,
    tombstones: true,
    keys: [
      { label: 'a', row: 'k1' },
      { label: 'b', row: 'k2' },
    ],
    features: FEATURES,
    outputs: FEATURES.map((f) => ({ feature: f.name, as: `out_${f.name}` })),
    ...asOfRule,
  };
  await joinAsOf(duck, join, 'joined');
  return await duck.rows('SELECT * FROM joined ORDER BY rid');
}

function partsOf(cuts: readonly number[]): string[] {
  const edges = [Number.MAX_SAFE_INTEGER, ...cuts.toSorted((a, b) => b - a), Number.MIN_SAFE_INTEGER];
  return edges
    .slice(1)
    .map(
      (from, i) =>
        `SELECT * FROM hist WHERE epoch_us(event_time) >= ${from} AND epoch_us(event_time) < ${edges[i]}`,
    );
}

async function fill(table: string, columns: string, rows: readonly (readonly string[])[]): Promise<void> {
  await duck.run(`CREATE OR REPLACE TABLE ${table} (${columns})`);
  for (let at = 0; at < rows.length; at += 1_000) {
    const values = rows.slice(at, at + 1_000).map((row) => `(${row.join(', ')})`);
    await duck.run(`INSERT INTO ${table} VALUES ${values.join(', ')}`);
  }
}

function keysSql([a, b]: readonly [string | null, bigint | null]): string {
  return `${a === null ? 'NULL' : quoteText(a)}, ${b === null ? 'NULL' : b}`;
}

function timeSql(us: number | null): string {
  return us === null ? 'NULL' : `make_timestamp(${us})`;
}

/** What the rule says, in the shape of a row of the SQL. */
function expected(rows: readonly HistoryRow[], labels: readonly Label[], asOfRule: AsOfRule) {
  return labels.map((item, i) => {
    const own = item.keys.includes(null)
      ? []
      : rows.filter((row) => row.keys[0] === item.keys[0] && row.keys[1] === item.keys[1]);
    const answer = asOf(
      own.map((row) => ({ ...row, deleted: false })),
      item.tUs,
      asOfRule,
      TYPES,
    );
    const isRow = asOf(own, item.tUs, asOfRule, TYPES) !== null;
    const state = answer === null || !isRow ? NO_ROW : answer.outsideTtl ? ROW_OUTSIDE_TTL : ROW_FOUND;
    return {
      rid: i,
      state,
      eventUs: answer?.row.eventUs ?? null,
      createdUs: answer?.row.createdUs ?? null,
      values: state === ROW_FOUND ? answer!.row.values : TYPES.map(() => null),
    };
  });
}

async function check(
  rows: readonly HistoryRow[],
  labels: readonly Label[],
  asOfRule: AsOfRule,
  cuts: readonly number[] = [],
) {
  const got = (await replay(rows, labels, asOfRule, cuts)).map((row) => ({
    rid: Number(row['rid']),
    state: Number(row['asof_state']),
    eventUs: row['asof_event_us'] === null ? null : Number(row['asof_event_us']),
    createdUs: row['asof_created_us'] === null ? null : Number(row['asof_created_us']),
    values: FEATURES.map((f) => valueFromDuck(f.type, row[`out_${f.name}`]!)),
  }));
  // toStrictEqual tells -0 from 0 and takes NaN as NaN, which is what is asked for.
  expect(got).toStrictEqual(expected(rows, labels, asOfRule));
}

describe('the as-of join agrees with the oracle', () => {
  test('on random histories and labels, in both modes', async () => {
    await fc.assert(
      fc.asyncProperty(history, fc.array(label, { minLength: 1, maxLength: 30 }), rule, anyCuts, check),
      { numRuns: rounds(30, 300) },
    );
  });

  test.each([1, 64, 65, 5_000])(
    'with %i labels, where the plan of an ASOF join changes',
    async (count) => {
      const rows = fc.sample(history, { numRuns: 12, seed: count }).flat();
      for (const asOfRule of fc.sample(rule, { numRuns: 6, seed: count })) {
        await check(rows, fc.sample(label, { numRuns: count, seed: count + 1 }), asOfRule);
      }
    },
    60_000,
  );

  test('of rows that differ within a microsecond', async () => {
    const nanos = fc.tuple(fc.integer({ min: 0, max: 2 }), fc.constantFrom(0, 100, 900));
    const ns = nanos.map(([us, rest]) => (1_700_000 + us) * 1_000 + rest);
    const values = fc.constantFrom(1, 2).map((v): Value[] => [v, null, null, null]);
    const keys = fc.constant(['a', 1n] as const);
    const rows = fc.array(fc.record({ keys, eventUs: ns, createdUs: ns, values }), { maxLength: 12 });
    const us = fc.integer({ min: 1_699_999, max: 1_700_003 });
    const labels = fc.array(fc.record({ keys, tUs: us }), { minLength: 1, maxLength: 4 });
    const mode = fc.constantFrom('trained' as const, 'available' as const);
    const run = async (rowsOf: HistoryRow[], asked: Label[], as: AsOfRule['mode']): Promise<void> => {
      const asOfRule = { mode: as, delayUs: 0, ttlUs: null };
      const got = await replay(rowsOf, asked, asOfRule, [], true);
      // A label sees the whole of its microsecond.
      const inNanos = asked.map((one) => ({ ...one, tUs: one.tUs! * 1_000 + 999 }));
      const right = expected(rowsOf, inNanos, asOfRule);
      expect(got.map((row) => row['out_f'])).toEqual(right.map((row) => row.values[0]));
    };
    await fc.assert(fc.asyncProperty(rows, labels, mode, run), { numRuns: rounds(25, 300) });
  });

  test('with one hot key among many rows', async () => {
    const rows = fc
      .sample(historyRow, { numRuns: 6_000, seed: 3 })
      .map(({ createdUs, values }, i): HistoryRow => {
        return { keys: ['a', 1n], eventUs: BASE + (i % 700) * 10_000, createdUs, values };
      });
    const labels = Array.from({ length: 300 }, (_, i): Label => ({
      keys: ['a', 1n],
      tUs: BASE + i * 25_001,
    }));
    await check(rows, labels, { mode: 'available', delayUs: 3, ttlUs: 40_000 });
    await check(rows, labels, { mode: 'trained', delayUs: 0, ttlUs: null });
  });

  test('where rows differ in nothing but the sign of a zero, alone or within a list or a struct', async () => {
    const differing: readonly [Value[], Value[]][] = [
      [
        [0, 'x', [1], null],
        [-0, 'x', [1], null],
      ],
      [
        [1, 'x', [0, 1], null],
        [1, 'x', [-0, 1], null],
      ],
      [
        [1, 'x', [1], { a: 0, b: null }],
        [1, 'x', [1], { a: -0, b: null }],
      ],
    ];
    for (const pair of differing.flatMap(([a, b]) => [
      [a, b],
      [b, a],
    ])) {
      const rows = pair.map((values): HistoryRow => ({
        keys: ['a', 1n],
        eventUs: BASE,
        createdUs: BASE,
        values,
      }));
      const labels: Label[] = [{ keys: ['a', 1n], tUs: BASE }];
      for (const mode of ['trained', 'available'] as const)
        await check(rows, labels, { mode, delayUs: 0, ttlUs: null });
    }
  });

  test('with many labels on many rows of one event time: the rows are folded before they meet the labels', async () => {
    const rows = fc
      .sample(historyRow, { numRuns: 1_500, seed: 4 })
      .map(({ createdUs, values }): HistoryRow => {
        return { keys: ['a', 1n], eventUs: BASE, createdUs, values };
      });
    const labels = Array.from({ length: 1_500 }, (_, i): Label => ({
      keys: ['a', 1n],
      tUs: BASE + i * 1_000,
    }));
    for (const mode of ['trained', 'available'] as const)
      await check(rows, labels, { mode, delayUs: 0, ttlUs: null });
  }, 60_000);

  test('an empty history and no labels at all', async () => {
    await check([], [{ keys: ['a', 1n], tUs: BASE }], { mode: 'trained', delayUs: 0, ttlUs: null });
    await check([], [], { mode: 'available', delayUs: 0, ttlUs: 5 });
    await check([], [], { mode: 'trained', delayUs: 0, ttlUs: 5 }, [BASE]);
  });
});
