/** What is posted as code is judged by its script: what a plan makes passes as it is, and what is untrue is named. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Bundle, Definitions, OnDemandView } from '../../../../contract/model.ts';
import { parseExpression } from '../../../../registry/code/syntax-tree.ts';
import { hashOfTrees } from '../../../../registry/code/syntax-hash.ts';
import { compileProject } from '../../../../registry/definitions/compile.ts';
import { judgedCode } from '../../../../registry/remote/posted-code.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const VIEW = (name: string, compute: string, more = ''): string => `
export const ${name} = onDemandView('${name}', { inputs: { x: t.float64() }, features: { y: t.float64() },${more}
  samples: [{ x: 1 }], compute: ${compute} });`;

const FILES = {
  'shop.ts': `import { module, onDemandView, t } from 'plumbline';
${VIEW('plain', '({ x }) => ({ y: 2 * x })')}
${VIEW('long', '/* why */ function ({ x }) {\n  // note\n  let n = 0; while (n < x) n++; return { y: n } }')}
${VIEW('stays', '({ x }) => { while (x > 9) x--; return { y: x } }', ' isolate: false,')}
export const method = onDemandView('method', { inputs: { x: t.float64() }, features: { y: t.float64() },
  samples: [{ x: 1 }], compute({ x }) { return { y: x } } });
${['once', 'anew', 'packed', 'clock', 'shared', 'loops'].map((name) => VIEW(name, `module('./${name}.ts')`)).join('\n')}
`,
  'once.ts': `import { LIMIT } from './limit.ts';\nexport default ({ x }) => ({ y: LIMIT.most * x });\n`,
  'limit.ts': 'export const LIMIT = { most: 3 };\nexport const list: number[] = [];\n',
  'anew.ts': 'const at = [new Map()];\nexport default ({ x }) => ({ y: at[0]!.size + x });\n',
  'shared.ts': `import { list } from './limit.ts';\nconst at = [new Map()];
export default ({ x }) => { list.push(x); return { y: list.length + at.length } };\n`,
  'loops.ts':
    'export default function ({ x }) {\n  for (let i = 0; i < x; i++) if (i < 0) break;\n  return { y: x };\n}\n',
  'packed.ts': `import twice from 'twice';\nexport default ({ x }) => ({ y: twice(x) });\n`,
  'node_modules/twice/package.json': '{ "name": "twice", "version": "1.0.0" }',
  'node_modules/twice/index.js': 'module.exports = function (x) { return 2 * x; };\n',
  'clock.ts': `import later from 'later';\nexport default ({ x }) => ({ y: later.twice(x) });\n`,
  'node_modules/later/package.json': '{ "name": "later", "version": "1.0.0", "module": "index.js" }',
  'node_modules/later/index.js':
    'const all = { twice: (x) => 2 * x, stamp: () => Date.now() };\nexport default all;\n',
};

const UNKNOWN = 'cannot be told from its script to be cheap, as a function of packages';

let honest: Definitions;
beforeEach(async () => {
  honest ??= await compileProject({ folder: scratchFolder(FILES), definitions: ['shop.ts'] }, () => {});
});

const one = (view: OnDemandView): Definitions => ({ ...honest, onDemand: new Map([[view.id, view]]) });
const view = (id: string): OnDemandView => honest.onDemand.get(id)!;
const withCode = (of: OnDemandView, code: object): OnDemandView => ({ ...of, code: { ...of.code, ...code } });
const inline = (text: string): OnDemandView => {
  const script = `(${text})`;
  return withCode(view('plain'), { script, hash: hashOfTrees([parseExpression(script)]) });
};
const judged = (of: OnDemandView, applied: Bundle | null = null, by: 'plan' | 'apply' | 'admin' = 'apply') =>
  judgedCode(one(of), applied, by).onDemand.get(of.id)!;
const refused = (of: OnDemandView, field: string, message: RegExp, by?: 'apply' | 'admin') => {
  const is = {
    code: 'REG_USAGE',
    message: expect.stringMatching(message),
    details: { field: `onDemand.${of.id}.${field}` },
  };
  expect(() => judged(of, null, by)).toThrow(
    expect.objectContaining({ ...is, details: expect.objectContaining(is.details) }),
  );
};

test('what a plan makes is taken as it is, line and reason with it, and isolated where that cannot be told', () => {
  const { onDemand } = judgedCode(honest, null, 'admin');
  const forms = [...onDemand.values()].map(({ id, isolated, code }) => {
    const kind = code.sourceMap === null ? 'inline' : code.anew === null ? 'once' : 'anew';
    return `${id} ${kind}${isolated ? ' isolated' : ''}`;
  });
  expect(forms).toEqual([
    'anew anew',
    'clock once isolated',
    'long inline isolated',
    'loops once isolated',
    'method inline',
    'once once',
    'packed anew isolated',
    'plain inline',
    'shared anew isolated',
    'stays inline',
  ]);
  for (const [id, given] of honest.onDemand)
    expect([id, onDemand.get(id)]).toEqual([
      id,
      id === 'clock' ? { ...given, isolated: true, costly: UNKNOWN } : given,
    ]);
});

describe('a script that is not what it is said to be', () => {
  test('loops, and is said to be cheap; with a hash that is its own, and one that is not', () => {
    const evil = inline('({ x }) => { for (;;); }');
    refused(evil, 'costly', /is null, and the function has a loop/);
    refused(evil, 'costly', /has a loop/, 'admin');
    refused({ ...evil, costly: 'x' }, 'isolated', /is false, and the function has a loop.*an admin's/);
    expect(judged({ ...evil, costly: 'x', isolated: true }).costly).toBe(
      'has a loop that does not count up to a length (shop.ts:4)',
    );
    expect(judged({ ...evil, costly: 'x' }, null, 'admin').isolated).toBe(false);
    refused(withCode(evil, { hash: view('plain').code.hash }), 'code.hash', /is not that of its script/);
    const { script } = view('loops').code;
    refused(withCode(view('once'), { script }), 'costly', /has a loop/);
  });

  // prettier-ignore
  test.each([
    '({ x }) => ({ y: Math.random() })', '({ x }) => ({ y: Date.now() })', '({ x }) => ({ y: process.pid })',
    'async ({ x }) => ({ y: x })', 'function* ({ x }) { yield { y: x } }', '({ x }) => ({ y: eval("1") })',
    '({ x }) => { class A extends x { #m = 1 } return { y: x } }',
  ])('is not pure: %s', (text) => {
    refused(inline(text), 'code.script', /on-demand view plain, code\.script/);
  });

  // prettier-ignore
  test.each([
    '({ x }) => ({ y: x }))((() => { for (;;); })()', '({ x }) => ({ y: x }));(() => { for (;;); })(', '(() => { for (;;); })()',
    '({ x }) => ({ y: x })), ((() => { for (;;); })()', 'class { static { for (;;); } }', '({ get f() { for (;;); } }).f',
    '({ x }) =>', 'globalThis', '({ f() {}, [(() => { for (;;); })()]() {} }).f', '', '`${(() => { for (;;); })()}`',
  ])('is more than a function: %s', (script) => {
    refused(withCode(view('plain'), { script }), 'code.script', /is not what a plan makes/);
  });

  test('of a module: does more than its form, keeps something, waits, has another map', () => {
    const once = view('once');
    const changed = (from: string, to: string, of = once): OnDemandView => {
      expect(of.code.script).toContain(from);
      return withCode(of, { script: of.code.script.replace(from, to) });
    };
    for (const [from, to] of [
      ['Object.freeze(x);', ''],
      ['return values[0]; })', 'for (;;); return values[0]; })'],
      [', LIMIT,', ','],
      ['return [', 'return [() => 1, '],
      ['var LIMIT', '<!-- /*\nfor (;;);\n<!-- */\nvar LIMIT'],
      ['})())', '})())((() => { for (;;); })())'],
    ] as const)
      refused(changed(from, to), 'code.script', /is not what a plan makes/);
    refused(changed('most: 3', 'most: (() => { for (;;); })()'), 'code.script', /runs once, although/);
    refused(changed('({ x }) =>', 'async ({ x }) =>'), 'code.script', /waits/);
    refused(changed('LIMIT.most *', 'Date.now() *'), 'code.script', /reads a clock/);
    refused(withCode(once, { anew: 'x' }), 'code.anew', /runs anew/);
    refused(withCode(once, { sourceMap: '{' }), 'code.sourceMap', /is none/);
    refused(withCode(once, { sourceMap: null }), 'code.script', /is not what a plan makes/);
    refused(withCode(once, { script: `${'('.repeat(99_999)}1` }), 'code.script', /too deep|not what/);
    refused(withCode(once, { script: ' '.repeat((2 << 20) + 1) }), 'code.script', /characters/);
    expect([view('clock').isolated, judged(view('clock')).isolated]).toEqual([false, true]);
  });
});

test('code with the hash of what is in force: that text runs on, and is what is judged', () => {
  const applied = { ...honest, project: 'shop', hash: '', schemas: new Map() };
  const cheap = {
    ...withCode(view('loops'), { script: view('once').code.script }),
    costly: null,
    isolated: false,
  };
  expect(() => judged(cheap, applied)).toThrow(/costly is null, and the function has a loop/);
  // What an admin let stay stays.
  expect(judged(view('stays'), applied)).toEqual(view('stays'));
  refused(view('stays'), 'isolated', /an admin's/);
});
