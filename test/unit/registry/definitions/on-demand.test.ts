/** On-demand views from definition files to the model, in TypeScript and in YAML, and their mistakes. */
import { describe, expect, test } from 'vitest';
import { compileProject } from '../../../../registry/definitions/compile.ts';
import type { Definitions } from '../../../../contract/model.ts';
import { argumentsOf } from '../../../../contract/on-demand/arguments.ts';
import { compileOnDemand } from '../../../../contract/on-demand/compile-function.ts';
import { formatType } from '../../../../contract/value-type.ts';
import { outcomeOf } from '../../../support/fixtures/on-demand-view.ts';
import { shopProject } from '../../../support/fixtures/shop-project.ts';

const compile = (folder: string, warn?: (message: string) => void): Promise<Definitions> =>
  compileProject({ folder, definitions: ['definitions/*.ts', 'definitions/*.yaml'] }, warn);

const TYPESCRIPT = `
import { featureService, module, onDemandView, t } from 'plumbline';
import { purchases } from './shop.ts';

export const basket = onDemandView('basket', {
  inputs: { cart_value: t.float64(), coupon: t.string({ optional: true, log: 'hmac' }), now: t.requestTime() },
  uses: [purchases.pick('average_30d'), purchases.pick('count_7d').as('seller', { customer_id: 'seller_id' })],
  features: { ratio: t.float64({ missing: -1 }), sold: t.int64({ log: 'raw' }) },
  samples: [{ cart_value: 10, average_30d: 5, seller__count_7d: 3 }],
  compute: ({ cart_value, average_30d, seller__count_7d }) => ({
    ratio: average_30d === null ? null : cart_value / average_30d,
    sold: seller__count_7d,
  }),
});
export const level = onDemandView('level', {
  inputs: { cart_value: t.float64() },
  uses: [basket.pick('ratio')],
  features: { high: t.bool() },
  compute: module('../compute/level.ts'),
});
export const cart = featureService('cart', [purchases.pick('favorite'), level, basket.feature('ratio').as('cart_ratio')]);
`;
const LEVEL =
  "import { LIMIT } from './limit.ts';\nexport default ({ cart_value, ratio }: { cart_value: number; ratio: number | null }) => ({ high: cart_value > LIMIT && (ratio ?? 0) > 1 });\n";
const MODULES = { 'compute/level.ts': LEVEL, 'compute/limit.ts': 'export const LIMIT = 100;\n' };

const YAML = `onDemandView: basket
inputs: { cart_value: float64, coupon: { type: string, optional: true, log: hmac }, now: requestTime }
uses: [purchases:average_30d, { view: purchases, as: seller, joinKeys: { customer_id: seller_id }, features: [count_7d] }]
features: { ratio: { type: float64, missing: -1 }, sold: { type: int64, log: raw } }
samples: [{ cart_value: 10, average_30d: 5, seller__count_7d: 3 }]
compute: ../compute/basket.ts
---
onDemandView: level
inputs: { cart_value: float64 }
uses: [basket:ratio]
features: { high: bool }
compute: ../compute/level.ts
---
featureService: cart
features: [purchases:favorite, level, { feature: basket:ratio, as: cart_ratio }]
`;
const BASKET =
  'export default ({ cart_value, average_30d, seller__count_7d }) => ({ ratio: average_30d === null ? null : cart_value / average_30d, sold: seller__count_7d });\n';

