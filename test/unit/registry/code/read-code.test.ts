/** How the function of an on-demand view is read: what it may not do, and what its hash and its end hang on. */
import { symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ModuleDraft, OnDemandDraft } from '../../../../contract/definitions/draft.ts';
import { Mistakes } from '../../../../contract/definitions/mistake.ts';
import { changingPartOf } from '../../../../registry/code/changing-part.ts';
import { costlyPartOf } from '../../../../registry/code/cost/sized-run.ts';
import { readScript } from '../../../../registry/code/module-script.ts';
import { hashOfTrees } from '../../../../registry/code/syntax-hash.ts';
import { readCode } from '../../../../registry/code/read-code.ts';
import type { ReadCode } from '../../../../registry/code/read-code.ts';
import { computed, onDemandView } from '../../../support/fixtures/on-demand-view.ts';
import { scratchFolder } from '../../../support/scratch.ts';

interface Found {
  readonly read: ReadCode | null;
  /** `file:line  message`, without the view's name. */
  readonly mistakes: readonly string[];
}

async function readIn(folder: string, file: string, compute: unknown, line = 1): Promise<Found> {
  const mistakes = new Mistakes(folder);
  const draft = new OnDemandDraft('trip', { compute }, { file: join(folder, file), lineOf: () => line });
  const read = await readCode(draft, folder, mistakes);
  const found = mistakes.list().map(({ file: of, line: at, message }) => {
    return `${of.slice(folder.length + 1)}:${at}  ${message.replace('on-demand view "trip": ', '')}`;
  });
  if (read !== null) checkScript(read);
  return { read, mistakes: found };
}

/** Whoever gets the script alone finds in it what was read: a function with its hash, a module that is as frozen. */
function checkScript({ code, costlyFor }: ReadCode): void {
  const found = readScript(code.script)!;
  expect(found).toMatchObject({
    kind: code.sourceMap === null ? 'inline' : 'module',
    isAnew: code.anew !== null,
  });
  if (found.kind === 'inline') expect(hashOfTrees([found.tree])).toBe(code.hash);
  else if (!found.isAnew) expect(changingPartOf(found.tree)).toBeNull();
  const why = costlyFor([], 'number');
  expect(costlyPartOf(found.tree, [], 'number')?.what ?? null).toBe(
    why?.replace(/ \([^()]*:\d+\)$/, '') ?? null,
  );
}

/** A module `compute/trip.ts`, and what it imports. */
async function readModule(module: string, others: Readonly<Record<string, string>> = {}): Promise<Found> {
  const folder = scratchFolder({ 'compute/trip.ts': module, 'shop.yaml': '', ...others });
  const place = { file: join(folder, 'shop.yaml'), lineOf: () => 3 };
  return await readIn(folder, 'shop.yaml', new ModuleDraft('compute/trip.ts', place), 3);
}

/** A function as it stands in a definition file, of which it is the text from line 3 on. */
async function readFunction(text: string): Promise<Found> {
  const compute = { toString: () => text };
  const folder = scratchFolder({
    'shop.ts': `// A shop.\nonDemandView('trip', {\n  compute: ${text},\n});\n`,
  });
  return await readIn(
    folder,
    'shop.ts',
    Object.assign(() => {}, compute),
    2,
  );
}

