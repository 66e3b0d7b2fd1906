/** Rows through the function of an on-demand view: as many out as in, in their order; what does not fit is named. */
import { describe, expect, test } from 'vitest';
import type { OnDemandView } from '../../../../contract/model.ts';
import type { CodedError } from '../../../../contract/std/coded-error.ts';
import type { Value } from '../../../../contract/value-type.ts';
import type { ArrowColumn } from '../../../../training/arrow/arrow-field.ts';
import { runPipe } from '../../../../training/pipe/pipe.ts';
import type { Piped } from '../../../../training/pipe/pipe.ts';
import { pipedView } from '../../../../training/pipe/piped-view.ts';
import { inPieces, rowsOf, streamOf } from '../../../support/fixtures/arrow-stream.ts';
import { bundleOf, driverStats } from '../../../support/fixtures/materialized-project.ts';
import { onDemandView } from '../../../support/fixtures/on-demand-view.ts';

const ratio = onDemandView(
  'ratio',
  `({ cart, total, coupon }) => {
    if (cart === 13) throw new RangeError('thirteen');
    return { of: total === null ? null : cart / total, note: coupon ?? 'none' };
  }`,
  { cart: 'float64', total: 'float64', coupon: 'string' },
  { of: 'float64', note: 'string' },
);
const needed: OnDemandView = {
  ...ratio,
  inputs: ratio.inputs.map((input) => ({ ...input, optional: input.name !== 'cart' })),
  features: ratio.features.map((feature) => (feature.name === 'of' ? { ...feature, missing: -1 } : feature)),
};
const TAKES: readonly ArrowColumn[] = needed.inputs;

interface Ran extends Piped {
  readonly batches: Value[][][];
}

async function pipe(
  bytes: Uint8Array,
  view: OnDemandView = needed,
  written: Uint8Array[] = [],
): Promise<Ran> {
  const bundle = { ...bundleOf(driverStats()), onDemand: new Map([[view.id, view]]) };
  const piped = pipedView(bundle, view.id);
  const write = (part: Uint8Array): Promise<void> => {
    written.push(part);
    return Promise.resolve();
  };
  const result = await runPipe(bundle, piped, { input: inPieces(bytes, 500), write });
  return { ...result, batches: await rowsOf(Buffer.concat(written), piped.gives) };
}

const failure = async (bytes: Uint8Array, view?: OnDemandView): Promise<CodedError> =>
  await pipe(bytes, view).then(
    () => expect.unreachable('nothing was wrong'),
    (error: unknown) => error as CodedError,
  );

