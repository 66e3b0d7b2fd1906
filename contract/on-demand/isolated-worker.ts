/** The thread in which functions run that may never return; started by isolated-functions.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Value } from '../value-type.ts';
import { compileWith } from './compile-function.ts';
import { BUSY, CALLS, JOB, ROW } from './isolated-progress.ts';
import type { IsolatedDone, IsolatedInput, IsolatedJob } from './isolated-progress.ts';
import { OnDemandFault } from './on-demand-function.ts';
import type { OnDemandFunction } from './on-demand-function.ts';

const { progress, functions } = workerData as IsolatedInput;
const at = new Int32Array(progress);

/** A function that does not even compile fails in each of its calls. */
const compiled = functions.map(({ view, args }): Pick<OnDemandFunction, 'call'> => {
  try {
    return compileWith(view, args);
  } catch (error) {
    const fault = new OnDemandFault('threw', (error as Error).message);
    return { call: () => fault };
  }
});

function run({ id, of, rows, timed }: IsolatedJob): IsolatedDone {
  const { call } = compiled[of]!;
  const tookMs: number[] = [];
  Atomics.store(at, JOB, id);
  const outcomes = rows.map((values, row) => {
    Atomics.store(at, ROW, row);
    Atomics.add(at, CALLS, 1);
    const outputs: Value[] = [];
    const beganMs = timed ? performance.now() : 0;
    const fault = call(values, outputs);
    if (timed) tookMs.push(performance.now() - beganMs);
    return fault === null ? outputs : { reason: fault.reason, message: fault.message };
  });
  return { id, outcomes, tookMs };
}

parentPort!.on('message', (jobs: readonly IsolatedJob[]) => {
  Atomics.store(at, BUSY, 1);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
  for (const job of jobs) parentPort!.postMessage(run(job));
  Atomics.store(at, BUSY, 0);
});
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
parentPort!.postMessage('ready');
