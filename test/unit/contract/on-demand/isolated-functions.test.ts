import fc from 'fast-check';
import { onTestFinished, describe, expect, test } from 'vitest';
import { EndedCalls } from '../../../../contract/on-demand/ended-calls.ts';
import { IsolatedFunctions } from '../../../../contract/on-demand/isolated-functions.ts';
import type { IsolatedOptions } from '../../../../contract/on-demand/isolated-functions.ts';
import { OnDemandFault } from '../../../../contract/on-demand/on-demand-function.ts';
import type { OnDemandView } from '../../../../contract/model.ts';
import { canonicalJson } from '../../../../contract/std/canonical-json.ts';
import { formatType } from '../../../../contract/value-type.ts';
import type { Value } from '../../../../contract/value-type.ts';
import { valueToJson } from '../../../../contract/wire/online/json-value.ts';
import { anyTimeless, anyValueOf } from '../../../support/fixtures/any-value.ts';
import { NO_VIEWS, onDemandView } from '../../../support/fixtures/on-demand-view.ts';

const view = (name: string, script: string): OnDemandView =>
  onDemandView(name, script, { x: 'float64' }, { y: 'float64' });

const DOUBLE = view('double', '({ x }) => ({ y: 2 * x })');
/** Ends for every number but infinity. */
const HALVE = view('halve', '({ x }) => { let n = 0; while (x > 1) { x /= 2; n += 1; } return { y: n } }');
const GREEDY = view(
  'greedy',
  '({ x }) => { const all = []; while (x === 1) all.push(new Array(1000).fill(x)); return { y: 0 } }',
);

/** Calls may take long here, as on a machine with much other work; those that never end are ended all the same. */
async function isolated(views: readonly OnDemandView[], more: Partial<IsolatedOptions> = {}) {
  const ends: string[] = [];
  const functions = new IsolatedFunctions(views, NO_VIEWS, {
    callMs: 400,
    onEnd: (of, reason) => ends.push(`${of} ${reason}`),
    ...more,
  });
  onTestFinished(() => functions.close());
  await functions.start();
  return { functions, ends };
}

const rowsOf = (...xs: number[]) => xs.map((x) => [x]);

