/**
 * The one clock that recorded times come from: event, created, written, fetched and served times, and ages.
 *
 * Deadlines, retries, syncs and timeouts are not its business: those use the monotonic clock of the process.
 *
 * A rehearsal steps this clock from outside (`clock: { control: FILE }` in plumbline.yaml). The file holds one
 * RFC 3339 time of fixed width, written in place by whoever conducts the rehearsal. The clock stands still while a
 * program works, and a run takes a stated time on it (`runLasts`): the run waits until the conductor has moved the
 * clock past its end, and only then writes what others can see.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatTimestamp, parseTimestamp } from './timestamp.ts';

export interface Clock {
  /** Microseconds since 1970 UTC. */
  nowUs(): number;
  /** Resolves when a run that started at `startedUs` may write what others can see; at once on a real clock. */
  runLasted(startedUs: number): Promise<void>;
  /** The control file when this is a rehearsal, else null; programs announce it loudly at start. */
  readonly rehearsal: string | null;
}

const TEXT_BYTES = 27;
const POLL_MS = 2;

/** The machine's clock, read at the resolution it has and never running backwards within a process. */
export function systemClock(): Clock {
  const originUs = Math.round(performance.timeOrigin * 1_000);
  let driftUs = 0;
  let checkedMs = 0;
  return {
    rehearsal: null,
    nowUs() {
      const ms = performance.now();
      // performance.now() is monotonic and follows no correction of the wall clock: compare once a second.
      if (ms - checkedMs > 1_000) {
        checkedMs = ms;
        driftUs = Math.max(driftUs, Date.now() * 1_000 - originUs - Math.round(ms * 1_000));
      }
      return originUs + driftUs + Math.round(ms * 1_000);
    },
    async runLasted() {},
  };
}

/**
 * @param file      holds the time; see `RehearsalControl`
 * @param runLastsUs how long a run takes on this clock
 * @throws          if the file is missing or holds no time
 */
export function rehearsalClock(file: string, runLastsUs: number): Clock {
  const fd = openSync(file, 'r');
  const buffer = Buffer.alloc(TEXT_BYTES);
  const nowUs = (): number => {
    const bytes = readSync(fd, buffer, 0, TEXT_BYTES, 0);
    const us = parseTimestamp(buffer.toString('latin1', 0, bytes));
    if (us === null)
      throw new Error(
        `${file} should hold one RFC 3339 time, but holds "${buffer.toString('latin1', 0, bytes)}"`,
      );
    return Number(us);
  };
  nowUs();
  return {
    rehearsal: file,
    nowUs,
    async runLasted(startedUs) {
      while (nowUs() < startedUs + runLastsUs) await sleep(POLL_MS);
    },
  };
}

/** The conductor's side of a rehearsal: sets the time that every program with this control file then sees. */
export class RehearsalControl {
  readonly #fd: number;

  constructor(file: string, startUs: number) {
    this.#fd = openSync(file, 'w');
    this.set(startUs);
  }

  /** One write of 27 bytes at offset 0: a reader sees the old time or the new one. */
  set(us: number): void {
    writeSync(this.#fd, Buffer.from(formatTimestamp(us), 'latin1'), 0, TEXT_BYTES, 0);
    if (fstatSync(this.#fd).size > TEXT_BYTES) ftruncateSync(this.#fd, TEXT_BYTES);
  }

  close(): void {
    closeSync(this.#fd);
  }
}
