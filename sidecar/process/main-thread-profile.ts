/**
 * Profiles of the thread that answers requests, taken through V8's inspector by another thread: also while that one
 * answers nobody. Called by admin-thread.ts, where `serve.profiling` is on.
 *
 * A CPU profile samples once a millisecond and costs a few per cent while it lasts; the answering thread stands still
 * while a heap snapshot is taken, some seconds a GiB. Snapshots hold what the heap holds: values and ids of entities.
 */
import { Session } from 'node:inspector/promises';

const SAMPLE_US = 1_000;

/** @returns what a browser's developer tools open as a `.cpuprofile` */
export async function cpuProfile(seconds: number, sleep: (ms: number) => Promise<unknown>): Promise<string> {
  const session = new Session();
  session.connectToMainThread();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_US });
    await session.post('Profiler.start');
    await sleep(seconds * 1_000);
    const { profile } = await session.post('Profiler.stop');
    return JSON.stringify(profile);
  } finally {
    session.disconnect();
  }
}

/** @param write  gets what developer tools open as a `.heapsnapshot`, piece by piece */
export async function heapSnapshot(write: (piece: string) => void): Promise<void> {
  const session = new Session();
  session.connectToMainThread();
  session.on('HeapProfiler.addHeapSnapshotChunk', ({ params }) => write(params.chunk));
  try {
    await session.post('HeapProfiler.takeHeapSnapshot');
  } finally {
    session.disconnect();
  }
}
