import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileOnDemand } from '../../../../contract/on-demand/compile-function.ts';
import { OnDemandFault } from '../../../../contract/on-demand/on-demand-function.ts';
import { canonicalJson } from '../../../../contract/std/canonical-json.ts';
import { formatType } from '../../../../contract/value-type.ts';
import type { Value } from '../../../../contract/value-type.ts';
import { valueToJson } from '../../../../contract/wire/online/json-value.ts';
import { anyTimeless, anyValueOf } from '../../../support/fixtures/any-value.ts';
import { computed, NO_VIEWS, onDemandView, outcomeOf } from '../../../support/fixtures/on-demand-view.ts';

/** A view with one input `x` and one feature `y`. */
const oneOf = (script: string, input = 'float64', feature = 'float64') =>
  onDemandView('trip', script, { x: input }, { y: feature });

describe('a function computes its features from its argument', () => {
  test('inputs by their names, features in the order of the view', () => {
    const view = onDemandView(
      'basket',
      '({ a, b }) => ({ sum: a + b, ratio: b === 0 ? null : a / b })',
      { a: 'float64', b: 'float64' },
      { ratio: 'float64', sum: 'float64' },
    );
    expect(computed(view, 6, 2)).toEqual([3, 8]);
    expect(computed(view, 6, 0)).toEqual([null, 6]);
  });

  test('bytes and numbers count by what they are, whatever length they were given', () => {
    const script =
      '({ n }) => { const one = new Uint8Array(n), two = new Float32Array(n);' +
      " for (const each of [one, two]) Object.defineProperty(each, 'length', { value: 2 }); return { one, two } }";
    const view = onDemandView('odd', script, { n: 'int32' }, { one: 'bytes', two: 'embedding(2)' });
    expect(computed(view, 70_000)).toMatchObject({
      reason: 'returned',
      message: expect.stringContaining('64 KiB'),
    });
    expect(computed(view, 3)).toMatchObject({ reason: 'returned' });
    expect(computed(view, 2)).toEqual([new Uint8Array(2), new Float32Array(2)]);
  });

  test('a map has its keys in byte order, whatever the order that it came or was made in', () => {
    const names = ['\u{1f600}', 'b', '\uffee', 'a', '', 'ab', '12', 'é', 'z'];
    const inOrder = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const view = onDemandView(
      'order',
      '({ m }) => ({ seen: [...m.keys()], made: new Map([...m].reverse()) })',
      { m: 'map<int32>' },
      { seen: 'list<string>', made: 'map<int32>' },
    );
    const map = new Map(names.map((name, i) => [name, i]));
    const [seen, made] = computed(view, map) as [string[], Map<string, number>];
    expect(seen).toEqual(inOrder);
    expect([...made]).toEqual(inOrder.map((name) => [name, map.get(name)]));
  });

  test('lists, maps and structs are of its own realm, and fresh', () => {
    const script =
      '({ l, m, s }) => ({ n: l.reduce((sum, x) => sum + (x ?? 0), 0) + m.get("k") + s.a, same: l instanceof Array && m instanceof Map && s instanceof Object })';
    const view = onDemandView(
      'basket',
      script,
      { l: 'list<int32>', m: 'map<int32>', s: 'struct<a: int32>' },
      { n: 'int32', same: 'bool' },
    );
    expect(computed(view, [1, null, 2], new Map([['k', 10]]), { a: 100 })).toEqual([113, true]);
  });

  test('int64 is a number up to 2^53 - 1, and past that the row is not computed', () => {
    const view = oneOf('({ x }) => ({ y: x })', 'int64', 'int64');
    for (const x of [2n ** 53n - 1n, 1n - 2n ** 53n, 0n]) expect(computed(view, x)).toEqual([x]);
    const fault = computed(view, 2n ** 53n);
    expect(fault).toBeInstanceOf(OnDemandFault);
    expect(fault).toMatchObject({
      reason: 'argument',
      message: expect.stringContaining('9007199254740992 is past 2^53 - 1'),
    });
  });

  test("with int64: 'bigint' it is always a bigint, of any size", () => {
    const view = onDemandView(
      'trip',
      '({ x }) => ({ y: x + 1n })',
      { x: 'int64' },
      { y: 'int64' },
      { int64: 'bigint' },
    );
    expect(computed(view, 2n ** 62n)).toEqual([2n ** 62n + 1n]);
  });

  test("with int64: 'bigint' a timestamp is one, too, and may be the end of all times", () => {
    const END = 253_402_300_799_999_999n;
    const BEGIN = -62_135_596_800_000_000n;
    const text = 'struct<at: list<timestamp>>';
    const types = [{ x: text }, { y: text }] as const;
    const value = { at: [END, null, -1n, BEGIN] };
    const body = '({ x }) => ({ y: { at: x.at.map((us) => us && us + 0n) } })';
    expect(computed(onDemandView('trip', body, ...types, { int64: 'bigint' }), value)).toEqual([value]);
    expect(computed(onDemandView('trip', body, ...types), value)).toMatchObject({
      reason: 'argument',
      message: expect.stringContaining('int64: "bigint" takes all, times too'),
    });
  });

  test('a timestamp is its microseconds, a number', () => {
    const view = oneOf('({ x }) => ({ y: x + 0.5 > x && x + 1 })', 'timestamp', 'timestamp');
    expect(computed(view, 1_700_000_000_000_000n)).toEqual([1_700_000_000_000_001n]);
  });

  // prettier-ignore
  test.each([
    ['string', '"a".repeat(n)', 65_536],
    ['bytes', 'new Uint8Array(n)', 65_536],
    ['list<float64>', 'new Array(n).fill(1)', 8_192],
    ['list<string>', '["a".repeat(n - 16 - 32_768), "a".repeat(32_768)]', 65_536],
    ['map<string>', 'new Map([["k", "a".repeat(n - 9)]])', 65_536],
    ['struct<a: string, b: string>', '({ a: "a".repeat(32_768), b: "a".repeat(n - 32_768) })', 65_536],
    ['list<embedding(1022)>', 'new Array(n).fill(new Float32Array(1022))', 16],
  ])('a value of %s has at most 64 KiB', (type, value, most) => {
    const script = `({ x: n }) => ({ y: ${value} })`;
    expect(computed(oneOf(script, 'float64', type), most)).toHaveLength(1);
    expect(computed(oneOf(script, 'float64', type), most + 1)).toMatchObject({
      reason: 'returned',
      message: expect.stringContaining('it returned more than 64 KiB as "y"') as string,
    });
  });

  test('each feature and each call has the 64 KiB for itself, and what is wrong later is told as itself', () => {
    const script = '({ n }) => ({ a: "a".repeat(n), b: "b".repeat(n), ok: n > 1 ? true : 5 })';
    const features = { a: 'string', b: 'string', ok: 'bool' };
    const call = compileOnDemand(onDemandView('big', script, { n: 'int32' }, features), NO_VIEWS);
    const told = [65_536, 65_537, 1, 65_536].map((n) => call.call([n], [])?.message ?? 'fine');
    expect(told.map((text) => text.replace(/^.*?: /, ''))).toEqual([
      'fine',
      'it returned more than 64 KiB as "a"',
      'it returned the number 5 as "ok"',
      'fine',
    ]);
  });

  test('float32 is rounded, an embedding may be a list of numbers', () => {
    expect(computed(oneOf('() => ({ y: 0.1 })', 'float64', 'float32'), null)).toEqual([Math.fround(0.1)]);
    expect(computed(oneOf('() => ({ y: [0.1, 2] })', 'float64', 'embedding(2)'), null)).toEqual([
      Float32Array.of(0.1, 2),
    ]);
  });

  test('any value of any type goes in and comes out again with the same bits', () => {
    const typed = anyTimeless.chain((type) => fc.tuple(fc.constant(type), anyValueOf(type)));
    fc.assert(
      fc.property(typed, ([type, value]) => {
        const text = formatType(type);
        const view = onDemandView(
          'same',
          '({ x }) => ({ y: x })',
          { x: text },
          { y: text },
          { int64: 'bigint' },
        );
        const outcome = computed(view, value);
        expect(outcome).toBeInstanceOf(Array);
        const [back] = outcome as readonly Value[];
        expect(canonicalJson(valueToJson(type, back!))).toBe(canonicalJson(valueToJson(type, value)));
      }),
      { numRuns: 150 },
    );
  });
});

