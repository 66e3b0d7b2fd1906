import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { rowSchemaOf } from '../../../../contract/definitions/definition-json.ts';
import { tombstone } from '../../../../contract/wire/online/row-header.ts';
import { RowCache } from '../../../../sidecar/cache/row-cache.ts';
import { CachedRow } from '../../../../sidecar/cache/cached-row.ts';
import { planView } from '../../../../sidecar/plan/view-plan.ts';
import { RowLoader, rebind } from '../../../../sidecar/cache/row-loader.ts';
import { HeldReader } from '../../../support/faults/held-reader.ts';
import { NOON_US, customer, encodeRow, feature, view } from '../../../support/fixtures/serving-fixture.ts';

const spend = view('spend', customer, [feature('total', 'float64'), feature('orders', 'int64', 0n)]);
const older = view('spend', customer, [feature('orders', 'int32'), feature('total', 'float64')]);
const plan = planView({ view: spend, entity: customer }, 0);
const KEY = 'fstore:customer:1';

function setUp() {
  const reader = new HeldReader();
  const cache = new RowCache({ entries: 10, bytes: 1e9, freshUs: 5e6, staleUs: 6e7 });
  const failures: string[] = [];
  const loader = new RowLoader(reader, cache, {
    onStoreFailure: (error) => failures.push(error.message),
    onUnreadableRow: (_view, _key, reason) => failures.push(reason),
  });
  const taken: (CachedRow | null)[] = [];
  const ask = (): void =>
    loader.load([{ key: KEY, view: plan, place: 0 }], NOON_US, { take: (_, row) => void taken.push(row) });
  return { reader, cache, failures, loader, taken, ask };
}

const ROW = encodeRow(spend, [12.5, 3n]);

// Reads grow old only when a test says so.
beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

