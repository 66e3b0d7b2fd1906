/** A growing column of doubles, aligned with others by index; NaN where there is no finite number. */
export class NumberColumn {
  #items = new Float64Array(1_024);
  #count = 0;

  push(value: number): void {
    if (this.#count === this.#items.length) {
      const larger = new Float64Array(this.#items.length * 2);
      larger.set(this.#items);
      this.#items = larger;
    }
    this.#items[this.#count++] = value;
  }

  /** @returns a view of the numbers pushed so far; it shares memory with the column */
  values(): Float64Array {
    return this.#items.subarray(0, this.#count);
  }
}
