import { expect, test } from 'vitest';
import { commandFor } from '../../../../monitor/incidents/incident-command.ts';

const EXAMPLE = { requestId: 'q-1', row: 0, feature: 'orders__spent_1d' };

test('rows that are not online are all written again; those of an older definition any next run writes', () => {
  expect(commandFor('orders', 'missing online', EXAMPLE)).toBe('plumb materialize --view orders --full');
  expect(commandFor('orders@v2', 'definition changed', EXAMPLE)).toBe('plumb materialize --view orders@v2');
});

test('of any other cause the worst example is explained, in words that a shell takes as they are', () => {
  expect(commandFor('orders', 'cache age', { ...EXAMPLE, requestId: "it's" })).toBe(
    String.raw`plumb explain --request 'it'\''s' --row 0 --feature orders__spent_1d`,
  );
  expect(commandFor('orders', 'cache age', undefined)).toBe('plumb materialize --view orders --full');
});
