import fc from 'fast-check';
import { expect, test } from 'vitest';
import { wrapped } from '../../../../contract/std/wrapped-text.ts';

test('breaks at spaces, with an indent before the first line and another before the rest', () => {
  expect(wrapped('one two three four', 9)).toEqual(['one two', 'three', 'four']);
  expect(wrapped('one two three', 11, { first: '  ', rest: '    ' })).toEqual(['  one two', '    three']);
  expect(wrapped('', 9)).toEqual(['']);
});

test('no word is lost or broken, and only a word that is too long makes a line too long', () => {
  const words = fc.array(fc.stringMatching(/^[a-z-]{1,30}$/), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(words, fc.integer({ min: 4, max: 40 }), (all, width) => {
      const lines = wrapped(all.join(' '), width, { first: '  ' });
      expect(lines.flatMap((line) => line.trim().split(' '))).toEqual(all);
      for (const line of lines) if (line.trim().includes(' ')) expect(line.length).toBeLessThanOrEqual(width);
    }),
  );
});
