/**
 * How much of something there may be at most: steps, characters, items. It grows in proportion to what the function
 * is given, since a product of two lengths is no size:
 *
 *   size = fixed + a * (all that the function is given) + b * (the item of the outermost pass) + c * (of the next) ...
 *
 * Of what is given counts how many bytes of a request it may take; of items what they hold, deep down: a character,
 * a byte and an item is 1 each.
 */

/** The factors, in the order of the formula; those that lack are 0. */
export type Size = readonly number[];

export const NOTHING: Size = [];
export const ONE: Size = [1];
/** All that the function is given, in bytes of a request: as many characters may be in it. */
export const GIVEN: Size = [0, 1];
/** As many items as may be in it. @param bytes  that each takes at least */
export function givenItems(bytes: number): Size {
  return [0, 1 / bytes];
}

export function fixed(size: number): Size {
  return [size];
}

/** @param depth  of the pass, from 1 */
export function itemOf(depth: number): Size {
  return Array.from({ length: depth + 2 }, (_, i) => (i === depth + 1 ? 1 : 0));
}

export function plus(a: Size, b: Size): Size {
  return longer(a, b).map((_, i) => (a[i] ?? 0) + (b[i] ?? 0));
}

export function times(size: Size, factor: number): Size {
  return size.map((one) => (one === 0 ? 0 : one * factor));
}

/** What is at least each of both. */
export function greater(a: Size, b: Size): Size {
  return longer(a, b).map((_, i) => Math.max(a[i] ?? 0, b[i] ?? 0));
}

/** Of two sizes of which the smaller one counts: one that is fixed, else the one of the innermost item. */
export function smaller(a: Size, b: Size): Size {
  const first = (size: Size): number => {
    const at = size.findIndex((one, i) => i > 0 && one > 0);
    return at === -1 ? Number.MAX_SAFE_INTEGER : at;
  };
  return first(a) >= first(b) ? a : b;
}

export function isFixed(size: Size): boolean {
  return size.every((one, i) => i === 0 || one === 0);
}

export function isSame(a: Size, b: Size): boolean {
  return longer(a, b).every((_, i) => (a[i] ?? 0) === (b[i] ?? 0));
}

/** A pass over something. */
export interface Pass {
  /** How many items there are. */
  readonly count: Size;
  /** What all items hold together, each counted with them. */
  readonly total: Size;
}

/**
 * What comes to be in all turns of a pass.
 *
 * @param each   in one turn
 * @param depth  of the pass, from 1
 * @returns      null: it is a product of two lengths
 */
export function inAll(each: Size, { count, total }: Pass, depth: number): Size | null {
  const outer = each.slice(0, depth + 1);
  const ofItems = times(total, each[depth + 1] ?? 0);
  if (isFixed(count)) return plus(times(outer, count[0] ?? 0), ofItems);
  return isFixed(outer) ? plus(times(count, outer[0] ?? 0), ofItems) : null;
}

/** The same size once passes have ended: an item holds at most what all do. @param depth  of the pass that goes on */
export function after(size: Size, passes: readonly Pass[], depth: number): Size {
  let out = size;
  for (let i = passes.length; i > depth; i--) {
    const factor = out[i + 1] ?? 0;
    out = out.slice(0, i + 1);
    if (factor > 0) out = plus(out, times(passes[i - 1]!.total, factor));
  }
  return out;
}

function longer(a: Size, b: Size): Size {
  return a.length >= b.length ? a : b;
}