describe('the row loader', () => {
  test('makes one read of many askers, and caches what comes', async () => {
    const { reader, cache, taken, ask } = setUp();
    for (let i = 0; i < 100; i++) ask();
    expect(reader.asks).toHaveLength(1);
    await reader.answer({ rows: [ROW], watermarks: [NOON_US] });
    expect(taken).toHaveLength(100);
    expect(taken[0]!.values).toEqual([12.5, 3n]);
    expect(cache.find(KEY)![0]).toBe(taken[99]);
    expect(taken[0]!.factor).toBeGreaterThanOrEqual(0.85);
  });

  test('an absent row is cached; without a marker it is a failure and is not', async () => {
    const { reader, cache, taken, ask } = setUp();
    ask();
    await reader.answer({ rows: [null], watermarks: [null] });
    expect(taken).toEqual([null]);
    expect(cache.find(KEY)).toBeUndefined();
    ask();
    await reader.answer({ rows: [null], watermarks: [NOON_US] });
    expect(taken[1]!.raw).toBeNull();
    expect(cache.find(KEY)![0]).toBe(taken[1]);
  });

  test('a failure reaches every asker, and the next one asks the store again', async () => {
    const { reader, taken, failures, ask } = setUp();
    ask();
    ask();
    await reader.fail();
    expect(taken).toEqual([null, null]);
    expect(failures).toEqual(['store down']);
    ask();
    expect(reader.asks).toHaveLength(2);
  });

  test.each([
    ['by one who asks for it first', 0, 1, false],
    ['by two at once', 0, 2, true],
    ['by one, after somebody had asked for the same row', 1, 1, true],
  ])('what is made of a row is worth keeping when it is read %s', async (_, before, askers, isWorth) => {
    const { reader, taken, ask } = setUp();
    for (let i = 0; i < before + askers; i++) {
      ask();
      if (i < before) await reader.answer({ rows: [ROW], watermarks: [NOON_US] });
    }
    await reader.answer({ rows: [ROW], watermarks: [NOON_US] });
    expect(taken.at(-1)!.requestedAgain).toBe(isWorth);
  });

  test('a row whose read ahead of time fails may be read ahead again', async () => {
    const { reader, cache, loader, taken, ask } = setUp();
    ask();
    await reader.answer({ rows: [ROW], watermarks: [NOON_US] });
    const row = cache.find(KEY)![0]!;
    row.refreshing = true;
    loader.load([{ key: KEY, view: plan, place: 0 }], NOON_US + 1, null);
    await reader.fail();
    expect([cache.find(KEY)![0] === row, row.refreshing, taken.length]).toEqual([true, false, 1]);
  });

  test('a read older than 50 ms keeps nobody new waiting, and still fills the cache', async () => {
    const { reader, cache, taken, ask } = setUp();
    ask();
    vi.advanceTimersByTime(50);
    ask();
    expect(reader.asks).toHaveLength(1);
    vi.advanceTimersByTime(1);
    ask();
    expect(reader.asks).toHaveLength(2);
    await reader.answer({ rows: [ROW], watermarks: [NOON_US] });
    expect(taken).toHaveLength(2);
    expect(cache.find(KEY)![0]!.values).toEqual([12.5, 3n]);
    await reader.answer({ rows: [ROW], watermarks: [NOON_US] });
    expect(taken).toHaveLength(3);
  });

  test('a row of an unknown definition is read by the schema in the store, and lacks what that lacks', async () => {
    const { reader, taken, ask } = setUp();
    const schema = rowSchemaOf(older, customer);
    reader.schemas.set(schema.definitionId, schema);
    ask();
    await reader.answer({ rows: [encodeRow(schema, [3, 12.5])], watermarks: [NOON_US] });
    // `orders` changed its type: it is not in the older row.
    expect(taken[0]!.values).toEqual([12.5, undefined]);
    expect(reader.schemaLoads).toBe(1);
  });

  test('a tombstone with an impossible time is a corrupt row, and no word that there is none', async () => {
    const { reader, taken, failures, ask } = setUp();
    const header = { definitionId: spend.definitionId, eventUs: 1, createdUs: 0, writtenMs: 1 };
    const corrupt = tombstone(header);
    corrupt.write('20', 4, 'hex');
    ask();
    await reader.answer({ rows: [corrupt], watermarks: [NOON_US] });
    expect(taken).toEqual([null]);
    expect(failures).toEqual(['the row has times past the year 2255']);
  });

  test('a tombstone is no row, and nothing that cannot be read', async () => {
    const { reader, taken, failures, ask } = setUp();
    const header = { definitionId: spend.definitionId, eventUs: NOON_US, createdUs: 1, writtenMs: 1 };
    ask();
    await reader.answer({ rows: [tombstone(header)], watermarks: [NOON_US] });
    expect(taken[0]).toMatchObject({ raw: null, watermarkUs: NOON_US });
    expect(failures).toEqual([]);
    // Where no marker vouches for the node, it may hold an older time.
    const other = setUp();
    other.ask();
    await other.reader.answer({ rows: [tombstone(header)], watermarks: [null] });
    expect(other.taken).toEqual([null]);
  });

  test.each([
    ['that the bundle knows', true],
    ['whose schema is in the store', false],
  ])(
    'a row under other join keys, of a definition %s, is no row, and nothing that cannot be read',
    async (_, isKnown) => {
      const schema = {
        ...rowSchemaOf(older, customer),
        joinKeys: [{ name: 'client_id', type: 'int64' as const }],
      };
      const today = planView({ view: spend, entity: customer, past: isKnown ? [schema] : [] }, 0);
      const row = encodeRow(schema, [3, 12.5]);
      for (const watermark of [NOON_US, null]) {
        const { reader, loader, cache, taken, failures } = setUp();
        reader.schemas.set(schema.definitionId, schema);
        loader.load([{ key: KEY, view: today, place: 0 }], NOON_US, {
          take: (_place, got) => void taken.push(got),
        });
        await reader.answer({ rows: [row], watermarks: [watermark] });
        // Where no marker vouches for the node, nothing says that there is none of today's.
        expect(taken).toEqual(watermark === null ? [null] : [expect.objectContaining({ raw: null })]);
        expect(cache.find(KEY)?.[0]).toBe(taken[0] ?? undefined);
        expect(failures).toEqual([]);
      }
    },
  );

  test.each([null, ROW])(
    'what was read under other join keys is read again, be there a row or not',
    (row) => {
      const moment = { fetchedUs: NOON_US, order: 1, factor: 1, ready: null };
      const cached = new CachedRow(plan, moment, NOON_US, row === null ? null : row.toString('latin1'));
      const renamed = { ...customer, joinKeys: [{ name: 'client_id', type: 'int64' as const }] };
      const past = [rowSchemaOf(spend, customer)];
      const wider = view('spend', renamed, [...spend.features, feature('more', 'int64')]);
      expect(rebind(cached, planView({ view: wider, entity: renamed, past }, 0))).toBeNull();
      expect(rebind(cached, planView({ view: { ...wider }, entity: customer, past }, 0))).not.toBeNull();
    },
  );

  test('a row that nobody can read is no row, and the store is asked for its schema once', async () => {
    const { reader, taken, failures, ask } = setUp();
    const unknown = encodeRow({ ...older, definitionId: 77 }, [3, 12.5]);
    for (let i = 0; i < 3; i++) {
      ask();
      await reader.answer({ rows: [unknown], watermarks: [NOON_US] });
    }
    expect(taken).toEqual([null, null, null]);
    expect(reader.schemaLoads).toBe(1);
    expect(failures[0]).toMatch(/definition 0000004d/);
  });

  test('rows of ever new definitions fill no memory: past a thousand of a view they are unreadable', async () => {
    const { reader, taken, failures, ask } = setUp();
    const schema = rowSchemaOf(older, customer);
    for (let id = 1; id <= 1_001; id++) {
      reader.schemas.set(id, { ...schema, definitionId: id });
      ask();
      await reader.answer({
        rows: [encodeRow({ ...schema, definitionId: id }, [3, 12.5])],
        watermarks: [NOON_US],
      });
    }
    expect(taken[500]!.values).toEqual([12.5, undefined]);
    expect(taken.at(-1)).toBeNull();
    expect(failures.at(-1)).toContain('one of more than 1000 of its view');
  });

  test.each([
    ['too short for a header', Buffer.from('short')],
    ['cut off', ROW.subarray(0, ROW.length - 3)],
    ['of other types', encodeRow({ ...older, definitionId: spend.definitionId }, [3, 12.5])],
    ['of fewer values', encodeRow({ definitionId: spend.definitionId, features: [] }, [])],
  ])('a row %s is never misread', async (_, raw) => {
    const { reader, cache, taken, failures, ask } = setUp();
    ask();
    await reader.answer({ rows: [raw], watermarks: [NOON_US] });
    expect(taken).toEqual([null]);
    expect(cache.find(KEY)).toBeUndefined();
    expect(failures).toHaveLength(1);
  });
});
