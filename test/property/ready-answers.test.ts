/**
 * Answers and records made of what is ready are those that are made anew: two sidecars without HTTP, one with a ready
 * ring so small that it is written over all the time, one without a cache, asked the same.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rowSchemaOf } from '../../contract/definitions/definition-json.ts';
import type { Value } from '../../contract/value-type.ts';
import { entityKeyOf } from '../../contract/wire/online/entity-key.ts';
import { decodeRecord } from '../../contract/wire/log/served-decoder.ts';
import { RecordEncoder } from '../../contract/wire/log/served-encoder.ts';
import type { ServedRequest } from '../../contract/wire/log/served-record.ts';
import { FRAME_HEADER_BYTES, epochCrc, frameAt } from '../../contract/wire/log/spool-frame.ts';
import { Outbox } from '../../sidecar/answer/outbox.ts';
import { RowCache } from '../../sidecar/cache/row-cache.ts';
import { HotKeys } from '../../sidecar/cache/hot-keys.ts';
import { Metrics } from '../../sidecar/metrics/metrics.ts';
import { BundlePlans, ViewSlots } from '../../sidecar/plan/bundle-plans.ts';
import { RowLoader } from '../../sidecar/cache/row-loader.ts';
import { Serving } from '../../sidecar/serve.ts';
import type { StoreAsk } from '../../sidecar/store/store-reader.ts';
import { feastSurface } from '../../sidecar/surface/feast/feast.ts';
import { nativeSurface } from '../../sidecar/surface/native/native.ts';
import { oipSurface } from '../../sidecar/surface/oip/oip.ts';
import type { Surface } from '../../sidecar/request/surface.ts';
import { Exchange } from '../../sidecar/transport/transport.ts';
import type { Committed } from '../../sidecar/vector-log/vector-log.ts';
import { HeldReader } from '../support/faults/held-reader.ts';
import {
  NOON_US,
  PROFILE_VALUES,
  bundleContent,
  customer,
  encodeRow,
  manualClock,
  profile,
  spend,
} from '../support/fixtures/serving-fixture.ts';

const EPOCH = 7n;
const CUSTOMERS = [1, 2, 3, 4, 5, 6, 7, 8];
/** By key, then by view: some rows are absent, some lack values, one has a NaN. */
const STORE = new Map(
  CUSTOMERS.map((id) => {
    const about = PROFILE_VALUES.with(0, 'é'.repeat(id * 20))
      .with(4, id === 3 ? Number.NaN : id / 3)
      .with(3, id % 4 === 0 ? null : 0.5);
    const rows = new Map<string, readonly Value[] | null>([
      ['profile', id === 5 ? null : about],
      ['spend', id === 6 ? null : [id * 1.1, BigInt(id)]],
    ]);
    return [entityKeyOf('', customer, [BigInt(id)]), rows];
  }),
);

class FullReader extends HeldReader {
  override read(asks: readonly StoreAsk[]): void {
    for (const ask of asks) {
      const rows = ask.views.map(({ id }) => {
        const values = STORE.get(ask.key)!.get(id)!;
        const schema = rowSchemaOf(id === 'profile' ? profile : spend, customer);
        return values === null ? null : encodeRow(schema, values).toString('latin1');
      });
      ask.onRows(
        rows,
        ask.views.map(() => NOON_US),
      );
    }
  }
}

class KeptExchange extends Exchange {
  body = Buffer.alloc(0);
  override reply(_status: number, body: string | Buffer): void {
    this.body = Buffer.from(body as Buffer);
  }
}

interface Ask {
  readonly surface: Surface;
  readonly path: string;
  readonly json: object;
}

