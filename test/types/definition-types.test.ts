/**
 * The types of definitions: the type checker refuses what a plan refuses, in words that are pinned here, and takes what
 * a plan takes. `allowed.ts` and `mistakes.ts` are also part of `npm run check:types`.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compileProject } from '../../registry/definitions/compile.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { run } from '../support/processes/plumb-process.ts';
import { scratchFolder } from '../support/scratch.ts';

const ROOT = join(import.meta.dirname, '../..');
const TSC = join(ROOT, 'node_modules/.bin/tsc');
const textOf = (file: string): string => readFileSync(join(import.meta.dirname, file), 'utf8');
const EXPECTED = /^ *\/\/ @ts-expect-error -- (.*)$/;

const OPTIONS = {
  extends: join(ROOT, 'tsconfig.json'),
  compilerOptions: { typeRoots: [join(ROOT, 'node_modules/@types')] },
  include: ['*.mts'],
};

/** What tsc says of a definition file: by line the first line of each mistake, and how often it filled in a type. */
async function checked(text: string): Promise<{ errors: Map<number, string>; instantiations: number }> {
  const folder = scratchFolder({ 'definitions.mts': text, 'tsconfig.json': JSON.stringify(OPTIONS) });
  const args = [TSC, '-p', folder, '--pretty', 'false', '--extendedDiagnostics'];
  const { stdout } = await run(process.execPath, args, { cwd: folder });
  const found = stdout.matchAll(/^definitions\.mts\((\d+),\d+\): error TS\d+: (.*)$/gm);
  const errors = new Map([...found].map(([, line, message]) => [Number(line), message!]));
  return { errors, instantiations: Number(/^Instantiations: +(\d+)$/m.exec(stdout)![1]) };
}

/** A project with one definition file and the events that it reads. */
async function projectOf(file: string): Promise<{ folder: string; definitions: string[] }> {
  const folder = scratchFolder({ [file]: textOf(file), 'data/.keep': '' });
  const duck = await DuckDb.open();
  const columns = `
    SELECT true AS yes, 1::INTEGER AS small, 1::BIGINT AS whole, 1::FLOAT AS narrow, 1::DOUBLE AS price, 'a' AS word,
      'a'::BLOB AS raw, TIMESTAMP '2026-01-31' AS moment, [1::BIGINT] AS wholes, [1::FLOAT, 2, 3] AS vector,
      MAP {'a': 1::DOUBLE} AS counts, {lat: 1::DOUBLE, name: 'a'} AS place, 1::BIGINT AS quantity, 1::BIGINT AS customer_id,
      'i' AS invoice_no, 1::INTEGER AS number, TIMESTAMP '2026-01-31' AS "at", TIMESTAMP '2026-01-31' AS loaded_at`;
  await duck.run(`COPY (${columns}) TO '${join(folder, 'data/events.parquet')}' (FORMAT parquet)`);
  duck.close();
  return { folder, definitions: [file] };
}

/** The lines of a text at which the type checker has a word to say, with that word. */
function expectedIn(text: string): [line: number, message: string][] {
  return text.split('\n').flatMap((line, i): [number, string][] => {
    const message = EXPECTED.exec(line)?.[1];
    return message === undefined ? [] : [[i + 1, message]];
  });
}

test('a mistake has one line of its own, which says what is wrong', async () => {
  const text = textOf('mistakes.ts');
  const { errors } = await checked(text.replaceAll('// @ts-expect-error -- ', '// '));
  const expected = expectedIn(text).map(([line, words]) => [line + 1, expect.stringContaining(words)]);
  expect([...errors]).toEqual(expected);
});

test('a plan refuses each of these mistakes too, at the same line', async () => {
  const error = await compileProject(await projectOf('mistakes.ts')).catch((e: Error) => e);
  const refused = [...(error as Error).message.matchAll(/^ +mistakes\.ts:(\d+) /gm)].map(([, line]) =>
    Number(line),
  );
  expect(refused).toEqual(expectedIn(textOf('mistakes.ts')).map(([line]) => line + 1));
});

test('what compiles is taken by a plan', async () => {
  const project = await projectOf('allowed.ts');
  const { views, services } = await compileProject({ ...project, vars: { data: 'data' } });
  expect(views.get('values')!.features).toHaveLength(13);
  expect([...services.keys()]).toEqual(['listed_v1', 'service_v1']);
});

/** A view of ten features with a service, each text its own. */
function manyViews(count: number): string {
  const view = (n: number): string => {
    const stored = (i: number) =>
      `f${i}: t.${['int64', 'float64', 'string', 'bool'][i % 4]}({ description: '${n}' })`;
    const aggregate = (i: number) =>
      `f${i}: agg.${i % 2 ? 'sum' : 'max'}('c${i}').over('${n + 1}h${i + 1}m')`;
    const isStored = n % 2 === 0;
    const features = Array.from({ length: 10 }, (_, i) => (isStored ? stored(i) : aggregate(i))).join(', ');
    return `
const entity${n} = entity('entity${n}', { joinKeys: { id_${n}: t.int64() } });
const view${n} = featureView('view${n}', {
  entity: entity${n}, source: rows, delay: '5m', freshness: '${n + 2}h', ${isStored ? `ttl: '${n + 1}d'` : "hop: '1m'"},
  features: { ${features} },
});
export const service${n} = featureService('service${n}', [view${n}.pick('f1', 'f2'), view${n}.as('other', { id_${n}: 'x' })]);
`;
  };
  const head = `import { agg, entity, featureService, featureView, source, t } from 'plumbline';
const rows = source.parquet('rows', { path: 'rows.parquet', eventTime: 'at' });
`;
  return head + Array.from({ length: count }, (_, n) => view(n)).join('');
}

test('an editor stays quick: 200 views cost in proportion', async () => {
  const [few, many] = [await checked(manyViews(20)), await checked(manyViews(200))];
  expect([...few.errors, ...many.errors]).toEqual([]);
  // Counted: 460 a view.
  expect(many.instantiations - few.instantiations).toBeLessThan(180 * 1_000);
});
