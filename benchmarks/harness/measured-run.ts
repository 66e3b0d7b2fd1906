/** Runs a program to its end and measures it: processor time by the shell's count, and the peak of its memory. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { ROOT } from './contender.ts';

export interface MeasuredRun {
  readonly output: string;
  readonly seconds: number;
  /** User and system, children included. */
  readonly cpuSeconds: number;
  /** The greatest resident memory; null where there is no /proc. */
  readonly peakBytes: number | null;
}

const LOOK_MS = 10;
/** `times` prints the shell's own, then that of its children: user and system, each as 0m1.23s. */
const TIMED = '"$@"; code=$?; times >&3; exit $code';

/**
 * @param input  what it reads from its standard input
 * @param codes  the exit codes that it may end with
 * @throws       Error with the end of what the program said when it fails
 */
export async function measuredRun(
  program: string,
  args: readonly string[],
  input = '',
  codes: readonly (number | null)[] = [0],
): Promise<MeasuredRun> {
  const startedMs = performance.now();
  const shell = spawn('sh', ['-c', TIMED, 'sh', program, ...args], {
    cwd: ROOT,
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, PYTHONWARNINGS: 'ignore', TQDM_DISABLE: '1', PYTHONDONTWRITEBYTECODE: '1' },
  });
  let output = '';
  let said = '';
  let times = '';
  // One that ends without having read its input is no error of ours.
  shell.stdin!.on('error', () => {}).end(input);
  shell.stdout!.setEncoding('utf8').on('data', (text: string) => (output += text));
  shell.stderr!.on('data', (text: Buffer) => (said = (said + text.toString()).slice(-2_000)));
  shell.stdio[3]!.on('data', (text: Buffer) => (times += text.toString()));
  let peakKib: number | null = null;
  const look = setInterval(() => {
    const kib = peakOfChild(shell.pid!);
    if (kib !== null) peakKib = Math.max(peakKib ?? 0, kib);
  }, LOOK_MS);
  const [code] = (await once(shell, 'close')) as [number | null];
  clearInterval(look);
  if (!codes.includes(code)) throw new Error(`${program} ${args.join(' ')} ended with ${code}:\n${said}`);
  const cpuSeconds = secondsOf(times.trim().split('\n')[1]!);
  return {
    output,
    seconds: (performance.now() - startedMs) / 1_000,
    cpuSeconds,
    peakBytes: peakKib === null ? null : peakKib * 1_024,
  };
}

function peakOfChild(pid: number): number | null {
  try {
    const child = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]!;
    const peak = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child}/status`, 'utf8'));
    return peak === null ? null : Number(peak[1]);
  } catch {
    return null;
  }
}

/** @returns the sum of the times in a line that the shell's `times` prints */
function secondsOf(times: string): number {
  return [...times.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds),
    0,
  );
}
