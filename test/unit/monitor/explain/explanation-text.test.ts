/** What `plumb explain` prints of a value: long ones are cut, and a time never is. */
import { expect, test } from 'vitest';
import { renderExplanation } from '../../../../monitor/explain/explanation-text.ts';
import type { ExplainedVector } from '../../../../monitor/explain/explanation.ts';

test('a time is shown whole, a long text is cut', () => {
  const at = '2026-01-02T03:04:05.000000Z';
  const when = '2026-01-02T03:04:05.123456Z';
  const inputs = { when, note: 'a'.repeat(40) };
  const computed = {
    role: 'trip',
    view: 'trip',
    status: null,
    inputs,
    uses: [],
    again: 'Today.',
    features: [],
  };
  const vector = {
    request: null,
    service: 'rank',
    at,
    bundle: 'b',
    entities: {},
    views: [],
    computed: [computed],
  };
  const text = renderExplanation([vector as unknown as ExplainedVector]);
  expect(text).toContain(`when ${when}`);
  expect(text).toContain(`note ${'a'.repeat(23)}…`);
});
