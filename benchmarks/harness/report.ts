/** How benchmarks print: raw rounds, medians, ratios, and each target with what was reached. */
import { cpus, loadavg } from 'node:os';
import type { Measured } from './rounds.ts';

export interface Target {
  readonly what: string;
  readonly reached: number;
  readonly wanted: number;
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
export function timesTargets(what: string, of: Measured, to: Measured, wanted: number): Target[] {
  const { rate, cpu } = ratios(of, to);
  const plain = { wanted, unit: 'x', atMost: false } as const;
  const byRate: Target = { what: `${what}, by rate`, reached: rate, ...plain };
  return cpu === null ? [byRate] : [byRate, { what: `${what}, by CPU`, reached: cpu, ...plain }];
}

export function holds({ reached, wanted, atMost }: Target): boolean {
  return atMost ? reached <= wanted : reached >= wanted;
}

export function printTarget(target: Target): void {
  const sign = target.atMost ? 'at most' : 'at least';
  const unit = target.unit === '' ? '' : ` ${target.unit}`;
  const text = `${amount(target.reached)}${unit}, target ${sign} ${amount(target.wanted)}${unit}`;
  print(`  ${holds(target) ? 'meets    ' : 'FALLS SHORT'} ${target.what}: ${text}`);
}

function amount(value: number): string {
  return String(Number(value.toFixed(value < 10 ? 3 : 1)));
}
