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
  isRemade: fc.boolean(),
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

test('a row that a process had online before it died is never a foreign one', () => {
  const served = { eventUs: 2, createdUs: 3, values: [1.5, 'a'] };
  const others = [{ entity: 'b', eventUs: 2, createdUs: 3, values: [1.5, 'a'] }];
  const own = [{ eventUs: 2, createdUs: 9, values: [2.5, 'b'] }];
  const one = { kind: 'aggregated', features, served, own, others, isKnown: true, keptFromUs: null } as const;
  expect(fidelity({ ...one, isRemade: false })).toEqual({ answer: 'foreign', entity: 'b' });
  expect(fidelity({ ...one, isRemade: true })).toEqual({ answer: 'notKept', why: 'remade' });
  const kept = { ...one, own: [{ eventUs: 2, createdUs: 3, values: [2.5, 'a'] }], isRemade: true };
  expect(fidelity(kept).answer).toBe('altered');
});
