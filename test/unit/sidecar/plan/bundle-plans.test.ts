import { describe, expect, test } from 'vitest';
import { BundlePlans, ViewSlots } from '../../../../sidecar/plan/bundle-plans.ts';
import { feastSurface } from '../../../../sidecar/surface/feast/feast.ts';
import { PathExchange } from '../../../support/faults/path-exchange.ts';
import { bundleContent } from '../../../support/fixtures/serving-fixture.ts';

const newPlans = (): BundlePlans =>
  new BundlePlans({ ...bundleContent(), hash: 'b'.repeat(16) }, '', new ViewSlots());

function ask(plans: BundlePlans, features: readonly string[], ids: readonly unknown[] = [7]): void {
  const body = { features, entities: { customer_id: ids }, full_feature_names: true };
  feastSurface.parse(Buffer.from(JSON.stringify(body)), plans, new PathExchange());
}

describe('lists of single features', () => {
  test('one that was answered has its plan ready for the next request', () => {
    const plans = newPlans();
    ask(plans, ['profile:name', 'spend:total']);
    const plan = plans.featureList(['profile:name', 'spend:total']);
    expect(plans.featureList(['profile:name', 'spend:total'])).toBe(plan);
    expect(plans.featureList(['spend:total', 'profile:name'])).not.toBe(plan);
  });

  test('one that is refused leaves nothing behind', () => {
    const plans = newPlans();
    const twice = ['profile:name', 'profile:name'];
    expect(() => ask(plans, twice)).toThrow('two features of the answer are named profile__name');
    expect(plans.featureList(twice)).not.toBe(plans.featureList(twice));
    expect(() => ask(plans, ['profile:name'], ['no id'])).toThrow('customer_id');
    expect(plans.featureList(['profile:name'])).not.toBe(plans.featureList(['profile:name']));
  });

  test('more than one answer may hold are refused by their number alone', () => {
    const list = Array.from({ length: 10_001 }, () => 'nothing:of the kind');
    expect(() => newPlans().featureList(list)).toThrow('10001 features are asked for; at most 10000');
  });

  test('what is kept is bounded by the features named, not by the number of lists', () => {
    const plans = newPlans();
    const wide: string[] = Array.from({ length: 5_000 }, (_, i) =>
      i % 2 === 0 ? 'profile:name' : 'profile:visits',
    );
    const lists = Array.from({ length: 11 }, (_, i) => wide.with(i, 'spend:total'));
    const kept = lists.map((list) => {
      const plan = plans.featureList(list);
      plans.keepList(list, plan);
      return plan;
    });
    expect(plans.featureList(lists[10]!)).toBe(kept[10]);
    expect(plans.featureList(lists[0]!)).not.toBe(kept[0]);
  });

  test('a line break in a reference makes it no other list', () => {
    const plans = newPlans();
    ask(plans, ['profile:name', 'spend:total']);
    expect(() => ask(plans, ['profile:name\nspend:total'])).toThrow('there is no feature view');
  });
});