// A function of the first kind never holds the object itself, so that it need not be frozen.
test.each([
  ['({ x, y: z }) => ({ y: x + z })', false],
  ['({\n  x,\n  y: z,\n}) => ({ y: x + z })', false],
  ['({ x, ...rest }) => { rest.y += 1; return { y: x + rest.y - 1 } }', false],
  ['({ x, y = 2 }) => ({ y: x + y })', false],
  ['function ({ x, y }) { return { y: x + y } }', false],
  ['(given) => { given.x = 5; return { y: given.x + given.y } }', true],
  ['function ({ x, y }) { arguments[0].x = 5; return { y: x + y } }', true],
  ['(given) => { delete given.x; return { y: 3 } }', true],
])('what a function is given cannot be changed: %s', (script, isRefused) => {
  const view = onDemandView('sum', script, { x: 'float64', y: 'float64' }, { y: 'float64' });
  const outcome = computed(view, 1, 2);
  if (isRefused) expect(outcome).toMatchObject({ reason: 'threw' });
  else expect(outcome).toEqual([3]);
});

test('a function that knows itself by its name keeps nothing there', () => {
  for (const what of ['me', 'me.prototype']) {
    const script = `function me({ x }) { const f = ${what}; f.n = (f.n ?? 0) + 1; return { y: f.n } }`;
    expect(computed(oneOf(script), 1)).toMatchObject({
      reason: 'threw',
      message: expect.stringContaining('object is not extensible') as string,
    });
  }
});

