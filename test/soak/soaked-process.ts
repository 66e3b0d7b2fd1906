/**
 * A program of the soak as a process of its own: started, sent signals, started again. What it says is kept in a file
 * of its own, and its last part in memory. One that ends though nobody asked it to is told by `onEnd`.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../support/until.ts';

const ROOT = join(import.meta.dirname, '../..');
const SAID_CHARS = 20_000;
const PAGE_BYTES = 4_096;
const MIB = 2 ** 20;
const START_LIMIT_MS = 120_000;

interface Program {
  readonly name: string;
  /** Of `plumb`, such as `['-C', FOLDER, 'serve']`. */
  readonly args: readonly string[];
  /** Of Node. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The file that keeps what it says. */
  readonly log: string;
  /** Is called when it ends by itself. */
  readonly onEnd?: (how: string) => void;
}

export class SoakedProcess {
  readonly #program: Program;
  #child: ChildProcess | null = null;
  #said = '';
  #isWanted = false;

  constructor(program: Program) {
    this.#program = program;
  }

  get name(): string {
    return this.#program.name;
  }

  /** 0: it does not run. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** @param ready  what it says once it is; resolves then */
  async start(ready?: RegExp): Promise<void> {
    const { args, flags = [], env = {}, log, onEnd } = this.#program;
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', ...flags, join(ROOT, 'plumb.ts'), ...args],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, NODE_COMPILE_CACHE: join(ROOT, '.cache/loaded/compiled'), ...env },
      },
    );
    this.#said = '';
    this.#isWanted = true;
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#said = (this.#said + text).slice(-SAID_CHARS);
        appendFileSync(log, text);
      });
    }
    child.once('exit', (code, signal) => {
      if (this.#child === child) this.#child = null;
      if (this.#isWanted) onEnd?.(`ended by itself with ${signal ?? code}`);
    });
    if (ready !== undefined) await this.#until(ready);
  }

  async #until(ready: RegExp): Promise<void> {
    const isThere = (): boolean => this.#child === null || ready.test(this.#said);
    await until(isThere, `${this.name} says ${ready}`, 50, START_LIMIT_MS);
    if (this.#child === null) throw new Error(`${this.name} ended before it was ready:\n${this.#said}`);
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** Asks it to end, as Kubernetes would. @returns its exit code; null: a signal ended it, or it did not run */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const child = this.#child;
    if (child === null) return null;
    this.#isWanted = false;
    const ended = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill(signal);
    await ended;
    return child.exitCode;
  }

  /** Runs to its own end. @returns its exit code */
  async run(): Promise<number | null> {
    await this.start();
    this.#isWanted = false;
    const child = this.#child!;
    await once(child, 'exit');
    return child.exitCode;
  }

  /** The last of what it said since its start. */
  get said(): string {
    return this.#said;
  }

  /** null: it does not run, or this machine has no /proc. */
  residentMib(): number | null {
    if (this.pid === 0) return null;
    try {
      const fields = readFileSync(`/proc/${this.pid}/statm`, 'utf8').split(' ');
      return (Number(fields[1]) * PAGE_BYTES) / MIB;
    } catch {
      return null;
    }
  }
}
