/** What a value that was computed on demand inherits, rule by rule, and of any inputs against a plain search. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CAUSES, CURRENCY_CAUSES } from '../../../../contract/cause.ts';
import type { Cause } from '../../../../contract/cause.ts';
import type { Decision } from '../../../../monitor/causes/explain.ts';
import { inheritedDecision } from '../../../../monitor/on-demand/inherited.ts';

const decided = (cause: Cause, withinPromise = false, also: readonly Cause[] = []): Decision => {
  return { cause, also, withinPromise };
};

test.each<[string, Decision[], Decision]>([
  ['of one input all of it', [decided('cache age', true)], decided('cache age', true)],
  [
    'fidelity before a broken promise',
    [decided('late arrival'), decided('precision / type')],
    decided('precision / type', false, ['late arrival']),
  ],
  [
    'a broken promise before a kept one, however late in the order of causes',
    [decided('cache age', true), decided('rewritten history')],
    decided('rewritten history', false, ['cache age']),
  ],
  [
    'of those alike the first cause, with what stands beside all of them',
    [decided('late arrival', true, ['duplicate']), decided('cache age', true)],
    decided('cache age', true, ['late arrival', 'duplicate']),
  ],
  ['nothing is proved where no input tells', [], decided('not proved')],
])('%s', (_, inputs, expected) => {
  expect(inheritedDecision([], inputs)).toEqual(expected);
});

test('a function that gives another output is never within the promise, and has its inputs beside it', () => {
  const otherwise = ['on-demand differs'] as const;
  expect(inheritedDecision(otherwise, [decided('cache age', true)])).toEqual(
    decided('on-demand differs', false, ['cache age']),
  );
  expect(inheritedDecision(otherwise, [])).toEqual(decided('on-demand differs'));
  expect(inheritedDecision(['answer altered', ...otherwise], [])).toEqual(
    decided('answer altered', false, ['on-demand differs']),
  );
});

test('whatever the inputs, none is worse than what is inherited, and their order says nothing', () => {
  const isOfTime = (cause: Cause): boolean => (CURRENCY_CAUSES as readonly Cause[]).includes(cause);
  // What was never true is never within the promise.
  const any = fc
    .record({ cause: fc.constantFrom(...CAUSES), kept: fc.boolean() })
    .map(({ cause, kept }) => decided(cause, kept && isOfTime(cause)));
  fc.assert(
    fc.property(fc.array(any, { minLength: 1, maxLength: 5 }), (inputs) => {
      const given = inheritedDecision([], inputs);
      expect(inheritedDecision([], inputs.toReversed())).toEqual(given);
      const never = inputs.filter(({ cause }) => !isOfTime(cause));
      const broken = inputs.filter(({ withinPromise }) => !withinPromise);
      const own = never.length > 0 ? never : broken.length > 0 ? broken : inputs;
      const first = Math.min(...own.map(({ cause }) => CAUSES.indexOf(cause)));
      expect(given.cause).toBe(CAUSES[first]);
      expect(given.also).toHaveLength(new Set(inputs.map(({ cause }) => cause)).size - 1);
    }),
  );
});
