/**
 * A process of isolated functions (isolated-process.ts) as the one that started it sees it: jobs go to it, what it has
 * done comes back, and how far it is can be read at any time, even when it is dead.
 *
 * It has no environment, no input, no output and a limit of memory, and ends with the process that started it.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readSync, unlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deserialize } from 'node:v8';
import { BUSY, CALLS, frameOf, HEAD_BYTES, JOB, LIFELINE_FD, MESSAGES_FD } from './isolated-progress.ts';
import { PROGRESS_BYTES, READY, ROW } from './isolated-progress.ts';
import type { IsolatedDone, IsolatedInput, IsolatedJob } from './isolated-progress.ts';

/** From the checkout the sources run, from an installed package what was built of them. */
const ENTRY = `./isolated-process.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`;

/** The first is memory, and can be written where the rest of a container cannot; not every system has it. */
const PROGRESS_FOLDERS = ['/dev/shm', tmpdir()];

/** No answer of 64 MiB of memory is so long: whoever sends it is broken. */
const MOST_BYTES = 2 ** 28;

/** Where a process is, or was when it ended. */
export interface IsolatedProgress {
  readonly calls: number;
  readonly job: number;
  readonly row: number;
  readonly inCall: boolean;
}

interface ChildOptions {
  readonly functions: IsolatedInput['functions'];
  readonly memoryMiB: number;
  /** It is ended when it is not ready by then. */
  readonly startMs: number;
  readonly onReady: () => void;
  readonly onDone: (done: IsolatedDone) => void;
  /** After all that it sent was taken. @param by  a signal's name, or what else ended it */
  readonly onEnd: (by: string) => void;
}

export class IsolatedChild {
  /** Once it is ready, or ended before that. */
  readonly ready: Promise<void>;
  readonly #child: ChildProcess;
  readonly #messages: Socket;
  readonly #lifeline: Socket;
  readonly #ended: Promise<void>;
  readonly #progress: number;
  readonly #at = new Int32Array(PROGRESS_BYTES / 4);
  readonly #onReady: ChildOptions['onReady'];
  readonly #onDone: ChildOptions['onDone'];
  #isReady = false;
  #sayReady = (): void => {};
  /** What came of frames that are not whole yet. */
  #parts: Buffer[] = [];
  #partsBytes = 0;
  /** How much there must be before a look is worth it. */
  #needed = HEAD_BYTES;

  /** @throws Error when the system gives no process, or no file for its progress */
  constructor({ functions, memoryMiB, startMs, onReady, onDone, onEnd }: ChildOptions) {
    this.#onReady = onReady;
    this.#onDone = onDone;
    this.#progress = openProgress();
    try {
      this.#child = startProcess(memoryMiB, this.#progress);
    } catch (error) {
      closeSync(this.#progress);
      throw error;
    }
    this.#messages = this.#child.stdio[MESSAGES_FD] as Socket;
    this.#lifeline = this.#child.stdio.at(LIFELINE_FD) as Socket;
    const limit = setTimeout(() => this.#kill(), startMs);
    this.ready = new Promise((resolve) => {
      this.#sayReady = () => {
        clearTimeout(limit);
        this.#sayReady = () => {};
        resolve();
      };
    });
    this.#ended = new Promise((resolve) => {
      const end = (by: string): void => {
        onEnd(by);
        closeSync(this.#progress);
        this.#sayReady();
        resolve();
      };
      // Its streams end after it, so that nothing it sent is missed.
      this.#child.once('close', (code, signal) => end(signal ?? `exit code ${code}`));
    });
    for (const socket of [this.#messages, this.#lifeline]) socket.on('error', ignored);
    this.#lifeline.resume();
    this.#messages.on('data', (part: Buffer) => this.#take(part));
    this.#messages.write(frameOf({ functions }));
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  send(jobs: readonly IsolatedJob[]): void {
    this.#messages.write(frameOf(jobs));
  }

  progress(): IsolatedProgress {
    const at = this.#at;
    readSync(this.#progress, at, 0, PROGRESS_BYTES, 0);
    return { calls: at[CALLS]!, job: at[JOB]!, row: at[ROW]!, inCall: at[BUSY] === 1 };
  }

  /** @returns once nothing of it is left */
  async end(): Promise<void> {
    this.#keepsAwake(true);
    this.#kill();
    await this.#ended;
  }

  #kill(): void {
    this.#child.kill('SIGKILL');
  }

  #take(part: Buffer): void {
    this.#parts.push(part);
    this.#partsBytes += part.length;
    if (this.#partsBytes < this.#needed) return;
    let rest = this.#parts.length === 1 ? part : Buffer.concat(this.#parts, this.#partsBytes);
    this.#needed = HEAD_BYTES;
    while (rest.length >= HEAD_BYTES) {
      const end = HEAD_BYTES + rest.readUInt32LE();
      if (end > MOST_BYTES) return this.#kill();
      if (rest.length < end) {
        this.#needed = end;
        break;
      }
      this.#hear(rest.subarray(HEAD_BYTES, end));
      rest = rest.subarray(end);
    }
    this.#parts = rest.length === 0 ? [] : [rest];
    this.#partsBytes = rest.length;
  }

  #hear(body: Buffer): void {
    let message: typeof READY | IsolatedDone;
    try {
      message = deserialize(body) as typeof READY | IsolatedDone;
    } catch {
      return this.#kill();
    }
    if (message !== READY) return this.#onDone(message);
    this.#isReady = true;
    this.#onReady();
    // While rows wait, who waits for them keeps this process awake.
    this.#keepsAwake(false);
    this.#sayReady();
  }

  /** @param does  whether this process goes on as long as that one is there */
  #keepsAwake(does: boolean): void {
    const handles = [this.#child, this.#messages, this.#lifeline];
    for (const handle of handles)
      if (does) handle.ref();
      else handle.unref();
  }
}

/** What ended a process is known from `close`; without a listener an error would end this one. */
function ignored(): void {}

/** @throws Error when the system gives none */
function startProcess(memoryMiB: number, progress: number): ChildProcess {
  const entry = fileURLToPath(new URL(ENTRY, import.meta.url));
  // The young generation counts three half spaces.
  const flags = [`--max-old-space-size=${memoryMiB}`, '--max-semi-space-size=2'];
  const child = spawn(process.execPath, [...flags, entry], {
    env: {},
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', progress, 'pipe'],
  });
  child.on('error', ignored);
  // Where descriptors ran out it has no streams, whatever its type says.
  if ((child.stdio as unknown) === undefined) throw new Error('no descriptors are left for a process');
  return child;
}

/** @returns a file of zeros that nobody else can open */
function openProgress(): number {
  let failed: unknown;
  for (const folder of PROGRESS_FOLDERS) {
    const path = join(folder, `plumb-${randomUUID()}`);
    try {
      const file = openSync(path, 'wx+', 0o600);
      unlinkSync(path);
      return file;
    } catch (error) {
      failed = error;
    }
  }
  throw new Error(`isolated functions need a file in ${PROGRESS_FOLDERS.join(' or ')}`, { cause: failed });
}
