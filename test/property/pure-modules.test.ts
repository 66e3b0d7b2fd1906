/**
 * Whatever module plan lets in gives one value for one argument, in whatever order it is called: modules drawn at
 * random from ways to keep something from call to call, in a file, in what it imports and in a package. What one realm
 * gives after other calls is held against a realm that was never called.
 */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ModuleDraft, OnDemandDraft } from '../../contract/definitions/draft.ts';
import { Mistakes } from '../../contract/definitions/mistake.ts';
import { compileOnDemand } from '../../contract/on-demand/compile-function.ts';
import { OnDemandFault } from '../../contract/on-demand/on-demand-function.ts';
import type { OnDemandFunction } from '../../contract/on-demand/on-demand-function.ts';
import { readCode } from '../../registry/code/read-code.ts';
import type { ReadCode } from '../../registry/code/read-code.ts';
import { NO_VIEWS, onDemandView, outcomeOf } from '../support/fixtures/on-demand-view.ts';
import { IS_LONG_RUN } from '../support/long-run.ts';
import { scratchFolder } from '../support/scratch.ts';
import { seededRandom } from '../support/seeded-random.ts';

const MODULES = IS_LONG_RUN ? 3_000 : 15;

/** What stands at the top, N a number of its own, and an expression that counts by it if it can. */
type Trick = readonly [top: string, count: string];