describe('a bad function fails its row, and nothing else', () => {
  // A table: one line a function.
  // prettier-ignore
  test.each([
    ['throws', '() => { throw new Error("no") }', 'threw', 'trip.ts:1: Error: no'],
    ['throws no error', '() => { throw 5 }', 'threw', 'it threw the number 5'],
    ['throws null', '() => { throw null }', 'threw', 'it threw null'],
    ['throws an object', '() => { throw { toString() { throw 1 } } }', 'threw', 'it threw an object'],
    ['throws a symbol', '() => { throw Symbol("s") }', 'threw', 'it threw symbol'],
    ['throws what cannot be shown', '() => { throw Object.defineProperty(new Error(), "message", { get() { throw 1 } }) }', 'threw', 'it threw what cannot be shown'],
    ['reads a property of null', '({ x }) => ({ y: x.length.more })', 'threw', 'TypeError'],
    ['returns nothing', '() => {}', 'returned', 'it returned undefined'],
    ['returns a number', '() => 5', 'returned', 'it returned the number 5'],
    ['returns too little', '() => ({})', 'returned', 'it returned undefined as "y"'],
    ['returns too much', '() => ({ y: 1, z: 2 })', 'returned', 'it returned "z", which is no feature of the view'],
    ['returns a text for a number', '() => ({ y: "1" })', 'returned', 'it returned the text "1" as "y"'],
    ['returns a promise', '() => (async () => ({ y: 1 }))()', 'returned', 'it returned a promise'],
    ['is async', 'async () => ({ y: 1 })', 'returned', 'it returned a promise'],
    ['is a generator', 'function* () { yield 1; }', 'returned', 'it returned'],
    ['changes its argument', '(given) => { given.x = 2; return { y: 1 } }', 'threw', 'TypeError: Cannot assign to read only property'],
    ['never returns from itself', 'function f(given) { return f(given) }', 'threw', 'RangeError: Maximum call stack size exceeded'],
    ['uses this', 'function () { return { y: this.x } }', 'threw', 'TypeError'],
    ['asks for the time', '() => ({ y: Date.now() })', 'threw', 'there is no clock here; take the time as an input, t.requestTime()'],
    ['asks for today', '() => ({ y: new Date().getTime() })', 'threw', 'there is no clock here'],
    ['asks for chance', '() => ({ y: Math.random() })', 'threw', 'Math.random is not a function'],
    ['asks for the process', '() => ({ y: process.pid })', 'threw', 'process is not defined'],
    ['fetches', '() => ({ y: fetch("http://localhost") })', 'threw', 'fetch is not defined'],
    ['makes code of text', '() => ({ y: eval("1") })', 'threw', 'eval is not defined'],
    ['makes a function of text', '({ x }) => ({ y: (() => {}).constructor("return 1")() })', 'threw', 'EvalError'],
    ['changes the language', '() => { Array.prototype.map = null; return { y: 1 } }', 'threw', 'TypeError'],
    ['adds to the language', '() => { Object.prototype.more = 1; return { y: 1 } }', 'threw', 'TypeError'],
    ['keeps something in a global', '() => { globalThis.count = 1; return { y: 1 } }', 'threw', 'globalThis is not defined'],
  ])('%s', (_, script, reason, message) => {
    expect(computed(oneOf(script), 1)).toMatchObject({ reason, message: expect.stringContaining(message) });
  });

  // prettier-ignore
  test.each([
    ['bool', '1'], ['int32', 'NaN'], ['int32', '1.5'], ['int32', '2 ** 31'], ['int32', '1n'], ['int64', 'NaN'],
    ['int64', '2 ** 53'], ['int64', '2n ** 63n'], ['int64', '"1"'], ['float32', '"1"'], ['float64', 'true'],
    ['float64', 'undefined'], ['string', '1'], ['string', '"\\ud800"'], ['bytes', '[1]'], ['bytes', '"YQ=="'],
    ['timestamp', 'new Date(0)'], ['timestamp', '0.5'], ['timestamp', '253402300800000000n'],
    ['timestamp', '-62135596800000001n'], ['list<int32>', '[1, "2"]'], ['list<int32>', '[, 1]'],
    ['list<int32>', 'new Map()'], ['embedding(2)', '[1]'], ['embedding(2)', 'new Float32Array(3)'],
    ['embedding(2)', '[1, null]'], ['map<int32>', '({ a: 1 })'], ['map<int32>', 'new Map([[1, 1]])'],
    ['struct<a: int32>', '({})'], ['struct<a: int32>', '"a"'],
  ])('%s is not %s', (type, value) => {
    expect(computed(oneOf(`() => ({ y: ${value} })`, 'float64', type), 1)).toMatchObject({ reason: 'returned' });
  });

  test('a later call of the same function is served as if nothing had been', () => {
    const fn = compileOnDemand(
      oneOf('({ x }) => { if (x === 1) throw new Error("one"); return { y: x } }'),
      NO_VIEWS,
    );
    expect(outcomeOf(fn, [1])).toBeInstanceOf(OnDemandFault);
    expect(outcomeOf(fn, [2])).toEqual([2]);
  });

  // A table: one line a way to come by a stack, whose frames are others in each program.
  // prettier-ignore
  test.each([
    ['of an error that it makes', '() => ({ y: new Error("own").stack })', 'Error: own'],
    ['of an error that the language throws', '({ x }) => { try { return x.y.z } catch (e) { return { y: e.stack } } }', "TypeError: Cannot read properties of undefined (reading 'z')"],
    ['of an error of its own class', '() => { class Own extends Error { name = "Own" } return { y: new Own("mine").stack } }', 'Own: mine'],
    ['of an error that cannot be shown', '() => { const e = new Error("a"); e.name = Symbol("s"); e.message = { toString() { throw 1 } }; return { y: e.stack } }', 'Error'],
  ])('a stack %s has no frames', (_, script, stack) => {
    expect(computed(oneOf(script, 'string', 'string'), 'a')).toEqual([stack]);
  });

  test('a fault names its line though the function has read the stack', () => {
    const script = '() => {\n  const e = new Error("here");\n  e.stack.length;\n  throw e;\n}';
    expect(computed(oneOf(script), 1)).toMatchObject({ message: 'trip.ts:2: Error: here' });
  });

  test.each(['throw null', 'throw 5', 'throw {}'])(
    'code that does %s when it is read is told',
    (statement) => {
      const script = `(() => { ${statement} })()`;
      expect(() => computed(oneOf(script), 1)).toThrow('trip.ts:1: it threw what is no error');
    },
  );

  test('the line is that of the file: of a function that begins on line 7 its third line is 9', () => {
    const script = '({ x }) => {\n  const y = x;\n  throw new Error("here");\n}';
    const code = {
      hash: '',
      script,
      sourceMap: null,
      anew: null,
      files: null,
      file: 'definitions/shop.ts',
      line: 7,
    };
    const view = onDemandView('trip', script, { x: 'float64' }, { y: 'float64' }, { code });
    expect(computed(view, 1)).toMatchObject({ message: 'definitions/shop.ts:9: Error: here' });
  });

  test('code that is no function, or does not run, is refused when it is compiled', () => {
    expect(() => computed(oneOf('5'))).toThrow('expected a function, its default export, got number');
    expect(() => computed(oneOf('() => { throw new Error("at once") })('))).toThrow('at once');
    expect(() => computed(oneOf('({'))).toThrow('SyntaxError');
  });
});

