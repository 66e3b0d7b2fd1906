/** Which functions are known to be cheap, and what is said of the others. */
import { describe, expect, test } from 'vitest';
import { parseType } from '../../../../../contract/value-type.ts';
import { costlyPartOf } from '../../../../../registry/code/cost/sized-run.ts';
import { parseExpression, parseModule } from '../../../../../registry/code/syntax-tree.ts';

const ARGUMENTS = {
  x: 'float64',
  z: 'float64',
  n: 'int32',
  l: 'int64',
  now: 'timestamp',
  s: 'string',
  u: 'string',
  y: 'bytes',
  xs: 'list<float64>',
  ws: 'list<string>',
  rows: 'list<list<float64>>',
  lines: 'list<struct<price: float64, name: string>>',
  e: 'embedding(64)',
  m: 'map<float64>',
  st: 'struct<a: int32, b: string, c: list<float32>>',
};
const args = Object.entries(ARGUMENTS).map(([name, type]) => ({ name, type: parseType(type)! }));

/** @param body  of a function that has the arguments by their names: an expression, or statements */
function costly(body: string, int64: 'number' | 'bigint' = 'number'): string | null {
  const names = Object.keys(ARGUMENTS).join(', ');
  const block = /\breturn\b/.test(body) ? `{ ${body} }` : `({ f: ${body} })`;
  return costlyPartOf(parseExpression(`({ ${names} }) => ${block}`), args, int64)?.what ?? null;
}

describe('known to be cheap', () => {
  // prettier-ignore
  test.each([
    'x * 2 + z / (n - 1) % 3',
    'x === null || x <= 0 ? null : Math.log1p(x) ** 2',
    'l === null ? null : Math.floor((now - l) / 86_400_000_000)',
    'new Date(now / 1000).getUTCHours()',
    'const rad = (d) => (d * Math.PI) / 180; const h = Math.sin(rad(x - z) / 2) ** 2; return { f: 2 * 6371 * Math.asin(Math.sqrt(h)) };',
    'let a = 0; if (x > 1) a = x; else { a += 2; a++; } return { f: a };',
    'switch (s) { case "a": return { f: 1 }; default: return { f: 2 }; }',
    'Number(s) + parseInt(s, 10) + Number.parseFloat(u)',
    '`${s?.toLowerCase().trim()}-${x.toFixed(2)}`',
    's + u + s',
    's.slice(0, 3).toUpperCase() === "abc" && s.includes("discount") && !u.startsWith(s)',
    's.split(",").length + (s.split("@")[1] ?? "").length',
    's.replace("a", "b") !== s.slice(1)',
    '"a.b".replaceAll(".", ",")',
    '"ab".repeat(10).padStart(30) + String(x)',
    'xs.map((a) => Math.max(0, a * 2)).filter((a) => a > 1).reduce((a, b) => a + b, 0)',
    'const total = xs.reduce((a, b) => a + b, 0); return { f: xs.map((a) => a / total) };',
    'const f = (a) => Math.abs(a); return { f: e.map(f).map(Number).toSorted((a, b) => a - b)[0] };',
    'xs[0] + xs.at(-1) + xs.length + Math.max(...xs, 0) + (xs?.length ?? 0)',
    'xs.includes(x) && ws.some((w) => w === s) && ws.filter(Boolean).every((w) => w.length > 2)',
    'ws.map((w) => w.length).find((w) => w > 2) + ws.filter((w) => w.startsWith("a")).length',
    'xs.map((a) => Math.exp(a))',
    'const mean = xs.reduce((a, b) => a + b, 0) / xs.length; return { f: xs.reduce((a, b) => a + (b - mean) * (b - mean), 0) };',
    'let most = 0; for (let i = 1; i < xs.length; i++) most = Math.max(most, xs[i] - xs[i - 1]); return { f: most };',
    'rows.map((row) => row.reduce((a, b) => a + b, 0))',
    'rows.flat().length',
    'lines.reduce((sum, { price }) => sum + price, 0)',
    'let best = null; for (const { price, name } of lines) if (best === null || price > best.price) best = { price, name }; return { f: best.name };',
    'let sum = 0; for (let i = 0; i < xs.length; i++) sum += xs[i] * i; return { f: sum };',
    'let sum = 0; for (let i = 0; i < 64; i += 1) { if (e[i] < 0) continue; sum += e[i]; } return { f: sum };',
    'let sum = 0; for (const [i, a] of xs.entries()) sum += i * a; return { f: sum };',
    'let dot = 0; xs.forEach((a, i) => { dot += a * xs[i]; }); return { f: dot };',
    'e.map((a) => a * 2).reduce((a, b) => a + b)',
    'm.get("a") + m.size + (m.has(s) ? 1 : 0)',
    'let sum = 0; for (const v of m.values()) sum += v; for (const [k, v] of m) sum += k.length; return { f: sum };',
    'new Set(["a", "b"]).has(s) && new Map([["a", 1], ["b", x]]).get(s)',
    'const { a = 1, b, ...rest } = st; const [first, ...more] = xs; return { f: a + b + rest.c.length + first + more.length };',
    '({ ...st, a: 2 }).a + ({ de: 1, nl: 2 })[s] * 2',
    'const twice = (g, v) => g(g(v)); return { f: twice((v) => v + 1, x) };',
    'try { return { f: JSON.stringify(s) }; } catch { return { f: null }; }',
    'if (x < 0) throw new RangeError(`below: ${x}`); return { f: typeof x };',
    'BigInt.asIntN(64, BigInt(x) * 3n) > 2n',
    '[s, u].map((w) => w.length + s.length).length',
    'Object.keys(st).length + Object.entries({ a: x, b: z }).filter(([, v]) => v > 0).length',
    '[...s].length + s.at(-1) + y[0] + y.slice(1).length',
  ])('%s', (body) => {
    expect(costly(body)).toBe(null);
  });
});

