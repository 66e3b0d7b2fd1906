/** In numbers, of the first part and of each other one. */
const FIRST = 1_024;
const LENGTH = 16_384;

type Part = Float64Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

/** A growing column of numbers, aligned with others by index. It grows by parts, which are never copied or spare. */
export class NumberColumn {
  readonly #make: (length: number) => Part;
  #full: Part[] = [];
  #last: Part;
  #inLast = 0;

  private constructor(make: (length: number) => Part) {
    this.#make = make;
    this.#last = make(FIRST);
  }

  /** Of doubles. */
  static ofNumbers(): NumberColumn {
    return new NumberColumn((length) => new Float64Array(length));
  }

  /** Of whole numbers below 2^32, in half the memory. */
  static ofCounts(): NumberColumn {
    return new NumberColumn((length) => new Uint32Array(length));
  }

  push(value: number): void {
    if (this.#inLast === this.#last.length) {
      this.#full.push(this.#last);
      this.#last = this.#make(LENGTH);
      this.#inLast = 0;
    }
    this.#last[this.#inLast++] = value;
  }

  /** @returns the numbers that were pushed; the column is empty then */
  take(): Float64Array {
    const parts = [...this.#full, this.#last.subarray(0, this.#inLast)];
    const taken = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
    this.#full = [];
    this.#last = this.#make(0);
    this.#inLast = 0;
    let at = 0;
    for (const part of parts) {
      taken.set(part, at);
      at += part.length;
      // It is freed at once, and not when garbage is collected.
      part.buffer.transfer(0);
    }
    return taken;
  }
}
