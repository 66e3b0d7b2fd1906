/** A parser that knows shapes must take and refuse what the parser behind it does, and make the same of it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FeatureRequest } from '../../../../sidecar/request/feature-request.ts';
import { BundlePlans, ViewSlots } from '../../../../sidecar/plan/bundle-plans.ts';
import { knowingShapes } from '../../../../sidecar/request/known-shapes.ts';
import { feastSurface } from '../../../../sidecar/surface/feast/feast.ts';
import { nativeSurface } from '../../../../sidecar/surface/native/native.ts';
import { PathExchange } from '../../../support/faults/path-exchange.ts';
import { onDemandContent } from '../../../support/fixtures/on-demand-bundle.ts';
import { parseNative } from '../../../../sidecar/surface/native/native-request.ts';
import { bundleContent } from '../../../support/fixtures/serving-fixture.ts';

const exchange = new PathExchange();
const newPlans = (): BundlePlans => new BundlePlans({ ...bundleContent(), hash: 'b' }, '', new ViewSlots());
const AROUND: readonly [prefix: string, suffix: string][] = [
  ['{"feature_service":"profile_only","entities":{"customer_id":[', ']}}'],
  ['{"entities": {"customer_id": [', ']}, "feature_service": "profile_only"}'],
  ['{"features":["profile:name","spend:total"],"entities":{"customer_id":[', ']}}'],
  ['{"feature_service":"profile_only","full_feature_names":true,"entities":{"customer_id":[', ']}}'],
  ['{"feature_service":"twice","entities":{"seller_id":[4],"buyer_id":[', ']}}'],
  ['{"feature_service":"everything","entities":{"product_code":["A"],"customer_id":[', ']}}'],
  ['{"feature_service":"profile_only","context":{"customer_id":[7]},"entities":{"customer_id":[', ']}}'],
  ['{"feature_service":"profile_only","entities":{"customer_id":[1]},"note":{"customer_id":[', ']}}'],
  ['{"note":{"customer_id":[', ']},"feature_service":"profile_only","entities":{"customer_id":[1]}}'],
  ['{"feature_service":"profile_only","entities":{"customer_id":[1]},"note":"[', ']"}'],
  ['{"feature_service":"profile_only","entities":{"customer_id":[1]},"note":"\\"customer_id\\":[', ']"}'],
  ['{"feature_service":"profile_only","entities":{"customer\\u005fid":[1],"x":"customer_id","y":[', ']}}'],
  ['{"feature_service":"profile_only","entities":{"customer_id":[', '],"é":1}}'],
  ['{"entities":{"customer_id":[', ']},"feature_service":"profile_only"}'],
  ['{"entities":{"customer_id":[', ']},"feature_service":"profile_onlx"}'],
];
const id = fc.oneof(
  { weight: 8, arbitrary: fc.nat({ max: 99_999 }).map(String) },
  fc.maxSafeInteger().map(String),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n }).map(String),
  fc.constantFrom(
    '0',
    '00',
    '07',
    '-0',
    '1.0',
    '1e3',
    '"5"',
    '" 5"',
    'null',
    '',
    ' 5',
    '5 ',
    '999999999999999',
    '\u0665',
  ),
);
/** A few requests that differ in their ids; the first is one whose shape would be learnt. */
const bodies = fc
  .tuple(
    fc.constantFrom(...AROUND.map((around) => [around]), AROUND.slice(-2)),
    fc.constantFrom('1', '7', '1,1'),
    fc.array(
      fc.tuple(
        fc.nat({ max: 1 }),
        fc.array(id, { maxLength: 3 }),
        fc.constantFrom(',', ', ', ',  ', ' ,', ',,'),
      ),
      { minLength: 1, maxLength: 12 },
    ),
  )
  .map(([arounds, first, others]) =>
    [[0, [first], ','] as const, ...others].map(([which, ids, comma]) => {
      const [prefix, suffix] = arounds[which % arounds.length]!;
      return Buffer.from(prefix + ids.join(comma) + suffix);
    }),
  );

function outcome(parse: () => FeatureRequest): unknown {
  try {
    const { plan, count, parts, texts, form } = parse();
    return { service: plan.service, features: plan.fullNames, count, parts, texts, form };
  } catch (error) {
    return String(error);
  }
}

