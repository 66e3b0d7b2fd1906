/** A growing column of doubles, aligned with others by index; NaN where there is no finite number. */
export class NumberColumn {
  #items = new Float64Array(1_024);
  #count = 0;

  push(value: number): void {
    // What it grows out of is freed at once, and not when garbage is collected.
    if (this.#count === this.#items.length) this.#resize(Math.max(1_024, Math.ceil(this.#count * 1.5)));
    this.#items[this.#count++] = value;
  }

  /** @returns a view of the numbers pushed so far, until the next is pushed: it shares memory with the column */
  values(): Float64Array {
    return this.#items.subarray(0, this.#count);
  }

  /** Frees the memory; views of it have nothing any more. */
  clear(): void {
    this.#resize(0);
    this.#count = 0;
  }

  #resize(length: number): void {
    this.#items = new Float64Array(this.#items.buffer.transfer(length * this.#items.BYTES_PER_ELEMENT));
  }
}
