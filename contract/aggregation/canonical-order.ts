/**
 * The values that tiles are made of, and their one order, which decides ties: false before true, numbers and times by
 * value, strings by their UTF-8 bytes. Every engine orders them so.
 *
 * A float is finite here and 0 has no sign (`refusalOf` and `foldEvent` of tile.ts see to it).
 */

/** A value that can be aggregated, as value-type.ts has it; int64 and timestamps are bigint. */
export type TileValue = boolean | number | bigint | string;

/** @returns below 0 where `a` comes before `b`, 0 where they are the same; both are of one type */
export function compareCanonical(a: TileValue, b: TileValue): number {
  if (typeof a === 'string') return compareText(a, b as string);
  return a < b ? -1 : a > b ? 1 : 0;
}

const SURROGATES = 0xd800;
const ABOVE_SURROGATES = 0xe000;

/** The order of the UTF-8 bytes of well-formed text, without making them: surrogates stand for what is past U+FFFF. */
function compareText(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x === y) continue;
    if (x < SURROGATES || y < SURROGATES) return x - y;
    return (x < ABOVE_SURROGATES ? 1 : 0) - (y < ABOVE_SURROGATES ? 1 : 0) || x - y;
  }
  return a.length - b.length;
}