describe('not known to be cheap', () => {
  const EACH = 'may take over 40 steps for each byte that it is given';
  const NESTED = 'goes through something of any length for each item of a list';
  // prettier-ignore
  test.each([
    ['while (x > 1) x /= 2; return { f: x };', 'has a loop'],
    ['for (const k in st) k; return { f: 1 };', 'has a loop'],
    ['for (let i = 0; i < x; i++) i; return { f: 1 };', 'has a loop that does not count up to a length'],
    ['for (let i = -1e18; i < xs.length; i++) i; return { f: 1 };', 'has a loop that does not count up to a length'],
    ['for (let i = 0; i < xs.length; i++) i = 0; return { f: 1 };', 'has a loop that does not count up to a length'],
    ['let k = 3; for (let i = 0; i < k; i++) k = xs.length; return { f: 1 };', 'has a loop that does not count up to a length'],
    ['let k = []; for (let i = 0; i < k.length + 1; i++) k = xs; return { f: 1 };', 'has a loop that does not count up to a length'],
    ['let k = []; for (let i = 0; i < k.length; i++) k = xs; return { f: 1 };', 'has a loop that does not count up to a length'],
    ['/^(a+)+$/.test(s)', 'has a regular expression'],
    ['s.match(u)', 'calls `match`, which is not on the list of cheap calls'],
    ['s.normalize("NFD")', 'calls `normalize`, which is not on the list of cheap calls'],
    ['s.repeat(n)', 'repeats a text so often as does not stand there, or over 1000 times'],
    ['let k = 3; k = 1e9; return { f: s.repeat(k) };', 'repeats a text so often as does not stand there, or over 1000 times'],
    ['s.includes(u)', 'looks for a text of any length in another'],
    ['s.split(u).length', 'looks for a text of any length in another'],
    ['s.lastIndexOf(`${u}b`)', 'looks for a text of any length in another'],
    ['s.replaceAll("a", "$`")', 'replaces all by a text that does not stand there, or that has a $'],
    ['s.replace("a", u)', 'puts a text of any length into another'],
    ['const f = (k) => k === 0 ? 0 : f(k - 1); return { f: f(x) };', 'calls itself'],
    ['const f = (g, k) => k > 0 ? g(g, k - 1) : 0; return { f: f(f, x) };', 'calls itself'],
    ['const o = { f: (k) => o.f(k - 1) }; return { f: o.f(x) };', 'calls itself'],
    ['const a = (v) => v + 1, b = (v) => a(a(a(a(v)))), c = (v) => b(b(b(b(v)))), d = (v) => c(c(c(c(v)))), g = (v) => d(d(d(d(v)))), h = (v) => g(g(g(g(v)))), i = (v) => h(h(h(h(v)))), j = (v) => i(i(i(i(v)))); return { f: j(j(j(j(x)))) };', 'may take over 100000 steps, whatever it is given'],
    ['new Array(n).fill(0).length', 'makes a `new Array`, which is not on the list of cheap calls'],
    ['new Float64Array(n)[0]', 'makes a typed array of something else than one list'],
    ['new Uint8Array(new ArrayBuffer(8, { maxByteLength: n }), 0).length', 'makes a `new ArrayBuffer`, which is not on the list of cheap calls'],
    ['Array.from({ length: n }).length', 'uses `Array.from`, which is not on the list of cheap calls'],
    ['const a = []; a.length = n; return { f: a };', 'changes a list or an object in place'],
    ['const a = []; a[n] = 1; return { f: a };', 'changes a list or an object in place'],
    ['const a = []; a[0]++; return { f: a };', 'changes a list or an object in place'],
    ['const a = []; for (const v of xs) a.push(v); return { f: a };', 'calls `push`, which is not on the list of cheap calls'],
    ['[].constructor(n)', 'calls `constructor`, which is not on the list of cheap calls'],
    ['({}).constructor.assign([], { length: n })', 'reads `constructor` as a value'],
    ['({})[s].assign([], { length: n })', 'calls `assign`, which is not on the list of cheap calls'],
    ['({})[s](n)', 'calls a method by a computed name'],
    ['const g = ({})[s]; return { f: g(n) };', 'calls a function that is not known'],
    ['xs[s]', 'reads a member of a list by a computed name'],
    ['xs[s]((a) => a)', 'calls a method by a computed name'],
    ['xs.map.call(xs, (a) => a)', 'reads `map` as a value'],
    ['xs.map((a) => xs.filter((b) => b < a).length)', NESTED],
    ['const below = (a) => xs.filter((b) => b < a).length; return { f: xs.map(below) };', NESTED],
    ['xs.filter((a, i) => xs.indexOf(a) === i).length', NESTED],
    ['xs.filter((a, i, all) => all.includes(a)).length', NESTED],
    ['xs.reduce((all, a) => [...all, a], []).length', 'keeps a value that may grow with each item'],
    ['ws.reduce((t, w) => t + w, "")', 'keeps a value that may grow with each item'],
    ['let t = ""; for (const w of ws) t += w; return { f: t };', 'keeps a value that may grow with each item'],
    ['let t = ""; for (const w of ws) { if (w.length > t.length) t = w; if (t + "a" === w) return { f: 1 }; } return { f: 0 };', NESTED],
    ['let t = "a"; ws.forEach((w) => { if (t.toLowerCase() === "b") t = w; }); return { f: t };', NESTED],
    ['xs.map((a) => s).length', NESTED],
    ['xs.map(() => xs).length', NESTED],
    ['xs.flatMap(() => xs).length', NESTED],
    ['xs.map((a) => s + a).length', NESTED],
    ['xs.map(() => m.get(s)).length', NESTED],
    ['xs.filter((a) => s.charAt(a) === s.trim()).length', NESTED],
    ['ws.toSorted((a, b) => (a < b ? -1 : 1))', NESTED],
    ['ws.toSorted()', 'puts a list in the order of its texts'],
    ['new Set(xs).size', 'makes a set of more than 64 things that it is given'],
    ['new Map(rows).size', 'makes a map of more than 64 things that it is given'],
    ['new Set([1, 2]).union({ size: 1, has: () => true, keys: () => xs.values() })', 'calls `union`, which is not on the list of cheap calls'],
    ['xs.values().map((a) => a)', 'calls `map`, which is not on the list of cheap calls'],
    ['[...{ [Symbol.iterator]: () => 1 }]', 'names a member by a computed name'],
    ['[...{ length: 3 }]', 'goes through an object'],
    ['({ valueOf: () => xs.length }) * 2', 'calculates with an object'],
    ['`${xs}`', 'makes a list a text'],
    ['xs == "1"', 'calculates with a list'],
    ['({ get a() { return 1; } }).a', 'has a member that is computed when it is read'],
    ['({ __proto__: xs }).length', 'gives an object another prototype'],
    ['[].concat({ length: 1e9 }).length + [1].concat(xs, ...rows).length', 'calls something with as many arguments as a list has'],
    ['String.raw({ raw: { length: n } })', 'uses `String.raw`, which is not on the list of cheap calls'],
    ['String.raw`${s}`', 'has a text with a tag'],
    ['JSON.stringify(xs)', 'calls `JSON.stringify` of more than a number or a text'],
    ['JSON.stringify(s, () => xs)', 'calls `JSON.stringify` of more than a number or a text'],
    ['JSON.parse(s).length', 'uses `JSON.parse`, which is not on the list of cheap calls'],
    ['const t = s + s, a = t + t, b = a + a, c = b + b, d = c + c, g = d + d, h = g + g; return { f: h + h };', 'may take over 40 steps for each byte that it is given'],
    ['const a = xs.concat(xs), b = a.concat(a), c = b.concat(b), d = c.concat(c), g = d.concat(d), h = g.concat(g), i = h.concat(h); return { f: i.concat(i).length };', 'may take over 40 steps for each byte that it is given'],
    ['BigInt.asUintN(n, -1n)', 'makes a bigint of more than 2048 bits, or of bits that do not stand there'],
    ['BigInt(s)', 'makes a text a bigint'],
    ['class A { m() { for (;;); } } return { f: A.prototype.m() };', 'reads `prototype` of a function'],
    ['function g(k) { return k < 0 ? 1 : g.prototype.constructor(k - 1) * 2; } return { f: g(x) };', 'reads `prototype` of a function'],
    ['try { throw { m() { for (;;); } }; } catch (e) { e.m(); } return { f: 1 };', 'uses an error that it caught or made'],
    ['try { throw () => { for (;;); }; } catch (e) { e(); } return { f: 1 };', 'uses an error that it caught or made'],
    ['new RangeError(s).stack.length', 'reads `stack` of an error'],
    ['ws["0"].split("").map(() => ws["0"].split("").length).length', NESTED],
    ['const { 0: w } = ws; return { f: w.split("").map(() => w.trim()) };', NESTED],
    ['const o = [() => o["0"]()]; return { f: o["0"]() };', 'calls a method by a computed name'],
    ['const t = ({})[s].name.padEnd(1000); return { f: t.split("").map(() => t.split("").map(() => t.trim())) };', 'may take over 100000 steps, whatever it is given'],
    ['for (const k of new Map([[xs, 1]]).keys()) k.map(() => k.map((a) => a)); return { f: 1 };', NESTED],
    ['class A {} return { f: new A() };', 'makes a `new A`, which is not on the list of cheap calls'],
    ['for (const a of xs) { try { a.b.c; } catch { x; } } return { f: 1 };', 'may take over 40 steps for each byte that it is given'],
    ['const g = x > 1 ? (a) => a : (a) => -a; return { f: g(x) };', 'calls a function that is not known'],
    ['const fs = [1, 2].map((a) => () => a); return { f: fs[0]() };', 'calls a method by a computed name'],
    ['let g = null; for (const a of [1, 2]) g = () => a; return { f: g() };', 'calls a function that is not known'],
    ['rows.map((row) => rows[0].reduce((a, b) => a + b, 0))', NESTED],
    ['rows.map((row) => row.map((a) => row.indexOf(a)))', NESTED],
    ['for (let i = 0; i < xs.length; i++) for (let j = 0; j < xs.length; j++) x; return { f: x };', NESTED],
    ['function f() { return arguments.length; } return { f: f(1) };', 'uses `arguments.length`, which is not on the list of cheap calls'],
  ])('%s: %s', (body, what) => {
    expect(costly(body)).toBe(what);
  });

  // What takes longer, or more memory, than it looks.
  // prettier-ignore
  test.each([
    ['x.toString(2)', 'writes a number to another base than 10'],
    ['x.toString(n)', 'writes a number to another base than 10'],
    ['BigInt(x).toString(3)', 'writes a number to another base than 10'],
    ['x.toFixed(100)', 'writes a number with over 20 digits, or with as many as do not stand there'],
    ['x.toPrecision(n)', 'writes a number with over 20 digits, or with as many as do not stand there'],
    ['x.toExponential(21)', 'writes a number with over 20 digits, or with as many as do not stand there'],
    ['xs.map((a) => a.toFixed(2)).length', EACH],
    ['xs.map((a) => `${a}`).length', EACH],
    ['xs.map(String).length', EACH],
    ['xs.join(",")', EACH],
    ['ws.map(Number).length', EACH],
    ['ws.map((w) => w * 1).length', EACH],
    ['xs.map(parseInt).length', EACH],
    ['ws.map((w) => Date.parse(w)).length', EACH],
    ['xs.map((a) => xs[a]).length', EACH],
    ['xs.map((a) => ({ a: 1 })[a]).length', EACH],
    ['let k = 1; for (const a of xs) { k = k + k; xs[k]; } return { f: k };', EACH],
    ['for (let i = 0.5; i < xs.length; i++) xs[i]; return { f: 1 };', 'has a loop that does not count up to a length'],
    ['for (let i = 0; i < xs.length; i += 1.5) xs[i]; return { f: 1 };', 'has a loop that does not count up to a length'],
    ['xs.map((a) => 1.7e308 % a).length', EACH],
    ['xs.toSorted((a, b) => a - b)', EACH],
    ['[s.split(""), s.split(""), s.split("")].length', EACH],
    ['s.toLowerCase() + s.toUpperCase()', EACH],
    ['s.replaceAll("a", "b")', EACH],
    ['s.indexOf("a2345678901234567890123456789012345678901")', EACH],
    ['s.lastIndexOf("a23456789012345678901")', EACH],
    ['[...y].map(() => [new Map(), new Map()]).length', EACH],
    ['xs.map((a) => new Set([a])).length', EACH],
    ['xs.map((a) => new Float64Array([a])).length', EACH],
    ['xs.map((a) => [[a], [a]]).length', EACH],
    ['xs.map((a) => () => () => () => a).length + xs.map((a) => ({ a, b: a, c: a })).length', EACH],
    ['const h = (BigInt(x) * 3n) % 7n; return { f: xs.map((a) => h / 5n).length };', EACH],
    [Array.from({ length: 40 }, (_, i) => `const a${i + 1} = { l: ${i === 0 ? 'x' : `a${i}`}, r: ${i === 0 ? 'x' : `a${i}`} };`).join(' ') + ' return { f: a40 };', 'makes objects within objects that are too many to be judged'],
    ['rows.flatMap((row) => [row, row]).flat().length', EACH],
  ])('%s: %s', (body, what) => {
    expect(costly(body)).toBe(what);
  });

  test.each([
    ['l == s', 'makes a text a bigint'],
    ['s < l', 'makes a text a bigint'],
    ['l ** l', 'has a power or a shift of bigints'],
    ['1n << l', 'has a power or a shift of bigints'],
    [
      'const a = l * l, b = a * a, c = b * b, d = c * c, g = d * d, h = g * g; return { f: h * h };',
      'may make a bigint of over 2048 bits',
    ],
  ])('of bigints, %s: %s', (body, what) => {
    expect(costly(body, 'bigint')).toBe(what);
  });
});