describe.each([
  ['native', nativeSurface],
  ["Feast's", feastSurface],
])('shapes of the %s surface', (_, surface) => {
  test('what is made of a request does not hang on the requests before it', () => {
    fc.assert(
      fc.property(bodies, (sent) => {
        // Under plans of its own no request comes after another.
        const alone = sent.map((bytes) => outcome(() => surface.parse(bytes, newPlans(), exchange)));
        const plans = newPlans();
        expect(sent.map((bytes) => outcome(() => surface.parse(bytes, plans, exchange)))).toEqual(alone);
      }),
      { numRuns: 150 },
    );
  });
});

/** What stands in the place of an input: numbers as JSON writes them, words, texts, lists, and what is refused. */
const number = fc.oneof(
  { weight: 4, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => JSON.stringify(n)) },
  { weight: 4, arbitrary: fc.tuple(fc.nat(99_999), fc.nat(999_999)).map(([a, b]) => `${a}.${b}`) },
  fc.stringMatching(/^-?(0|[1-9]\d{0,18})(\.\d{1,18})?([eE][+-]?\d{1,3})?$/),
  fc.maxSafeInteger().map(String),
  fc.constantFrom(
    '-0',
    '-0.0',
    '00',
    '1.',
    '.5',
    '+1',
    '1e999',
    '1e5',
    '0x1',
    '-',
    '1.0',
    '123456789012345',
    '1234567890123456',
  ),
);
const word = fc.constantFrom('null', 'true', 'false', 'nul', '"NaN"', '', '{}', '"9"', '"9007199254740993"');
const written = fc.oneof(
  fc.string().map((t) => JSON.stringify(t)),
  fc.constantFrom('""', '"a', '"é"', '"\\n"', '"\u007f"', '"a,b]"', '" "'),
);
const inputText = fc.oneof({ weight: 6, arbitrary: number }, word, written).chain((one) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant(one) },
    fc
      .array(fc.oneof(fc.constant(one), number, written), { maxLength: 3 })
      .map((list) => `[${list.join(',')}]`),
    fc.constantFrom(`[${one}, ${one}]`, `[ ${one}]`, `[${one},]`, `[${one}`),
  ),
);
const INPUT_BODIES: readonly ((cart: string, city: string, big: string) => string)[] = [
  (cart, city, big) =>
    `{"feature_service":"looping","entities":{"customer_id":[1,2]},"context":{"cart":${cart},"city":${city},"big":${big}}}`,
  (cart, city, big) =>
    `{"context": {"big": ${big}, "cart" : ${cart}}, "entities":{"customer_id":[${city.length}]},"feature_service":"looping"}`,
  (cart, city, big) =>
    `{"feature_service":"looping","entities":{"customer_id":[7,8],"cart":${cart},"big":${big},"city":${city},"other":[1]}}`,
  (cart, _, big) => `{"feature_service":"bare_only","context":{"x":${cart},"y":${big}}}`,
  (cart, _, big) => `{"feature_service":"bare_only","entities":{"x":${cart},"y":${big}}}`,
  (cart, city, big) =>
    `{"features":["trip:ratio"],"entities":{"customer_id":[1,2],"cart":${cart},"big":${big},"city":${city}}}`,
];
const inputBodies = fc
  .tuple(
    fc.constantFrom(...INPUT_BODIES),
    fc.constantFrom(['1.5', '"a"', '3'], ['[1.5,2]', '["a","b"]', '[3,4]'], ['[1.5]', '["a"]', '[3]']),
    fc.array(fc.tuple(inputText, inputText, inputText), { minLength: 1, maxLength: 12 }),
  )
  .map(([body, first, others]) =>
    [first, ...others].map(([cart, city, big]) => Buffer.from(body(cart!, city!, big!))),
  );

const onDemandPlans = (): BundlePlans =>
  new BundlePlans({ ...onDemandContent(), hash: 'b' }, '', new ViewSlots());

test.each([
  ['native', nativeSurface],
  ["Feast's", feastSurface],
])('shapes of the %s surface hold inputs, and the same is made of them', (_, surface) => {
  const alonePlans = [onDemandPlans(), onDemandPlans()];
  let turn = 0;
  const same = ({ plan, count, parts, texts, inputs, passedOver }: FeatureRequest): unknown => ({
    service: plan.service,
    count,
    parts,
    texts,
    inputs,
    passedOver,
  });
  const said = (parse: () => FeatureRequest): unknown => {
    try {
      return same(parse());
    } catch (error) {
      return String(error);
    }
  };
  fc.assert(
    fc.property(inputBodies, (sent) => {
      // Plans that take turns know no shape of the request before.
      const alone = sent.map((bytes) => said(() => surface.parse(bytes, alonePlans[turn++ % 2]!, exchange)));
      expect(sent.map((bytes) => said(() => surface.parse(bytes, shapePlans, exchange)))).toEqual(alone);
    }),
    { numRuns: 300 },
  );
});
const shapePlans = onDemandPlans();

