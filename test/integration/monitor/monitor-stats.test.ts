/**
 * `plumb monitor stats` over real Parquet: every kind of column, what is wrong with a file, what a reader of JSON gets.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compareFiles } from '../../../monitor/stats/compare-files.ts';
import type { ColumnDifference } from '../../../monitor/stats/compare-files.ts';
import { renderComparison } from '../../../monitor/stats/comparison-table.ts';
import { DuckDb, quoteText } from '../../../project/engine/duckdb/duckdb.ts';
import { claimPrecision } from '../../support/fixtures/parquet-footer.ts';
import { PLUMB } from '../../support/processes/plumb-process.ts';
import { scratchFolder } from '../../support/scratch.ts';

/** Writes what a query gives, `i` being 0, 1, 2 ... */
async function parquet(name: string, rows: number, select: string): Promise<string> {
  const file = join(scratchFolder(), name);
  const duck = await DuckDb.open();
  await duck.run(
    `COPY (SELECT ${select} FROM range(${rows}) t(i) ORDER BY i) TO ${quoteText(file)} (FORMAT parquet)`,
  );
  duck.close();
  return file;
}

async function compared(aSql: string, bSql: string, rows = 1_000): Promise<ColumnDifference> {
  const name = `${Math.random()}`;
  const [a, b] = [
    await parquet(`${name}.a.parquet`, rows, aSql),
    await parquet(`${name}.b.parquet`, rows, bSql),
  ];
  return (await compareFiles(a, b)).columns[0]!;
}

test('numbers: D and its p, where, which side, quantiles that occur, the mean way moved', async () => {
  const column = await compared('(i % 100)::DOUBLE AS x', '(i % 100 + 10)::DOUBLE AS x');
  expect(column).toMatchObject({
    name: 'x',
    type: 'DOUBLE',
    as: 'ordered',
    ks: { d: 0.1, location: 9, sign: 1, method: 'exact' },
    wasserstein: expect.closeTo(10, 9),
    quantiles: { a: [0, 4, 24, 49, 74, 94, 98], b: [10, 14, 34, 59, 84, 104, 108] },
    psi: { edges: [9, 19, 29, 39, 49, 59, 69, 79, 89], fill: 0.0001 },
    level: 'alarm',
  });
  expect(column.ks!.p).toBeLessThan(1e-4);
});

test('NaN, infinities and nulls are counted, not compared; -0 is 0', async () => {
  const column = await compared(
    `CASE i % 10 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN NULL WHEN 3 THEN '-0' ELSE '1' END::DOUBLE AS x`,
    `CASE i % 10 WHEN 3 THEN 0 ELSE 1 END::DOUBLE AS x`,
  );
  expect(column).toMatchObject({
    rows: { a: 1_000, b: 1_000 },
    nulls: { a: 100, b: 0 },
    notFinite: { a: 200, b: 0 },
    ks: { d: expect.closeTo(100 / 700 - 0.1, 12), location: 0 },
  });
  expect(column.nulls.p).toBeLessThan(1e-9);
  expect(column.nulls.intervals!.a[0]).toBeGreaterThan(0.08);
});

test('whole numbers past 2^53 keep each its own: values as text, distances between neighbours', async () => {
  const column = await compared('2::BIGINT ** 60 + i % 4 AS x', '(2::BIGINT ** 60)::BIGINT + i % 4 + 1 AS x');
  expect(column.type).toContain('DOUBLE');
  const exact = await compared('1152921504606846976 + i % 4 AS x', '1152921504606846976 + i % 4 + 1 AS x');
  expect(exact).toMatchObject({
    ks: { d: 0.25, location: '1152921504606846976', sign: 1 },
    wasserstein: 1,
    quantiles: { a: expect.arrayContaining(['1152921504606846979']) },
  });
  const small = await compared('i AS x', 'i AS x');
  expect(small.ks).toMatchObject({ d: 0, p: 1, location: '0', sign: 0 });
});

test('times and days are in RFC 3339, and moved by seconds', async () => {
  const time = "TIMESTAMP '2026-01-01 00:00:00.000001'";
  const column = await compared(`${time} + to_hours(i) AS t`, `${time} + to_hours(i + 2) AS t`);
  expect(column).toMatchObject({
    as: 'ordered',
    unit: 's',
    wasserstein: expect.closeTo(7_200, 6),
    ks: { location: expect.stringMatching(/^2026-01-01T0\d:00:00.000001Z$/) },
  });
  const day = await compared(`DATE '2026-01-01' + i::INT AS d`, `DATE '2026-01-01' + i::INT AS d`);
  expect(day).toMatchObject({ unit: 's', wasserstein: 0, level: 'none' });
  const clock = (begin: string): string => `TIME '${begin}' + to_minutes(i % 60) AS t`;
  expect(await compared(clock('09:00:00'), clock('09:30:00'))).toMatchObject({
    type: 'TIME',
    as: 'ordered',
    unit: 's',
    wasserstein: expect.closeTo(1_800, 6),
    ks: { location: expect.stringMatching(/^09:\d\d:00\.000000$/) },
    quantiles: { a: expect.arrayContaining(['09:00:00.000000']) },
  });
  const late = await compared(clock('09:00:00'), "TIME '24:00:00' AS t");
  expect(late).toMatchObject({ quantiles: { b: expect.arrayContaining(['24:00:00.000000']) } });
  const odd = await compared("'infinity'::TIMESTAMP AS t", `${time} AS t`);
  expect(odd).toMatchObject({ notFinite: { a: 1_000, b: 0 } });
  expect(odd.ks).toBeUndefined();
});

