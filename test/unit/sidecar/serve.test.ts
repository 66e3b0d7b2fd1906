import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  EVICTED,
  FROM_CACHE,
  FROM_STORE,
  NO_MARKER,
  OUTSIDE_TTL,
  PAST_DEADLINE,
  PRESENT,
  STORE_FAILED,
  UNAVAILABLE,
} from '../../../contract/status.ts';
import type { FeatureView } from '../../../contract/model.ts';
import type { CodedError } from '../../../contract/std/coded-error.ts';
import { decodeRecord } from '../../../contract/wire/log/served-decoder.ts';
import { RecordEncoder } from '../../../contract/wire/log/served-encoder.ts';
import type { ServedRecord, ServedRequest } from '../../../contract/wire/log/served-record.ts';
import { FRAME_HEADER_BYTES, epochCrc, frameAt } from '../../../contract/wire/log/spool-frame.ts';
import type { Committed, SettledListener } from '../../../sidecar/vector-log/vector-log.ts';
import { Outbox } from '../../../sidecar/answer/outbox.ts';
import { RowCache } from '../../../sidecar/cache/row-cache.ts';
import { HotKeys } from '../../../sidecar/cache/hot-keys.ts';
import { Metrics } from '../../../sidecar/metrics/metrics.ts';
import { BundlePlans, ViewSlots } from '../../../sidecar/plan/bundle-plans.ts';
import { RowLoader } from '../../../sidecar/cache/row-loader.ts';
import { Serving } from '../../../sidecar/serve.ts';
import { MAY_BE_EVICTED } from '../../../sidecar/store/store-reader.ts';
import { nativeSurface } from '../../../sidecar/surface/native/native.ts';
import { Exchange } from '../../../sidecar/transport/transport.ts';
import { HeldReader, settled } from '../../support/faults/held-reader.ts';
import {
  DAY_US,
  HOUR_US,
  NOON_US,
  PROFILE_VALUES,
  bundleContent,
  encodeRow,
  manualClock,
  profile,
  spend,
} from '../../support/fixtures/serving-fixture.ts';

const TWICE = '{"feature_service":"twice","entities":{"buyer_id":[1],"seller_id":[1]}}';
const EVERYTHING = '{"feature_service":"everything","entities":{"customer_id":[1],"product_code":["a"]}}';
const ROW = encodeRow(spend, [12.5, 3n]);

class KeptExchange extends Exchange {
  readonly order: string[];
  text: string | null = null;

  constructor(order: string[]) {
    super();
    this.order = order;
  }

  override reply(status: number, body: string | Buffer): void {
    this.order.push(`reply ${status}`);
    this.text = body.toString();
  }
}

function setUp(more: { maxValuesInFlight?: number; cacheEntries?: number; views?: FeatureView[] } = {}) {
  const clock = manualClock();
  const reader = new HeldReader();
  const metrics = new Metrics();
  const limits = { entries: more.cacheEntries ?? 100, bytes: 2 ** 20, freshUs: 5e6, staleUs: 6e7 };
  const cache = new RowCache(limits);
  const loader = new RowLoader(reader, cache, { onStoreFailure() {}, onUnreadableRow() {} });
  const order: string[] = [];
  const logged: ServedRecord[] = [];
  const log = {
    append: (request: ServedRequest) => {
      log.sequence += 1;
      return logged.push(asLogged(request, log.sequence)) > 0;
    },
    sequence: 0,
    /** Whether another thread writes. */
    holds: false,
    commit(): Committed {
      order.push('commit');
      return log.holds ? 'held' : 'taken';
    },
    onSettled: (() => {}) as SettledListener,
    whenSynced: () => Promise.resolve(true),
  };
  const outbox = new Outbox(log, { durability: 'written', onFull: 'shed-log' }, metrics, () => {});
  const plans = new BundlePlans({ ...bundleContent(more.views), hash: 'b'.repeat(16) }, '', new ViewSlots());
  const faults: unknown[] = [];
  const refuse = (_: Exchange, fault: unknown): void => void faults.push(fault);
  const { maxValuesInFlight = 1_000 } = more;
  const hotKeys = new HotKeys(() => 'node');
  const serving = new Serving({
    clock,
    cache,
    loader,
    outbox,
    metrics,
    hotKeys,
    plans,
    refuse,
    maxValuesInFlight,
  });
  const serve = (id = 'id', deadlineMs = 60_000, body = TWICE): KeptExchange => {
    const exchange = new KeptExchange(order);
    exchange.requestId = id;
    serving.serve(exchange, nativeSurface, Buffer.from(body), deadlineMs);
    return exchange;
  };
  return { clock, reader, metrics, order, log, logged, serving, serve, faults };
}