// prettier-ignore
const TRICKS: readonly Trick[] = [
  ['const nextN = (() => { let i = 0; return () => { i += 1; return i; }; })();', 'nextN()'],
  ['class AN { static #n = 0; static next() { return this.#bump(); } static #bump() { const A = this; A.#n += 1; return A.#n; } }', 'AN.next()'],
  ['class BN { static n = 0; static next() { this.n += 1; return this.n; } }', 'BN.next()'],
  ['class DN { static box; static { this.box = [0]; } }', '(DN.box[0] += 1)'],
  ['const genN = (function* () { for (let i = 1; ; i += 1) yield i; })();\nconst pullN = (g) => g.next().value;', 'pullN(genN)'],
  ['const mapN = new Map();\nconst putN = (m) => { m.set(1, (m.get(1) ?? 0) + 1); return m.get(1); };', 'putN(mapN)'],
  ['const heldN = { m: new Map() };\nconst putN = ({ m }) => { m.set(1, (m.get(1) ?? 0) + 1); return m.get(1); };', 'putN(heldN)'],
  ['const callN = new Map();\nconst { set: setN } = Map.prototype;', '(setN.call(callN, callN.size, 1), callN.size)'],
  ['const setN = new Set([0]);\nconst growN = (s) => s.add(s.size).size;', 'growN(setN)'],
  ['const eachN = new Set([0]);', '(eachN.forEach((v, _, s) => v === 0 && s.add(s.size)), eachN.size)'],
  ['const loopN = new Set([1]);\nconst listN = [loopN];', '(() => { for (const s of listN) s.add(s.size + 1); return loopN.size; })()'],
  ['const bytesN = new Float64Array(1);\nconst addN = (b) => { b[0] += 1; return b[0]; };', 'addN(bytesN)'],
  ['const viewN = new DataView(new ArrayBuffer(8));\nconst addN = (v) => { v.setInt8(0, v.getInt8(0) + 1); return v.getInt8(0); };', 'addN(viewN)'],
  ['const dateN = new Date(0);\nconst tickN = (d) => d.setTime(d.getTime() + 1);', 'tickN(dateN)'],
  ['const wordN = /a/g;\nconst findN = (r) => { r.test("aaaa"); return r.lastIndex; };', 'findN(wordN)'],
  ['const stickyN = /a/y;\nconst atN = (r) => Number(r.test("aaaa"));', 'atN(stickyN)'],
  ['const sourceN = /a/;\nconst makeN = (r) => { r.compile?.(r.source + "a"); return r.source.length; };', 'makeN(sourceN)'],
  ['const newN = new RegExp("a", "g");', '(newN.exec("aaaa"), newN.lastIndex)'],
  ['const listN = [0];\nconst pushN = (l) => l.push(0);', 'pushN(listN)'],
  ['const deepN = { a: [{ n: 0 }] };\nconst addN = (o) => { o.a[0].n += 1; return o.a[0].n; };', 'addN(deepN)'],
  ['const onN = () => 1;\nconst addN = (f) => { f.n = (f.n ?? 0) + 1; return f.n; };', 'addN(onN)'],
  ['function protoN() {}\nconst addN = ({ prototype }) => { prototype.n = (prototype.n ?? 0) + 1; return prototype.n; };', 'addN(protoN)'],
  ['function* yieldN() {}\nconst addN = ({ prototype }) => { prototype.n = (prototype.n ?? 0) + 1; return prototype.n; };', 'addN(yieldN)'],
  ['class CN { get n() { return 1; } }\nconst addN = (c) => { c.prototype.m = (c.prototype.m ?? 0) + 1; return c.prototype.m; };', 'addN(CN)'],
  ['const symN = Symbol("n");\nconst objN = { f() {} };\nconst addN = (o) => { o.f[symN] = (o.f[symN] ?? 0) + 1; return o.f[symN]; };', 'addN(objN)'],
  ['class GiveN { constructor(o) { return o; } }\nclass StashN extends GiveN { #n = 0; static add(o) { if (!(#n in o)) new StashN(o); o.#n += 1; return o.#n; } }', 'StashN.add(Math)'],
  ['const keyN = { a: 1 };\nclass GiveN { constructor(o) { return o; } }\nclass MarkN extends GiveN { #m() {} static has(o) { const was = #m in o; if (!was) new MarkN(o); return Number(was); } }', 'MarkN.has(keyN)'],
  ['const tagN = (t) => t;\nclass GiveN { constructor(o) { return o; } }\nconst SiteN = class extends GiveN { #n = 0; static add(o) { if (!(#n in o)) new this(o); o.#n += 1; return o.#n; } };', 'SiteN.add(tagN`a`)'],
  ['const iterN = [1, 2, 3, 4][Symbol.iterator]();\nconst pullN = (i) => i.next().value ?? 9;', 'pullN(iterN)'],
  ['const entriesN = new Map([[1, 2], [3, 4]]).keys();', '(entriesN.next().value ?? 9)'],
  ['const lazyN = { get n() { return (this.m = (this.m ?? 0) + 1); } };', 'lazyN.n'],
  ['const memoN = ((last) => (v) => { const was = last; last = v; return was ?? -1; })(null);', 'memoN(x)'],
  ['const makeN = () => { let i = 0; return { next: () => (i += 1) }; };\nconst madeN = makeN();', 'madeN.next()'],
  ['const makeN = () => { let i = 0; return { next: () => (i += 1) }; };\nconst { next: nextN } = makeN();', 'nextN()'],
  ['const boundN = ((o) => (o.n += 1)).bind(null, { n: 0 });', 'boundN()'],
  ['const oldN = { next: () => 1, toString() { let i = 0; oldN.next = () => (i += 1); return ""; } };\nconst textN = `${oldN}`;', '(oldN.next() + textN.length)'],
  ['const sumN = { f: () => 1, valueOf() { let i = 0; sumN.f = () => (i += 1); return 1; } };\nconst twoN = sumN + 1;', '(sumN.f() + twoN)'],
  ['const baseN = { get f() { let i = 0; return () => (i += 1); } };\nconst copyN = { ...baseN };', 'copyN.f()'],
  ['const itemsN = { *[Symbol.iterator]() { let i = 0; yield () => (i += 1); } };\nconst spreadN = [...itemsN];', 'spreadN[0]()'],
  ['const protoN = { __proto__: { box: [0] } };\nconst addN = (o) => (o.box[0] += 1);', 'addN(protoN)'],
  ['const slotN = { n: 0 };\nconst setN = (o) => { Object.defineProperty(o, "n", { value: o.n + 1, writable: true }); return o.n; };', 'setN(slotN)'],
  ['const chainN = {};\nconst setN = (o) => { const n = (o.n ?? 0) + 1; Object.setPrototypeOf(o, { n }); return n; };', 'setN(chainN)'],
  ['const errorN = new Error("e");\nconst addN = (e) => { e.n = (e.n ?? 0) + 1; return e.n; };', 'addN(errorN)'],
  ['const argsN = (function () { return arguments; })(0);\nconst addN = (a) => (a[0] += 1);', 'addN(argsN)'],
  ['let iN = 0;\nconst addN = (set) => set();\nconst upN = () => [iN] = [iN + 1];', 'upN()[0]'],
  ['var vN = 0;\nfunction stepN() { for (vN of [vN + 1]); return vN; }', 'stepN()'],
  ['function selfN() { const me = selfN; me.n = (me.n ?? 0) + 1; return me.n; }', 'selfN()'],
  ['const intrinsicN = (f) => { f.n = (f.n ?? 0) + 1; return f.n; };', 'intrinsicN(Math.abs)'],
  ['function swapN() { return 1; }\nconst otherN = () => { let i = 0; return () => (i += 1); };\nconst doN = () => { if (swapN.length === 0) swapN = otherN(); return swapN(); };', 'doN()'],
  ['class InstN { n = 0; add() { this.n += 1; return this.n; } }\nconst oneN = Object.freeze(new InstN());\nconst twoN = new InstN();', 'twoN.add()'],
  ['const jsN = JSON.parse("{}", function (key, value) { return () => (this.n = (this.n ?? 0) + 1); });', 'jsN()'],
  ['const sortedN = [3, 1].sort(() => 0);\nconst rotateN = (l) => { l.reverse(); return l[0]; };', 'rotateN(sortedN)'],
];

