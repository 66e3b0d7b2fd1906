/** A row of the served event with the served values answers whose row it is, whatever else the history has. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fidelity, isOfEvent } from '../../../../monitor/causes/fidelity.ts';
import type { FidelityFacts } from '../../../../monitor/causes/fidelity.ts';

const features = (['float64', 'string'] as const).map((kind) => ({ type: { kind }, fallback: null }));
const times = {
  eventUs: fc.integer({ min: 1, max: 3 }),
  createdUs: fc.option(fc.integer({ min: 1, max: 3 })),
};
const values = fc.tuple(fc.constantFrom(null, 0, -0, 1.5, NaN), fc.constantFrom(null, '', 'a'));
const row = fc.record({ ...times, deleted: fc.boolean(), values });
const facts: fc.Arbitrary<FidelityFacts> = fc.record({
  kind: fc.constantFrom('stored' as const, 'aggregated' as const),
  features: fc.constant(features),
  served: fc.record({ ...times, values: fc.oneof(values, fc.constant([undefined, 'a'])) }),
  own: fc.array(row, { maxLength: 5 }),
  others: fc.array(fc.record({ ...times, entity: fc.constantFrom('b', 'c'), values }), { maxLength: 2 }),
  isKnown: fc.boolean(),
  keptFromUs: fc.constantFrom(null, 2),
});

test('it is true, or restamped at that event; and nothing else is', () => {
  let met = 0;
  fc.assert(
    fc.property(facts, (one) => {
      const answer = fidelity(one);
      const isAtEvent =
        answer.answer === 'true' ||
        (answer.answer === 'restamped' && answer.row.eventUs === one.served.eventUs);
      expect(isOfEvent(one)).toBe(isAtEvent);
      if (isAtEvent) met += 1;
    }),
    { numRuns: 2_000 },
  );
  expect(met).toBeGreaterThan(50);
});
