/**
 * What a row computed on demand costs: ten features of arithmetic over ten numbers, in the thread that calls, by CPU
 * time; and what others lose while a function is ended that never returns, by the clock of a machine that should be
 * quiet.
 *
 *   node --disable-warning=ExperimentalWarning benchmarks/micro/on-demand-bench.ts
 */
import { compileOnDemand } from '../../contract/on-demand/compile-function.ts';
import { IsolatedFunctions } from '../../contract/on-demand/isolated-functions.ts';
import type { Value } from '../../contract/value-type.ts';
import { median } from '../harness/median.ts';
import { print, printHardware } from '../harness/report.ts';
import { NO_VIEWS, viewOf } from '../harness/on-demand-view.ts';

const ROUNDS = 9;
const ROWS = 300_000;
const TEN = Array.from({ length: 10 }, (_, i) => i);
const names = TEN.map((i) => `x${i}`);
const script = `({ ${names.join(', ')} }) => ({ ${TEN.map((i) => `y${i}: x${i} * ${i + 2} + x${(i + 1) % 10} / 3`).join(', ')} })`;
const ten = viewOf(
  'ten',
  script,
  names,
  TEN.map((i) => `y${i}`),
);

/** Nanoseconds of CPU a row. */
function cost(run: (row: Value[], outputs: Value[]) => void): number {
  const rows = Array.from({ length: 64 }, (_, n) => TEN.map((i): Value => n + i / 7));
  const outputs: Value[] = [];
  const before = process.cpuUsage();
  for (let n = 0; n < ROWS; n++) run(rows[n & 63]!, outputs);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1_000) / ROWS;
}

function inThread(): void {
  const fn = compileOnDemand(ten, NO_VIEWS);
  const rounds = Array.from({ length: ROUNDS }, () => cost((row, outputs) => void fn.call(row, outputs)));
  print(
    `ten features of a row: ${median(rounds).toFixed(0)} ns (${rounds.map((ns) => ns.toFixed(0)).join(', ')})`,
  );
}

async function isolated(): Promise<void> {
  const looping = viewOf('looping', '({ x }) => { while (x > 1) x /= 2; return { y: x } }', ['x'], ['y']);
  const quick = viewOf('quick', '({ x }) => ({ y: 2 * x })', ['x'], ['y']);
  const ends: string[] = [];
  const functions = new IsolatedFunctions([looping, quick], NO_VIEWS, {
    callMs: 4,
    spare: true,
    onEnd: (view) => ends.push(view),
  });
  await functions.start();
  const took = { alone: [] as number[], beside: [] as number[] };
  for (let n = 0; n < 600; n++) {
    const isBeside = n % 20 === 10;
    const beganMs = performance.now();
    const loop = isBeside ? functions.rows('looping', [[Infinity]]) : null;
    await functions.rows('quick', [[n]]);
    took[isBeside ? 'beside' : 'alone'].push(performance.now() - beganMs);
    await loop;
    await new Promise((resolve) => setTimeout(resolve, isBeside ? 120 : 2));
  }
  await functions.close();
  for (const [what, times] of Object.entries(took)) {
    const sorted = times.toSorted((a, b) => a - b);
    const at = (share: number): string => sorted[Math.floor(share * (sorted.length - 1))]!.toFixed(2);
    print(`isolated, ${what} a loop: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms of ${times.length}`);
  }
  print(`processes ended: ${ends.length}`);
}

printHardware();
inThread();
await isolated();