/** Honest pieces. */
// prettier-ignore
const HONEST: readonly Trick[] = [
  ['const rateN = Math.PI / 180;', 'rateN * x'],
  ['const wordsN = new Set(["a", "b"]);', 'Number(wordsN.has("a")) + [...wordsN].length'],
  ['const tableN = new Map([["a", { n: 1 }], ["b", { n: 2 }]]);', '(tableN.get("b")?.n ?? 0)'],
  ['const pricesN = Object.freeze({ eur: [1, 2, 3], usd: { low: -1 } });', 'pricesN.eur[1] + pricesN.usd.low'],
  ['const formN = /^a+$/;', 'Number(formN.test("aa"))'],
  ['const partN = /a(b)?/;', '"xab".search(partN) + "xab".split(partN).length + "xab".replace(partN, "").length + ("xab".match(partN)?.index ?? 0)'],
  ['const cutN = /a/g;', '"aba".replace(cutN, "").length'],
  ['class PointN { constructor(a) { this.a = a; } get twice() { return 2 * this.a; } }', 'new PointN(x).twice'],
  ['class OddN extends Error { constructor() { super("odd"); this.n = 4; } }', 'new OddN().n'],
  ['const squaresN = Array.from({ length: 9 }, (_, i) => i * i);', 'squaresN[3]'],
  ['function* countN() { yield 1; yield 2; }', '[...countN()].length'],
];

const ARGUMENTS = [77.25, 1, 77.25, 80, 3.5, 77.25, 80, 1, 77.25];

test('what plan lets in answers one argument with one value', async () => {
  const random = seededRandom();
  const seen = { refused: 0, once: 0, anew: 0 };
  // Each alone first, then drawn ones.
  const alone = [...TRICKS, ...HONEST].map((one, i) => [one, i % 2 === 0 ? 'own' : 'package'] as const);
  for (let i = 0; i < alone.length + MODULES; i++) {
    const files = i < alone.length ? moduleOf([alone[i]!], () => 0) : drawnModule(random);
    const read = await readModule(files);
    if (read === null) {
      seen.refused += 1;
      continue;
    }
    seen[read.code.anew === null ? 'once' : 'anew'] += 1;
    expectPure(read, files);
    if (i < alone.length && HONEST.includes(alone[i]![0])) expectValue(read, files);
  }
  console.info(`modules: ${JSON.stringify(seen)}`);
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(3);
}, 300_000);

