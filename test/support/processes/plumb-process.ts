/** The command line as a user has it: a process of its own, its output and its exit code. */
import { spawn } from 'node:child_process';
import { inject, onTestFinished } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    readonly plumb: string;
  }
}

/** The program, as build-plumb-setup.ts built it. */
export const PLUMB = inject('plumb');
export const QUIET_NODE = '--disable-warning=ExperimentalWarning';

export interface Finished {
  /** null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface ProcessOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The program to run in its place. */
  readonly program?: string;
}

/** Runs `plumb ARGS` to its end. */
export function plumb(args: readonly string[], options: ProcessOptions = {}): Promise<Finished> {
  return run(process.execPath, [options.program ?? PLUMB, ...args], options);
}

/** Runs a program to its end; its stdin is empty. */
export function run(
  program: string,
  args: readonly string[],
  options: ProcessOptions = {},
): Promise<Finished> {
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (part: string) => (text[name] += part));
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...text }));
  });
}

export interface Serving {
  readonly url: string;
  readonly adminUrl: string;
  readonly pid: number;
  /** Asks it to end, as Kubernetes would. */
  stop(): Promise<Finished>;
}

/**
 * Starts `plumb serve` on free ports and waits until it says its address. It ends with the test at the latest.
 *
 * @param program  to run in its place
 */
export async function serve(folder: string, program = PLUMB): Promise<Serving> {
  const ports = ['--port', '0', '--admin-port', '0'];
  // Requests must not be refused for what a busy machine makes them wait.
  const sets = ['--set', 'serve.drainMs=0', '--set', 'serve.deadlineMs=5000'];
  const args = ['-C', folder, ...sets, 'serve', ...ports];
  const child = spawn(process.execPath, [QUIET_NODE, program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (stdout += part));
  const ended = new Promise<Finished>((resolve) => {
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
  const stop = (): Promise<Finished> => {
    child.kill('SIGTERM');
    return ended;
  };
  onTestFinished(async () => void (await stop()));
  const [url, adminUrl] = await new Promise<[string, string]>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (part: string) => {
      stderr += part;
      const said = /serves on (http:\/\/[^\s,]+).* admin on (http:\/\/[^\s,]+)/.exec(stderr);
      if (said !== null) resolve([said[1]!, said[2]!]);
    });
    void ended.then(({ code }) => reject(new Error(`plumb serve ended with ${code}: ${stderr}`)));
  });
  return { url, adminUrl, pid: child.pid!, stop };
}
