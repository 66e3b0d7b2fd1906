/** Prometheus text: families of samples, one after the other. Labels are escaped here; names and helps need not be. */
import type { Histogram } from './histogram.ts';

type Labels = Readonly<Record<string, string>>;
export type Sample = readonly [labels: Labels, value: number];

export const NO_LABELS: Labels = {};

export class Exposition {
  readonly #lines: string[] = [];

  counter(name: string, help: string, samples: number | Iterable<Sample>): void {
    this.#family(name, 'counter', help, samples);
  }

  gauge(name: string, help: string, samples: number | Iterable<Sample>): void {
    this.#family(name, 'gauge', help, samples);
  }

  histogram(name: string, help: string, series: Iterable<readonly [labels: Labels, of: Histogram]>): void {
    this.#head(name, 'histogram', help);
    for (const [labels, { edges, counts, sum }] of series) {
      let total = 0;
      for (const [i, count] of counts.entries()) {
        total += count;
        const le = i === edges.length ? '+Inf' : String(edges[i]);
        this.#sample(`${name}_bucket`, { ...labels, le }, total);
      }
      this.#sample(`${name}_sum`, labels, sum);
      this.#sample(`${name}_count`, labels, total);
    }
  }

  /** Adds lines that are Prometheus text already. */
  lines(ready: readonly string[]): void {
    for (const line of ready) this.#lines.push(line);
  }

  text(): string {
    return `${this.#lines.join('\n')}\n`;
  }

  #family(name: string, type: string, help: string, samples: number | Iterable<Sample>): void {
    this.#head(name, type, help);
    if (typeof samples === 'number') return this.#sample(name, NO_LABELS, samples);
    for (const [labels, value] of samples) this.#sample(name, labels, value);
  }

  #head(name: string, type: string, help: string): void {
    this.#lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
  }

  #sample(name: string, labels: Labels, value: number): void {
    const texts = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
    this.#lines.push(`${name}${texts.length === 0 ? '' : `{${texts.join(',')}}`} ${value}`);
  }
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