const EPOCH = 7n;

/** A request as a reader of the log sees it. */
function asLogged(request: ServedRequest, sequence: number): ServedRecord {
  const encoder = new RecordEncoder('pod', EPOCH);
  encoder.appendServed(request, sequence);
  const frames = encoder.frames();
  const bytes = frameAt(frames, 0, frames.length, epochCrc(EPOCH));
  if (bytes < 0) throw new Error('not a whole frame');
  const read = decodeRecord(Buffer.from(frames.subarray(FRAME_HEADER_BYTES)));
  if (read.kind !== 'served') throw new Error('not a served record');
  return read.record;
}

const firstRows = (request: ServedRecord): ServedRecord['vectors'][number]['rows'] =>
  request.vectors[0]!.rows;

const FOUND = { rows: [ROW], watermarks: [NOON_US] };

describe('serving', () => {
  test('the answers of a tick are logged with one write, before any of them leaves', async () => {
    const { reader, order, logged, serve } = setUp();
    for (let i = 0; i < 3; i++) serve();
    await reader.answer(FOUND);
    await settled();
    expect(order).toEqual(['commit', 'reply 200', 'reply 200', 'reply 200']);
    for (let i = 0; i < 2; i++) serve();
    expect(order).toHaveLength(4);
    await settled();
    expect(order.slice(4)).toEqual(['commit', 'reply 200', 'reply 200']);
    expect(logged).toHaveLength(5);
  });

  test('answers that are held in one tick do not write over each other', async () => {
    const { reader, serve } = setUp();
    serve();
    await reader.answer(FOUND);
    const exchanges = Array.from({ length: 50 }, (_, i) => serve(`request-${i}`));
    await settled();
    for (const [i, { text }] of exchanges.entries()) {
      const { results, metadata } = JSON.parse(text!) as { results: object[]; metadata: object };
      expect(results).toHaveLength(1);
      expect(metadata).toMatchObject({ request_id: `request-${i}` });
    }
  });

  test('answers that are held while another thread writes leave whole, whenever it is done', async () => {
    const plan = fc.array(
      fc.record({
        requests: fc.constantFrom(0, 1, 1, 2, 3),
        lag: fc.constantFrom(0, 0, 1, 3, 5, 8),
        holds: fc.constantFrom(true, true, true, false),
      }),
      {
        minLength: 1,
        maxLength: 30,
      },
    );
    await fc.assert(
      fc.asyncProperty(plan, async (ticks) => {
        const { reader, log, serve } = setUp();
        serve();
        await reader.answer(FOUND);
        const exchanges: KeptExchange[] = [];
        for (const { requests, lag, holds } of ticks) {
          const written = log.sequence;
          log.holds = holds;
          const ask = (): void => {
            for (let i = 0; i < requests; i++) exchanges.push(serve(`request-${exchanges.length}`));
          };
          ask();
          // The write of an earlier tick ends in the middle of this one.
          log.onSettled(written - lag, 'taken');
          ask();
          await settled();
        }
        log.onSettled(log.sequence, 'taken');
        for (const [i, { text }] of exchanges.entries()) {
          expect(JSON.parse(text!)).toMatchObject({ metadata: { request_id: `request-${i}` } });
        }
      }),
      { numRuns: 400 },
    );
  });

  test('past the bound in values a request that would wait is refused; cached ones go on', async () => {
    const { reader, serving, serve } = setUp({ maxValuesInFlight: 8, cacheEntries: 0 });
    serve();
    serve();
    expect(serving.inFlightValues).toBe(8);
    expect(() => serve()).toThrow(expect.objectContaining({ code: 'SRV_OVERLOAD' }) as CodedError);
    await reader.answer(FOUND);
    await settled();
    expect(serving.inFlightValues).toBe(0);
    serve();
    expect(serving.inFlightValues).toBe(4);
  });

  test('one request in a thousand, by a hash of its id, carries the bytes of its answer', async () => {
    const { reader, logged, serve } = setUp();
    serve('first');
    await reader.answer(FOUND);
    const exchanges = Array.from({ length: 5_000 }, (_, i) => serve(`id-${i}`));
    await settled();
    const sampled = logged.flatMap((request, i) => (request.answer === null ? [] : [i]));
    expect(sampled.length).toBeGreaterThan(0);
    expect(sampled.length).toBeLessThan(20);
    for (const i of sampled.filter((at) => at > 0)) {
      expect(Buffer.from(logged[i]!.answer!).toString()).toBe(exchanges[i - 1]!.text);
    }
  });

  test('is logged with the row, the status and the keys that it had, however often the row is served', async () => {
    const { clock, reader, logged, serve } = setUp();
    const rowOf = (score: number): Buffer =>
      encodeRow(profile, PROFILE_VALUES.with(3, score), {
        eventUs: NOON_US - DAY_US + 2_000_000,
      });
    const ask = async (id: number): Promise<void> => {
      serve('id', 60_000, `{"feature_service":"profile_only","entities":{"customer_id":[${id}]}}`);
      await settled();
    };
    for (const id of [1, 2]) {
      await ask(id);
      await reader.answer({ rows: [rowOf(id)], watermarks: [NOON_US] });
    }
    for (const id of [1, 2, 1, 2, 1]) await ask(id);
    clock.us += 3_000_000;
    await ask(1);
    await ask(1);
    clock.us += 3_000_000;
    await ask(1);
    await reader.answer({ rows: [rowOf(3)], watermarks: [NOON_US] });
    await ask(1);
    const seen = logged
      .map(({ vectors }) => vectors[0]!)
      .map(({ keys: [key], rows: [row] }) => [key, row!.status, row!.source, row!.row]);
    expect(seen).toEqual([
      ['1', PRESENT, FROM_STORE, rowOf(1)],
      ['2', PRESENT, FROM_STORE, rowOf(2)],
      ...[1, 2, 1, 2, 1].map((id) => [`${id}`, PRESENT, FROM_CACHE, rowOf(id)]),
      ...[1, 2].map(() => ['1', OUTSIDE_TTL, FROM_CACHE, rowOf(1)]),
      ['1', OUTSIDE_TTL, FROM_STORE, rowOf(3)],
      ['1', OUTSIDE_TTL, FROM_CACHE, rowOf(3)],
    ]);
  });

  test('is logged with the rows of all views, also where one of them alone was read anew', async () => {
    const { clock, reader, logged, serve } = setUp({ views: [profile, spend] });
    const about = encodeRow(profile, PROFILE_VALUES);
    const spent = (total: number): Buffer => encodeRow(spend, [total, 3n]);
    const ask = async (): Promise<void> => {
      serve('id', 60_000, '{"feature_service":"everything","entities":{"customer_id":[1]}}');
      await settled();
    };
    await ask();
    await reader.answer({ rows: [about, spent(1)], watermarks: [NOON_US, NOON_US] });
    await ask();
    clock.us += 4_100_000;
    // A service of that view alone has it read ahead of time.
    serve('of one view');
    await settled();
    await reader.answer({ rows: [spent(2)], watermarks: [NOON_US] });
    await ask();
    const ofAll = logged.filter(({ requestId }) => requestId === 'id');
    const seen = ofAll.map((request) => firstRows(request).map(({ row }) => row));
    expect(seen).toEqual([1, 1, 2].map((total) => [about, spent(total)]));
  });

  test('of rows that were read again unchanged it has the new times, and the statuses that they bring', async () => {
    const { clock, reader, logged, serve } = setUp({ views: [profile, spend] });
    const rows = [encodeRow(profile, PROFILE_VALUES), ROW];
    const ask = async (): Promise<void> => {
      serve('id', 60_000, '{"feature_service":"everything","entities":{"customer_id":[1]}}');
      await settled();
    };
    const late = NOON_US - 2 * HOUR_US + 2_000_000;
    await ask();
    await reader.answer({ rows, watermarks: [NOON_US, late] });
    await ask();
    clock.us += 4_100_000;
    await ask();
    await reader.answer({ rows, watermarks: [NOON_US + 1, NOON_US + 2] });
    await ask();
    const again = NOON_US + 4_100_000;
    const seen = logged.map((request) => {
      return firstRows(request).map((row) => [row.status, row.source, row.fetchedUs, row.watermarkUs]);
    });
    expect(seen).toEqual([
      [NOON_US, late].map((watermark) => [PRESENT, FROM_STORE, NOON_US, watermark]),
      [NOON_US, late].map((watermark) => [PRESENT, FROM_CACHE, NOON_US, watermark]),
      [
        [PRESENT, FROM_CACHE, NOON_US, NOON_US],
        [OUTSIDE_TTL, FROM_CACHE, NOON_US, late],
      ],
      [NOON_US + 1, NOON_US + 2].map((watermark) => [PRESENT, FROM_CACHE, again, watermark]),
    ]);
  });

  test('of a request that waits it has the times that its rows were judged by, read again meanwhile or not', async () => {
    const { clock, reader, logged, serve } = setUp({ views: [profile, spend] });
    const about = encodeRow(profile, PROFILE_VALUES);
    const ask = (name: string): KeptExchange =>
      serve('id', 60_000, `{"feature_service":"${name}","entities":{"customer_id":[1]}}`);
    ask('profile_only');
    await reader.answer({ rows: [about], watermarks: [NOON_US] });
    clock.us += 4_100_000;
    ask('everything');
    await reader.answer({ rows: [about], watermarks: [NOON_US + 1] });
    await reader.answer({ rows: [ROW], watermarks: [NOON_US + 2] });
    ask('everything');
    await settled();
    const again = NOON_US + 4_100_000;
    const times = logged.map((request) => {
      return firstRows(request).map(({ fetchedUs, watermarkUs }) => [fetchedUs, watermarkUs]);
    });
    expect(times.slice(1)).toEqual([
      [
        [NOON_US, NOON_US],
        [again, NOON_US + 2],
      ],
      [
        [again, NOON_US + 1],
        [again, NOON_US + 2],
      ],
    ]);
  });

  test('of a store that answers at once it has the times before the read that the request started', async () => {
    const { clock, reader, logged, serve } = setUp();
    reader.atOnce = FOUND;
    serve();
    clock.us += 4_100_000;
    reader.atOnce = { rows: [ROW], watermarks: [NOON_US + 1] };
    for (let i = 0; i < 2; i++) serve();
    await settled();
    const times = logged.map((request) => firstRows(request)[0]!).map((row) => row.fetchedUs - NOON_US);
    expect(times).toEqual([0, 0, 4_100_000]);
  });

  test('a row that comes after the deadline is not in the answer, but in the next one', async () => {
    const { reader, logged, serve, metrics } = setUp();
    const late = serve('late', 1);
    while (late.text === null) await settled();
    expect(late.text).toContain('"buyer__total":"UNAVAILABLE"');
    await reader.answer(FOUND);
    expect(logged).toHaveLength(1);
    expect(logged[0]!.vectors[0]!.rows[0]).toMatchObject({
      status: UNAVAILABLE,
      reason: PAST_DEADLINE,
      source: 0,
      row: null,
    });
    const next = serve('next');
    await settled();
    expect(next.text).toContain('"buyer__total":12.5');
    expect(metrics.deadlineAnswers).toBe(1);
  });

  test('a row due ahead of time is served at once and read by one request only', async () => {
    const { clock, reader, serve, metrics } = setUp();
    serve();
    await reader.answer(FOUND);
    clock.us += 4_100_000;
    for (let i = 0; i < 5; i++) {
      const exchange = serve();
      await settled();
      expect(exchange.text).toContain('"buyer__total":12.5');
    }
    expect(reader.asks).toHaveLength(2);
    await reader.answer({ rows: [encodeRow(spend, [13, 3n])], watermarks: [NOON_US] });
    const exchange = serve();
    await settled();
    expect(exchange.text).toContain('"buyer__total":13');
    expect(metrics.cacheMisses).toBe(2);
  });

  test('the rows of an entity that are due ahead of time are read at once, in one read', async () => {
    const { clock, reader, serve, metrics } = setUp();
    serve('id', 60_000, EVERYTHING);
    await reader.answer({ rows: [null, ROW], watermarks: [NOON_US, NOON_US] });
    await reader.answer({ rows: [null], watermarks: [NOON_US] });
    clock.us += 4_100_000;
    serve('id', 60_000, EVERYTHING);
    await settled();
    expect(reader.asks.map(({ views }) => views.length)).toEqual([2, 1, 2, 1]);
    expect(metrics.refreshes).toBe(3);
  });

  test.each([
    ['the store failed', STORE_FAILED, null],
    ['the marker is missing', NO_MARKER, { rows: [null], watermarks: [null] }],
    ['the row may be an evicted one', EVICTED, { rows: [null], watermarks: [MAY_BE_EVICTED] }],
    ['the row is corrupt', STORE_FAILED, { rows: [ROW.subarray(0, 30)], watermarks: [NOON_US] }],
  ])('a row that is UNAVAILABLE is logged with the reason: %s', async (_, reason, held) => {
    const { reader, logged, serve } = setUp();
    serve();
    await (held === null ? reader.fail() : reader.answer(held));
    await settled();
    const [first] = logged[0]!.vectors[0]!.rows;
    expect(first).toMatchObject({ status: UNAVAILABLE, reason, row: null });
  });

  test('a row that stands in while the store fails is logged as stale', async () => {
    const { clock, reader, logged, serve } = setUp();
    serve();
    await reader.answer(FOUND);
    clock.us += 30_000_000;
    serve();
    await reader.fail();
    await settled();
    expect(logged[1]!.vectors[0]!.rows[0]).toMatchObject({
      status: 0,
      source: 3,
      reason: 0,
      fetchedUs: NOON_US,
    });
  });
});
