/**
 * Short texts that were met of late, so that one which comes again is the same string: nothing is made of its bytes,
 * and its hash is known wherever it is looked up.
 */
const PLACES = 8_192;
const LONGEST = 64;

export class KnownTexts {
  readonly #texts: string[] = Array<string>(PLACES).fill('');

  /** @param bytes  in [from, to) ASCII alone; @param hash  of them, any that tells most texts apart */
  of(bytes: Buffer, { from, to }: { readonly from: number; readonly to: number }, hash: number): string {
    if (to - from > LONGEST) return bytes.toString('latin1', from, to);
    const place = (hash ^ (hash >>> 13)) & (PLACES - 1);
    const known = this.#texts[place]!;
    if (isText(known, bytes, from, to)) return known;
    return (this.#texts[place] = bytes.toString('latin1', from, to));
  }
}

function isText(text: string, bytes: Buffer, from: number, to: number): boolean {
  if (text.length !== to - from) return false;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[from + i]) return false;
  return true;
}
