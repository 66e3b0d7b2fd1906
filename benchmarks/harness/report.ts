/** How benchmarks print: raw rounds, medians, ratios, and each bar with what was reached. */
import { cpus, loadavg } from 'node:os';
import type { Measured } from './rounds.ts';

export interface Bar {
  readonly what: string;
  readonly reached: number;
  readonly bar: number;
  readonly unit: '%' | 'x' | 'us' | 'ms' | 'MiB' | '';
  /** Whether less is better. */
  readonly atMost: boolean;
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function printHardware(): void {
  const load = loadavg()
    .map((l) => l.toFixed(1))
    .join(' ');
  print(`${cpus()[0]!.model}, ${cpus().length} cores, Node ${process.version}, load average ${load}`);
}

export function printMeasured({ contender, rounds, median }: Measured): void {
  print(`\n  ${contender.name}`);
  print(
    `    requests/s  median ${figure(median.perSecond)}   rounds: ${rounds.map((r) => figure(r.perSecond)).join(' ')}`,
  );
  if (median.cpuUs !== null) {
    const raw = rounds.map((r) => r.cpuUs!.toFixed(1)).join(' ');
    print(`    server CPU  median ${median.cpuUs.toFixed(1)} us a request   rounds: ${raw}`);
  }
  const p99s = rounds.map((r) => r.p99Ms.toFixed(3)).join(' ');
  print(
    `    latency     p50 ${median.p50Ms.toFixed(3)} ms, p99 ${median.p99Ms.toFixed(3)} ms   rounds of p99: ${p99s}`,
  );
  if (rounds.some((r) => r.queued > 0)) {
    const raw = rounds.map((r) => `${(r.queued * 100).toFixed(0)} %`).join(' ');
    print(`    left before it was written (slow disk)   rounds: ${raw}`);
  }
  if (median.incomplete > 0)
    print(`    ${(median.incomplete * 100).toFixed(2)} % of the requests lacked a value`);
}

function figure(perSecond: number): string {
  return perSecond < 100 ? perSecond.toFixed(1) : String(Math.round(perSecond));
}

/** @returns the ratio of the medians by rate, and by server CPU where it is known */
export function ratios(of: Measured, to: Measured): { readonly rate: number; readonly cpu: number | null } {
  const [a, b] = [of.median, to.median];
  return {
    rate: a.perSecond / b.perSecond,
    cpu: a.cpuUs === null || b.cpuUs === null ? null : b.cpuUs / a.cpuUs,
  };
}

/** @returns how many times `to` one serves, by rate and, where it is known, by server CPU a request */
export function timesBars(what: string, of: Measured, to: Measured, bar: number): Bar[] {
  const { rate, cpu } = ratios(of, to);
  const plain = { bar, unit: 'x', atMost: false } as const;
  const byRate: Bar = { what: `${what}, by rate`, reached: rate, ...plain };
  return cpu === null ? [byRate] : [byRate, { what: `${what}, by CPU`, reached: cpu, ...plain }];
}

export function holds({ reached, bar, atMost }: Bar): boolean {
  return atMost ? reached <= bar : reached >= bar;
}

export function printBar(bar: Bar): void {
  const sign = bar.atMost ? 'at most' : 'at least';
  const unit = bar.unit === '' ? '' : ` ${bar.unit}`;
  const text = `${amount(bar.reached)}${unit}, bar ${sign} ${amount(bar.bar)}${unit}`;
  print(`  ${holds(bar) ? 'meets    ' : 'FALLS SHORT'} ${bar.what}: ${text}`);
}

function amount(value: number): string {
  return String(Number(value.toFixed(value < 10 ? 3 : 1)));
}
