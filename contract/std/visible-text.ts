/** Text of others (ids, values, names) as it may stand on a terminal and on a page: what cannot be seen is written out. */

const UNSEEN = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/**
 * Control characters, escape sequences with them, and those that change the direction of what follows become visible;
 * half a surrogate pair becomes U+FFFD, since it has no UTF-8.
 */
export function visibleText(text: string): string {
  return text.toWellFormed().replaceAll(UNSEEN, visible);
}

function visible(character: string): string {
  const code = character.codePointAt(0)!;
  if (code < 32) return String.fromCodePoint(0x2400 + code);
  return `\\u${code.toString(16).padStart(4, '0')}`;
}