describe('a function may use its argument and the language', () => {
  // prettier-ignore
  test.each([
    '({ x }) => ({ y: x * 2 })',
    '({ x, ...rest }) => { const { a = 1, b: [c] } = rest; return { y: a + c + Math.sqrt(x) } }',
    'function compute({ x }) { function twice(n) { return 2 * n; } return { y: twice(x) } }',
    'compute({ x }) { return { y: x } }',
    '({ list }) => ({ y: list.map((one) => one.value).filter(Boolean).length })',
    '({ x }) => { try { return { y: JSON.parse(x) } } catch { return { y: null } } }',
    '({ now }) => ({ y: new Date(now / 1000).getUTCDay() })',
    '({ x }) => { let n = 0; [x].forEach((one) => { n += one }); return { y: n, z: undefined ?? NaN } }',
    '({ x }) => { class Point { constructor(a) { if (a === 0) return; this.a = [a].map((b) => { return b })[0] } get twice() { return 2 * this.a } } return { y: new Point(x).twice } }',
    '({ x }) => { class Known extends Map { #n = x; get n() { return this.#n } } const Sub = class extends Known { #m = 1 }; class Bare extends ((a) => a) {} return { y: [new Sub().n, Bare] } }',
    '({ x }) => { const o = { n: x, f() { return this.n } }; return { y: o.f } }',
    'function ({ x }) { return { y: arguments.length + x } }',
    '({ x }) => { label: { if (x) break label } return { y: x } }',
  ])('%s', async (text) => {
    const { mistakes, read } = await readFunction(text);
    expect(mistakes).toEqual([]);
    expect(read).not.toBe(null);
  });

  // A table: one line a function, of which line 3 of the file is the first.
  // prettier-ignore
  test.each([
    ['({ x }) => ({ y: x * rate })', '"rate" is declared outside of the function, and only the function travels to where it runs: make it an input, or move the function into a module: compute: module("./file.ts")'],
    ['() => { class Base { constructor(o) { if (o) { return o } } } class Stamp extends Base { #a = [1] } new Stamp(Math); return { y: 1 } }', 'a constructor that returns something can keep values on what lives longer than a call'],
    ['() => { function Give(o) { return o } class Stamp extends Give { #a = [1] } new Stamp(Math); return { y: 1 } }', '"Stamp" has # members and extends what is not known to be a class'],
    ['() => { const Mix = (Base) => class extends Base { #a() {} }; return { y: new (Mix(Object))() } }', 'a class has # members and extends'],
    ['() => { let Give = class {}; Give = (o) => o; class Low extends Give {} class Stamp extends Low { get #a() { return 1 } } return { y: Stamp } }', '"Stamp" has # members'],
    ['({ x }) => ({ y: Maht.abs(x) })', 'did you mean "Math"?'],
    ['() => ({ y: Date.now() })', 'Date.now reads a clock: the function has no clock; take the time as an input: `now: t.requestTime()`'],
    ['() => ({ y: Date() })', 'Date without an argument reads a clock'],
    ['() => ({ y: new Date() - 0 })', 'Date without an argument reads a clock'],
    ['() => ({ y: new Date(2026, 0, 1) - 0 })', 'write new Date(Date.UTC(year, month, ...))'],
    ['({ d }) => ({ y: new Date(d).getHours() })', '.getHours() is of the time zone of a machine; there are .getUTC...()'],
    ['({ x }) => { Array.fromAsync([x]); return { y: x } }', '.fromAsync waits: the function answers at once'],
    ['({ x }) => ({ y: x.toLocaleString() })', '.toLocaleString() hangs on the language of a machine'],
    ['() => ({ y: Math.random() })', 'Math.random: the same request must give the same answer; take a random number as an input'],
    ['() => ({ y: Math["random"]() })', 'Math.random: the same request'],
    ['() => ({ y: fetch("http://a") })', '"fetch" cannot be used: the function answers at once'],
    ['() => ({ y: process.env.HOME })', '"process" cannot be used: the function has the language alone'],
    ['() => ({ y: performance.now() })', '"performance" cannot be used: the function has no clock'],
    ['() => ({ y: eval("1") })', '"eval" cannot be used: no code is made of text here'],
    ['() => ({ y: Intl.NumberFormat })', '"Intl" cannot be used'],
    ['() => { console.log(1); return { y: 1 } }', '"console" cannot be used: nothing is printed from here'],
    ['function () { return { y: this.x } }', '`this` is nothing here; what the function gets is its argument'],
    ['compute() { return { y: this.x } }', '`this` is nothing here'],
    ['async () => ({ y: 1 })', 'no async and await'],
    ['() => ({ y: import("node:fs") })', 'no import()'],
    ['({ x }) => { count = x; return { y: x } }', '"count" is declared outside of the function'],
    ['() => ({ y: globalThis.x })', '"globalThis" cannot be used'],
    ['function* () { yield 1 }', 'compute is a generator'],
    ['function sin() { [native code] }', 'compute cannot be read: it is no function of this file'],
  ])('%s', async (text, message) => {
    const { mistakes, read } = await readFunction(text);
    expect(read).toBe(null);
    expect(mistakes[0]).toContain(message);
    expect(mistakes).toHaveLength(1);
  });

  test('every mistake has its own line', async () => {
    const { mistakes } = await readFunction('({ x }) => {\n  const y = rate;\n  return { y: fetch(y) };\n}');
    expect(mistakes.map((one) => one.split('  ')[0])).toEqual(['shop.ts:4', 'shop.ts:5']);
  });

  test('what is no function is said so', async () => {
    const folder = scratchFolder({ 'shop.ts': '' });
    expect((await readIn(folder, 'shop.ts', 5)).mistakes).toEqual([
      'shop.ts:1  compute: expected a function or module("./file.ts"), got 5',
    ]);
    expect((await readIn(folder, 'shop.ts', undefined)).mistakes).toEqual([
      'shop.ts:1  needs compute: a function, or module("./file.ts")',
    ]);
  });
});

