/**
 * The as-of join in Spark against the oracle in `contract/as-of.ts`: the same row for every label, to the bit, on data
 * full of ties, nulls, bounds, late rows and zeros with signs. Thousands of histories go through one job.
 */
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { asOf } from '../../contract/as-of.ts';
import type { AsOfRow, AsOfRule } from '../../contract/as-of.ts';
import { parseType } from '../../contract/value-type.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import { NO_ROW, ROW_FOUND, ROW_OUTSIDE_TTL, answerAsOf } from '../../project/engine/duckdb/as-of-join.ts';
import { readTimes } from '../../project/engine/duckdb/committed-rows.ts';
import {
  DuckDb,
  EXACT_FLOATS,
  duckTypeOf,
  quoteText,
  valueFromDuck,
} from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths } from '../../project/engine/duckdb/file-sql.ts';
import { sqlLiteral } from '../../project/engine/duckdb/sql-literal.ts';
import { sparkAsOfSql } from '../../project/engine/spark/as-of-join.ts';
import { SparkSession, sparkFiles } from '../../project/engine/spark/spark-session.ts';
import { SparkJob } from '../../project/engine/spark/spark-job.ts';
import { silentLogger } from '../../contract/std/logger.ts';
import { PYTHON_LIMIT_MS } from '../support/processes/python-environment.ts';
import { scratchFolder } from '../support/scratch.ts';
import { sparkSettingsHere } from '../support/spark/spark-here.ts';

