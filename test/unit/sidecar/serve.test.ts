import { describe, expect, test } from 'vitest';
import { rowSchemaOf } from '../../../registry/definition-json.ts';
import type { CodedError } from '../../../registry/std/coded-error.ts';
import type { ServedRequest } from '../../../registry/wire/served-record.ts';
import type { Committed } from '../../../sidecar/vector-log/vector-log.ts';
import { Answers } from '../../../sidecar/answers.ts';
import { RowCache } from '../../../sidecar/cache.ts';
import { HotKeys } from '../../../sidecar/hot-keys.ts';
import { Metrics } from '../../../sidecar/metrics.ts';
import { PlanBook, ViewSlots } from '../../../sidecar/plan-book.ts';
import { RowLoader } from '../../../sidecar/row-loader.ts';
import { Serving } from '../../../sidecar/serve.ts';
import { nativeSurface } from '../../../sidecar/surface/native.ts';
import { Exchange } from '../../../sidecar/transport/transport.ts';
import { HeldReader, settled } from '../../support/held-reader.ts';
import { NOON_US, bundleContent, encodeRow, manualClock, spend } from '../../support/serving-fixture.ts';

const TWICE = '{"feature_service":"twice","entities":{"buyer_id":[1],"seller_id":[1]}}';
const ROW = encodeRow(rowSchemaOf(spend), [12.5, 3n]);

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

function setUp(more: { maxValuesInFlight?: number; cacheEntries?: number } = {}) {
  const clock = manualClock();
  const reader = new HeldReader();
  const metrics = new Metrics();
  const limits = { entries: more.cacheEntries ?? 100, bytes: 1e9, freshUs: 5e6, staleUs: 6e7 };
  const cache = new RowCache(limits);
  const loader = new RowLoader(reader, cache, { onStoreFailure() {}, onUnreadableRow() {} });
  const order: string[] = [];
  const logged: ServedRequest[] = [];
  const log = {
    append: (request: ServedRequest) => logged.push(structuredClone(request)) > 0,
    sequence: 0,
    commit: () => (order.push('commit') > 0 ? 'taken' : 'held') as Committed,
    onSettled: () => {},
    whenSynced: () => Promise.resolve(true),
  };
  const answers = new Answers(log, { durability: 'written', onFull: 'shed-log' }, metrics, () => {});
  const book = new PlanBook({ ...bundleContent(), hash: 'b'.repeat(16) }, '', new ViewSlots());
  const faults: unknown[] = [];
  const refuse = (_: Exchange, fault: unknown): void => void faults.push(fault);
  const { maxValuesInFlight = 1_000 } = more;
  const hotKeys = new HotKeys(() => 'node');
  const serving = new Serving({
    clock,
    cache,
    loader,
    answers,
    metrics,
    hotKeys,
    book,
    refuse,
    maxValuesInFlight,
  });
  const serve = (id = 'id', deadlineMs = 60_000): KeptExchange => {
    const exchange = new KeptExchange(order);
    serving.serve(exchange, nativeSurface, Buffer.from(TWICE), id, deadlineMs);
    return exchange;
  };
  return { clock, reader, metrics, order, logged, serving, serve, faults };
}

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

  test('a row that comes after the deadline is not in the answer, but in the next one', async () => {
    const { reader, logged, serve, metrics } = setUp();
    const late = serve('late', 1);
    while (late.text === null) await settled();
    expect(late.text).toContain('"buyer__total":"UNAVAILABLE"');
    await reader.answer(FOUND);
    expect(logged).toHaveLength(1);
    expect(logged[0]!.vectors[0]!.rows[0]).toMatchObject({ status: 4, source: 0, row: null });
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
    await reader.answer({ rows: [encodeRow(rowSchemaOf(spend), [13, 3n])], watermarks: [NOON_US] });
    const exchange = serve();
    await settled();
    expect(exchange.text).toContain('"buyer__total":13');
    expect(metrics.cacheMisses).toBe(2);
  });

  test('a row that stands in while the store fails is logged as stale', async () => {
    const { clock, reader, logged, serve } = setUp();
    serve();
    await reader.answer(FOUND);
    clock.us += 30_000_000;
    serve();
    await reader.fail();
    await settled();
    expect(logged[1]!.vectors[0]!.rows[0]).toMatchObject({ status: 0, source: 3, fetchedUs: NOON_US });
  });
});
