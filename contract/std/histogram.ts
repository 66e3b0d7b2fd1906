/** A histogram with fixed edges, as Prometheus has them: counts in a typed array, made cumulative when it is read. */

export class Histogram {
  readonly edges: readonly number[];
  /** For each edge how many lie between it and the edge before; one more for what lies above all. */
  readonly counts: Float64Array;
  sum = 0;
  /** Values in a row are mostly alike, so the search begins where the last one ended. */
  #last = 0;

  /** @param edges  upper ones, ascending; a value on an edge counts below it */
  constructor(edges: readonly number[]) {
    this.edges = edges;
    this.counts = new Float64Array(edges.length + 1);
  }

  /** @param value  not NaN */
  observe(value: number): void {
    const { edges } = this;
    let at = this.#last;
    while (at < edges.length && value > edges[at]!) at += 1;
    while (at > 0 && value <= edges[at - 1]!) at -= 1;
    this.#last = at;
    this.counts[at]! += 1;
    this.sum += value;
  }
}
