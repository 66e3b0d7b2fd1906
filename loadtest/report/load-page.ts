/**
 * The latency picture of a load test as one HTML file without scripts or anything from elsewhere: the percentile curve
 * with the objectives as marks, and the run second by second. Both axes of latency are logarithmic.
 */
import { formatNs } from './latency-picture.ts';
import type { LoadResult } from '../load-test.ts';
import { renderLoad } from './load-report.ts';
import type { Objective } from '../slo.ts';

const WIDTH = 860;
const HEIGHT = 300;
const LEFT = 70;
const RIGHT = 36;
const TOP = 14;
const BOTTOM = 34;
/** The curve's axis: each nine takes the same width. */
const SHARES = [0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999];

interface Scale {
  x(at: number): number;
  y(ns: number): number;
  readonly rules: string;
}

export function loadPage(result: LoadResult): string {
  const { schema, options } = result;
  const title = `Load test of ${schema.service} v${schema.version}: ${options.profile.name}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root { color-scheme: light; font: 15px/1.45 system-ui, sans-serif; color: #1b1f24; background: #fff }
body { max-width: 900px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.35rem } h2 { font-size: 1.05rem; margin: 2rem 0 .4rem }
pre { overflow-x: auto; background: #f6f7f8; padding: 1rem; border-radius: 6px; font-size: 12.5px }
svg { width: 100%; height: auto } svg text { font-size: 12px; fill: #57606a }
.rule { stroke: #d8dee4; stroke-width: 1 } .line { fill: none; stroke-width: 2 }
.p50 { stroke: #1a7f6b } .p99 { stroke: #8250df } .max { stroke: #bf8700; stroke-dasharray: 4 3 }
.limit { stroke: #cf222e; stroke-dasharray: 6 4; stroke-width: 1.5 } .failed { fill: #cf222e; fill-opacity: .25 }
.key i { display: inline-block; width: 1.4em; height: .35em; margin: 0 .4em .15em 1.2em }
</style></head><body>
<h1>${escape(title)}</h1>
<h2>Latency by percentile</h2>
${curve(result)}
<h2>Latency by second of the run</h2>
<p class="key"><i style="background:#1a7f6b"></i>median<i style="background:#8250df"></i>99th percentile<i
 style="background:#bf8700"></i>maximum<i style="background:#cf222e55"></i>seconds with failed requests</p>
${timeline(result)}
<h2>In figures</h2>
<pre>${escape(renderLoad(result, false))}</pre>
</body></html>
`;
}

function curve({ total, options }: LoadResult): string {
  const limits = latencyLimits(options.objectives);
  const least = total.latencies.minNs;
  const most = Math.max(total.latencies.maxNs, ...limits.map(({ limitNs }) => limitNs));
  const scale = makeScale(SHARES.length - 1, least, most);
  const points: string[] = [];
  // Steps of a twentieth of a nine are finer than the line is wide.
  for (let nines = 0; nines <= SHARES.length - 1; nines += 0.05) {
    const ns = total.latencies.quantileNs(shareAt(nines), total.failed);
    if (!Number.isFinite(ns) || total.latencies.count === 0) break;
    points.push(`${px(scale.x(nines))},${px(scale.y(ns))}`);
  }
  const ticks = SHARES.map((share, i) => tick(scale.x(i), `${Number((share * 100).toFixed(3))} %`));
  const marks = limits.map(({ share, limitNs, text }) => {
    const x = scale.x(ninesOf(share));
    const y = px(scale.y(limitNs));
    return `<line class="limit" x1="${px(x - 60)}" x2="${px(x + 60)}" y1="${y}" y2="${y}"/><text x="${px(x - 60)}" y="${Number(y) - 5}">${escape(text)}</text>`;
  });
  const line = `<polyline class="line p99" points="${points.join(' ')}"/>`;
  return svg(`${scale.rules}${ticks.join('')}${marks.join('')}${line}`, 'latency by percentile');
}

/** 50 % stands at 1, 90 % at 2, each further nine one on. */
function shareAt(at: number): number {
  if (at <= 1) return at * 0.5;
  return at <= 2 ? 0.5 + (at - 1) * 0.4 : 1 - 10 ** (1 - at);
}

function ninesOf(share: number): number {
  if (share <= 0.5) return share / 0.5;
  if (share <= 0.9) return 1 + (share - 0.5) / 0.4;
  return Math.min(SHARES.length - 1, 1 - Math.log10(1 - share));
}

function timeline({ counted, total }: LoadResult): string {
  const { seconds } = counted;
  const scale = makeScale(seconds.length, total.latencies.minNs, total.latencies.maxNs);
  const lines = (['p50', 'p99', 'max'] as const).map((name) => {
    const points = seconds.flatMap(({ latencies, failed }, i) => {
      const share = name === 'p50' ? 0.5 : 0.99;
      const ns = name === 'max' ? latencies.maxNs : latencies.quantileNs(share, failed);
      if (latencies.count === 0 || !Number.isFinite(ns)) return [];
      return [`${px(scale.x(i + 0.5))},${px(scale.y(ns))}`];
    });
    return `<polyline class="line ${name}" points="${points.join(' ')}"/>`;
  });
  const bad = seconds.flatMap(({ failed }, i) => {
    const width = px(scale.x(1) - scale.x(0));
    const box = `x="${px(scale.x(i))}" y="${TOP}" width="${width}" height="${HEIGHT - TOP - BOTTOM}"`;
    return failed > 0 ? [`<rect class="failed" ${box}><title>${failed} failed</title></rect>`] : [];
  });
  const every = Math.max(1, Math.ceil(seconds.length / 12));
  const ticks = seconds.flatMap((_, i) => (i % every === 0 ? [tick(scale.x(i), `${i} s`)] : []));
  return svg(`${scale.rules}${bad.join('')}${ticks.join('')}${lines.join('')}`, 'latency by second');
}

/** Decades of latency from below the least to above the most; at least one. */
function makeScale(xMost: number, leastNs: number, mostNs: number): Scale {
  const low = Math.floor(Math.log10(Math.max(1e3, leastNs)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(1e3, mostNs))));
  const x = (at: number): number => LEFT + (at / Math.max(1, xMost)) * (WIDTH - LEFT - RIGHT);
  const y = (ns: number): number =>
    TOP + ((high - Math.log10(Math.max(ns, 10 ** low))) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  let rules = '';
  for (let decade = low; decade <= high; decade++) {
    const at = px(y(10 ** decade));
    rules += `<line class="rule" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}"/><text x="${LEFT - 8}" y="${Number(at) + 4}" text-anchor="end">${formatNs(10 ** decade)}</text>`;
  }
  return { x, y, rules };
}

function latencyLimits(objectives: readonly Objective[]) {
  return objectives.filter((objective) => objective.kind === 'latency');
}

function tick(x: number, text: string): string {
  return `<text x="${px(x)}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle">${text}</text>`;
}

function svg(content: string, label: string): string {
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}">${content}</svg>`;
}

function px(value: number): string {
  return value.toFixed(1);
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