describe('the hash is of what the code means', () => {
  const hashOf = async (text: string): Promise<string> => (await readFunction(text)).read!.code.hash;

  test('comments, blanks, quotes and the place do not count', async () => {
    const one = await hashOf("({ x }) => ({ y: x + 'a' })");
    expect(await hashOf('({x})=>({\n  // why\n  y: x + "a" /* or not */,\n})')).toBe(one);
    expect(await hashOf('( { x } ) => ({ "y": x + "a" })')).not.toBe(one);
  });

  // prettier-ignore
  test.each([
    ['({ x }) => ({ y: x + 1 })', '({ x }) => ({ y: x + 2 })'],
    ['({ x }) => ({ y: x + 1 })', '({ x }) => ({ y: x - 1 })'],
    ['({ x }) => ({ y: 1 })', '({ x }) => ({ y: "1" })'],
    ['({ x }) => ({ y: 1e999 })', '({ x }) => ({ y: null })'],
    ['({ x }) => ({ y: /a/g.test(x) })', '({ x }) => ({ y: /a/.test(x) })'],
    ['({ x }) => ({ y: 1n })', '({ x }) => ({ y: 1 })'],
    ['({ x }) => ({ y: x?.a })', '({ x }) => ({ y: x.a })'],
    ['({ x }) => ({ y: `a${x}` })', '({ x }) => ({ y: `b${x}` })'],
    ['({ x }) => ({ y: x })', '({ z }) => ({ y: z })'],
  ])('%s is not %s', async (a, b) => {
    expect(await hashOf(a)).not.toBe(await hashOf(b));
  });

  test('of a module it is of all that it imports, and wherever the project lies', async () => {
    const trip = "import { km } from './km.ts';\nexport default ({ x }: { x: number }) => ({ y: km(x) });\n";
    const km = 'export const km = (m: number): number => m / 1000;\n';
    const { read } = await readModule(trip, { 'compute/km.ts': km });
    const again = await readModule(`// A trip.\n${trip}`, { 'compute/km.ts': `/* Of metres. */ ${km}` });
    expect(again.read!.code.hash).toBe(read!.code.hash);
    const other = await readModule(trip, { 'compute/km.ts': km.replace('1000', '1001') });
    expect(other.read!.code.hash).not.toBe(read!.code.hash);
    const here = await readModule(trip, { 'compute/km.ts': km });
    expect(here.read!.code).toEqual(read!.code);
  });
});

describe('TypeScript that is more than types', () => {
  test.each([
    ['an enum', 'enum Size { small, large }'],
    ['a namespace', 'namespace Sizes { export const small = 0; }'],
    ['a parameter property', 'class Size { constructor(readonly n: number) {} }'],
  ])('%s is refused, with what to do', async (_, text) => {
    const { mistakes } = await readModule(`${text}\nexport default () => ({ y: 1 });\n`);
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toContain('not supported in strip-only mode: types are taken away');
    expect(mistakes[0]).toContain('as const');
  });
});

