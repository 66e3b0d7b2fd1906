/** What an apply finds when it tries a function: over which row, and whether that is a mistake or a warning. */
import { expect, test } from 'vitest';
import type { Definitions, OnDemandView } from '../../../../contract/model.ts';
import { silentLogger } from '../../../../contract/std/logger.ts';
import { tryOnDemand } from '../../../../registry/trial/try-on-demand.ts';
import { NO_VIEWS, onDemandView } from '../../../support/fixtures/on-demand-view.ts';

/** @returns what is said of the function: the mistake, or the warning, or nothing */
async function tried(
  script: string,
  features = 'float64',
  more: Partial<OnDemandView> = {},
): Promise<string> {
  const inputs = { x: 'float64', l: 'list<string>' };
  const view = onDemandView('basket', script, inputs, { y: features }, more);
  const warnings: string[] = [];
  const definitions = NO_VIEWS as unknown as Definitions;
  const project = {
    folder: '/project',
    logger: { ...silentLogger, warn: (message: string) => void warnings.push(`warning: ${message}`) },
  };
  const fault = await tryOnDemand([view], definitions, project).then(
    () => '',
    ({ message }: Error) => message.split('\n')[1]!.trim(),
  );
  return fault || (warnings[0] ?? '');
}

// A table: one line a function.
// prettier-ignore
test.each([
  ['keeps a count in a list', '(() => { const seen = []; return ({ x }) => ({ y: seen.push(x) }) })()', 'two answers to one row: {"y":1} and {"y":'],
  ['remembers first answers', '(() => { const known = new Map(); return ({ x, l }) => { const k = l === null ? 0 : l.length; if (!known.has(k)) known.set(k, x); return { y: known.get(k) } } })()', 'two answers to one row'],
  ['throws the second time', '(() => { let n = 0; return ({ x }) => { n += 1; if (n > 300) throw new Error("tired"); return { y: x } } })()', 'two answers to one row'],
  ['returns a text', '() => ({ y: "much" })', 'basket.ts:1: it returned the text "much" as "y", over generated row 1: {"l":'],
  ['returns undefined for null', '({ x }) => ({ y: x === null ? undefined : 1 })', 'it returned undefined as "y", over generated row'],
  ['returns too little', '() => ({})', 'it returned undefined as "y"'],
  ['always throws', '() => { throw new Error("never") }', 'basket.ts:1: Error: never, over generated row 1'],
  ['never ends for zero', '({ x }) => { while (x === 0); return { y: 1 } }', 'basket.ts: a call took over 1000 ms and was ended, over generated row'],
  ['does not run', '(() => { const all = undefined; return all.length })()', 'basket.ts:1: TypeError'],
  ['takes all memory for zero', '({ x }) => { let a = "ab"; for (let k = 0; x === 0 && k < 25; k++) a += a; return { y: [...a].length } }', 'basket.ts: a call took more memory than its process may have and was ended, over generated row'],
  ['takes all memory before it is called', '(() => { const all = []; for (;;) all.push(new Array(1000).fill(0)); })()', 'basket.ts: its code outside of the function, which runs once before the first call, takes more memory than its process may have and was ended'],
  ['takes long', '() => { let n = 0; for (let i = 0; i < 2e6; i++) n += i % 7; return { y: n } }', 'calls take over'],
  ['takes very long', '() => { let n = 0; for (let i = 0; i < 4e7; i++) n += i % 7; return { y: n } }', 'half of 20 calls take over'],
])('%s: a mistake', async (_, script, message) => {
  const said = await tried(script);
  expect(said).toMatch(/^basket.ts:1 {2}on-demand view "basket": /);
  expect(said).toContain(message);
  if (said.includes('over generated row') && script.includes('x === 0')) expect(said).toMatch(/"x":-?0[,}]/);
  if (script.includes('for (;;)')) expect(said).not.toContain('over ');
});

test('what throws over some generated rows is warned of, with the row', async () => {
  expect(await tried('({ l }) => ({ y: l.length })')).toMatch(
    /^warning: on-demand view "basket": UNAVAILABLE over \d+ of 300 rows that it was tried with: basket.ts:1: TypeError: .*, over generated row \d+: \{"l":null,"x":/,
  );
});

test('a whole number that only extreme rows put out of range is warned of', async () => {
  expect(await tried('({ x }) => ({ y: Math.round(x) })', 'int32')).toMatch(
    /^warning: .* it returned the number (NaN|-?Infinity|[\d.e+]+) as "y", over generated row/,
  );
  expect(await tried('({ x }) => ({ y: x })', 'int32')).toContain('basket.ts:1: it returned the number');
});

test('a time past the year 9999 is warned of, but where every row or a sample leads there', async () => {
  const far = '({ x }) => ({ y: x === null || !(x > 500) ? null : 5e17 })';
  expect(await tried(far, 'timestamp')).toMatch(
    /^warning: .* it returned the number 500000000000000000 as "y", and times end with the year 9999, of numbers with 2255, over generated row/,
  );
  expect(await tried(far, 'list<timestamp>')).toMatch(/^basket.ts:1 .* it returned the number/);
  expect(await tried(far, 'timestamp', { samples: [[600, null]] })).toContain('over sample 1');
  expect(await tried('() => ({ y: 5e17 })', 'timestamp')).toMatch(
    /^basket.ts:1 .* and times end with the year 9999/,
  );
});

test('a throw over a sample is a mistake, whatever the generated rows give', async () => {
  const said = await tried('({ l }) => ({ y: l.length })', 'int32', {
    samples: [
      [1, ['a']],
      [1, null],
    ],
  });
  expect(said).toContain('over sample 2: {"l":null,"x":1}');
});

test('nothing is said of a function that holds what it promises', async () => {
  expect(await tried('({ x, l }) => ({ y: x === null || l === null ? null : x / (l.length + 1) })')).toBe('');
});

test('of many views each has its own finding, in their order, and it is told which are tried', async () => {
  const scripts = ['({ x }) => ({ y: x })', '() => ({ y: 1 })', '() => ({ y: "much" })', '() => ({})'];
  const views = scripts.map((script, i) =>
    onDemandView(`view${i}`, script, { x: 'float64' }, { y: 'float64' }),
  );
  const told: string[] = [];
  const progress = (label: string, done: number, total: number, unit = ''): void =>
    void told.push(`${label} ${done} of ${total} ${unit}`);
  const project = { folder: '/project', logger: { ...silentLogger, progress } };
  await expect(tryOnDemand(views, NO_VIEWS as unknown as Definitions, project)).rejects.toThrow(
    /"view2": .*the text "much"[^]*"view3": .*returned undefined/,
  );
  expect(told[0]).toBe('trying view0 0 of 4 views');
  expect(told.filter((one) => one.startsWith('trying  '))).toEqual([]);
  expect(told.at(-1)).toMatch(/^trying 4 of 4 /);
});