test('of a module what stands outside of the function counts, too, and what nothing calls does not', () => {
  const ofModule = (text: string): string | null =>
    costlyPartOf(parseModule(`${text}\nexport { f as default };`), args, 'number')?.what ?? null;
  expect(
    ofModule('var R = 6371; function far(a) { return a * R; }\nvar f = ({ x }) => ({ f: far(x) });'),
  ).toBe(null);
  expect(ofModule('var unused = () => { for (;;); };\nvar f = ({ x }) => ({ f: x });')).toBe(null);
  expect(ofModule('for (;;);\nvar f = ({ x }) => ({ f: x });')).toBe(
    'has a loop that does not count up to a length',
  );
  expect(ofModule('var rates = { eur: 1, usd: 2 };\nvar f = ({ s }) => ({ f: rates[s] * 2 });')).toBe(null);
  expect(
    ofModule('var known = new Set(["a"]);\nvar f = ({ ws }) => ({ f: ws.filter((w) => known.has(w)) });'),
  ).toBe(null);
  // Keys may all meet in one place of the table.
  const ids = Array.from({ length: 4_000 }, (_, i) => `${(BigInt(i) << 64n) + 1n}n`).join();
  const many = `var known = new Set([${ids}]);\n`;
  expect(ofModule(`${many}var f = ({ x }) => ({ f: known.has(BigInt(x)) });`)).toBe(null);
  expect(ofModule(`${many}var f = ({ xs }) => ({ f: xs.filter((a) => known.has(a)) });`)).toMatch(
    /^may take over 40 steps/,
  );
});
