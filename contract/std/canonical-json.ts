/** JSON with one text for one meaning, so that it can be hashed: keys in byte order, no spaces, no undefined. */

export type Json =
  null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };

export function canonicalJson(value: Json): string {
  if (value === null || typeof value !== 'object') {
    if (typeof value === 'number' && !Number.isFinite(value))
      throw new TypeError('no JSON text for NaN or infinity');
    return JSON.stringify(value);
  }
  if (isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  let fields = '';
  for (const key of sortedByBytes(Object.keys(value))) {
    const of = value[key];
    if (of === undefined) continue;
    fields += `${fields === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(of)}`;
  }
  return `{${fields}}`;
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

/**
 * Order of the UTF-8 bytes, which is what DuckDB and Redis use; JavaScript's `<` orders by UTF-16 code units.
 *
 * @param a, b  well-formed
 */
export function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** UTF-16 has surrogates below U+E000, UTF-8 their characters above. */
function rank(unit: number): number {
  return unit < FIRST_SURROGATE ? unit : unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}

const FIRST_SURROGATE = 0xd800;

/** Of plain names the language's own order is that of the bytes, and needs no call for each pair. */
export function sortedByBytes(names: readonly string[]): string[] {
  return names.every(isPlain) ? names.toSorted() : names.toSorted(compareBytes);
}

function isPlain(name: string): boolean {
  for (let i = 0; i < name.length; i++) if (name.charCodeAt(i) >= FIRST_SURROGATE) return false;
  return true;
}