describe('a module is bundled with its imports', () => {
  const viewOf = ({ code }: ReadCode) =>
    onDemandView('trip', code.script, { x: 'float64' }, { y: 'float64' }, { code });

  test('of which no class puts # members on what is not its own, in a package neither', async () => {
    const own =
      "import { Base } from './base.ts';\nclass Own extends Base { #n = 1; get n() { return this.#n; } }\n";
    const use = 'export default ({ x }: { x: number }) => ({ y: new Own(x).n });\n';
    const known = await readModule(own + use, { 'compute/base.ts': 'export class Base {}\n' });
    expect(known.mistakes).toEqual([]);
    const plain = 'export const Base = function (o: object) { return o; } as any;\n';
    const stray = await readModule(own + use, { 'compute/base.ts': plain });
    expect(stray.mistakes).toEqual([expect.stringMatching(/^compute\/trip\.ts:2 {2}"Own" has # members/)]);
    const stamp =
      'class Give { constructor(o) { return o; } }\nexport class Stamp extends Give { #n = 1; static add(o) { new Stamp(o); return 1; } }\n';
    const imports = "import { Stamp } from 'stamp';\nexport default () => ({ y: Stamp.add(Math) });\n";
    const packaged = await readModule(imports, { 'node_modules/stamp/index.js': stamp });
    expect(packaged.mistakes).toEqual([
      expect.stringMatching(/^node_modules\/stamp\/index\.js:2 {2}"_?Stamp" has # members/),
    ]);
  });

  test('and runs by its default export, with the line of the very file in what it throws', async () => {
    const { read, mistakes } = await readModule(
      "import { half } from './half.ts';\nimport rates from './rates.json' with { type: 'json' };\nexport default function trip({ x }: { x: number }) {\n  return { y: half(x) * rates.eur };\n}\n",
      {
        'compute/half.ts':
          "export const half = (x: number) => {\n  if (x < 0) throw new RangeError('below');\n  return x / 2;\n};\n",
        'compute/rates.json': '{ "eur": 10 }',
      },
    );
    expect(mistakes).toEqual([]);
    expect(read!.code.file).toBe('compute/trip.ts');
    expect(computed(viewOf(read!), 4)).toEqual([20]);
    expect(computed(viewOf(read!), -4)).toMatchObject({ message: 'compute/half.ts:2: RangeError: below' });
    expect(read!.code.sourceMap).not.toContain('sourcesContent');
  });

  test('a package of the project comes with it; its free names are not read', async () => {
    const { read, mistakes } = await readModule(
      "import { twice } from 'twice';\nexport default ({ x }) => ({ y: twice(x) });\n",
      {
        'node_modules/twice/package.json':
          '{ "name": "twice", "version": "1.0.0", "type": "module", "exports": "./index.js" }',
        'node_modules/twice/index.js':
          "export const twice = (x) => (typeof window === 'undefined' ? 2 * x : 0);\nexport const unused = () => { for (;;); };\n",
      },
    );
    expect(mistakes).toEqual([]);
    expect(computed(viewOf(read!), 4)).toEqual([8]);
    expect(read!.costlyFor([{ name: 'x', type: { kind: 'float64' } }], 'number')).toBe(null);
  });

  test('what would wait in a package throws, with its line, and the rest of it runs', async () => {
    const { read, mistakes } = await readModule(
      "import { at } from 'waits';\nexport default ({ x }) => ({ y: at[x] === undefined ? x : at[x]() });\n",
      {
        'node_modules/waits/package.json':
          '{ "name": "waits", "version": "1.0.0", "type": "module", "exports": "./index.js" }',
        'node_modules/waits/index.js': `const wait = async () => ({
  async: 1, b: await 2,
});
async function* each() { yield await 1; }
class Waits { static async take(async) { for await (const x of each()) return x; } async *[\`a\`]() {} }
export const at = [wait, async function () { await async2(); }, async (x) => x, Waits.take,
  () => [...each()].length, () => [...new Waits().a()].length, () => import(at[0]), () => ({ async() { return 7; } }).async(),
  () => ({ async then() { return 7; } }).then(),
];
const async2 = async (f = async () => await 1) => await f();
`,
      },
    );
    expect(mistakes).toEqual([]);
    expect(read!.code.script).not.toMatch(/\bawait\b|async (function|\()|import\(/);
    const view = viewOf(read!);
    const told = Array.from({ length: 9 }, (_, x) => computed(view, x));
    const threw = { message: expect.stringContaining('nothing can be waited for') as string };
    expect(told).toMatchObject(told.map((_, i) => (i === 7 ? [7] : threw)));
    expect(told[4]).toMatchObject({
      message: expect.stringMatching(/^node_modules\/waits\/index\.js:4: /) as string,
    });
    expect(computed(view, 50)).toEqual([50]);
  });

  test('an older package with require comes too', async () => {
    const { read } = await readModule(
      "import twice from 'twice';\nexport default ({ x }) => ({ y: twice(x) });\n",
      {
        'node_modules/twice/package.json': '{ "name": "twice", "version": "1.0.0" }',
        'node_modules/twice/index.js': 'module.exports = function (x) { return 2 * x; };\n',
      },
    );
    expect(computed(viewOf(read!), 4)).toEqual([8]);
  });

  test('a loop is named with its file and line', async () => {
    const { read } = await readModule(
      "import { f } from './f.ts';\nexport default ({ x }) => ({ y: f(x) });\n",
      {
        'compute/f.ts': '// f\nexport const f = (x: number) => {\n  while (x > 1) x /= 2;\n  return x;\n};\n',
      },
    );
    expect(read!.costlyFor([{ name: 'x', type: { kind: 'float64' } }], 'number')).toBe(
      'has a loop (compute/f.ts:3)',
    );
  });

  const others = {
    'compute/addon.node': 'x',
    'compute/state.ts': 'let n = 0;\nexport const next = () => ++n;\n',
    'compute/broken.ts': 'export const x = ;\n',
    'compute/text.txt': 'x',
  };
  // A table: one line a module.
  // prettier-ignore
  test.each([
    ['export default ({ x }) => ({ y: x ', 'compute/trip.ts:1  '],
    ["import { x } from './nothing.ts';\nexport default () => ({ y: x });", 'compute/trip.ts:1  imports "./nothing.ts": there is no such file'],
    ["import x from 'nothing';\nexport default () => ({ y: x });", 'compute/trip.ts:1  imports "nothing": no package of the project has this name'],
    ["import fs from 'node:fs';\nexport default () => ({ y: fs.a });", 'compute/trip.ts:1  imports "node:fs", which is of Node'],
    ["import fs from 'fs';\nexport default () => ({ y: fs.a });", 'compute/trip.ts:1  imports "fs", which is of Node'],
    ["import addon from './addon.node';\nexport default () => ({ y: addon.a });", 'compute/trip.ts:1  imports "compute/addon.node", a native addon'],
    ["import text from './text.css';\nexport default () => ({ y: text });", 'compute/trip.ts:1  imports "./text.css": there is no such file'],
    ['export const y = 1;', 'compute/trip.ts:1  has no default export'],
    ["import { next } from './state.ts';\nexport default () => ({ y: next() });", 'compute/state.ts:2  "n" is kept from one call to the next'],
    ["import { x } from './broken.ts';\nexport default () => ({ y: x });", 'compute/broken.ts:1  '],
    ['let last = 0;\nexport default ({ x }) => {\n  last = x;\n  return { y: last };\n};', 'compute/trip.ts:3  "last" is kept from one call to the next'],
    ['const seen = {};\nexport default ({ x }) => ({ y: (seen[x] ??= x) });', 'compute/trip.ts:2  "seen" is kept from one call to the next, and the answer would hang on the calls before; declare it in the function'],
    ['const seen = new Map();\nexport default ({ x }) => (seen.set(x, 1), { y: seen.size });', 'compute/trip.ts:2  "seen" is kept'],
    ['const seen = [];\nexport default ({ x }) => ({ y: seen.push(x) });', 'compute/trip.ts:2  "seen" is kept'],
    ['const g = (function* () { yield 1; })();\nexport default () => ({ y: g.next().value });', 'compute/trip.ts:2  "g" is kept'],
    ['class A { static n = 0; static next() { A.n += 1; return A.n; } }\nexport default () => ({ y: A.next() });', 'compute/trip.ts:1  "A" is kept'],
    ['const word = /a/g;\nexport default ({ x }) => ({ y: word.test(x) });', 'compute/trip.ts:2  "word" remembers where its last match ended, and the answer would hang on the calls before; write it without g and y, or in the function'],
    ['export default () => ({ y: Date.now() + rate });', 'compute/trip.ts:1  Date.now reads a clock'],
    ['const now = Date.now();\nexport default () => ({ y: now });', 'compute/trip.ts:1  Date.now reads a clock'],
    ['export default ({ x }) => ({ y: rate * x });', 'compute/trip.ts:1  "rate" is neither declared nor imported here'],
  ])('%s', async (module, mistake) => {
    const { mistakes, read } = await readModule(module, others);
    expect(read).toBe(null);
    expect(mistakes[0]).toContain(mistake);
  });

  // A table: one line a module; null: it is run once.
  // prettier-ignore
  test.each([
    ['const next = (() => { let n = 0; return () => (n += 1); })();\nexport default () => ({ y: next() });', '`next` may change (compute/trip.ts:1)'],
    ['const seen = new Map();\nconst put = (m: Map<number, number>) => m.set(1, m.size);\nexport default () => ({ y: put(seen).size });', '`seen` may change (compute/trip.ts:3)'],
    ['const { sqrt } = Math;\nexport default ({ x }) => ({ y: sqrt(x) });', 'what it takes apart at its top may change (compute/trip.ts:1)'],
    ['class P { n = 1; f() { return 1; } }\nexport default () => { const p = new P(); p.f = () => 2; return { y: p.f() }; };', '`.f` of a class may change (compute/trip.ts:2)'],
    ['const words = new Set(["a"]);\nconst rates = { eur: [1, 2] };\nexport default ({ x }) => ({ y: words.has(x) ? rates.eur[0] : 0 });', null],
  ])('it is run anew for each call where something at its top may change: %s', async (module, anew) => {
    expect((await readModule(module)).read!.code.anew).toBe(anew);
  });

  test('a module outside of the project is refused, by a path or through a link, and so is what one imports', async () => {
    const outside = scratchFolder({ 'dots.ts': 'export default ({ x }) => ({ y: x });\n' });
    const folder = scratchFolder({ 'shop.yaml': '', 'compute/in.ts': '' });
    symlinkSync(join(outside, 'dots.ts'), join(folder, 'compute/link.ts'));
    const way = relative(join(folder, 'compute'), join(outside, 'dots.ts'));
    writeFileSync(join(folder, 'compute/in.ts'), `// In it.\nimport f from '${way}';\nexport default f;\n`);
    writeFileSync(join(folder, 'compute/in2.ts'), `import f from './link.ts';\nexport default f;\n`);
    const place = { file: join(folder, 'shop.yaml'), lineOf: () => 3 };
    const mistakesOf = async (path: string) =>
      (await readIn(folder, 'shop.yaml', new ModuleDraft(path, place))).mistakes;
    const why =
      'which lies outside of the project: move it into the project, or make it a package that the project installs';
    expect(await mistakesOf(`compute/${way}`)).toEqual([`shop.yaml:3  compute: "compute/${way}", ${why}`]);
    expect(await mistakesOf('/etc/passwd')).toEqual([`shop.yaml:3  compute: "/etc/passwd", ${why}`]);
    expect(await mistakesOf('compute/link.ts')).toEqual([`shop.yaml:3  compute: "compute/link.ts", ${why}`]);
    expect(await mistakesOf('compute/in.ts')).toEqual([`compute/in.ts:2  imports "${way}", ${why}`]);
    expect(await mistakesOf('compute/in2.ts')).toEqual([`compute/in2.ts:1  imports "./link.ts", ${why}`]);
  });

  test('a package may lie above the project, as those of a workspace do', async () => {
    const above = scratchFolder({
      'node_modules/twice/package.json': '{ "name": "twice", "version": "1.0.0", "main": "./index.js" }',
      'packages/twice/index.js': 'export { twice as default } from "./twice.js";\n',
      'packages/twice/package.json': '{ "name": "linked", "version": "1.0.0", "main": "./index.js" }',
      'packages/twice/twice.js': 'export const twice = (x) => 2 * x;\n',
      'node_modules/twice/index.js': 'export default (x) => 2 * x;\n',
      'shop/shop.yaml': '',
      'shop/trip.ts':
        "import twice from 'twice';\nimport linked from 'linked';\nexport default ({ x }) => ({ y: twice(linked(x)) });\n",
    });
    symlinkSync(join(above, 'packages/twice'), join(above, 'node_modules/linked'));
    const folder = join(above, 'shop');
    const place = { file: join(folder, 'shop.yaml'), lineOf: () => 3 };
    const { read, mistakes } = await readIn(folder, 'shop.yaml', new ModuleDraft('trip.ts', place));
    expect(mistakes).toEqual([]);
    expect(computed(viewOf(read!), 4)).toEqual([16]);
  });

  test('a module that is not there is named where the definition asks for it', async () => {
    const folder = scratchFolder({ 'shop.yaml': '' });
    const place = { file: join(folder, 'shop.yaml'), lineOf: () => 3 };
    expect((await readIn(folder, 'shop.yaml', new ModuleDraft('compute/trip.ts', place))).mistakes).toEqual([
      'shop.yaml:3  compute: "compute/trip.ts", beside this file: there is no such file',
    ]);
  });
});
