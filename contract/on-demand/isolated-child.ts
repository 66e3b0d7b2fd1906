/**
 * A process of isolated functions (isolated-process.ts) as the one that started it sees it: jobs go to it, what it has
 * done comes back, and it can be asked where it is, even while a call loops.
 *
 * It has no environment, no input, no output and a limit of memory, and ends with the process that started it.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { deserialize } from 'node:v8';
import { ASK, frameOf, HEAD_BYTES, LIFELINE_FD, MESSAGES_FD, NOT_IN_CALL } from './isolated-messages.ts';
import { PLACE_BYTES, READY, SKIP } from './isolated-messages.ts';
import type { IsolatedDone, IsolatedInput, IsolatedJob, IsolatedTold } from './isolated-messages.ts';

/** From the checkout the sources run, from an installed package what was built of them. */
const ENTRY = `./isolated-process.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`;

/** A message has TOLD_BYTES and one row: whoever sends more is broken. */
const MOST_BYTES = 2 ** 28;

/** What a process may have beside the heap: its code, its second thread, and typed arrays, which no heap counts. */
const BESIDE_HEAP_MIB = 192;

/** Where a process is in a call. */
export interface IsolatedPlace {
  readonly job: number;
  readonly row: number;
  readonly inCallMs: number;
  /** Of processor time, since it was first asked in this call. */
  readonly cpuMs: number;
  /** Whether it holds more memory than it may. */
  readonly isTooLarge: boolean;
}

export interface IsolatedChildOptions {
  readonly functions: IsolatedInput['functions'];
  /** Of its heap. */
  readonly memoryMiB: number;
  /** How long its start may take, and then the code of each function before it can be called. */
  readonly startMs: number;
  /** @param bytes  of the message */
  readonly onDone: (done: IsolatedDone, bytes: number) => void;
  /** What came of `ask`; not called where it is in no call. */
  readonly onPlace: (place: IsolatedPlace) => void;
  /** After all that it sent was taken. @param by  a signal's name, or what else ended it */
  readonly onEnd: (by: string) => void;
}

export class IsolatedChild {
  /** Once it is ready, or ended before that. */
  readonly ready: Promise<void>;
  readonly #options: IsolatedChildOptions;
  readonly #child: ChildProcess;
  readonly #messages: Socket;
  readonly #lifeline: Socket;
  readonly #ended: Promise<void>;
  #isReady = false;
  /** How many rows of each function were sent to it. */
  readonly #ran = new Map<number, number>();
  /** The function whose code it is reading. */
  #reads: number | null = null;
  readonly #limit: NodeJS.Timeout;
  #sayReady = (): void => {};
  /** What came of frames that are not whole yet. */
  #parts: Buffer[] = [];
  #partsBytes = 0;
  /** How much there must be before a look is worth it. */
  #needed = HEAD_BYTES;
  /** Since when it owes an answer to `ask`; null: it owes none. */
  #askedMs: number | null = null;