describe('an on-demand view of a project', () => {
  test.each([
    ['TypeScript', { 'definitions/cart.ts': TYPESCRIPT, ...MODULES }],
    ['YAML', { 'definitions/cart.yaml': YAML, 'compute/basket.ts': BASKET, ...MODULES }],
  ])('in %s', async (_, files) => {
    const definitions = await compile(await shopProject(files));
    const basket = definitions.onDemand.get('basket')!;
    expect(basket).toMatchObject({ costly: null, isolated: false, int64: 'number', version: 1 });
    expect(basket.uses).toEqual([
      {
        role: 'purchases',
        view: 'purchases',
        requestKeys: ['customer_id'],
        features: [{ feature: 'average_30d', argument: 'average_30d' }],
      },
      {
        role: 'seller',
        view: 'purchases',
        requestKeys: ['seller_id'],
        features: [{ feature: 'count_7d', argument: 'seller__count_7d' }],
      },
    ]);
    const args = argumentsOf(basket, definitions).map(({ name, type }) => `${name} ${formatType(type)}`);
    expect(args).toEqual([
      'cart_value float64',
      'coupon string',
      'now timestamp',
      'average_30d float64',
      'seller__count_7d int64',
    ]);
    expect(basket.features.map(({ name, log, missing }) => [name, log, missing])).toEqual([
      ['ratio', 'hmac', -1],
      ['sold', 'raw', null],
    ]);
    expect(basket.samples).toEqual([[10, null, 1_709_208_000_000_000n, 5, 3n]]);
    expect(outcomeOf(compileOnDemand(basket, definitions), [10, null, 0n, 4, 7n])).toEqual([2.5, 7n]);
    const level = definitions.onDemand.get('level')!;
    expect(level.features[0]!.log).toBe('hmac');
    expect(outcomeOf(compileOnDemand(level, definitions), [101, 1.5])).toEqual([true]);
  });

  test('a service has what its on-demand views use, each after what it uses, and their inputs once', async () => {
    const definitions = await compile(await shopProject({ 'definitions/cart.ts': TYPESCRIPT, ...MODULES }));
    const cart = definitions.services.get('cart')!;
    expect(cart.features.map(({ fullName, role, view }) => [fullName, role, view])).toEqual([
      ['purchases__favorite', 'purchases', 'purchases'],
      ['level__high', 'level', 'level'],
      ['cart_ratio', 'basket', 'basket'],
    ]);
    expect(cart.onDemand).toEqual([
      { role: 'basket', view: 'basket', uses: ['purchases', 'seller'] },
      { role: 'level', view: 'level', uses: ['basket'] },
    ]);
    expect(cart.views).toEqual([
      { role: 'purchases', view: 'purchases', requestKeys: ['customer_id'] },
      { role: 'seller', view: 'purchases', requestKeys: ['seller_id'] },
    ]);
    expect(cart.requestKeys.map(({ name }) => name)).toEqual(['customer_id', 'seller_id']);
    expect(cart.inputs.map(({ name, optional, requestTime }) => [name, optional, requestTime])).toEqual([
      ['cart_value', false, false],
      ['coupon', true, false],
      ['now', false, true],
    ]);
  });

  test('what may surprise is warned of: a laxer mark than that of what it takes, and a loop that is not isolated', async () => {
    const level = LEVEL.replace('=> ({', '=> {\n  for (;;) if (ratio !== 0) break;\n  return {').replace(
      '1 });',
      '1 };\n};',
    );
    const yaml = YAML.replace('compute: ../compute/level.ts', 'compute: ../compute/level.ts\nisolate: false');
    const warnings: string[] = [];
    const folder = await shopProject({
      'definitions/cart.yaml': yaml,
      'compute/basket.ts': BASKET,
      ...MODULES,
      'compute/level.ts': level,
    });
    const { onDemand } = await compile(folder, (message) => warnings.push(message));
    expect(warnings).toEqual([
      'feature "sold" of on-demand view "basket" is logged raw, although something that it is made of is hmac',
      'on-demand view "level": isolate: false lets it stop all answers, since it is not known to be cheap: it has a loop that does not count up to a length (compute/level.ts:3)',
    ]);
    expect(onDemand.get('level')).toMatchObject({
      isolated: false,
      costly: 'has a loop that does not count up to a length (compute/level.ts:3)',
    });
  });

  test('an input with the name of a key is that key, and no input of the service', async () => {
    const view =
      "import { featureService, onDemandView, t } from 'plumbline';\nimport { purchases } from './shop.ts';\nexport const odd = onDemandView('odd', { inputs: { customer_id: t.int64(), x: t.bool() }, features: { y: t.bool() }, compute: ({ customer_id }) => ({ y: customer_id % 2 === 1 }) });\nexport const s = featureService('s', [odd, purchases]);\n";
    const { services } = await compile(await shopProject({ 'definitions/cart.ts': view }));
    expect(services.get('s')!.inputs.map(({ name }) => name)).toEqual(['x']);
  });

  test('a row that a service lists and its on-demand views use is one, in whatever order and role', async () => {
    const view = (id: string, as: string) =>
      `onDemandView: ${id}\nuses: [{ view: purchases, as: ${as}, features: [average_30d] }]\nfeatures: { y: float64 }\ncompute: ../compute/one.ts\n`;
    const service = 'featureService: s\nfeatures: [one, two, purchases:favorite]\n';
    const { services, onDemand } = await compile(
      await shopProject({
        'definitions/cart.yaml': [view('one', 'a'), view('two', 'b'), service].join('---\n'),
        'compute/one.ts': 'export default (given) => ({ y: Object.values(given)[0] });\n',
      }),
    );
    expect(onDemand.get('two')!.uses[0]!.features).toEqual([
      { feature: 'average_30d', argument: 'b__average_30d' },
    ]);
    const { views, onDemand: computed, features } = services.get('s')!;
    expect(views).toEqual([{ role: 'purchases', view: 'purchases', requestKeys: ['customer_id'] }]);
    expect(computed.map(({ uses }) => uses)).toEqual([['purchases'], ['purchases']]);
    expect(features.map(({ fullName }) => fullName)).toEqual(['one__y', 'two__y', 'purchases__favorite']);
  });

  test('a service of inputs alone has no keys', async () => {
    const { services } = await compile(
      await shopProject({
        'definitions/cart.yaml':
          'onDemandView: twice\ninputs: { x: float64 }\nfeatures: { y: float64 }\ncompute: twice.ts\n---\nfeatureService: s\nfeatures: [twice]\n',
        'definitions/twice.ts': 'export default ({ x }) => ({ y: 2 * x });\n',
      }),
    );
    expect(services.get('s')).toMatchObject({ requestKeys: [], views: [] });
  });
});

