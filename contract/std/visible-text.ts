/**
 * Text of others (ids, values, names) as it may stand on a terminal and on a page: what cannot be seen is written out.
 */

const UNSEEN = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;
/** Lines and columns are ours; so are the colours of a terminal that shows some, which hide nothing. */
const UNSEEN_IN_LINES = /(?![\n\t])[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;
const UNSEEN_IN_COLOURS =
  // oxlint-disable-next-line no-control-regex -- the escape byte is what a colour code begins with
  /(?!\u001b\[(?:[012]|3[123])m)(?![\n\t])[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/**
 * Control characters, escape sequences with them, and those that change the direction of what follows become visible;
 * half a surrogate pair becomes U+FFFD, since it has no UTF-8.
 */
export function visibleText(text: string): string {
  return text.toWellFormed().replaceAll(UNSEEN, visible);
}

/**
 * The same for all that a program prints, whatever it holds: lines and tabs stay. JSON stays the JSON that it is, since
 * it has such characters in texts alone, and there each from U+007F on becomes the escape that JSON has for it.
 *
 * @param colours  whether the text may have the colours of our tables
 */
export function terminalText(text: string, colours = false): string {
  return text.toWellFormed().replaceAll(colours ? UNSEEN_IN_COLOURS : UNSEEN_IN_LINES, visible);
}

function visible(character: string): string {
  const code = character.codePointAt(0)!;
  if (code < 32) return String.fromCodePoint(0x2400 + code);
  return `\\u${code.toString(16).padStart(4, '0')}`;
}
