/** A growing column of numbers, aligned with others by index. It grows by parts, which are never copied or spare. */
export class NumberColumn {
  readonly #make: (length: number) => Float64Array | Uint32Array;
  #full: (Float64Array | Uint32Array)[] = [];
  #last: Float64Array | Uint32Array;
  #inLast = 0;

  private constructor(make: (length: number) => Float64Array | Uint32Array) {
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
      this.#last = this.#make(PART);
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

const FIRST = 1_024;
const PART = 16_384;
