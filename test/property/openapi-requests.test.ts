/**
 * The OpenAPI document against the sidecar, of services with on-demand views: what it says can be sent is answered,
 * what breaks it is a 4xx, and nothing is a 5xx. Schemathesis, which knows nothing of rows, is in the clients' tests.
 *
 * What the document can only say in words: lists and tensors have one value a row, or one for all where that is taken;
 * of an input it names one datatype, while others that hold its values are taken, too.
 */
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Bundle, RequestInput } from '../../contract/model.ts';
import { silentLogger } from '../../contract/std/logger.ts';
import { parseType } from '../../contract/value-type.ts';
import { assemble } from '../../sidecar/assembly.ts';
import type { Assembly } from '../../sidecar/assembly.ts';
import { openApiText } from '../../sidecar/docs/openapi.ts';
import { BundlePlans, ViewSlots } from '../../sidecar/plan/bundle-plans.ts';
import { HeldReader } from '../support/faults/held-reader.ts';
import { PathExchange } from '../support/faults/path-exchange.ts';
import { bare, fee, onDemandContent, onDemandView, trip } from '../support/fixtures/on-demand-bundle.ts';
import { manualClock } from '../support/fixtures/serving-fixture.ts';
import { SchemaReader } from '../support/http/json-schema.ts';
import type { Schema } from '../support/http/json-schema.ts';

type Json = Record<string, unknown>;

const NATIVE = '/feature-service/get-online-features';
const FEAST = '/get-online-features';
/** One input of every type, and an optional one. */
const TYPES = ['bool', 'int32', 'int64', 'float32', 'float64', 'string', 'bytes', 'timestamp', 'list<int64>'];
const NESTED = [
  'embedding(3)',
  'map<float64>',
  'struct<a: int32, b: list<string>>',
  'list<list<float64>>',
  'string',
];
const SERVICES = ['ordered', 'chained', 'bare_only', 'every', 'everything', 'twice'];

let assembly: Assembly;
let reader: SchemaReader;

beforeAll(() => {
  const plans = new BundlePlans({ ...content(), hash: 'b'.repeat(16) }, '', new ViewSlots());
  const store = new HeldReader();
  // No entity has any row.
  store.read = (asks) => {
    for (const one of asks) {
      one.onRows(
        one.views.map(() => null),
        one.views.map(() => manualClock().us),
      );
    }
  };
  const layers = {
    fresh: true,
    readAhead: false,
    absent: true,
    stale: false,
    singleFlight: true,
    hotKeys: false,
  };
  assembly = assemble({
    plans,
    reader: store,
    log: null,
    logPolicy: { durability: 'written', onFull: 'shed-log' },
    serve: {
      cacheEntries: 100,
      cacheBytes: 2 ** 20,
      cacheFreshMs: 5_000,
      staleLimitMs: 60_000,
      cacheLayers: layers,
      allowedHosts: [],
      deadlineMs: 60_000,
    },
    clock: manualClock(),
    logger: silentLogger,
  });
  const { components } = JSON.parse(openApiText(plans)) as {
    components: { schemas: Record<string, Schema> };
  };
  reader = new SchemaReader(components.schemas);
});

class HeardExchange extends PathExchange {
  hear: (answer: [number, string]) => void = () => {};

  override reply(status?: number, body?: string | Buffer): void {
    this.hear([status!, body!.toString()]);
  }
}

/** @returns the status and the body of the answer */
async function ask(path: string, body: unknown): Promise<[status: number, body: string]> {
  const bytes = Buffer.from(JSON.stringify(body));
  const exchange = new HeardExchange(path);
  const answer = new Promise<[number, string]>((resolve) => (exchange.hear = resolve));
  exchange.head.take('host', 'localhost');
  exchange.head.take('content-length', String(bytes.length));
  exchange.route = assembly.server.routes.findIndex((one) => path.startsWith(one.path.replace('*', '')));
  if (assembly.server.onHead(exchange)) assembly.server.onBody(exchange, bytes);
  return await answer;
}

describe.each(SERVICES)('of the service %s', (service) => {
  test.each([
    ['native', NATIVE, `${service}.request`, (rows: number) => [1, rows]],
    ["Feast's", FEAST, `${service}.feast`, (rows: number) => [rows]],
  ])('on the %s surface', async (_, path, name, lengths) => {
    const schema = { $ref: name };
    await holds(
      path,
      schema,
      anyRows.chain((rows) => reader.any(schema, lengths(rows))),
    );
  });

  test('as tensors', async () => {
    const schema = { $ref: `${service}.infer` };
    await holds(
      `/v2/models/${service}/infer`,
      schema,
      anyRows.chain((rows) => anyInfer(schema, rows)),
    );
  });
});

const anyRows = fc.integer({ min: 1, max: 4 });