test('texts: shares of each value, the furthest of them, new ones apart from the rest', async () => {
  const column = await compared(
    `CASE WHEN i < 900 THEN 'c' || (i % 30) ELSE NULL END AS city`,
    `CASE WHEN i < 900 THEN 'c' || (i % 30 + 3) ELSE 'c3' END AS city`,
  );
  expect(column.table!.filter(({ kind }) => kind === 'own')).toHaveLength(20);
  expect(column.table!.find(({ kind }) => kind === 'other')).toMatchObject({ values: 10, value: null });
  expect(column.table!.find(({ kind }) => kind === 'new')).toMatchObject({ values: 3, a: 0, b: 90 });
  expect(column.newValues).toMatchObject({ values: 3, share: expect.closeTo(0.09, 6) });
  expect(column).toMatchObject({ furthest: 'c3', lInfinity: expect.closeTo(0.13 - 1 / 30, 12) });
  expect(column.table!.reduce((sum, { b }) => sum + b, 0)).toBe(1_000);
});

/** Columns c0 ... of texts drawn at random: evenly from so many values, and from as many of which few are frequent. */
function drawnTexts(values: readonly number[], seed: number): string {
  const uniform = (at: number): string => `(hash(i, ${at}, ${seed}) % 1000003) / 1000003`;
  const columns = values.flatMap((k, at) => [
    `'v' || floor(${k} * ${uniform(2 * at)}) AS c${2 * at}`,
    `'v' || floor(${k} * pow(${uniform(2 * at + 1)}, 4)) AS c${2 * at + 1}`,
  ]);
  return columns.join(', ');
}

test.each([
  [300, 300],
  [300, 3_000],
  [3_000, 300],
])(
  'texts of %i and of %i rows that did not change are not flagged, however many values they have',
  async (...rows) => {
    const SEED = 20_261_129;
    const values = [10, 21, 50, 100, 1_000, 20_000].flatMap((k) => Array<number>(4).fill(k));
    const [a, b] = [
      await parquet('a.parquet', rows[0], drawnTexts(values, SEED)),
      await parquet('b.parquet', rows[1], drawnTexts(values, SEED + 1)),
    ];
    const { columns } = await compareFiles(a, b);
    const told = columns.map(({ name, level, q, chiSquare, newValues }) => ({
      name,
      level,
      q,
      p: chiSquare?.p,
      newValues,
    }));
    console.log(`seed ${SEED}: the least q is ${Math.min(...told.map(({ q }) => q ?? 1))}`);
    expect(told.filter(({ level }) => level !== 'none')).toEqual([]);
  },
);

test('texts of which b has only others are an alarm, however few rows each has', async () => {
  const column = await compared(`'a' || hash(i) % 2000 AS id`, `'b' || hash(i) % 2000 AS id`);
  expect(column).toMatchObject({ level: 'alarm', chiSquare: null, newValues: { p: expect.closeTo(0, 2) } });
  const unlike = await compared(`'a' || i AS id`, `'b' || i AS id`);
  expect(unlike).toMatchObject({ level: 'none' });
});

test('lists by their lengths and as categories; structs, bytes, truth values, ids as categories', async () => {
  const list = await compared('range(i % 3) AS l', 'range(i % 3 + 1) AS l');
  expect(list).toMatchObject({
    as: 'lengths',
    ks: { location: 0 },
    wasserstein: 1,
    lInfinity: expect.closeTo(1 / 3, 2),
  });
  const struct = await compared("{'a': i % 2} AS s", "{'a': i % 2} AS s");
  expect(struct).toMatchObject({ as: 'categories', lInfinity: 0, furthest: null, chiSquare: { p: 1 } });
  const bytes = await compared("'\\x00\\xFF'::BLOB AS b", "'\\x00\\xFE'::BLOB AS b");
  expect(bytes).toMatchObject({ furthest: String.raw`\x00\xFE`, lInfinity: 1 });
  const one = await compared('true AS ok', 'true AS ok');
  expect(one).toMatchObject({ chiSquare: null, q: null, level: 'none' });
});

test('an empty side, a column all null: counted, no statistic', async () => {
  const a = await parquet('empty.parquet', 0, 'i::DOUBLE AS x, i::VARCHAR AS s');
  const b = await parquet('full.parquet', 10, 'i::DOUBLE AS x, NULL::VARCHAR AS s');
  const { columns } = await compareFiles(a, b);
  for (const { ks, chiSquare, q, nulls, level } of columns) {
    expect([ks, chiSquare, q, nulls.p, nulls.intervals, level]).toEqual([
      undefined,
      undefined,
      null,
      null,
      null,
      'none',
    ]);
  }
});

