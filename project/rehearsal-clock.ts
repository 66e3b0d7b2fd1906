/**
 * The clock of a rehearsal, for the demo and for tests: stepped from outside, by whoever conducts the rehearsal
 * (`clock: { control: FILE }` in plumbline.yaml).
 *
 * The file holds one RFC 3339 time of fixed width, written in place. The clock stands still while a program works, and
 * a run takes a stated time on it: the run waits until the conductor has moved the clock past its end, and only then
 * writes what others can see.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { requireRegularFile } from '../contract/std/files/regular-file.ts';
import { formatTimestamp, parseTimestamp, TIME_END_US } from '../contract/std/timestamp.ts';
import type { ProjectClock } from './clock.ts';

const TEXT_BYTES = 27;
const POLL_MS = 2;

/**
 * @param file      holds the time; see `RehearsalControl`
 * @param runLastsUs how long a run takes on this clock
 * @throws          if the file is missing or holds no time
 */
export function rehearsalClock(file: string, runLastsUs: number): ProjectClock {
  requireRegularFile(file);
  const fd = openSync(file, 'r');
  const buffer = Buffer.alloc(TEXT_BYTES);
  const nowUs = (): number => {
    const bytes = readSync(fd, buffer, 0, TEXT_BYTES, 0);
    const us = parseTimestamp(buffer.toString('latin1', 0, bytes));
    if (us === null || us < 0n || us >= TIME_END_US)
      throw new Error(
        `${file} should hold one RFC 3339 time from 1970 to 2199, but holds "${buffer.toString('latin1', 0, bytes)}"`,
      );
    return Number(us);
  };
  nowUs();
  return {
    nowUs,
    offsetUs: () => 0,
    async runLasted(startedUs) {
      while (nowUs() < startedUs + runLastsUs) await sleep(POLL_MS);
    },
    sourcesRunAhead: true,
    notice: `REHEARSAL: recorded times come from ${file}, not from this machine's clock. Not for production.`,
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