async function holds(path: string, schema: Schema, request: fc.Arbitrary<unknown>): Promise<void> {
  await fc.assert(
    fc.asyncProperty(request, async (body) => {
      const [status, text] = await ask(path, body);
      if (status !== 200) expect(saidInWords(body), text).toBe(true);
    }),
    { numRuns: 100, endOnFailure: true },
  );
  let broken = 0;
  await fc.assert(
    fc.asyncProperty(request.chain(anyChange), async (body) => {
      const [status, text] = await ask(path, body);
      expect(status, text).toBeLessThan(500);
      if (reader.fits(schema, body)) return;
      broken += 1;
      expect(status, text).toBeGreaterThanOrEqual(400);
    }),
    { numRuns: 200, endOnFailure: true },
  );
  expect(broken).toBeGreaterThan(50);
}

/** Of several keys a row needs one. */
function saidInWords(body: unknown): boolean {
  const { entities, inputs } = body as { entities?: Json; inputs?: { data: unknown[] }[] };
  const columns = inputs?.map(({ data }) => data) ?? Object.values(entities ?? {});
  return columns.filter((column) => (column as unknown[]).flat().includes(null)).length > 1;
}

/** One tensor for each key and input, with the shape of its data. */
function anyInfer(schema: Schema, rows: number): fc.Arbitrary<unknown> {
  const { properties } = reader.at(schema) as { properties: { inputs: { items: { anyOf: Schema[] } } } };
  const tensors = Map.groupBy(properties.inputs.items.anyOf, (tensor) => nameOf(tensor));
  const inputs = [...tensors.values()].map((ofOne) =>
    fc.oneof(...ofOne.map((tensor) => anyTensor(tensor, rows))),
  );
  return fc.record({ inputs: fc.tuple(...inputs) });
}

function nameOf(tensor: Schema): string {
  return (tensor['properties'] as { name: { const: string } }).name.const;
}

function anyTensor(tensor: Schema, rows: number): fc.Arbitrary<Json> {
  const { name, datatype, shape, data } = tensor['properties'] as Record<string, Schema>;
  const value = (data!['items'] as { anyOf: Schema[] }).anyOf[0]!;
  const isWide = shape!['minItems'] === 2;
  const sizes = fc.record({
    count: fc.constantFrom(1, rows),
    // The embedding's, which other lists may have, too.
    width: fc.constant(isWide ? 3 : 1),
    isNested: fc.boolean(),
  });
  return sizes.chain(({ count, width, isNested }) => {
    const row = fc.array(reader.any(value, []), { minLength: width, maxLength: width });
    return fc.array(row, { minLength: count, maxLength: count }).map((values) => ({
      name: name!['const'],
      datatype: datatype!['const'],
      shape: isWide ? [count, width] : isNested ? [count, 1] : [count],
      data: isNested ? values : values.flat(),
    }));
  });
}

const anyNode = fc.oneof(
  fc.jsonValue({ maxDepth: 1 }),
  fc.constantFrom(null, true, -1, 0.5, 1e300, '', 'x', '9'.repeat(19), [], [[]], {}, [null], [1, 2, 3, 4, 5]),
);

/** A request with one place of it changed: another value, one taken out, one more, or a list repeated. */
function anyChange(body: unknown): fc.Arbitrary<unknown> {
  const places = placesOf(body).filter((place) => place.at(-1) !== 'datatype');
  return fc
    .tuple(fc.constantFrom(...places), anyNode, fc.constantFrom('put', 'put', 'cut', 'add', 'again'))
    .map(([place, node, how]) => {
      const changed = structuredClone(body);
      const inner = place.slice(0, -1).reduce<unknown>((of, key) => (of as Json)[key], changed) as Json;
      const key = place.at(-1)!;
      const old = inner[key];
      if (how === 'cut' && Array.isArray(inner)) inner.splice(Number(key), 1);
      else if (how === 'cut') delete inner[key];
      else if (how === 'add' && typeof old === 'object' && old !== null) (old as Json)['more'] = node;
      else if (how === 'again' && Array.isArray(old)) inner[key] = [...old, ...old];
      else inner[key] = node;
      return changed;
    });
}

function placesOf(of: unknown, at: readonly string[] = []): string[][] {
  if (typeof of !== 'object' || of === null) return [];
  return Object.entries(of).flatMap(([key, inner]) => [[...at, key], ...placesOf(inner, [...at, key])]);
}

function content(): Omit<Bundle, 'hash'> {
  const inputs = [...TYPES, ...NESTED].map((text, i): RequestInput => {
    return {
      name: `in${i}`,
      type: parseType(text)!,
      optional: i === TYPES.length + NESTED.length - 1,
      requestTime: false,
      log: 'raw',
    };
  });
  const every = onDemandView('every', '({ in4 }) => ({ sum: in4, wrong: 1 })', {
    inputs,
    features: bare.features,
  });
  const { services, ...plain } = onDemandContent([trip, fee, bare]);
  const bareOnly = services.get('bare_only')!;
  const of = { role: 'every', view: 'every' };
  const listing = {
    ...bareOnly,
    name: 'every',
    features: bareOnly.features.map((one) => ({ ...one, ...of, fullName: `every__${one.feature}` })),
    onDemand: [{ ...of, uses: [] }],
    inputs,
  };
  return {
    ...plain,
    onDemand: new Map(plain.onDemand).set('every', every),
    services: new Map(services).set('every', listing),
  };
}