const HISTORIES = 400;
const SEED = Number(process.env['PLUMB_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const LIMIT_MS = 600_000;
const BASE = 1_700_000_000_000_000;

const FEATURES: readonly { readonly name: string; readonly type: ValueType }[] = [
  ['b', 'bool'],
  ['n', 'int32'],
  ['f', 'float32'],
  ['d', 'float64'],
  ['s', 'string'],
  ['y', 'bytes'],
  ['t', 'timestamp'],
  ['l', 'list<float64>'],
  ['e', 'embedding(2)'],
  ['m', 'map<float32>'],
  ['o', 'struct<a: float32, b: map<int64>>'],
].map(([name, type]) => ({ name: name!, type: parseType(type!)! }));
const TYPES = FEATURES.map(({ type }) => type);

interface Scenario {
  readonly rows: readonly (AsOfRow & { readonly key: string | null })[];
  readonly labels: readonly { readonly key: string | null; readonly tUs: number | null }[];
}

const few = (...values: readonly Value[]): fc.Arbitrary<Value> => fc.constantFrom(...values);
const key = fc.constantFrom('a', 'a\0b', "it's \\ back", null);
/** Near the last time that there is. */
const LAST = 2 ** 63 - 1_024;
const time = fc.option(
  fc.oneof(
    { weight: 40, arbitrary: fc.integer({ min: -2, max: 6 }).map((n) => BASE + n * 500_000) },
    { weight: 1, arbitrary: fc.constant(LAST) },
  ),
  { freq: 12 },
);
// Most values are equal, so that the last ones have to decide now and then.
const values = fc.tuple(
  few(null, false, true),
  few(1, 1, 1, null, -5),
  few(0, 0, -0, NaN, null, 1.5),
  few(0, -0, NaN, Infinity, -Infinity, 5e-324),
  few('', '', 'ä', '\u{10000}', '\uffff', '\ufeffx', null),
  few(new Uint8Array(), new Uint8Array([255]), new Uint8Array([0, 1]), null),
  few(0n, 0n, -1n, 1_700_000_000_000_001n, null),
  few(null, [], [1], [-0, 1], [0, -0], [0, 1], [null], [2], [NaN], [-0, null]),
  few(new Float32Array([0, 1]), new Float32Array([-0, 1]), new Float32Array([NaN, 0]), null),
  few(null, new Map(), new Map([['x', 0]]), new Map([['x', -0]]), new Map([['x', null]])),
  few(
    null,
    { a: null, b: new Map() },
    { a: 1, b: new Map([['x', 1n]]) },
    { a: 1, b: new Map([['x', null]]) },
    { a: -0, b: new Map([['y', 1n]]) },
    { a: 0, b: null },
  ),
) as fc.Arbitrary<Value[]>;
const row = fc
  .record({ key, eventUs: time, createdUs: time, values })
  // Rows of one created time are all tombstones or none is: one run writes one row of an entity and event.
  .map((one) => ({ ...one, deleted: one.createdUs === BASE || one.createdUs === BASE + 1_500_000 }));
const scenario: fc.Arbitrary<Scenario> = fc.record({
  rows: fc
    .array(row, { maxLength: 30 })
    .chain((rows) => fc.subarray(rows).map((twice) => [...rows, ...twice])),
  labels: fc.array(fc.record({ key, tUs: time }), { minLength: 1, maxLength: 12 }),
});

const RULES: readonly AsOfRule[] = (['trained', 'available'] as const).flatMap((mode) =>
  [0, 500_000].flatMap((delayUs) =>
    [null, 0, 1_500_000].map((ttlUs): AsOfRule => ({ mode, delayUs, ttlUs })),
  ),
);

let duck: DuckDb;
beforeAll(async () => {
  duck = await DuckDb.open({ threads: 2 });
}, PYTHON_LIMIT_MS);
afterAll(() => duck.close());

test(
  'finds the row of the rule for every label, in both modes',
  async () => {
    const spark = new SparkSession(await sparkSettingsHere(scratchFolder()), silentLogger, 'as-of');
    const scenarios = fc.sample(scenario, { numRuns: HISTORIES, seed: SEED });
    const rows = scenarios.flatMap((one, i) => one.rows.map((each) => ({ i, ...each })));
    const labels = scenarios.flatMap((one, i) => one.labels.map((each) => ({ i, ...each })));
    const place = spark.openPlace();
    const [history, asked] = ['history', 'labels'].map((name) => join(place.folder, `${name}.parquet`));
    const timeSql = (us: number | null): string => (us === null ? 'NULL' : `make_timestamptz(${us})`);
    const keySql = (text: string | null): string => (text === null ? 'NULL' : quoteText(text));
    await write(
      history!,
      `i INTEGER, k VARCHAR, event_time TIMESTAMPTZ, created_time TIMESTAMPTZ, run_id VARCHAR, definition_id BIGINT,
        deleted BOOLEAN, ${FEATURES.map(({ name, type }) => `${name} ${duckTypeOf(type, 'TIMESTAMPTZ')}`).join(', ')}`,
      rows.map((one) => [
        String(one.i),
        keySql(one.key),
        timeSql(one.eventUs),
        timeSql(one.createdUs),
        "'r'",
        '7',
        one.deleted === true ? 'true' : 'NULL',
        ...one.values.map((value, at) => sqlLiteral(TYPES[at]!, value)),
      ]),
    );
    await write(
      asked!,
      'rid BIGINT, i INTEGER, k VARCHAR, t BIGINT',
      labels.map((one, rid) => [String(rid), String(one.i), keySql(one.key), String(one.tUs ?? 'NULL')]),
    );
    const job = new SparkJob();
    const [rowsAt, labelsAt] = [job.read([history!], null), job.read([asked!], null)];
    const joinOf = (rule: AsOfRule) => ({
      rid: 'rid',
      time: 't',
      nanos: false,
      tombstones: true,
      keys: [
        { label: 'i', row: 'i' },
        { label: 'k', row: 'k' },
      ],
      features: FEATURES,
      outputs: FEATURES.map(({ name }) => ({ feature: name, as: `out_${name}` })),
      ...rule,
    });
    const ways = RULES.filter(({ ttlUs }) => ttlUs === null);
    for (const [at, rule] of ways.entries()) {
      const sql = sparkAsOfSql({ ...joinOf(rule), labels: labelsAt, rows: `SELECT * FROM ${rowsAt}` });
      job.write(`way_${at}`, sql, join(place.folder, `way_${at}`));
    }
    await spark.run({ job, labels: {} });
    await spark.close();
    for (const rule of RULES) {
      const at = ways.findIndex(({ mode, delayUs }) => mode === rule.mode && delayUs === rule.delayUs);
      const files = quotePaths(sparkFiles(join(place.folder, `way_${at}`)));
      const outputs = FEATURES.map(({ type }, i) => `${readTimes(type, `o${i}`)} AS o${i}`);
      const found = `SELECT * EXCLUDE (${FEATURES.map((_, i) => `o${i}`).join(', ')}), ${outputs.join(', ')}
        FROM read_parquet(${files})`;
      const labelsFrom = `read_parquet(${quotePaths([asked!])})`;
      await answerAsOf(duck, { ...joinOf(rule), labels: labelsFrom }, found, 'joined');
      const got = (await duck.rows('SELECT * FROM joined ORDER BY rid')).map((one) => ({
        rid: Number(one['rid']),
        state: Number(one['asof_state']),
        eventUs: one['asof_event_us'] === null ? null : Number(one['asof_event_us']),
        createdUs: one['asof_created_us'] === null ? null : Number(one['asof_created_us']),
        values: FEATURES.map(({ name, type }) => plain(valueFromDuck(type, one[`out_${name}`]!))),
      }));
      const right = labels.map((one, rid) => expected(scenarios[one.i]!, one, rule, rid));
      const wrong = got.filter((one, i) => !sameAnswer(one, right[i]!));
      expect({
        seed: SEED,
        rule,
        wrong: wrong.slice(0, 3),
        right: wrong.slice(0, 3).map(({ rid }) => right[rid]),
      }).toEqual({
        seed: SEED,
        rule,
        wrong: [],
        right: [],
      });
      expect(got).toHaveLength(labels.length);
    }
    place.close();
    console.info(
      `${labels.length} labels on ${rows.length} rows, ${RULES.length} rules: 0 values differ (PLUMB_SEED=${SEED})`,
    );
  },
  LIMIT_MS,
);

function expected(
  { rows }: Scenario,
  { key: own, tUs }: Scenario['labels'][number],
  rule: AsOfRule,
  rid: number,
) {
  const mine = own === null ? [] : rows.filter((one) => one.key === own);
  const answer = asOf(
    mine.map((one) => ({ ...one, deleted: false })),
    tUs,
    rule,
    TYPES,
  );
  const isRow = asOf(mine, tUs, rule, TYPES) !== null;
  const state = answer === null || !isRow ? NO_ROW : answer.outsideTtl ? ROW_OUTSIDE_TTL : ROW_FOUND;
  return {
    rid,
    state,
    eventUs: answer?.row.eventUs ?? null,
    createdUs: answer?.row.createdUs ?? null,
    values: state === ROW_FOUND ? answer!.row.values : TYPES.map(() => null),
  };
}

/** The client's bytes are a Buffer. */
function plain(value: Value): Value {
  return Buffer.isBuffer(value) ? new Uint8Array(value) : value;
}

/** toStrictEqual tells -0 from 0 and takes NaN as NaN, which is what is asked for. */
function sameAnswer(got: unknown, right: unknown): boolean {
  try {
    expect(got).toStrictEqual(right);
    return true;
  } catch {
    return false;
  }
}

async function write(file: string, columns: string, rows: readonly (readonly string[])[]): Promise<void> {
  await duck.run(`CREATE OR REPLACE TABLE written (${columns})`);
  for (let at = 0; at < rows.length; at += 1_000) {
    const lines = rows.slice(at, at + 1_000).map((cells) => `(${cells.join(', ')})`);
    await duck.run(`INSERT INTO written VALUES ${lines.join(', ')}`);
  }
  await duck.run(`COPY written TO ${quoteText(file)} (FORMAT parquet, ${EXACT_FLOATS})`);
}
