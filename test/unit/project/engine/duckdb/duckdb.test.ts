/** Texts in SQL are what they are whatever they hold, and too little memory is told as that. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DuckDb, quoteText } from '../../../../../project/engine/duckdb/duckdb.ts';
import { scratchFolder } from '../../../../support/scratch.ts';

let duck: DuckDb;

beforeAll(async () => {
  duck = await DuckDb.open({ threads: 1 });
});
afterAll(() => duck.close());

const hostile = fc.string({
  unit: fc.constantFrom('\0', "'", '"', '\\', '\n', ';', '-', '$', '%', 'a', 'ä'),
});
const text = fc.oneof(hostile, fc.string({ unit: 'binary' }), fc.constantFrom('', '\0', "\0'\0", "'); --"));

test('any text is a literal of that text, alone, in a list and beside others', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 8 }), async (texts) => {
      const literals = texts.map(quoteText);
      const columns = literals.map((one, i) => `${one} AS t${i}`).join(', ');
      const rows = `SELECT unnest([${literals.join(', ')}]) AS t`;
      const [row] = await duck.rows(`SELECT ${columns},
        (SELECT count(*) FROM (${rows}) WHERE t IN (${literals.join(', ')})) AS found,
        (SELECT count(*) FROM (${rows}) WHERE t = ${literals[0]!}) AS alike`);
      expect(texts.map((_, i) => row![`t${i}`])).toEqual(texts);
      expect(row!['found']).toBe(BigInt(texts.length));
      expect(row!['alike']).toBe(BigInt(texts.filter((one) => one === texts[0]).length));
    }),
    { numRuns: 150 },
  );
});

test('a text that begins with U+FEFF keeps it, wherever it stands', async () => {
  const sql = (own: string): string =>
    `SELECT ${quoteText(own)} AS t, [${quoteText(own)}] AS l, MAP {${quoteText(own)}: 1} AS m`;
  for (const own of ['\ufeff', '\ufeffx', `\ufeff${'x'.repeat(40)}`, 'x\ufeff']) {
    const [row] = await duck.rows(sql(own));
    expect(row).toMatchObject({ t: own, l: { items: [own] }, m: { entries: [{ key: own, value: 1 }] } });
    expect((await duck.columns(sql(own)))['t']).toEqual([own]);
  }
});

test('too little memory names the setting that gives more', async () => {
  const tempFolder = scratchFolder();
  const small = await DuckDb.open({ memoryLimit: '20MB', memorySetting: 'train.memory', tempFolder });
  const sql = 'SELECT list(i::VARCHAR) AS l FROM range(3000000) t(i)';
  const told = expect.objectContaining({
    code: 'REG_MEMORY',
    message: expect.stringMatching(/^DuckDB has not enough memory: [^\n]+$/),
    details: expect.objectContaining({
      field: 'train.memory',
      help: expect.stringContaining('Raise `train.memory`'),
    }),
  });
  await expect(small.run(`CREATE TABLE t AS ${sql}`)).rejects.toThrow(told);
  await expect(small.rows(sql)).rejects.toThrow(told);
  small.close();
});

test('a full disk beside memory names the setting of the folder', async ({ skip }) => {
  const folder = scratchFolder();
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'plumb', folder]).status === 0;
  skip(!mounted, 'no right to mount a tmpfs');
  try {
    const file = join(folder, 'own.duckdb');
    const own = await DuckDb.open({ file, threads: 1, scratchSetting: 'monitor.scratch' });
    const full = own.run('CREATE TABLE t AS SELECT hash(i) AS h FROM range(1_000_000) r(i)');
    await expect(full).rejects.toThrow(
      expect.objectContaining({
        code: 'REG_MEMORY',
        message: expect.stringContaining(`no space is left for ${file}`),
        details: expect.objectContaining({
          field: 'monitor.scratch',
          help: expect.stringContaining('let `monitor.scratch` name a folder of another disk'),
        }),
      }),
    );
    own.close();
  } finally {
    spawnSync('umount', [folder]);
  }
});

test('a database may lie in a folder of any name, where it also puts what memory does not hold', async () => {
  const folder = join(scratchFolder(), "what? it's {a,b} #1");
  mkdirSync(folder);
  const own = await DuckDb.open({ file: join(folder, 'own.duckdb'), memoryLimit: '40MB', threads: 1 });
  await own.run('CREATE TABLE t AS SELECT hash(i) AS h FROM range(10_000_000) r(i)');
  expect(readdirSync(folder)).not.toEqual([]);
  expect(await own.rows('SELECT count(DISTINCT h)::INTEGER AS n FROM t')).toEqual([{ n: 10_000_000 }]);
  own.close();
});

test('columns are read as rows are, over many chunks, with and without nulls', async () => {
  const sql = `SELECT i::DOUBLE AS whole, CASE WHEN i % 3 = 0 THEN NULL WHEN i % 7 = 0 THEN 'nan'::DOUBLE ELSE i / 7 END AS some,
    CASE WHEN i = 5000 THEN 1.5 END AS one, NULL::DOUBLE AS none, CASE WHEN i % 2 = 0 THEN 'a longer text ' || i END AS t,
    ['', 'short', 'twelve bytes', 'thirteen byte', chr(65279) || 'é', 'one text of all'][i // 5 % 7 + 1] AS mixed, 'one text of all' AS same,
    CASE WHEN i % 5 > 0 THEN i % 3 = 0 END AS flag
    FROM range(5_001) r(i) ORDER BY i`;
  const rows = await duck.rows(sql);
  const columns = await duck.columns(sql);
  expect(Object.keys(columns)).toEqual(['whole', 'some', 'one', 'none', 't', 'mixed', 'same', 'flag']);
  for (const [name, values] of Object.entries(columns)) expect(values).toEqual(rows.map((row) => row[name]));
  expect(await duck.columns('SELECT 1::DOUBLE AS x, 2 AS y WHERE false')).toEqual({ x: [], y: [] });
});