/** @returns what answers a request at once: the answer's bytes but for what differs each time, and what is logged */
function sidecar(cacheBytes: number): (ask: Ask) => { readonly body: string; readonly logged: unknown } {
  const clock = manualClock();
  const cache = new RowCache({ entries: 100, bytes: cacheBytes, freshUs: 5e6, staleUs: 6e7 });
  const loader = new RowLoader(new FullReader(), cache, { onStoreFailure() {}, onUnreadableRow() {} });
  let logged: unknown = null;
  const log = {
    sequence: 0,
    append(request: ServedRequest): boolean {
      log.sequence += 1;
      logged = recordOf(request, log.sequence);
      return true;
    },
    commit: (): Committed => 'taken',
    onSettled() {},
    whenSynced: () => Promise.resolve(true),
  };
  const metrics = new Metrics();
  const serving = new Serving({
    clock,
    cache,
    loader,
    outbox: new Outbox(log, { durability: 'written', onFull: 'shed-log' }, metrics, () => {}),
    metrics,
    hotKeys: new HotKeys(() => 'node'),
    plans: new BundlePlans({ ...bundleContent([profile, spend]), hash: 'b'.repeat(16) }, '', new ViewSlots()),
    refuse(_, fault) {
      throw fault;
    },
  });
  return ({ surface, path, json }) => {
    const exchange = new KeptExchange();
    exchange.path = path;
    exchange.requestId = 'id';
    // The answer is read where it was written, since nothing leaves before the end of the tick.
    serving.serve(exchange, answering(surface, exchange), Buffer.from(JSON.stringify(json)), 60_000);
    clock.us += 700_000;
    return { body: exchange.body.toString('latin1').replace(/"latency_ms":[0-9.]+/, ''), logged };
  };
}

/** A surface that also hands its answer out. */
function answering(surface: Surface, exchange: KeptExchange): Surface {
  return {
    ...surface,
    answer(work, latencyMs, out) {
      const headers = surface.answer(work, latencyMs, out);
      exchange.body = Buffer.from(out.end());
      return headers;
    },
  };
}

function recordOf(request: ServedRequest, sequence: number): unknown {
  const encoder = new RecordEncoder('pod', EPOCH);
  encoder.appendServed(request, sequence);
  const frames = encoder.frames();
  if (frameAt(frames, 0, frames.length, epochCrc(EPOCH)) < 0) throw new Error('not a whole frame');
  const read = decodeRecord(Buffer.from(frames.subarray(FRAME_HEADER_BYTES)));
  if (read.kind !== 'served') throw new Error('not a served record');
  const { vectors, service, features } = read.record;
  return {
    service,
    features,
    vectors: vectors.map(({ keys, rows }) => ({
      keys,
      rows: rows.map(({ role, view, status, row, masked }) => ({ role, view, status, row, masked })),
    })),
  };
}

const ids = fc.array(fc.constantFrom(...CUSTOMERS), { minLength: 1, maxLength: 12 });
const anyAsk: fc.Arbitrary<Ask> = fc.oneof(
  fc.tuple(fc.constantFrom('everything', 'profile_only'), ids).map(([service, customer_id]) => ({
    surface: nativeSurface,
    path: '',
    json: { feature_service: service, entities: { customer_id } },
  })),
  fc.tuple(ids, ids).map(([a, b]) => ({
    surface: nativeSurface,
    path: '',
    json: { feature_service: 'twice', entities: { buyer_id: [a[0]], seller_id: b } },
  })),
  fc.tuple(fc.constantFrom('everything', 'profile_only'), ids).map(([service, customer_id]) => ({
    surface: feastSurface,
    path: '',
    json: { feature_service: service, entities: { customer_id }, full_feature_names: true },
  })),
  fc
    .tuple(fc.constantFrom(['profile:score', 'spend:total', 'profile:visits'], ['spend:orders']), ids)
    .map(([features, customer_id]) => ({
      surface: feastSurface,
      path: '',
      json: { features, entities: { customer_id } },
    })),
  fc.tuple(fc.boolean(), ids).map(([binary, data]) => ({
    surface: oipSurface,
    path: '/v2/models/everything/infer',
    json: {
      inputs: [{ name: 'customer_id', datatype: 'INT64', shape: [data.length], data }],
      parameters: { binary_data_output: binary },
    },
  })),
);

test('answers and records of ready pieces are those that are made anew', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(9_000, 60_000, 2 ** 20),
      fc.array(anyAsk, { minLength: 10, maxLength: 30 }),
      (cacheBytes, asks) => {
        const [ready, anew] = [sidecar(cacheBytes), sidecar(0)];
        for (const ask of asks) expect(ready(ask)).toEqual(anew(ask));
      },
    ),
    { numRuns: 40 },
  );
});
