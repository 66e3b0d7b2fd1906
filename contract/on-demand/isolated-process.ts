/**
 * The process in which functions run that may never end, or take all memory; started by isolated-child.ts.
 *
 * It reads and writes without waiting in between, one job a turn of its loop; a job is answered before the next one is
 * read, part by part where its outcomes are long. A thread of its own tells where it is whenever it is asked, ends a
 * call when it is told to, and ends this process, in whatever call it is, once the one that started it is gone.
 *
 * A call is ended by SIGINT: V8 leaves the script that was entered last with `breakOnSigint`. That is the one of the
 * calls, or the one in which the thread waits, which enters it again. The thread holds Node's watch for the signal, so
 * that to enter the script of the calls costs 1 us; without it Node starts a thread each time, in 50 us. Only where a
 * native method loops does the one that started this process have to end it.
 */
import { closeSync, readdirSync, readFileSync, readSync, writeSync } from 'node:fs';
import { deserialize } from 'node:v8';
import { Script } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { sizeOfValue } from '../value-size.ts';
import type { Value } from '../value-type.ts';
import { compileWith } from './compile-function.ts';
import {
  ASK,
  COMMAND_BYTES,
  frameOf,
  HEAD_BYTES,
  LIFELINE_FD,
  MESSAGES_FD,
  NOT_IN_CALL,
  READY,
  SKIP,
  TOLD_BYTES,
} from './isolated-messages.ts';
import type { IsolatedDone, IsolatedInput, IsolatedJob, IsolatedTold } from './isolated-messages.ts';
import { OnDemandFault } from './on-demand-function.ts';
import type { OnDemandFunction } from './on-demand-function.ts';

/** Where this process is, for the guard: [ job | row | when the call began, in microseconds | 1 in a job, else 0 ]. */
const JOB = 0;
const ROW = 1;
const BEGAN = 2;
const BUSY = 3;
/** The call that the guard was told to end. */
const ENDED_JOB = 4;
const ENDED_ROW = 5;
/** From here on jobs that nobody waits for, each at its number modulo how many fit; one overwritten is computed. */
const SKIPPED = 6;
const SKIPPED_JOBS = 16_384;
const at = new Int32Array(new SharedArrayBuffer(4 * (SKIPPED + SKIPPED_JOBS))).fill(-1, ENDED_JOB);
/** O_CLOEXEC of Linux. */
const CLOSED_ON_EXEC = 0o2000000;
const INTERRUPTED = 'ERR_SCRIPT_EXECUTION_INTERRUPTED';

/** Nothing is left to be done in order, and process.exit would wait for a thread that waits. */
const GUARD = `
  const { readSync, writeSync } = require('node:fs');
  const { Script } = require('node:vm');
  const at = require('node:worker_threads').workerData;
  const told = Buffer.alloc(${COMMAND_BYTES});
  let call = '';
  let cpuBeforeUs = 0;
  const isIn = (job, row) => {
    return Atomics.load(at, ${BUSY}) === 1 && Atomics.load(at, ${ROW}) === row && Atomics.load(at, ${JOB}) === job;
  };
  const tellPlace = () => {
    const [job, row, began] = [${JOB}, ${ROW}, ${BEGAN}].map((i) => Atomics.load(at, i));
    const [seconds, nanoseconds] = process.hrtime();
    const inCallUs = (((seconds * 1e6 + nanoseconds / 1e3) | 0) - began) | 0;
    const isThere = isIn(job, row);
    const { user, system } = process.cpuUsage();
    if (call !== job + ' ' + row) cpuBeforeUs = user + system;
    call = job + ' ' + row;
    const cpuUs = user + system - cpuBeforeUs;
    const place = isThere ? Math.max(0, inCallUs) : ${NOT_IN_CALL};
    writeSync(${LIFELINE_FD}, Int32Array.of(job, row, place, cpuUs, process.memoryUsage.rss() / 1024));
  };
  const endCall = (job, row) => {
    if (row === ${SKIP}) return Atomics.store(at, ${SKIPPED} + (job % ${SKIPPED_JOBS}), job);
    if (!isIn(job, row)) return;
    Atomics.store(at, ${ENDED_ROW}, row);
    Atomics.store(at, ${ENDED_JOB}, job);
    process.kill(process.pid, 'SIGINT');
  };
  globalThis.watch = () => {
    while (readSync(${LIFELINE_FD}, told) > 0) {
      const job = told.readInt32LE();
      if (job === ${ASK}) tellPlace();
      else endCall(job, told.readInt32LE(4));
    }
    return true;
  };
  const watching = new Script('watch()');
  for (let isOver = false; !isOver;) {
    try {
      isOver = watching.runInThisContext({ breakOnSigint: true });
    } catch (error) {
      isOver = error.code !== '${INTERRUPTED}' && error.code !== 'EINTR';
    }
  }
  process.kill(process.pid, 'SIGKILL');`;

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
    const more = uninterrupted(() => readSync(MESSAGES_FD, buffer, to, buffer.length - to, null));
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
  for (let sent = 0; sent < frame.length;) sent += uninterrupted(() => writeSync(MESSAGES_FD, frame, sent));
}

