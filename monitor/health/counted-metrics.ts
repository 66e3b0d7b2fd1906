/**
 * What sidecars count, of all of them together: answers by route and status, how long they took, values by view and
 * status. Made of the text of `/metrics`, or of a Prometheus that has scraped it. Pure.
 */

/** One line of Prometheus text, or one series of a query's answer. */
export interface MetricSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Requests up to an edge in seconds, cumulative, as a histogram of Prometheus has them. */
export type Buckets = ReadonlyMap<number, number>;

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+\S+)?$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*,?\s*/y;

/**
 * @returns  the samples of the families named; all else is passed over
 * @throws   Error that names the first line that is no Prometheus text
 */
export function parseMetrics(text: string, families: readonly string[]): MetricSample[] {
  const samples: MetricSample[] = [];
  for (const [i, line] of text.split('\n').entries()) {
    if (line === '' || line.startsWith('#') || !families.some((family) => line.startsWith(family))) continue;
    const parts = LINE.exec(line);
    const labels = parts === null ? null : labelsOf(parts[2] ?? '');
    const value = parts === null ? NaN : numberOf(parts[3]!);
    if (labels === null || Number.isNaN(value))
      throw new Error(`line ${i + 1} is no metric: ${line.slice(0, 80)}`);
    samples.push({ name: parts![1]!, labels, value });
  }
  return samples;
}

/** @returns null: the text is no list of labels */
function labelsOf(text: string): Record<string, string> | null {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  let end = 0;
  for (let found = LABEL.exec(text); found !== null; found = LABEL.exec(text)) {
    labels[found[1]!] = found[2]!.replaceAll(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
    end = LABEL.lastIndex;
  }
  return end === text.length ? labels : null;
}

function numberOf(text: string): number {
  if (/^\+?Inf$/i.test(text)) return Infinity;
  return /^-Inf$/i.test(text) ? -Infinity : Number(text);
}

/**
 * Adds histograms. Counts up to an edge can be added only where each histogram has that edge, so the sum has the edges
 * that all have: sidecars of two versions may differ in them.
 */
export function mergeBuckets(all: readonly Buckets[]): Buckets {
  const filled = all.filter((buckets) => (buckets.get(Infinity) ?? 0) > 0);
  const [first, ...rest] = filled;
  if (first === undefined) return new Map();
  const shared = [...first.keys()].filter((edge) => rest.every((buckets) => buckets.has(edge)));
  const sum = (edge: number): number => filled.reduce((total, buckets) => total + buckets.get(edge)!, 0);
  return new Map(shared.toSorted((a, b) => a - b).map((edge) => [edge, sum(edge)]));
}

/** The histogram of one set of labels, `le` apart, for each such set. */
export function bucketsOf(samples: readonly MetricSample[], name: string): Buckets[] {
  const series = new Map<string, Map<number, number>>();
  for (const { name: of, labels, value } of samples) {
    if (of !== `${name}_bucket`) continue;
    const { le, ...others } = labels;
    const key = JSON.stringify(Object.entries(others).toSorted());
    const buckets = series.get(key) ?? new Map<number, number>();
    series.set(key, buckets.set(numberOf(le ?? ''), value));
  }
  return [...series.values()];
}

/**
 * The quantile as Prometheus' `histogram_quantile` estimates it: evenly spread within a bucket.
 *
 * @returns  null: nothing was counted; infinite: it lies above the last edge
 */
export function quantileOf(buckets: Buckets, share: number): number | null {
  const total = buckets.get(Infinity) ?? 0;
  if (total === 0) return null;
  const rank = share * total;
  let below = 0;
  let from = 0;
  for (const [edge, count] of buckets) {
    if (count >= rank) {
      if (edge === Infinity) return Infinity;
      return count === below ? edge : from + ((edge - from) * (rank - below)) / (count - below);
    }
    [below, from] = [count, edge];
  }
  return Infinity;
}
