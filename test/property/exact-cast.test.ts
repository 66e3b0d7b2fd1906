/** A value of a source becomes what a naive model says without loss, or nothing: numbers near every edge there is. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { exactCast } from '../../project/engine/duckdb/sources/exact-cast.ts';
import { parseSourceType } from '../../project/engine/duckdb/sources/source-type.ts';
import type { ValueType } from '../../contract/value-type.ts';

let duck: DuckDb;
beforeAll(async () => {
  duck = await DuckDb.open({ threads: 1 });
});
afterAll(() => duck.close());

async function becomes(
  type: string,
  wanted: ValueType,
  literals: readonly string[],
): Promise<(string | null)[]> {
  const { sql } = exactCast(parseSourceType(type), wanted, 'x');
  const rows = literals.map((literal, i) => `(${i}, ${literal}::${type})`).join(', ');
  const read = await duck.rows(
    `SELECT CAST(${sql} AS VARCHAR) AS v FROM (VALUES ${rows}) t(i, x) ORDER BY i`,
  );
  return read.map((row) => row['v'] as string | null);
}

const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;
const inInt64 = (n: bigint): boolean => n >= MIN && n <= MAX;

/** Near powers of two, where types and doubles end. */
const edge = fc
  .tuple(
    fc.constantFrom(0n, 24n, 31n, 32n, 53n, 63n, 64n, 100n),
    fc.bigInt({ min: -3n, max: 3n }),
    fc.boolean(),
  )
  .map(([power, by, negative]) => (negative ? -1n : 1n) * 2n ** power + by);
const whole = fc.oneof(edge, fc.bigInt({ min: -(10n ** 37n), max: 10n ** 37n }));
const double = fc.oneof(
  edge.map(Number),
  fc.double(),
  fc.constantFrom(0.5, -0, 1e22, 2 ** 53 - 1, -(2 ** 53) + 1),
);
const text = fc.oneof(
  whole.map(String),
  whole.map((n) => `0${n}`),
  whole.map((n) => `+${n}`),
  whole.map((n) => `${n}.0`),
  fc.constantFrom('', ' 1', '1 ', '-0', '1e3', 'ten', '٣', '--1'),
);

test('whole numbers of any width', async () => {
  const run = async (values: bigint[]): Promise<void> => {
    for (const type of ['HUGEINT', 'DECIMAL(38,0)']) {
      const literals = values.map((n) => `'${n}'`);
      expect(await becomes(type, { kind: 'int64' }, literals)).toEqual(
        values.map((n) => (inInt64(n) ? String(n) : null)),
      );
      const doubles = await becomes(type, { kind: 'float64' }, literals);
      expect(doubles.map((one) => (one === null ? null : Number(one)))).toEqual(
        values.map((n) => (BigInt(Number(n)) === n ? Number(n) : null)),
      );
    }
  };
  await fc.assert(fc.asyncProperty(fc.array(whole, { minLength: 1 }), run), { numRuns: 60 });
});

test('decimal fractions have the double that is nearest', async () => {
  const run = async (values: bigint[], scale: number): Promise<void> => {
    const decimals = values.map((n) => `${n}e-${scale}`);
    const digits = values.map((n) => {
      const [sign, body] = n < 0n ? ['-', -n] : ['', n];
      const padded = String(body).padStart(scale + 1, '0');
      return `'${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}'`;
    });
    const got = await becomes(`DECIMAL(38,${scale})`, { kind: 'float64' }, digits);
    expect(got.map(Number)).toEqual(decimals.map(Number));
  };
  const values = fc.array(fc.oneof(edge, fc.bigInt({ min: -(10n ** 37n), max: 10n ** 37n })), {
    minLength: 1,
  });
  await fc.assert(fc.asyncProperty(values, fc.constantFrom(1, 2, 9, 20, 30), run), { numRuns: 60 });
});

test('doubles', async () => {
  const run = async (values: number[]): Promise<void> => {
    const got = await becomes(
      'DOUBLE',
      { kind: 'int64' },
      values.map((d) => `'${Object.is(d, -0) ? '-0' : d}'`),
    );
    expect(got).toEqual(values.map((d) => (Number.isSafeInteger(d) ? String(BigInt(d)) : null)));
  };
  await fc.assert(fc.asyncProperty(fc.array(double, { minLength: 1 }), run), { numRuns: 60 });
});

test('texts', async () => {
  const naive = (t: string): string | null =>
    /^-?\d+$/.test(t) && String(BigInt(t)) === t && inInt64(BigInt(t)) ? t : null;
  const run = async (values: string[]): Promise<void> => {
    expect(
      await becomes(
        'VARCHAR',
        { kind: 'int64' },
        values.map((t) => `'${t}'`),
      ),
    ).toEqual(values.map(naive));
  };
  await fc.assert(fc.asyncProperty(fc.array(text, { minLength: 1 }), run), { numRuns: 60 });
});
