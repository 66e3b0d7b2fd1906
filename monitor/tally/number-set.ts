/**
 * A set of whole numbers from 0, a bit each: as many as there are, where a Set ends at 2^24 and takes 30 bytes each.
 */
export class NumberSet {
  #words: Uint32Array = new Uint32Array(32);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Its bits, from the lowest of the first on. */
  get words(): Uint32Array {
    return this.#words;
  }

  add(number: number): void {
    const word = Math.floor(number / 32);
    if (word >= this.#words.length) this.#grow(word + 1);
    const bit = 1 << (number & 31);
    if ((this.#words[word]! & bit) !== 0) return;
    this.#words[word]! |= bit;
    this.#size += 1;
  }

  /** @param words  of another set */
  addAll(words: Uint32Array): void {
    if (words.length > this.#words.length) this.#grow(words.length);
    for (const [i, theirs] of words.entries()) {
      this.#size += bitsOf(theirs & ~this.#words[i]!);
      this.#words[i]! |= theirs;
    }
  }

  #grow(words: number): void {
    const larger = new Uint32Array(Math.max(words, this.#words.length * 2));
    larger.set(this.#words);
    this.#words = larger;
  }
}

function bitsOf(word: number): number {
  let count = 0;
  for (let left = word >>> 0; left !== 0; left = (left & (left - 1)) >>> 0) count += 1;
  return count;
}
