/**
 * The process in which functions run that may never end, or take all memory; started by isolated-child.ts.
 *
 * It reads and writes without waiting in between, one job a turn of its loop; a job is answered before the next one is
 * read. A thread of its own tells where it is whenever it is asked, and ends this process, in whatever call it is, once
 * the one that started it is gone.
 */
import { readSync, writeSync } from 'node:fs';
import { deserialize } from 'node:v8';
import { Worker } from 'node:worker_threads';
import type { Value } from '../value-type.ts';
import { compileWith } from './compile-function.ts';
import { frameOf, HEAD_BYTES, LIFELINE_FD, MESSAGES_FD, NOT_IN_CALL, READY } from './isolated-messages.ts';
import type { IsolatedDone, IsolatedInput, IsolatedJob, IsolatedTold } from './isolated-messages.ts';
import { OnDemandFault } from './on-demand-function.ts';
import type { OnDemandFunction } from './on-demand-function.ts';

/** Where this process is, for the guard: [ job | row | when the call began, in microseconds | 1 in a job, else 0 ]. */
const JOB = 0;
const ROW = 1;
const BEGAN = 2;
const BUSY = 3;
const at = new Int32Array(new SharedArrayBuffer(16));

/** Nothing is left to be done in order, and process.exit would wait for a thread that waits. */
const GUARD = `
  const { readSync, writeSync } = require('node:fs');
  const at = require('node:worker_threads').workerData;
  const asked = Buffer.alloc(1);
  let call = '';
  let cpuBeforeUs = 0;
  try {
    while (readSync(${LIFELINE_FD}, asked) > 0) {
      const [job, row, began] = [${JOB}, ${ROW}, ${BEGAN}].map((i) => Atomics.load(at, i));
      const [seconds, nanoseconds] = process.hrtime();
      const inCallUs = (((seconds * 1e6 + nanoseconds / 1e3) | 0) - began) | 0;
      const isThere = Atomics.load(at, ${BUSY}) === 1 && Atomics.load(at, ${ROW}) === row && Atomics.load(at, ${JOB}) === job;
      const { user, system } = process.cpuUsage();
      if (call !== job + ' ' + row) cpuBeforeUs = user + system;
      call = job + ' ' + row;
      const cpuUs = user + system - cpuBeforeUs;
      const told = isThere ? Math.max(0, inCallUs) : ${NOT_IN_CALL};
      writeSync(${LIFELINE_FD}, Int32Array.of(job, row, told, cpuUs, process.memoryUsage.rss() / 1024));
    }
  } finally {
    process.kill(process.pid, 'SIGKILL');
  }`;

/** What was read and not handed out yet lies from `from` to `to`. */
let buffer = Buffer.allocUnsafeSlow(65_536);
let from = 0;
let to = 0;

/** @returns the next message; what it holds of bytes is overwritten by the one after it */
function nextMessage(): unknown {
  for (;;) {
    const needed = to - from < HEAD_BYTES ? HEAD_BYTES : HEAD_BYTES + buffer.readUInt32LE(from);
    if (needed > HEAD_BYTES && to - from >= needed) {
      const body = buffer.subarray(from + HEAD_BYTES, from + needed);
      from += needed;
      return deserialize(body);
    }
    makeRoom(needed);
    const more = readSync(MESSAGES_FD, buffer, to, buffer.length - to, null);
    if (more === 0) process.kill(process.pid, 'SIGKILL');
    to += more;
  }
}

/** Moves what is there to the start of a buffer that so many bytes fit in. */
function makeRoom(bytes: number): void {
  const whole = bytes <= buffer.length ? buffer : Buffer.allocUnsafeSlow(bytes);
  buffer.copy(whole, 0, from, to);
  buffer = whole;
  to -= from;
  from = 0;
}

function send(message: IsolatedTold): void {
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
  const outcomes = rows.map((values, row) => {
    begin(id, row);
    const outputs: Value[] = [];
    const beganMs = timed ? performance.now() : 0;
    const fault = call(values, outputs);
    if (timed) tookMs.push(performance.now() - beganMs);
    return fault === null ? outputs : { reason: fault.reason, message: fault.message };
  });
  Atomics.store(at, BUSY, 0);
  return { id, outcomes, tookMs };
}

/** The time first, and the guard reads it last: it never takes the time of one call for that of the next. */
function begin(job: number, row: number): void {
  const [seconds, nanoseconds] = process.hrtime();
  Atomics.store(at, BEGAN, (seconds * 1e6 + nanoseconds / 1e3) | 0);
  Atomics.store(at, ROW, row);
  Atomics.store(at, JOB, job);
  Atomics.store(at, BUSY, 1);
}

// Who stops the sidecar may send these to all its processes; it still needs this one for what it has to answer.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

const guard = new Worker(GUARD, { eval: true, stdout: true, stderr: true, workerData: at });
await new Promise((resolve) => guard.once('online', resolve));
const compiled = (nextMessage() as IsolatedInput).functions.map((one, i) => {
  // The top level of a module may never end, too.
  send(i);
  return compiledOf(one);
});
send(READY);

/** One turn of the loop a job: what functions left to be done later has its turn in between. */
function turn(): void {
  const job = nextMessage() as IsolatedJob;
  send(run(compiled[job.of]!, job));
  setImmediate(turn);
}
turn();
