/** What tells the vectors of chunks apart, as columns of numbers: as the tallies of roles take it. */
import type { VectorColumns } from '../tally/served-place.ts';
import type { ComputedChunk } from './computed-chunk.ts';

export class VectorNumbers {
  readonly #pods = new Map<string, number>();

  /** The names of the pods, by their numbers. */
  get pods(): string[] {
    return [...this.#pods.keys()];
  }

  /** A computed value has no row: nothing was fetched, and there is no watermark. */
  of(chunk: ComputedChunk): VectorColumns {
    const numbers = (name: 'vid' | 'served_us' | 'request' | 'hash'): Float64Array =>
      Float64Array.from(chunk.column<number>(name));
    const none = new Float64Array(chunk.vectors).fill(Number.NaN);
    const pods = chunk.column<string>('pod');
    for (const pod of pods) if (!this.#pods.has(pod)) this.#pods.set(pod, this.#pods.size);
    return {
      vid: numbers('vid'),
      servedUs: numbers('served_us'),
      fetchedUs: none,
      watermarkUs: none,
      source: new Float64Array(chunk.vectors),
      pod: Float64Array.from(pods, (pod) => this.#pods.get(pod)!),
      pods: this.pods,
      request: numbers('request'),
      hash: numbers('hash'),
    };
  }
}