test('types of one kind are compared, others named; columns of one file alone are named', async () => {
  const a = await parquet("it's [1].parquet", 50, 'i::INT AS x, i AS y, i AS left_alone');
  const b = await parquet('other.parquet', 50, 'i::DOUBLE AS x, i::VARCHAR AS y, i AS right_alone');
  const result = await compareFiles(a, b);
  expect(result).toMatchObject({
    columns: [{ name: 'x', type: 'INTEGER / DOUBLE', ks: { d: 0 } }],
    onlyInA: ['left_alone'],
    onlyInB: ['right_alone'],
    notCompared: [{ name: 'y', reason: 'it is BIGINT in a and VARCHAR in b' }],
  });
  const text = renderComparison(result);
  expect(text).toContain('y was not compared: it is BIGINT in a and VARCHAR in b');
  expect(text).toContain('only in b: right_alone');
});

test('many columns of one distribution: no flag by chance', async () => {
  const columns = (seed: number): string =>
    Array.from({ length: 60 }, (_, c) => `hash(i * 100 + ${c}, ${seed}) / 2 ** 64 AS c${c}`).join(', ');
  const [a, b] = [
    await parquet('even.a.parquet', 2_000, columns(1)),
    await parquet('even.b.parquet', 2_000, columns(2)),
  ];
  const result = await compareFiles(a, b);
  expect(result.columns.filter(({ level }) => level !== 'none')).toEqual([]);
  expect(result.columns.some(({ ks }) => ks!.p < 0.1)).toBe(true);
});

test('a file that is not there, no Parquet, or shares nothing is told with what to do', async () => {
  const good = await parquet('good.parquet', 1, 'i AS x');
  const other = await parquet('strange.parquet', 1, "'a' AS x");
  const text = join(scratchFolder(), 'text.parquet');
  writeFileSync(text, 'x\n1\n');
  for (const [a, b, message] of [
    [`${good}.none.parquet`, good, /there is no file .*none\.parquet/],
    [good, text, /text\.parquet is no Parquet file/],
    [good, other, /share no column that can be compared; x: it is BIGINT in a and VARCHAR in b/],
  ] as const) {
    await expect(compareFiles(a, b)).rejects.toMatchObject({
      code: 'MON_STATS_FILE',
      message: expect.stringMatching(message),
    });
  }
});

test('a decimal of more than 38 digits, which DuckDB reads wrong, is named and not compared', async () => {
  const [a, b] = [
    await parquet('wide.a.parquet', 10, 'i::DECIMAL(38, 0) AS id, i AS n'),
    await parquet('wide.b.parquet', 10, 'i::DECIMAL(38, 0) AS id, i AS n'),
  ];
  claimPrecision(b, 'id', 40);
  const { columns, notCompared } = await compareFiles(a, b);
  expect(columns.map(({ name }) => name)).toEqual(['n']);
  expect(notCompared).toEqual([
    { name: 'id', reason: 'it holds DECIMAL(40,0), of which no more than 38 digits are read right' },
  ]);
});

test('a column may have a name that the queries use themselves', async () => {
  const named = (v: string) => `i::DOUBLE AS x, 'c' || i % 3 AS t, ${v} AS v, 1 - i AS in_a`;
  const [a, b] = [
    await parquet('names.a.parquet', 100, named('CASE WHEN i % 2 = 0 THEN i END')),
    await parquet('names.b.parquet', 100, named('i')),
  ];
  const { columns } = await compareFiles(a, b);
  expect(columns.find(({ name }) => name === 'x')!.ks!.d).toBe(0);
  expect(columns.find(({ name }) => name === 't')!.lInfinity).toBe(0);
  const text = await parquet('names.c.parquet', 100, named("'text'"));
  expect((await compareFiles(text, text)).columns.map(({ level }) => level)).not.toContain('alarm');
});

test('the command loads nothing of a project: its start would take longer than its work', async () => {
  const file = await parquet('loaded.parquet', 10, 'i AS x');
  const hook = `import { registerHooks } from 'node:module';
    registerHooks({ load: (url, context, next) => (process._rawDebug(url), next(url, context)) });`;
  const { status, stdout, stderr } = spawnSync(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    `--import=data:text/javascript,${encodeURIComponent(hook)}`,
    PLUMB,
    'monitor',
    'stats',
    '--json',
    '--a',
    file,
    '--b',
    file,
  ]);
  expect([status, JSON.parse(String(stdout))]).toMatchObject([0, { columns: [{ name: 'x' }] }]);
  const loaded = String(stderr).split('\n');
  expect(loaded.filter((url) => url.endsWith('/packages/duckdb.cjs'))).not.toEqual([]);
  const needless = /(node_modules|packages)\/(kysely|zod|yaml|protobufjs)\b/;
  expect(loaded.filter((url) => needless.test(url))).toEqual([]);
});
