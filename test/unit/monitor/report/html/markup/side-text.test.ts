import { describe, expect, test } from 'vitest';
import type { State } from '../../../../../../monitor/causes/value-state.ts';
import { sidesText } from '../../../../../../monitor/report/html/markup/side-text.ts';
import type { SideOfExample } from '../../../../../../monitor/verdict/snapshot.ts';

const side = (state: State, value: SideOfExample['value']): SideOfExample => ({
  state,
  value,
  eventTime: null,
  createdTime: null,
});
const texts = (
  type: string,
  served: readonly [State, SideOfExample['value']],
  replayed: readonly [State, SideOfExample['value']],
): [string, string] => sidesText(side(...served), side(...replayed), type, '2026-11-20');

describe('both values of an example', () => {
  test('to two decimals where that tells them apart, else with every digit', () => {
    expect(texts('float64', ['value', 17.384210526315787], ['value', 18.2])).toEqual(['17.38', '18.2']);
    expect(texts('float64', ['value', 17.35], ['value', 17.350000381469727])).toEqual([
      '17.35',
      '17.350000381469727',
    ]);
  });

  test('an int64 keeps every digit, a state names itself, a fallback says what it stands for', () => {
    expect(texts('int64', ['value', '9007199254740993'], ['value', '9007199254740992'])).toEqual([
      '9,007,199,254,740,993',
      '9,007,199,254,740,992',
    ]);
    expect(texts('float64', ['zero', 0], ['null', null])).toEqual(['0', 'null']);
    expect(texts('float64', ['NaN', 'NaN'], ['value', '-Infinity'])).toEqual(['NaN', '-Infinity']);
    expect(texts('int32', ['missing', -1], ['missing', null])).toEqual([
      'missing, stood in for by −1',
      'missing',
    ]);
  });

  test('times, text and nested values', () => {
    expect(
      texts('timestamp', ['value', '2026-11-20T10:00:00.000001Z'], ['value', '2026-11-20T10:00:00.000000Z']),
    ).toEqual(['2026-11-20T10:00:00.000001Z', '2026-11-20T10:00:00.000000Z']);
    expect(texts('string', ['value', 'BAG'], ['value', 'CARD'])).toEqual(['BAG', 'CARD']);
    expect(texts('list<int64>', ['value', ['1', '2']], ['value', ['1']])).toEqual(['["1","2"]', '["1"]']);
  });
});