describe('isolated functions', () => {
  test('rows of a tick go out together, and each gets its own outcome', async () => {
    const { functions } = await isolated([DOUBLE, HALVE]);
    const asked = [
      functions.rows('double', rowsOf(1, 2)),
      functions.rows('halve', rowsOf(8)),
      functions.rows('double', rowsOf(3)),
      functions.rows('double', []),
    ];
    expect(await Promise.all(asked)).toEqual([[[2], [4]], [[3]], [[6]], []]);
  });

  test('a loop that never ends is ended, and only its row is lost', async () => {
    const { functions, ends } = await isolated([DOUBLE, HALVE], { spare: true });
    const asked = [
      functions.rows('double', rowsOf(1)),
      functions.rows('halve', rowsOf(4, Infinity, 16)),
      functions.rows('double', rowsOf(5)),
    ];
    const [before, looping, after] = await Promise.all(asked);
    expect([before, after]).toEqual([[[2]], [[10]]]);
    expect([looping![0], looping![2]]).toEqual([[2], [4]]);
    expect(looping![1]).toBeInstanceOf(OnDemandFault);
    expect(looping![1]).toMatchObject({
      reason: 'deadline',
      message: expect.stringContaining('halve.ts: a call took over 400 ms'),
    });
    expect(ends).toEqual(['halve deadline']);
    expect(await functions.rows('halve', rowsOf(32))).toEqual([[5]]);
  });

  test('while a loop goes on so does this thread; then its row is lost, what waits behind it is computed, and it is back', async () => {
    const order: string[] = [];
    const { functions } = await isolated([DOUBLE, HALVE], {
      callMs: 1_000,
      spare: true,
      onEnd: () => order.push('ended'),
    });
    const ask = async (name: string, of: string, x: number): Promise<void> => {
      const [outcome] = await functions.rows(of, rowsOf(x));
      order.push(outcome instanceof OnDemandFault ? `${name}: ${outcome.reason}` : `${name}: ${outcome![0]}`);
    };
    const asked = [ask('looping', 'halve', Infinity), ask('behind it', 'double', 5)];
    // More turns of the loop than a request has.
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    order.push('a hundred turns');
    await Promise.all(asked);
    await ask('again', 'halve', 8);
    expect(order).toEqual(['a hundred turns', 'ended', 'looping: deadline', 'behind it: 10', 'again: 3']);
  });

  test('a function that takes all memory is ended, and only its row is lost', async () => {
    const { functions, ends } = await isolated([DOUBLE, GREEDY], { callMs: 60_000 });
    const [greedy, double] = await Promise.all([
      functions.rows('greedy', rowsOf(2, 1, 3)),
      functions.rows('double', rowsOf(4)),
    ]);
    expect(double).toEqual([[8]]);
    expect([greedy![0], greedy![2]]).toEqual([[0], [0]]);
    expect(greedy![1]).toMatchObject({ reason: 'memory' });
    expect(ends).toEqual(['greedy memory']);
  });

  // A table: one line a way to ask for a gigabyte at once, which would end the process.
  // prettier-ignore
  test.each([
    ['a list', '({ x }) => ({ y: new Array(x).fill(0.5).length })', 134_217_728],
    ['a list without values', '({ x }) => ({ y: new Array(x).length })', 4_294_967_295],
    ['a list called for', '({ x }) => ({ y: Array(x).fill(0).length })', 30_000_000],
    ['a list by a constructor', '({ x }) => ({ y: [].constructor(x).fill(0).length })', 30_000_000],
    ['a list of a length', '({ x }) => ({ y: Array.from({ length: x }, () => 0.5).length })', 134_217_728],
    ['a typed array', '({ x }) => ({ y: new Float64Array(x).fill(x)[1] })', 134_217_728],
    ['a typed array of a length', '({ x }) => ({ y: Float32Array.from({ length: x })[1] })', 134_217_728],
    ['a buffer', '({ x }) => ({ y: new Uint8Array(new ArrayBuffer(x)).fill(1)[0] })', 1_073_741_824],
    ['a text', '({ x }) => ({ y: "ab".repeat(x).split("").length })', 250_000_000],
    ['a padded text', '({ x }) => ({ y: "ab".padEnd(x, "c").charCodeAt(9) })', 500_000_000],
    ['JSON', '({ x }) => ({ y: JSON.stringify("abcdefgh".repeat(x)).length })', 60_000_000],
    ['a text that doubles', '({ x }) => { let text = "ab"; while (text.length < x) text += text; return { y: text.split("").length } }', 200_000_000],
  ])('%s of a gigabyte is refused, and costs its row alone', async (_, script, x) => {
    const { functions, ends } = await isolated([DOUBLE, view('huge', script)]);
    const [huge] = await functions.rows('huge', rowsOf(x));
    expect(huge).toMatchObject({ reason: 'threw', message: expect.stringContaining('RangeError') });
    expect(await functions.rows('huge', rowsOf(2))).not.toEqual([huge]);
    expect(await functions.rows('double', rowsOf(4))).toEqual([[8]]);
    expect(ends).toEqual([]);
  });

  test('a regular expression that backtracks is ended', async () => {
    const backtracking = onDemandView(
      'slow',
      '({ x }) => ({ y: /^(a+)+$/.test(x) })',
      { x: 'string' },
      { y: 'bool' },
    );
    const { functions } = await isolated([backtracking]);
    const [outcome] = await functions.rows('slow', [[`${'a'.repeat(60)}!`]]);
    expect(outcome).toMatchObject({ reason: 'deadline' });
  });

  test('what a function leaves to be done later is never done: others are computed, whatever it does', async () => {
    const later = view(
      'later',
      '({ x }) => { (async () => { await 0; for (;;); })(); (async () => ({ then() { for (;;); } }))(); return { y: x } }',
    );
    const { functions, ends } = await isolated([later, DOUBLE]);
    const [own, others] = await Promise.all([
      functions.rows('later', rowsOf(1, 2)),
      functions.rows('double', rowsOf(1)),
    ]);
    expect([own, others]).toEqual([[[1], [2]], [[2]]]);
    expect(await functions.rows('double', rowsOf(2))).toEqual([[4]]);
    expect(ends).toEqual([]);
  });

  test('a view that is ended too often rests, and others go on', async () => {
    const ended = new EndedCalls({ rest: { ends: 2, withinMs: 60_000, restMs: 60_000 } });
    const { functions, ends } = await isolated([DOUBLE, HALVE], { callMs: 50, ended });
    const outcomes = await functions.rows('halve', rowsOf(Infinity, Infinity, Infinity, 2));
    const reasons = outcomes.map((one) => (one as OnDemandFault).reason);
    expect(reasons).toEqual(['deadline', 'deadline', 'resting', 'resting']);
    expect(ends).toHaveLength(2);
    expect(await functions.rows('double', rowsOf(1))).toEqual([[2]]);
  });

  test('a view of which a call was ended runs apart, and rests there where it loops again', async () => {
    const ended = new EndedCalls({
      rest: { ends: 3, withinMs: 60_000, restMs: 60_000 },
      apart: { firstMs: 60_000, mostMs: 60_000 },
    });
    const more = { callMs: 50, ended };
    const apartEnds: string[] = [];
    const apart = new IsolatedFunctions([DOUBLE, HALVE], NO_VIEWS, {
      ...more,
      onEnd: (of) => apartEnds.push(of),
    });
    const { functions, ends } = await isolated([DOUBLE, HALVE], { ...more, apart });
    const outcomes = await functions.rows('halve', rowsOf(Infinity, 4, Infinity, Infinity, Infinity));
    const reasons = outcomes.map((one) => (one instanceof OnDemandFault ? one.reason : one[0]));
    expect(reasons).toEqual(['deadline', 2, 'deadline', 'deadline', 'resting']);
    expect(ends).toEqual(['halve deadline']);
    expect(apartEnds).toEqual(['halve', 'halve']);
    expect(await functions.rows('double', rowsOf(1))).toEqual([[2]]);
    expect((await functions.rows('halve', rowsOf(1)))[0]).toMatchObject({ reason: 'resting' });
    expect(ends).toHaveLength(1);
  });

  test('once few rows come it keeps no process while none waits, and one is started for those that come', async () => {
    const { functions } = await isolated([DOUBLE], { spare: true });
    const asked = functions.rows('double', rowsOf(3));
    functions.leave();
    expect(await asked).toEqual([[6]]);
    expect(functions.processes).toBe(0);
    expect(await functions.rows('double', rowsOf(4))).toEqual([[8]]);
    expect(functions.processes).toBe(0);
  });

  test('any value of any type comes back from the process with the same bits', async () => {
    const seed = fc.readConfigureGlobal()?.seed;
    const types = fc.sample(anyTimeless, { numRuns: 30, ...(seed === undefined ? {} : { seed }) });
    // No number is every timestamp.
    const carried = types.filter((type) => !formatType(type).includes('timestamp'));
    const views = carried.map((type, i) => {
      const text = formatType(type);
      return onDemandView(`same${i}`, '({ x }) => ({ y: x })', { x: text }, { y: text }, { int64: 'bigint' });
    });
    const { functions } = await isolated(views, { callMs: 60_000 });
    for (const [i, type] of carried.entries()) {
      const values = fc.sample(anyValueOf(type), { numRuns: 20, ...(seed === undefined ? {} : { seed }) });
      const outcomes = await functions.rows(
        `same${i}`,
        values.map((value) => [value]),
      );
      const texts = (all: readonly Value[]) => all.map((value) => canonicalJson(valueToJson(type, value)));
      expect(texts(outcomes.map((one) => (one as readonly Value[])[0]!))).toEqual(texts(values));
    }
  });

  test('a function that throws, and one that does not compile, fail their rows without an end', async () => {
    const throwing = view('throwing', '({ x }) => { if (x === 1) throw new Error("one"); return { y: x } }');
    const broken = view('broken', '({');
    const { functions, ends } = await isolated([throwing, broken]);
    const outcomes = await functions.rows('throwing', rowsOf(1, 2));
    expect(outcomes[0]).toMatchObject({ reason: 'threw', message: 'throwing.ts:1: Error: one' });
    expect(outcomes[1]).toEqual([2]);
    expect((await functions.rows('broken', rowsOf(1)))[0]).toMatchObject({
      reason: 'threw',
      message: expect.stringContaining('SyntaxError'),
    });
    expect(ends).toEqual([]);
  });

  test('module code that never ends keeps no row waiting for ever', async () => {
    const endless = view('endless', '(() => { for (;;); })()');
    const functions = new IsolatedFunctions([endless], NO_VIEWS, { callMs: 50, startMs: 3_000 });
    onTestFinished(() => functions.close());
    expect((await functions.rows('endless', rowsOf(1)))[0]).toMatchObject({
      message:
        'endless.ts: its code outside of the function, which runs once before the first call, takes over 3000 ms and was ended',
    });
  });

  test('rows that nobody waits for any longer are not computed, and others are', async () => {
    const spin = view('spin', '({ x }) => { let n = 0; while (n < x) n += 1; return { y: n } }');
    const { functions, ends } = await isolated([spin, DOUBLE], { callMs: 60_000 });
    const until = new AbortController();
    let isAnswered = false;
    // Some 10 ms a row: minutes in all.
    const rows = rowsOf(...Array.from({ length: 20_000 }, () => 1e7));
    void functions.rows('spin', rows, until.signal).then(() => (isAnswered = true));
    // By then they are sent.
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    until.abort();
    expect(await functions.rows('double', rowsOf(1))).toEqual([[2]]);
    expect([isAnswered, ends]).toEqual([false, []]);
  });

  test('outcomes that wait for others are bounded: rows past that get a fault, and later ones outcomes', async () => {
    const long = onDemandView('long', '({ x }) => ({ y: x + x })', { x: 'string' }, { y: 'string' });
    const { functions } = await isolated([long, HALVE], { callMs: 60_000, heldMiB: 3 });
    const text = 'a'.repeat(30_000);
    const few = await functions.rows('long', [[text], [text]]);
    const many = await functions.rows(
      'long',
      Array.from({ length: 500 }, () => [text]),
    );
    // A process tells of a MiB at once.
    const kept = many.filter((one) => !(one instanceof OnDemandFault)).length;
    expect(kept).toBeGreaterThan(17);
    expect(kept).toBeLessThan(54);
    for (const one of many.slice(kept))
      expect(one).toMatchObject({
        reason: 'memory',
        message: 'what isolated functions gave requests that are not answered yet takes over 3 MiB',
      });
    expect(few).toEqual([[text + text], [text + text]]);
    expect(await functions.rows('long', [[text]])).toEqual([[text + text]]);
  });

  test('outcomes that whoever asked keeps count until it is done with them', async () => {
    const long = onDemandView('long', '({ x }) => ({ y: x + x })', { x: 'string' }, { y: 'string' });
    const { functions } = await isolated([long], { callMs: 60_000, heldMiB: 0.1 });
    const row = ['a'.repeat(30_000)];
    const until = new AbortController();
    expect(await functions.rows('long', [row], until.signal)).toEqual([[row[0] + row[0]!]]);
    const [refused] = await functions.rows('long', [row], new AbortController().signal);
    expect(refused).toMatchObject({ reason: 'memory' });
    until.abort();
    expect(await functions.rows('long', [row])).toEqual([[row[0] + row[0]!]]);
  });

  test('a job is told part by part: a loop and a crash behind long outcomes cost their rows alone', async () => {
    const script =
      "({ x }) => { while (x === -1); const all = []; while (x === -2) all.push('ab'.repeat(500_000).split('')); return { y: 'a'.repeat(60_000) + x } }";
    const long = onDemandView('long', script, { x: 'float64' }, { y: 'string' });
    const { functions, ends } = await isolated([long]);
    const xs = Array.from({ length: 120 }, (_, i) => (i === 50 ? -1 : i === 95 ? -2 : i));
    const outcomes = await functions.rows('long', rowsOf(...xs));
    expect(ends).toHaveLength(2);
    const told = outcomes.map((one) =>
      one instanceof OnDemandFault ? 'ended' : String(one[0]).slice(60_000),
    );
    expect(told).toEqual(xs.map((x) => (x < 0 ? 'ended' : String(x))));
    const timed = await functions.timedRows('long', rowsOf(...xs.slice(0, 40)));
    expect([timed.outcomes.length, timed.tookMs.length]).toEqual([40, 40]);
  });

  test('whoever waits when all is closed gets a fault', async () => {
    const { functions } = await isolated([HALVE], { callMs: 60_000 });
    const waiting = functions.rows('halve', rowsOf(Infinity));
    await functions.close();
    expect((await waiting)[0]).toMatchObject({ reason: 'deadline', message: 'plumb is ending' });
    expect((await functions.rows('halve', rowsOf(1)))[0]).toMatchObject({ message: 'plumb is ending' });
  });
});
