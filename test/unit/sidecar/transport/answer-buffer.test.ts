import { describe, expect, test } from 'vitest';
import { AnswerBuffer } from '../../../../sidecar/transport/answer-buffer.ts';
import { pack } from '../../../../sidecar/surface/feast/feast-pieces.ts';

const BYTES = 2 ** 20;

function listed(out: AnswerBuffer, texts: readonly string[][]): string[] {
  const rows = texts.map((row) =>
    pack(
      row,
      row.map(() => 0),
    ),
  );
  const cursors = rows.map(() => 0);
  const statuses = rows.map(() => 0);
  return texts[0]!.map(() => {
    const from = out.length;
    out.list(rows, cursors, statuses);
    return out.end().toString('utf8', from);
  });
}

describe('lists of pieces', () => {
  test('each call takes the next piece of each row, of any length and in any script', () => {
    const out = new AnswerBuffer();
    out.begin();
    const long = '"é" '.repeat(100);
    const rows = [
      ['1', '22', '"äöü"', '', long],
      ['4444', '55555', '"\u{1F600}"', '7', '8'],
    ];
    expect(listed(out, rows)).toEqual(['[1,4444', '[22,55555', '["äöü","\u{1F600}"', '[,7', `[${long},8`]);
  });

  test('the statuses are those of the pieces, and it is said whether they changed', () => {
    const out = new AnswerBuffer();
    const rows = [pack(['1', '2', '3'], [0, 0, 1]), pack(['1', '2', '3'], [0, 4, 4])];
    const [cursors, statuses] = [
      [0, 0],
      [0, 0],
    ];
    expect([out.list(rows, cursors, statuses), [...statuses]]).toEqual([true, [0, 0]]);
    expect([out.list(rows, cursors, statuses), [...statuses]]).toEqual([false, [0, 4]]);
    expect([out.list(rows, cursors, statuses), [...statuses]]).toEqual([false, [1, 4]]);
  });

  test.each([1, 2, 3, 4, 5, 300])('a buffer that ends %i bytes behind loses and moves nothing', (left) => {
    const out = new AnswerBuffer();
    out.begin();
    out.bytes(Buffer.alloc(BYTES - left - 10, 'x'));
    out.begin();
    out.bytes(Buffer.from('0123456789'));
    expect(listed(out, [['1'], ['22'], ['333'], ['4'.repeat(280)], ['5']])).toEqual([
      `[1,22,333,${'4'.repeat(280)},5`,
    ]);
    out.again(0, 12);
    expect(out.end().toString()).toBe(`0123456789[1,22,333,${'4'.repeat(280)},50123456789[1`);
  });

  test('an answer does not touch the one before it', () => {
    const out = new AnswerBuffer();
    const answers = [1, 2, 3].map((n) => {
      out.begin();
      listed(out, [[`${n}`], ['x'.repeat(n)]]);
      return out.end();
    });
    expect(answers.map(String)).toEqual(['[1,x', '[2,xx', '[3,xxx']);
  });
});