describe('a realm is a wall against mistakes', () => {
  const realmNames = (script: string) =>
    computed(oneOf(`() => ({ y: ${script} })`, 'float64', 'string'), null);

  test('nothing leads from the argument to the program: code of text is made nowhere', () => {
    const reach = 'x.constructor.constructor("return process.version")()';
    for (const [type, value] of [
      ['list<int32>', [1]],
      ['bytes', Buffer.from('a')],
      ['map<int32>', new Map()],
      ['embedding(1)', new Float32Array(1)],
      ['string', 'a'],
      ['struct<a: int32>', { a: 1 }],
    ] as const) {
      const view = oneOf(`({ x }) => ({ y: ${reach} })`, type, 'string');
      expect(computed(view, value)).toMatchObject({
        reason: 'threw',
        message: expect.stringContaining('EvalError'),
      });
    }
  });

  test('it has the language alone: names of Node and of the machine are not there', () => {
    const names = [
      'process',
      'require',
      'console',
      'Intl',
      'WeakRef',
      'WebAssembly',
      'SharedArrayBuffer',
      'Promise',
      'Proxy',
      'Reflect',
      'setTimeout',
      'performance',
      'Buffer',
      'globalThis',
      'eval',
      'Function',
    ];
    for (const name of names) expect(realmNames(`typeof ${name}`)).toEqual(['undefined']);
    for (const member of [
      '"a".localeCompare',
      '(1).toLocaleString',
      'new Date(0).getHours',
      'Math.random',
      'RegExp.$1',
      'Error.captureStackTrace',
      '"a".toLocaleUpperCase',
      'Float32Array.of().toLocaleString',
      'Array.fromAsync',
      '(async () => {})().constructor',
    ])
      expect(realmNames(`typeof ${member}`)).toEqual(['undefined']);
  });

  // prettier-ignore
  test.each([
    ['new Date(0).toISOString()', '1970-01-01T00:00:00.000Z'],
    ['new Date("2026-01-31").toISOString()', '2026-01-31T00:00:00.000Z'],
    ['new Date("2026-01-31T01:00:00+01:00").toISOString()', '2026-01-31T00:00:00.000Z'],
    ['String(new Date(5).getUTCMilliseconds())', '5'],
    ['String(Date.UTC(1970, 0, 1) + Date.parse("1970-01-01"))', '0'],
    ['String(new Date(new Date(7)).getTime() + (new Date(9) - new Date(2)))', '14'],
    ['class extends Date {}.name + typeof new (class extends Date {})(1).getTime()', 'number'],
  ])('%s is %s', (script, value) => {
    expect(realmNames(script)).toEqual([value]);
  });

  test.each([
    'new Date("2026-01-31T00:00")',
    'new Date("Jan 31 2026")',
    'new Date(2026, 0, 31)',
    'Date.parse("31.1.2026")',
  ])('%s is of the machine, and throws', (script) => {
    expect(realmNames(`String(${script})`)).toMatchObject({
      reason: 'threw',
      message: expect.stringContaining('t.requestTime()'),
    });
  });

  // prettier-ignore
  test.each([
    ['[] instanceof Array && new Array(3).length === 3 && Array(1, 2)[1] === 2 && Array.isArray(Array.of(1))'],
    ['Array.from("ab").join() === "a,b" && Array.from([1], (n) => n * 2)[0] === 2 && Array.from(new Map([[1, 2]]))[0][1] === 2'],
    ['new Float64Array([1, 2]) instanceof Float64Array && Float64Array.BYTES_PER_ELEMENT === 8 && Array.name === "Array"'],
    ['Float32Array.from([0.5])[0] === 0.5 && Float64Array.of(3)[0] === 3 && new Uint8Array(new ArrayBuffer(8), 4).length === 4'],
    ['Object.getPrototypeOf(Float64Array) === Object.getPrototypeOf(Uint8Array) && ArrayBuffer.isView(new Int8Array(1))'],
    ['(class extends Array {}).from([1, 2]).length === 2 && new (class extends Float64Array {})(2) instanceof Float64Array'],
    ['"a,b".split(",").length === 2 && "ab".repeat(2) === "abab" && "a".padEnd(3, "b") === "abb" && "ab".split().length === 1'],
    ['new Array(1048576).length === 1048576 && "a".repeat(1048576).length === 1048576 && [5].concat([6]).map((n) => n)[1] === 6'],
  ])('names of lists, buffers and texts mean what they do in the language: %s', (script) => {
    expect(computed(oneOf(`() => ({ y: ${script} })`, 'float64', 'bool'), null)).toEqual([true]);
  });

  test('objects of the function may have the names that objects of the language have', () => {
    const script = `() => { const o = {}; o.toString = () => 'own'; o.constructor = 1; class E extends Error { constructor() { super('m'); this.name = 'E'; } }
      return { y: String(o) + new E().name + String(new Error('x')) } }`;
    expect(computed(oneOf(script, 'float64', 'string'), null)).toEqual(['ownEError: x']);
  });
});
