/** A latency histogram as text: one line for each step of 1, 2, 5, 10 ... with its bar and the share up to it. */
import type { LatencyHistogram } from '../generator/latency-histogram.ts';

const BAR_CELLS = 40;
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
const STEPS = [1, 2, 5];

/** @returns no line when nothing was counted */
export function latencyPicture(latencies: LatencyHistogram): string[] {
  const bins = binsOf(latencies);
  const most = Math.max(...bins.map(({ count }) => count));
  const wide = Math.max(...bins.map(({ count }) => String(count).length));
  let upTo = 0;
  return bins.map(({ toNs, count }) => {
    upTo += count;
    const share = ((upTo / latencies.count) * 100).toFixed(3).padStart(7);
    const counted = String(count).padStart(wide);
    return `  ≤ ${formatNs(toNs).padStart(8)} ${share} %  ${counted}  ${bar(count / most)}`.trimEnd();
  });
}

interface Bin {
  readonly toNs: number;
  count: number;
}

/** Steps from the least latency to the greatest; empty ones between are kept, so that gaps show. */
function binsOf(latencies: LatencyHistogram): Bin[] {
  const buckets = latencies.buckets();
  if (buckets.length === 0) return [];
  const bins: Bin[] = [];
  let step = 0;
  const edge = (): number => STEPS[step % 3]! * 10 ** (Math.floor(step / 3) + 3);
  while (edge() < buckets[0]!.toNs) step += 1;
  bins.push({ toNs: edge(), count: 0 });
  for (const { toNs, count } of buckets) {
    while (edge() < toNs) {
      step += 1;
      bins.push({ toNs: edge(), count: 0 });
    }
    bins.at(-1)!.count += count;
  }
  return bins;
}

/** One cell at least where anything was counted. */
function bar(share: number): string {
  if (share === 0) return '';
  const eighths = Math.max(1, Math.round(share * BAR_CELLS * 8));
  return '█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]!;
}

/** @returns three digits or so, e.g. `950 us`, `1.25 ms`, `2 s`; `-` for what was never answered */
export function formatNs(ns: number): string {
  if (!Number.isFinite(ns)) return '-';
  const [amount, unit] = ns < 1e6 ? [ns / 1e3, 'us'] : ns < 1e9 ? [ns / 1e6, 'ms'] : [ns / 1e9, 's'];
  return `${Number(amount.toPrecision(3))} ${unit}`;
}
