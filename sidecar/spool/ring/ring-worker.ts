/**
 * The thread that writes while the disk is slow. It is started with the spool and sleeps until something is put into
 * the ring. It has a writer of segments like the answering thread's, over the same shared state. Started by
 * ring-writer.ts.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { trimHeap } from '../../../contract/std/garbage.ts';
import { FrameRing } from './frame-ring.ts';
import { SegmentWriter } from '../segment-writer.ts';
import type { Epoch } from '../segment-writer.ts';
import type { SpoolFiles } from '../spool-files.ts';
import { WriterState } from '../writer-state.ts';

export interface RingWorkerData {
  readonly ring: SharedArrayBuffer;
  readonly state: SharedArrayBuffer;
  readonly epoch: Epoch;
  readonly segmentBytes: number;
  readonly filesModule: string;
  readonly filesShare: unknown;
  readonly slowMs: number;
  readonly retryMs: number;
  /** How far the clock of this program is ahead of the clock of the machine: in a rehearsal they differ. */
  readonly clockAheadUs: number;
}

const data = workerData as RingWorkerData;
const { filesOf } = (await import(data.filesModule)) as { filesOf: (share: unknown) => SpoolFiles };
const nowUs = (): number => Date.now() * 1_000 + data.clockAheadUs;
const state = new WriterState(data.state);
const { epoch, segmentBytes } = data;
const files = filesOf(data.filesShare);
const writer = new SegmentWriter({ epoch, files, segmentBytes, nowUs, state });
const ring = new FrameRing(data.ring);
trimHeap();
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads takes none
parentPort!.postMessage('ready');
ring.writeUntilStopped((frames, sequence) => writer.write(frames, sequence), data.slowMs, data.retryMs);
