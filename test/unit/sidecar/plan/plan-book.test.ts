import { describe, expect, test } from 'vitest';
import { PlanBook, ViewSlots } from '../../../../sidecar/plan/plan-book.ts';
import { feastSurface } from '../../../../sidecar/surface/feast.ts';
import { PathExchange } from '../../../support/faults/path-exchange.ts';
import { bundleContent } from '../../../support/fixtures/serving-fixture.ts';

const newBook = (): PlanBook =>
  new PlanBook({ ...bundleContent(), hash: 'b'.repeat(16) }, '', new ViewSlots());

function ask(book: PlanBook, features: readonly string[], ids: readonly unknown[] = [7]): void {
  const body = { features, entities: { customer_id: ids }, full_feature_names: true };
  feastSurface.parse(Buffer.from(JSON.stringify(body)), book, new PathExchange());
}

describe('lists of single features', () => {
  test('one that was answered has its plan ready for the next request', () => {
    const book = newBook();
    ask(book, ['profile:name', 'spend:total']);
    const plan = book.featureList(['profile:name', 'spend:total']);
    expect(book.featureList(['profile:name', 'spend:total'])).toBe(plan);
    expect(book.featureList(['spend:total', 'profile:name'])).not.toBe(plan);
  });

  test('one that is refused leaves nothing behind', () => {
    const book = newBook();
    const twice = ['profile:name', 'profile:name'];
    expect(() => ask(book, twice)).toThrow('two features of the answer are named profile__name');
    expect(book.featureList(twice)).not.toBe(book.featureList(twice));
    expect(() => ask(book, ['profile:name'], ['no id'])).toThrow('customer_id');
    expect(book.featureList(['profile:name'])).not.toBe(book.featureList(['profile:name']));
  });

  test('more than one answer may hold are refused by their number alone', () => {
    const list = Array.from({ length: 10_001 }, () => 'nothing:of the kind');
    expect(() => newBook().featureList(list)).toThrow('10001 features are asked for; at most 10000');
  });

  test('what is kept is bounded by the features named, not by the number of lists', () => {
    const book = newBook();
    const wide: string[] = Array.from({ length: 5_000 }, (_, i) =>
      i % 2 === 0 ? 'profile:name' : 'profile:visits',
    );
    const lists = Array.from({ length: 11 }, (_, i) => wide.with(i, 'spend:total'));
    const plans = lists.map((list) => {
      const plan = book.featureList(list);
      book.keepList(list, plan);
      return plan;
    });
    expect(book.featureList(lists[10]!)).toBe(plans[10]);
    expect(book.featureList(lists[0]!)).not.toBe(plans[0]);
  });

  test('a line break in a reference makes it no other list', () => {
    const book = newBook();
    ask(book, ['profile:name', 'spend:total']);
    expect(() => ask(book, ['profile:name\nspend:total'])).toThrow('there is no feature view');
  });
});
