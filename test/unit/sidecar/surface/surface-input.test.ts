import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CodedError } from '../../../../contract/std/coded-error.ts';
import { SIDECAR_ERRORS } from '../../../../sidecar/errors.ts';
import { BundlePlans, ViewSlots } from '../../../../sidecar/plan/bundle-plans.ts';
import { feastSurface } from '../../../../sidecar/surface/feast/feast.ts';
import { nativeSurface } from '../../../../sidecar/surface/native/native.ts';
import { PathExchange } from '../../../support/faults/path-exchange.ts';
import { bundleContent } from '../../../support/fixtures/serving-fixture.ts';

const plans = new BundlePlans({ ...bundleContent(), hash: 'b'.repeat(16) }, '', new ViewSlots());
const exchange = new PathExchange();

const name = fc.oneof(
  fc.constantFrom('everything', 'twice', 'profile_only', '__proto__', 'constructor', 'toString', ''),
  fc.string(),
);
const value = fc.oneof(fc.jsonValue(), fc.integer(), fc.string({ unit: 'binary' }), fc.constant(null));
const entities = fc.dictionary(
  fc.oneof(fc.constantFrom('customer_id', 'product_code', 'buyer_id', 'seller_id', '__proto__'), fc.string()),
  fc.oneof(fc.array(value, { maxLength: 4 }), value),
);
const feature = fc.oneof(
  fc.constantFrom('profile:name', 'spend:total', 'product:price', ':', 'profile:'),
  fc.string(),
);
const request = fc.record(
  {
    feature_service: fc.oneof(name, value),
    features: fc.oneof(fc.array(feature, { maxLength: 4 }), value),
    entities: fc.oneof(entities, value),
    full_feature_names: fc.oneof(fc.boolean(), value),
    context: fc.oneof(fc.dictionary(fc.string(), value), value),
  },
  { requiredKeys: [] },
);
/** Nearly right: what the checks behind the first ones get to see. */
const customers = fc.array(
  fc.oneof(fc.maxSafeInteger(), fc.constant(null), fc.constantFrom('7', '07', 1.5, -0)),
  {
    maxLength: 3,
  },
);
const products = fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom(null, 'a|b', '\ud800')), {
  maxLength: 3,
});
const likely = fc.record({
  feature_service: fc.constant('everything'),
  entities: fc.record({ customer_id: customers, product_code: products }),
});

const body = fc.oneof(
  likely.map((json) => Buffer.from(JSON.stringify(json))),
  request.map((json) => Buffer.from(JSON.stringify(json))),
  fc.json().map((text) => Buffer.from(text)),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
);

describe.each([
  ['native', nativeSurface],
  ['feast', feastSurface],
])('the %s surface', (_, surface) => {
  test('takes any bytes as a request that it can serve, or refuses them with a code of the table', () => {
    let taken = 0;
    fc.assert(
      fc.property(body, (bytes) => {
        try {
          const { plan, count, parts, texts } = surface.parse(bytes, plans, exchange);
          expect(parts).toHaveLength(plan.keys.length);
          for (const list of [...parts, ...texts]) expect(list).toHaveLength(count);
          for (const list of texts) for (const text of list) JSON.parse(text);
          taken += 1;
        } catch (error) {
          if (!(error instanceof CodedError)) throw error;
          expect(Object.keys(SIDECAR_ERRORS)).toContain(error.code);
          JSON.parse(surface.errorBody(error));
        }
      }),
      { numRuns: 3_000 },
    );
    expect(taken).toBeGreaterThan(0);
  });
});

test("on Feast's surface a service in which two features have one name is answered with full names only", () => {
  const both = { feature_service: 'twice', entities: { buyer_id: [1], seller_id: [2] } };
  const parse = (more: object): ReturnType<typeof feastSurface.parse> =>
    feastSurface.parse(Buffer.from(JSON.stringify({ ...both, ...more })), plans, exchange);
  const { count, form } = parse({ full_feature_names: true });
  expect(count).toBe(1);
  expect(form.tail.toString()).toContain('buyer__total');
  expect(() => parse({})).toThrow('are named total; ask with full_feature_names: true');
});