  /** @throws Error when the system gives no process */
  constructor(options: IsolatedChildOptions) {
    this.#options = options;
    this.#child = startProcess(options.memoryMiB);
    this.#messages = this.#child.stdio[MESSAGES_FD] as Socket;
    this.#lifeline = this.#child.stdio[LIFELINE_FD] as Socket;
    this.#limit = setTimeout(() => this.#kill(), options.startMs);
    this.ready = new Promise((resolve) => {
      this.#sayReady = () => {
        clearTimeout(this.#limit);
        this.#sayReady = () => {};
        resolve();
      };
    });
    this.#ended = new Promise((resolve) => {
      const end = (by: string): void => {
        options.onEnd(by);
        this.#sayReady();
        resolve();
      };
      // Its streams end after it, so that nothing it sent is missed.
      this.#child.once('close', (code, signal) => end(signal ?? `exit code ${code}`));
    });
    for (const socket of [this.#messages, this.#lifeline]) socket.on('error', ignored);
    this.#lifeline.on('data', (place: Buffer) => this.#takePlace(place));
    this.#messages.on('data', (part: Buffer) => this.#take(part));
    this.#messages.write(frameOf({ functions: options.functions }));
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Once it ended before it was ready: the code that is to blame, and why; null: none is. */
  codeFault(by: string): string | null {
    if (this.#reads === null) return null;
    const { file } = this.#options.functions[this.#reads]!.view.code;
    const { startMs } = this.#options;
    const why = by === 'SIGKILL' ? `takes over ${startMs} ms` : 'takes more memory than its process may have';
    return `${file}: its code outside of the function, which runs once before the first call, ${why} and was ended`;
  }

  /** The views of which rows were sent to it, that with the most rows first. */
  get ran(): readonly string[] {
    const byRows = [...this.#ran].toSorted(([, a], [, b]) => b - a);
    return byRows.map(([of]) => this.#options.functions[of]!.view.id);
  }

  /** @param jobs  of one tick; it reads and answers them one by one, in this order */
  send(jobs: readonly IsolatedJob[]): void {
    for (const { of, rows } of jobs) this.#ran.set(of, (this.#ran.get(of) ?? 0) + rows.length);
    const frames = jobs.map(frameOf);
    this.#messages.write(frames.length === 1 ? frames[0]! : Buffer.concat(frames));
  }

  /** Asks where it is, unless it owes that answer. One that does not even tell that, as a stopped one, is ended. */
  ask(): void {
    const nowMs = performance.now();
    if (this.#askedMs === null) {
      this.#askedMs = nowMs;
      this.#lifeline.write(Buffer.from(Int32Array.of(ASK, 0).buffer));
    } else if (nowMs - this.#askedMs > this.#options.startMs) this.#kill();
  }

  /** Ends a call, if it is still in it: the job's outcomes end there. A call that is in a native method stays. */
  endCall(job: number, row: number): void {
    this.#lifeline.write(Buffer.from(Int32Array.of(job, row).buffer));
  }

  /** It computes no more rows of these jobs, and answers them as they are. */
  skip(jobs: readonly number[]): void {
    if (jobs.length === 0) return;
    this.#lifeline.write(Buffer.from(Int32Array.from(jobs.flatMap((job) => [job, SKIP])).buffer));
  }

  /** How long it owes an answer to `ask`; 0: it owes none. */
  get silentMs(): number {
    return this.#askedMs === null ? 0 : performance.now() - this.#askedMs;
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

  #takePlace(place: Buffer): void {
    this.#askedMs = null;
    if (place.length !== PLACE_BYTES) return this.#kill();
    const [job, row, inCallUs, cpuUs, memoryKiB] = numbersOf(place);
    if (inCallUs === NOT_IN_CALL) return;
    const isTooLarge = memoryKiB > (this.#options.memoryMiB + BESIDE_HEAP_MIB) * 1024;
    this.#options.onPlace({ job, row, inCallMs: inCallUs / 1000, cpuMs: cpuUs / 1000, isTooLarge });
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
    let message: IsolatedTold;
    try {
      message = deserialize(body) as IsolatedTold;
    } catch {
      return this.#kill();
    }
    if (typeof message === 'object') return this.#options.onDone(message, body.length);
    if (message !== READY) {
      this.#reads = message;
      this.#limit.refresh();
      return;
    }
    this.#isReady = true;
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

function numbersOf(place: Buffer) {
  const at = (field: number): number => place.readInt32LE(4 * field);
  return [at(0), at(1), at(2), at(3), at(4)] as const;
}

/** What ended a process is known from `close`; without a listener an error would end this one. */
function ignored(): void {}

/** @throws Error when the system gives none */
function startProcess(memoryMiB: number): ChildProcess {
  const entry = fileURLToPath(new URL(ENTRY, import.meta.url));
  // The young generation counts three half spaces.
  const flags = [`--max-old-space-size=${memoryMiB}`, '--max-semi-space-size=2'];
  const stdio = ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] as const;
  const child = spawn(process.execPath, [...flags, entry], { env: {}, stdio: [...stdio] });
  child.on('error', ignored);
  // Where descriptors ran out it has no streams, whatever its type says.
  if ((child.stdio as unknown) === undefined) throw new Error('no descriptors are left for a process');
  return child;
}
