/**
 * The process in which functions run that may never end, or take all memory; started by isolated-child.ts.
 *
 * It reads and writes without waiting in between, one frame of jobs a turn of its loop. A thread of its own does nothing
 * but wait for the end of the process that started it, and then ends this one, in whatever call it is.
 */
import { readSync, writeSync } from 'node:fs';
import { deserialize } from 'node:v8';
import { Worker } from 'node:worker_threads';
import type { Value } from '../value-type.ts';
import { compileWith } from './compile-function.ts';
import { BUSY, CALLS, HEAD_BYTES, JOB, PROGRESS_BYTES, READY, ROW } from './isolated-progress.ts';
import { frameOf, LIFELINE_FD, MESSAGES_FD, PROGRESS_FD } from './isolated-progress.ts';
import type { IsolatedDone, IsolatedInput, IsolatedJob } from './isolated-progress.ts';
import { OnDemandFault } from './on-demand-function.ts';
import type { OnDemandFunction } from './on-demand-function.ts';

/** Nothing is left to be done in order, and process.exit would wait for the thread below. */
const END = "process.kill(process.pid, 'SIGKILL')";
const GUARD = `try { require('node:fs').readSync(${LIFELINE_FD}, Buffer.alloc(1)); } finally { ${END}; }`;

const at = new Int32Array(PROGRESS_BYTES / 4);

function tell(): void {
  writeSync(PROGRESS_FD, at, 0, PROGRESS_BYTES, 0);
}

/** @returns so many bytes; ends the process where no more come */
function bytes(length: number): Buffer {
  const all = Buffer.allocUnsafe(length);
  for (let have = 0; have < length;) {
    const more = readSync(MESSAGES_FD, all, have, length - have, null);
    if (more === 0) process.kill(process.pid, 'SIGKILL');
    have += more;
  }
  return all;
}

function nextMessage(): unknown {
  return deserialize(bytes(bytes(HEAD_BYTES).readUInt32LE()));
}

function send(message: IsolatedDone | typeof READY): void {
  const frame = frameOf(message);
  for (let sent = 0; sent < frame.length;) sent += writeSync(MESSAGES_FD, frame, sent);
}

/** A function that does not even compile fails in each of its calls. */
function compiledOf({ view, args }: IsolatedInput['functions'][number]): Pick<OnDemandFunction, 'call'> {
  try {
    return compileWith(view, args);
  } catch (error) {
    const fault = new OnDemandFault('threw', (error as Error).message);
    return { call: () => fault };
  }
}

function run({ call }: Pick<OnDemandFunction, 'call'>, { id, rows, timed }: IsolatedJob): IsolatedDone {
  const tookMs: number[] = [];
  at[JOB] = id;
  at[BUSY] = 1;
  const outcomes = rows.map((values, row) => {
    at[ROW] = row;
    at[CALLS]! += 1;
    tell();
    const outputs: Value[] = [];
    const beganMs = timed ? performance.now() : 0;
    const fault = call(values, outputs);
    if (timed) tookMs.push(performance.now() - beganMs);
    return fault === null ? outputs : { reason: fault.reason, message: fault.message };
  });
  at[BUSY] = 0;
  tell();
  return { id, outcomes, tookMs };
}

// Who stops the sidecar may send these to all its processes; it still needs this one for what it has to answer.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

const guard = new Worker(GUARD, { eval: true, stdout: true, stderr: true });
await new Promise((resolve) => guard.once('online', resolve));
const compiled = (nextMessage() as IsolatedInput).functions.map(compiledOf);
send(READY);

/** One turn of the loop a frame: what functions left to be done later has its turn in between. */
function turn(): void {
  for (const job of nextMessage() as readonly IsolatedJob[]) send(run(compiled[job.of]!, job));
  setImmediate(turn);
}
turn();
