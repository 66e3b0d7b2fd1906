/**
 * Where log lines leave the process: never waited for, bounded, dropping and counting what does not fit.
 *
 *   write(line) --> queue, 256 KiB at most --one write in flight--> descriptor
 *              \-- full: dropped, counted; told of once there is room
 *
 * A reader of logs that stops reading must not stop serving. So a write into a full pipe must not block, neither here
 * nor in a thread of the pool, since the process waits for those at its end. Therefore the caller reads
 * `process.stderr` before it makes a sink: that turns pipes and sockets non-blocking. What is left at the end of the
 * process is written synchronously, for a short time. Called by log-lines.ts.
 */
import { write, writeSync } from 'node:fs';

const MAX_BYTES = 256 * 1024;
/** After how long a full pipe is tried again. */
const RETRY_MS = 50;
/** How long the end of the process waits for a slow reader. */
const END_MS = 500;
const END_POLL_MS = 5;

export class LineSink {
  readonly #fd: number;
  readonly #onDropped: (lines: number) => void;
  readonly #maxBytes: number;
  #queue: string[] = [];
  #queuedBytes = 0;
  /** What is being written, and how many lines it holds. */
  #chunk: Buffer = Buffer.alloc(0);
  #chunkLines = 0;
  #inFlight = false;
  #retry: NodeJS.Timeout | null = null;
  #untold = 0;
  /** Lines that were given. */
  lines = 0;
  /** Lines that were never written. */
  dropped = 0;

  /** @param onDropped  told, when lines can be written again, how many were dropped since it was last told */
  constructor(fd: number, onDropped: (lines: number) => void, maxBytes = MAX_BYTES) {
    this.#fd = fd;
    this.#onDropped = onDropped;
    this.#maxBytes = maxBytes;
    process.once('exit', () => this.#writeRest());
  }

  /** @param line  with its end */
  write(line: string): void {
    this.lines += 1;
    const bytes = Buffer.byteLength(line);
    if (this.#queuedBytes + this.#chunk.length + bytes > this.#maxBytes) return this.#drop(1);
    this.#queue.push(line);
    this.#queuedBytes += bytes;
    this.#pump();
  }

  #drop(lines: number): void {
    this.dropped += lines;
    this.#untold += lines;
  }

  #pump(): void {
    if (this.#inFlight || this.#retry !== null || !this.#takeChunk()) return;
    this.#inFlight = true;
    write(this.#fd, this.#chunk, (error, written) => {
      this.#inFlight = false;
      if (error === null) this.#wrote(written);
      else if (error.code === 'EAGAIN') this.#retryLater();
      else this.#giveUpChunk();
    });
  }

  /** @returns false when there is nothing to write */
  #takeChunk(): boolean {
    if (this.#chunk.length === 0) {
      this.#chunk = Buffer.from(this.#queue.join(''));
      this.#chunkLines = this.#queue.length;
      this.#queue = [];
      this.#queuedBytes = 0;
    }
    return this.#chunk.length > 0;
  }

  #wrote(bytes: number): void {
    this.#chunk = this.#chunk.subarray(bytes);
    if (this.#chunk.length === 0 && this.#untold > 0) {
      const untold = this.#untold;
      this.#untold = 0;
      this.#onDropped(untold);
    }
    this.#pump();
  }

  #retryLater(): void {
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.#pump();
    }, RETRY_MS).unref();
  }

  /** Nobody reads any more, or the disk is full: the next line tries again. */
  #giveUpChunk(): void {
    this.#drop(this.#chunkLines);
    this.#chunk = Buffer.alloc(0);
  }

  #writeRest(): void {
    // The thread pool still writes what is in flight.
    if (this.#inFlight) this.#chunk = Buffer.alloc(0);
    const untilMs = performance.now() + END_MS;
    while (this.#takeChunk()) {
      try {
        this.#chunk = this.#chunk.subarray(writeSync(this.#fd, this.#chunk));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || performance.now() > untilMs) return;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, END_POLL_MS);
      }
    }
  }
}
