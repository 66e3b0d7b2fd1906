import { expect, test } from 'vitest';
import { visibleText } from '../../../../contract/std/visible-text.ts';

test('what could move a cursor, colour a terminal or turn its text round is written out', () => {
  expect(visibleText('\u001b[31mred\u0007\u009b2J')).toBe('␛[31mred␇\\u009b2J');
  expect(visibleText('a\u202eb\u2066c\r\n')).toBe('a\\u202eb\\u2066c␍␊');
  expect(visibleText('naïve 🦜 日本')).toBe('naïve 🦜 日本');
  expect(visibleText('\ud800')).toBe('\ufffd');
});
