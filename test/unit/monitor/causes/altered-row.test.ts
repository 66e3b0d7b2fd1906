import { expect, test } from 'vitest';
import { alterationsOf } from '../../../../monitor/causes/altered-row.ts';
import type { FidelityFacts } from '../../../../monitor/causes/fidelity.ts';
import { alterationOf } from '../../../../monitor/causes/stored-value.ts';

const DOUBLE = { kind: 'float64' } as const;

test('an earlier row proves a change in place where it bears the served times, both of them', () => {
  const facts: FidelityFacts = {
    kind: 'aggregated',
    features: [{ type: DOUBLE, fallback: null }],
    served: { eventUs: 100, createdUs: 500, values: [7] },
    own: [],
    isKnown: true,
    others: [],
    keptFromUs: null,
  };
  const altered = { answer: 'altered', row: { eventUs: 100, createdUs: 500, values: [9] } } as const;
  const commit = { version: 1, atUs: 1, until: { version: 2, atUs: 2 } };
  const told = (createdUs: number) =>
    alterationsOf(facts, altered, [{ eventUs: 100, createdUs, values: [7], commit }]);
  expect(told(500)).toEqual({
    alterations: ['changed in place'],
    alteration: 'changed in place',
    earlier: [commit],
  });
  expect(told(501)).toEqual({ alterations: ['unexplained'], alteration: 'unexplained', earlier: [null] });
});

test('numbers that are one in six digits were rounded, those that are one in five were not', () => {
  const told = (held: number) => alterationOf(DOUBLE, 9.000_01, held, null);
  expect(told(9.000_012)).toBe('precision / type');
  expect(told(9.000_04)).toBeNull();
});
