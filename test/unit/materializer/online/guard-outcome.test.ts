import { describe, expect, test } from 'vitest';
import { addWrites, guardOutcome, isWrite, noWrites } from '../../../../materializer/online/guard-outcome.ts';
import { rowBytes } from '../../../support/redis/online-rows.ts';
import type { RowParts } from '../../../support/redis/online-rows.ts';

const base: RowParts = { definitionId: 7, eventUs: 1_000, createdUs: 500, writtenMs: 1, values: 'v' };
const stored = rowBytes(base);
const incoming = (change: Partial<RowParts>): Buffer => rowBytes({ ...base, ...change });

describe('the guard, line by line', () => {
  test.each([
    ['nothing stored', null, incoming({}), [], 'written'],
    ['less than a header stored', Buffer.alloc(23), incoming({}), [], 'written'],
    [
      'a header stored and no values, of a greater event',
      stored.subarray(0, 24),
      incoming({ eventUs: 1 }),
      [],
      'older',
    ],
    ['a smaller event stored', stored, incoming({ eventUs: 1_001, createdUs: 0 }), [], 'written'],
    ['a smaller created time stored', stored, incoming({ createdUs: 501 }), [], 'written'],
    ['a greater event stored', stored, incoming({ eventUs: 999, createdUs: 9_999 }), [], 'older'],
    ['a greater created time stored', stored, incoming({ createdUs: 499 }), [], 'older'],
    ['the same row stored', stored, incoming({}), [], 'equal'],
    ['the same row written at another time', stored, incoming({ writtenMs: 2 }), [], 'equal'],
    ['the same times, other values', stored, incoming({ values: 'w' }), [], 'conflict'],
    ['the same times, values that begin the same', stored, incoming({ values: 'vv' }), [], 'conflict'],
    [
      'a superseded definition, newer times',
      stored,
      incoming({ definitionId: 8, eventUs: 1 }),
      [6, 7],
      'written',
    ],
    [
      'an unknown definition, older times',
      stored,
      incoming({ definitionId: 8, eventUs: 9_999 }),
      [6],
      'superseded',
    ],
  ] as const)('%s', (_, before, row, superseded, outcome) => {
    expect(guardOutcome(before, row, superseded)).toBe(outcome);
  });

  test('times compare as bytes where a byte passes 127', () => {
    const old = rowBytes({ ...base, eventUs: 0x7f_ff_ff_ff });
    expect(guardOutcome(old, incoming({ eventUs: 0x80_00_00_00 }), [])).toBe('written');
    expect(guardOutcome(incoming({ eventUs: 0x80_00_00_00 }), old, [])).toBe('older');
  });
});

test('only written and conflict change the store, and counts add up', () => {
  expect((['written', 'older', 'equal', 'conflict', 'superseded'] as const).filter(isWrite)).toEqual([
    'written',
    'conflict',
  ]);
  const total = noWrites();
  addWrites(total, { ...noWrites(), written: 2, older: 1 });
  addWrites(total, { ...noWrites(), written: 1, superseded: 3 });
  expect(total).toEqual({ written: 3, older: 1, equal: 0, conflict: 0, superseded: 3 });
});
