/** A process that is run to its end, and the processor time that it took: the shell's `times` tells. */
import { spawnSync } from 'node:child_process';

export interface TimedProcess {
  readonly output: string;
  /** User and system. */
  readonly cpuS: number;
}

/** @throws Error with what it complained when it fails */
export function timedProcess(program: string, args: readonly string[], input = ''): TimedProcess {
  const script = '"$@"; code=$?; times >&2; exit $code';
  const env = { ...process.env, PYTHONWARNINGS: 'ignore', TQDM_DISABLE: '1', PYTHONDONTWRITEBYTECODE: '1' };
  const done = spawnSync('/bin/sh', ['-c', script, 'sh', program, ...args], { input, env, encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${done.stderr.slice(-2_000)}`);
  // The last line is that of the shell's children: 0m1.230000s 0m0.100000s
  return { output: done.stdout, cpuS: secondsOf(done.stderr.trim().split('\n').at(-1)!) };
}

/** @returns the sum of the times in a line that the shell's `times` prints */
export function secondsOf(times: string): number {
  return [...times.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds),
    0,
  );
}
