import { expect, test } from 'vitest';
import { renderTable } from '../../../../contract/std/text-table.ts';
import { terminalLogger } from '../../../../contract/std/logger.ts';
import { terminalText, visibleText } from '../../../../contract/std/visible-text.ts';

test('what could move a cursor, colour a terminal or turn its text round is written out', () => {
  expect(visibleText('\u001b[31mred\u0007\u009b2J')).toBe('␛[31mred␇\\u009b2J');
  expect(visibleText('a\u202eb\u2066c\r\n')).toBe('a\\u202eb\\u2066c␍␊');
  expect(visibleText('naïve 🦜 日本')).toBe('naïve 🦜 日本');
  expect(visibleText('\ud800')).toBe('\ufffd');
});

/** What could do harm on a terminal: ESC, CSI, OSC, BEL, C1, DEL, carriage return, backspace, bidi controls. */
const HOSTILE = '\u001b[2J\u001b]0;title\u0007\u009b31m\u007f\r\b\u202e\u2066';
const UNSEEN = /[^\n\t\P{Cc}]|[\u202a-\u202e\u2066-\u2069]/u;

test('what is printed keeps its lines and tabs, and the colours of our tables where there are any', () => {
  expect(terminalText('a\n\tb')).toBe('a\n\tb');
  expect(terminalText(HOSTILE)).toBe('␛[2J␛]0;title␇\\u009b31m\\u007f␍␈\\u202e\\u2066');
  for (const code of [0, 1, 2, 31, 32, 33]) {
    expect(terminalText(`\u001b[${code}mx`, true)).toBe(`\u001b[${code}mx`);
    expect(terminalText(`\u001b[${code}mx`)).toBe(`␛[${code}mx`);
  }
  // Hidden text, a blinking one, and the cursor.
  for (const code of ['8m', '5m', '38;5;0m', '31;8m', '2K', '1A']) {
    expect(terminalText(`\u001b[${code}`, true)).toBe(`␛[${code}`);
  }
});

test('JSON that is printed is the same JSON', () => {
  const data = { [HOSTILE]: [HOSTILE, '\u2028 naïve 🦜'] };
  for (const text of [JSON.stringify(data), JSON.stringify(data, null, 2)]) {
    const printed = terminalText(text);
    expect(JSON.parse(printed)).toEqual(data);
    expect(printed).not.toMatch(UNSEEN);
  }
});

test('nothing that a program says reaches the terminal raw', () => {
  let written = '';
  const stream = { isTTY: false, write: (text: string) => (written += text) };
  const logger = terminalLogger(stream as unknown as NodeJS.WriteStream);
  logger.info(HOSTILE);
  logger.warn(HOSTILE);
  expect(written).not.toMatch(UNSEEN);
  expect(written.split('\n')).toHaveLength(3);
});

test('a cell of a table neither ends its line nor moves what stands behind it', () => {
  const table = renderTable(['id', 'value'], [[`${HOSTILE}\n\t`, 'x']]);
  expect(table).not.toMatch(UNSEEN);
  expect(table.split('\n')).toHaveLength(3);
});