describe('mistakes, all at once, each at its line', () => {
  async function mistakesOf(files: Readonly<Record<string, string>>): Promise<string[]> {
    const folder = await shopProject({ 'compute/one.ts': 'export default () => ({ y: 1 });\n', ...files });
    const error = await compile(folder).then(
      () => null,
      (e: Error) => e,
    );
    return (error?.message ?? '')
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
  const ONE =
    'onDemandView: one\ninputs: { x: float64 }\nuses: [purchases:average_30d]\nfeatures: { y: float64 }\ncompute: ../compute/one.ts\n';
  const S = 'featureService: s\nfeatures: [purchases, one]\n';

  // A table: one line a slip.
  // prettier-ignore
  test.each([
    ['a view that is not there', ONE.replace('purchases:average', 'purchase:average'), 3, 'there is no view "purchase", did you mean "purchases"?'],
    ['a feature that is not there', ONE.replace('average_30d', 'average_3d'), 3, 'view "purchases" has no feature "average_3d", did you mean "average_30d"?'],
    ['a feature twice', ONE.replace('[purchases:average_30d]', '[purchases, purchases:average_30d]'), 3, 'uses purchases:average_30d twice'],
    ['a role twice', ONE.replace('[purchases:average_30d]', '[{ view: purchases, as: a }, { view: purchases, as: a, joinKeys: { customer_id: b } }]'), 3, '"a" names both purchases and purchases, or one by two keys'],
    ['a key that is not there', ONE.replace('[purchases:average_30d]', '[{ view: purchases, as: a, joinKeys: { custmer_id: b } }]'), 3, 'has no join key "custmer_id", did you mean "customer_id"?'],
    ['itself', ONE.replace('purchases:average_30d', 'one:y'), 3, 'one uses one: a circle, in which none can be computed first'],
    ['an unknown type', ONE.replace('x: float64', 'x: flaot64'), 2, 'input "x" of on-demand view "one": "flaot64" is no type, did you mean "float64"?'],
    ['an unknown option', ONE.replace('inputs', 'input'), 2, 'on-demand view "one" has no option "input", did you mean "inputs"?'],
    ['an option of other features', ONE.replace('y: float64', 'y: { type: float64, column: z }'), 4, 'has no option "column"'],
    ['an aggregate', ONE.replace('y: float64', 'y: { agg: count }'), 4, 'an aggregate needs events; expected a type'],
    ['a request time as a feature', ONE.replace('y: float64', 'y: requestTime'), 4, 'the request time is an input, not a feature'],
    ['an optional request time', ONE.replace('x: float64', 'x: { type: requestTime, optional: true }'), 2, 'the request time is always there'],
    ['no features', ONE.replace('{ y: float64 }', '{}'), 4, 'has no features'],
    ['a fallback of another type', ONE.replace('y: float64', 'y: { type: float64, missing: none }'), 4, 'missing: "none" is no float64'],
    ['two inputs but for case', ONE.replace('x: float64', 'x: float64, X: float64'), 2, 'inputs "x" and "X" differ only in case'],
    ['a name that is none', ONE.replace('x: float64', 'x__y: float64'), 2, 'names hold no "__"'],
    ['a sample of another name', `${ONE}samples: [{ x: 1, averge_30d: 2 }]\n`, 6, 'samples: it takes no "averge_30d", did you mean "average_30d"?'],
    ['a sample that lacks', `${ONE}samples: [{ x: 1 }]\n`, 6, 'samples: "average_30d" is missing; null says that it is absent'],
    ['a sample of another type', `${ONE}samples: [{ x: a, average_30d: 2 }]\n`, 6, 'samples: x: "a" is no float64'],
    ['no code', ONE.replace('compute: ../compute/one.ts\n', ''), 1, 'needs compute: a function, or module("./file.ts")'],
    ['a name of a view', ONE.replace('onDemandView: one', 'onDemandView: purchases'), 1, 'view "purchases" is already defined at definitions/shop.ts:8'],
    ['isolate: true', `${ONE}isolate: true\n`, 6, 'isolate: expected false, got true'],
  ])('%s', async (_, view, line, sentence) => {
    const found = await mistakesOf({ 'definitions/one.yaml': view });
    expect(found[0]).toContain(sentence);
    expect(found[0]).toContain(`definitions/one.yaml:${line}  `);
    if (!sentence.startsWith('samples: it takes')) expect(found).toHaveLength(1);
  });

  // prettier-ignore
  test.each([
    ['a feature that is not there', S.replace('one', 'one:z'), 'view "one" has no feature "z"'],
    ['a role', S.replace('one', '{ view: one, as: two }'), '"one" is computed once for a request and takes no role; { feature: one:..., as: ... } calls a feature otherwise'],
    ['another name of a stored feature', S.replace('one', '{ feature: purchases:favorite, as: best }'), 'only a feature computed on demand is called otherwise; "purchases" is not'],
    ['a name that a tensor has', S.replace('one', '{ feature: one:y, as: status }'), 'cannot call a feature "status": a tensor of the answer has this name'],
    ['one name twice', S.replace('one', '{ feature: one:y, as: purchases__favorite }'), 'names hold no "__"'],
    ['a feature twice', S.replace('one', 'one, one:y'), 'lists one__y twice'],
    ['two versions', `${S.replace('one', 'one, { feature: one@v2:y, as: newer }')}---\n${ONE}version: 2\n`, '"one" names both one and one@v2; what is computed on demand takes no role: let a service have one of them, and another service the other'],
  ])('of a service: %s', async (_, service, sentence) => {
    const found = await mistakesOf({ 'definitions/one.yaml': `${ONE}---\n${service}` });
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(sentence);
  });

  test('a circle of three is named once, with its way', async () => {
    const of = (name: string, used: string) =>
      ONE.replace('view: one', `View: ${name}`)
        .replace('onDemandView: one', `onDemandView: ${name}`)
        .replace('purchases:average_30d', used);
    const found = await mistakesOf({
      'definitions/one.yaml': [of('a', 'b:y'), of('b', 'c:y'), of('c', 'a:y')].join('---\n'),
    });
    expect(found).toHaveLength(1);
    expect(found[0]).toContain('a uses b uses c uses a: a circle');
  });

  test('one input has one meaning in a service', async () => {
    const two = ONE.replace('onDemandView: one', 'onDemandView: two').replace(
      'x: float64',
      'x: { type: float64, optional: true }',
    );
    const found = await mistakesOf({
      'definitions/one.yaml': `${ONE}---\n${two}---\nfeatureService: s\nfeatures: [one, two]\n`,
    });
    expect(found).toEqual([
      expect.stringContaining(
        'one input has one meaning: it is x float64, log raw for one and x float64, optional, log raw for two',
      ),
    ]);
  });

  test('an input with the name of a key has the type of the key', async () => {
    const view = ONE.replace('x: float64', 'customer_id: string');
    const found = await mistakesOf({ 'definitions/one.yaml': `${view}---\n${S}` });
    expect(found).toEqual([
      expect.stringContaining(
        'input "customer_id" of one (string) is the key "customer_id" (int64) of a request',
      ),
    ]);
  });

  test('mistakes of the code stand among the others', async () => {
    const found = await mistakesOf({
      'definitions/one.yaml': ONE.replace('x: float64', 'x: float'),
      'compute/one.ts': '// One.\nexport default () => ({ y: Date.now() });\n',
    });
    expect(found).toEqual([
      expect.stringContaining('compute/one.ts:2  on-demand view "one": Date.now reads a clock'),
      expect.stringContaining('definitions/one.yaml:2  '),
    ]);
  });
});