/** A signal ends a read or a write that has not begun; it is made again. */
function uninterrupted(work: () => number): number {
  for (;;) {
    try {
      return work();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINTR') throw error;
    }
  }
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

/** How many calls were ended. */
let ends = 0;
/** What the script of the calls runs; functions have realms of their own, which do not see it. */
const entered = globalThis as { callRows?: () => void };
const CALLS = new Script('callRows()');

/** Calls a function for the rows of a job, until one call is ended, and tells what comes of them. */
function run({ call }: Pick<OnDemandFunction, 'call'>, { id, rows, timed, ends: known }: IsolatedJob): void {
  let outcomes: IsolatedDone['outcomes'][number][] = [];
  let tookMs: number[] = [];
  let told = 0;
  let bytes = 0;
  const skipped = SKIPPED + (id % SKIPPED_JOBS);
  // A signal may come between any two steps: what has no outcome yet is called again.
  entered.callRows = () => {
    for (let row = told + outcomes.length; row < rows.length && bytes < TOLD_BYTES; row++) {
      if (Atomics.load(at, skipped) === id) return;
      begin(id, row);
      const outputs: Value[] = [];
      const beganMs = timed ? performance.now() : 0;
      const fault = call(rows[row]!, outputs);
      if (timed) tookMs[row - told] = performance.now() - beganMs;
      bytes += sizeOfValue(outputs);
      outcomes[row - told] = fault === null ? outputs : { reason: fault.reason, message: fault.message };
    }
  };
  const tell = (isLast: boolean): void => {
    Atomics.store(at, BUSY, 0);
    send({ id, outcomes, tookMs, isLast });
    told += outcomes.length;
    [outcomes, tookMs, bytes] = [[], [], 0];
  };
  // Whoever sent it before it heard of an end has sent it once more. Of another process it may know of more ends.
  while (known >= ends) {
    const isEntered = entersCalls();
    const row = told + outcomes.length;
    if (row === rows.length || (isEntered && bytes < TOLD_BYTES)) break;
    if (isEntered) tell(false);
    else if (at[ENDED_JOB] === id && at[ENDED_ROW] === row) {
      outcomes.push({ reason: 'deadline', message: '' });
      ends += 1;
      break;
    }
  }
  tell(true);
}

/** @returns false where a signal ended the script of the calls */
function entersCalls(): boolean {
  try {
    CALLS.runInThisContext({ breakOnSigint: true });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === INTERRUPTED) return false;
    throw error;
  }
}

/** The time first, and the guard reads it last: it never takes the time of one call for that of the next. */
function begin(job: number, row: number): void {
  const [seconds, nanoseconds] = process.hrtime();
  Atomics.store(at, BEGAN, (seconds * 1e6 + nanoseconds / 1e3) | 0);
  Atomics.store(at, ROW, row);
  Atomics.store(at, JOB, job);
  Atomics.store(at, BUSY, 1);
}

/**
 * Closes what whoever started the sidecar left open for all: what Node opens itself is closed on exec, and that is not.
 * Without /proc it stays.
 */
function closeInherited(): void {
  let open: number[] = [];
  try {
    open = readdirSync('/proc/self/fdinfo').map(Number);
  } catch {}
  for (const fd of open.filter((one) => one > LIFELINE_FD)) {
    try {
      const flags = /^flags:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))![1]!;
      if ((parseInt(flags, 8) & CLOSED_ON_EXEC) === 0) closeSync(fd);
    } catch {
      // The descriptor of the listing itself is gone.
    }
  }
}

closeInherited();
// Who stops the sidecar may send these to all its processes; it still needs this one for what it has to answer.
// SIGINT is held by the guard: a listener here would take the signal from it.
for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

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
  run(compiled[job.of]!, job);
  setImmediate(turn);
}
turn();