function expectPure(read: ReadCode, files: object): void {
  const view = onDemandView(
    'trip',
    read.code.script,
    { x: 'float64' },
    { f: 'float64' },
    { code: read.code },
  );
  const told = (fn: OnDemandFunction, x: number): string => {
    const outcome = outcomeOf(fn, [x]);
    return outcome instanceof OnDemandFault ? `${outcome.reason}: ${outcome.message}` : String(outcome[0]);
  };
  const kept = compileOnDemand(view, NO_VIEWS);
  const fresh = new Map(ARGUMENTS.map((x) => [x, told(compileOnDemand(view, NO_VIEWS), x)]));
  const what = Object.values(files).join('\n');
  for (const x of [...ARGUMENTS, ...ARGUMENTS.toReversed()]) expect(told(kept, x), what).toBe(fresh.get(x));
}

/** What is honest runs: frozen or anew it does not throw. */
function expectValue(read: ReadCode, files: object): void {
  const view = onDemandView(
    'trip',
    read.code.script,
    { x: 'float64' },
    { f: 'float64' },
    { code: read.code },
  );
  const outcome = outcomeOf(compileOnDemand(view, NO_VIEWS), [77.25]);
  expect(outcome, Object.values(files).join('\n')).toEqual([expect.any(Number)]);
}

type Place = 'own' | 'import' | 'package';

function drawnModule(random: () => number): Readonly<Record<string, string>> {
  const below = (n: number): number => Math.floor(random() * n);
  const places: readonly Place[] = ['own', 'own', 'import', 'package'];
  const pieces = Array.from({ length: 1 + below(4) }, () => {
    const from = below(2) === 0 ? TRICKS : HONEST;
    return [from[below(from.length)]!, places[below(places.length)]!] as const;
  });
  return moduleOf(pieces, below);
}

function moduleOf(
  pieces: readonly (readonly [Trick, Place])[],
  below: (n: number) => number,
): Readonly<Record<string, string>> {
  const texts: Record<Place, string[]> = { own: [], import: [], package: [] };
  const terms = pieces.map(([[top, count], place], i) => {
    const numbered = (text: string): string => text.replaceAll(/(?<=[a-z])N\b|(?<=\b[A-Z])N\b/g, `N${i}`);
    texts[place].push(
      numbered(top),
      `${place === 'own' ? '' : 'export '}const f${i} = (x) => ${numbered(count)};`,
    );
    return below(2) === 0 ? `(x > 70 ? f${i}(x) : x)` : `f${i}(x)`;
  });
  const imported = (place: Place): string =>
    pieces.flatMap(([, where], i) => (where === place ? [`f${i}`] : [])).join(', ');
  return {
    'compute/trip.ts':
      `import { ${imported('import')} } from './other.ts';\nimport { ${imported('package')} } from 'kept';\n` +
      `${texts.own.join('\n')}\nexport default ({ x }) => ({ f: ${terms.join(' + ')} });\n`,
    'compute/other.ts': `${texts.import.join('\n')}\n`,
    'node_modules/kept/index.js': `${texts.package.join('\n')}\n`,
    'node_modules/kept/package.json':
      '{ "name": "kept", "version": "1.0.0", "type": "module", "exports": "./index.js" }',
    'shop.yaml': '',
  };
}

async function readModule(files: Readonly<Record<string, string>>): Promise<ReadCode | null> {
  const folder = scratchFolder(files);
  const place = { file: join(folder, 'shop.yaml'), lineOf: () => 1 };
  const draft = new OnDemandDraft('trip', { compute: new ModuleDraft('compute/trip.ts', place) }, place);
  return await readCode(draft, folder, new Mistakes(folder));
}