describe('rows', () => {
  test('come out batch by batch, also empty ones, the features under their full names', async () => {
    const rows: Value[][] = [
      [3, 2, 'x'],
      [-0, 1, null],
    ];
    const { batches, rows: count, notes } = await pipe(streamOf(TAKES, [rows, [], rows.slice(1)]));
    expect(batches).toEqual([
      [
        [1.5, 'x'],
        [-0, 'none'],
      ],
      [],
      [[-0, 'none']],
    ]);
    expect({ count, notes }).toEqual({ count: 3, notes: [] });
  });

  test('of no batch give a schema alone', async () => {
    expect(await pipe(streamOf(TAKES, []))).toMatchObject({ rows: 0, batches: [] });
  });

  test('have their columns in any order, and may be without optional inputs', async () => {
    const columns = [TAKES[1]!, TAKES[0]!];
    expect((await pipe(streamOf(columns, [[[2, 3]]]))).batches).toEqual([[[1.5, 'none']]]);
  });

  test('that fail get the fallbacks, are counted, and the first is named', async () => {
    const rows = Array.from({ length: 3_000 }, (_, i): Value[] => [i % 1_000 === 999 ? 13 : 1, 1, 'x']);
    const { batches, notes } = await pipe(streamOf(TAKES, [rows.slice(0, 2_500), rows.slice(2_500)]));
    expect(batches.flat().filter(([of]) => of === -1)).toEqual(Array.from({ length: 3 }, () => [-1, null]));
    expect(batches.flat()[1_999]).toEqual([-1, null]);
    expect(notes).toEqual([
      '3 rows have no ratio: ratio.ts:2: RangeError: thirteen (row 1000 is the first).',
    ]);
  });

  test('are not read ahead of a reader that takes none', async () => {
    const bundle = { ...bundleOf(driverStats()), onDemand: new Map([['ratio', needed]]) };
    const stream = streamOf(
      TAKES,
      Array.from({ length: 50 }, () => [[1, 1, 'x']]),
    );
    let pulled = 0;
    const counted = async function* (): AsyncGenerator<Uint8Array> {
      for await (const piece of inPieces(stream, 100)) {
        pulled += piece.length;
        yield piece;
      }
    };
    const { promise: taken, resolve: take } = Promise.withResolvers<void>();
    let writes = 0;
    const write = (): Promise<void> => (++writes === 3 ? taken : Promise.resolve());
    const piped = runPipe(bundle, pipedView(bundle, 'ratio'), { input: counted(), write });
    // Far more turns than it would need for the rest.
    for (let turn = 0; turn < 5_000; turn++) await new Promise(setImmediate);
    expect(writes).toBe(3);
    expect(pulled).toBeLessThan(stream.length / 4);
    take();
    expect(await piped).toMatchObject({ rows: 50 });
  });

  test('of a function that loops are ended after a second, and the others are computed', async () => {
    const view = onDemandView(
      'spin',
      '({ x }) => { while (x === 13) {} return { spun: x * 2 }; }',
      { x: 'float64' },
      { spun: 'float64' },
      { costly: 'has a loop (spin.ts:1)', isolated: true },
    );
    const rows = Array.from({ length: 2_000 }, (_, x): Value[] => [x]);
    const { batches, notes } = await pipe(streamOf(view.inputs, [rows]), view);
    expect(batches.flat()).toEqual(rows.map(([x]) => [x === 13 ? null : (x as number) * 2]));
    expect(notes).toEqual(['1 row has no spin: spin.ts: a call took over 1000 ms and was ended (row 14).']);
  });

  test('int64 past 2^53 - 1 are a fault where the function takes numbers, and pass where it takes bigints', async () => {
    const take = (int64: 'number' | 'bigint'): OnDemandView =>
      onDemandView('same', '({ x }) => ({ y: x })', { x: 'int64' }, { y: 'int64' }, { int64 });
    const rows: Value[][] = [[2n ** 63n - 1n], [2n ** 53n - 1n], [null]];
    const bytes = streamOf(take('number').inputs, [rows]);
    expect((await pipe(bytes, take('number'))).batches.flat()).toEqual([[null], [2n ** 53n - 1n], [null]]);
    expect((await pipe(bytes, take('bigint'))).batches.flat()).toEqual(rows);
  });
});

describe('a mistake', () => {
  test('of the columns: all are told, before anything is written', async () => {
    const written: Uint8Array[] = [];
    const columns: ArrowColumn[] = [
      { name: 'carts', type: { kind: 'float64' } },
      { name: 'total', type: { kind: 'string' } },
      { name: 'coupon', type: { kind: 'string' } },
      { name: 'coupon', type: { kind: 'string' } },
    ];
    await expect(pipe(streamOf(columns, []), needed, written)).rejects.toMatchObject({
      code: 'TRAIN_COLUMNS',
      message:
        'the columns are not those of ratio: ratio takes no carts, did you mean "cart"?; coupon is there twice; ' +
        'cart is not there, float64; total: expected float64, got string',
    });
    expect(written).toEqual([]);
  });

  test('of a value: its row and column are named', async () => {
    const rows: Value[][] = [
      [1, 1, 'x'],
      [null, 1, 'x'],
    ];
    expect(await failure(streamOf(TAKES, [rows.slice(0, 1), rows]))).toMatchObject({
      code: 'TRAIN_COLUMNS',
      message: 'row 3, cart: it is null, and the input is not optional',
    });
  });

  test('of the stream is told as what it is, and the output has no end', async () => {
    const whole = streamOf(TAKES, [[[1, 1, 'x']]]);
    const written: Uint8Array[] = [];
    await expect(pipe(whole.subarray(0, -8), needed, written)).rejects.toMatchObject({
      code: 'TRAIN_STREAM',
      message: 'the Arrow stream on stdin: it has no end: its writer was ended, or did not close it',
    });
    await expect(rowsOf(Buffer.concat(written), needed.features)).rejects.toThrow('it has no end');
  });

  test('of the view: one that is none, and one that is stored', () => {
    const bundle = { ...bundleOf(driverStats()), onDemand: new Map([['ratio', needed]]) };
    expect(() => pipedView(bundle, 'ration')).toThrow(
      'there is no on-demand view ration, did you mean "ratio"?',
    );
    expect(() => pipedView(bundle, 'driver_stats')).toThrow(
      'driver_stats is no on-demand view: its rows are stored',
    );
  });
});