test('a number of a known shape is the double that JSON.parse makes of its text', () => {
  const plans = onDemandPlans();
  const cartOf = (cart: string): unknown => {
    const body = `{"feature_service":"bare_only","context":{"x":${cart},"y":1}}`;
    return nativeSurface.parse(Buffer.from(body), plans, exchange).inputs[0]![0];
  };
  cartOf('1');
  const digits = fc.tuple(fc.bigInt({ min: 0n, max: 10n ** 22n }), fc.nat(22)).map(([all, decimals]) => {
    const text = String(all).padStart(decimals + 1, '0');
    return decimals === 0 ? text : `${text.slice(0, -decimals)}.${text.slice(-decimals)}`;
  });
  fc.assert(
    fc.property(digits, fc.boolean(), (unsigned, isNegative) => {
      const signed = isNegative ? `-${unsigned}` : unsigned;
      expect(cartOf(signed)).toBe(JSON.parse(signed));
    }),
    { numRuns: 2_000 },
  );
});

test("on Feast's surface a bare value is refused, also where a list of that shape is known", () => {
  const plans = onDemandPlans();
  const ask = (x: string): FeatureRequest => {
    const body = `{"feature_service":"bare_only","entities":{"x":${x},"y":[2]}}`;
    return feastSurface.parse(Buffer.from(body), plans, exchange);
  };
  expect(ask('[1]').inputs).toEqual([[1], [2]]);
  expect(() => ask('1')).toThrow('entities.x should be a list');
});

test('a request with inputs of a known shape is not parsed', () => {
  let parsed = 0;
  const parse = knowingShapes((bytes, plans) => {
    parsed += 1;
    return parseNative(bytes, plans);
  });
  const plans = onDemandPlans();
  const ask = (customer: number, context: string): FeatureRequest => {
    const body = `{"feature_service":"looping","entities":{"customer_id":[${customer}]},"context":{${context}}}`;
    return parse(Buffer.from(body), plans, exchange);
  };
  ask(1, '"cart":1,"city":"x","big":2');
  expect(ask(7, '"cart":-0.125,"city":null,"big":-9').inputs).toEqual([[-0.125], [null], [-9n]]);
  expect(parsed).toBe(1);
  ask(1, '"cart":[1],"big":[2]');
  expect(ask(7, '"cart":[2.5],"big":[3]').inputs).toEqual([[2.5], [null], [3n]]);
  expect(parsed).toBe(2);
  expect(() => ask(7, '"cart":1e999,"city":null,"big":1')).toThrow('past its range');
});

test('a request of a known shape is not parsed; one under other plans is', () => {
  let parsed = 0;
  const parse = knowingShapes((bytes, plans, to) => {
    parsed += 1;
    return nativeSurface.parse(bytes, plans, to);
  });
  const plans = newPlans();
  const ask = (ids: string, of = plans): FeatureRequest => {
    const text = `{"feature_service":"profile_only","entities":{"customer_id":[${ids}]}}`;
    return parse(Buffer.from(text), of, exchange);
  };
  ask('1');
  expect(ask('17, 4').parts).toEqual([['17', '4']]);
  expect(ask('999999999999999').parts).toEqual([['999999999999999']]);
  expect(parsed).toBe(1);
  expect(ask('1234567890123456').parts).toEqual([['1234567890123456']]);
  expect(parsed).toBe(2);
  const swapped = newPlans();
  expect(ask('1', swapped).plan).toBe(swapped.service('profile_only'));
  expect(parsed).toBe(3);
});

test('as many rows as are refused otherwise are refused here', () => {
  const plans = newPlans();
  const ask = (rows: number): FeatureRequest => {
    const ids = Array.from({ length: rows }, (_, i) => i).join(',');
    const text = `{"feature_service":"profile_only","entities":{"customer_id":[${ids}]}}`;
    return nativeSurface.parse(Buffer.from(text), plans, exchange);
  };
  const most = Math.floor(10_000 / ask(1).plan.featureCount);
  expect(ask(most).count).toBe(most);
  expect(() => ask(most + 1)).toThrow('at most 10000 are answered at once');
});
