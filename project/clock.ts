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
import { formatDuration } from '../contract/std/duration.ts';
import { formatTimestamp, parseTimestamp, TIME_END_US } from '../contract/std/timestamp.ts';

export interface Clock {
  /** Microseconds since 1970 UTC. */
  nowUs(): number;
  /** How far the wall clock has moved since the program began beyond the time that passed: the sum of its steps. */
  offsetUs(): number;
  /** Resolves when a run that started at `startedUs` may write what others can see; at once on a real clock. */
  runLasted(startedUs: number): Promise<void>;
  /** The control file when this is a rehearsal, else null; programs announce it loudly at start. */
  readonly rehearsal: string | null;
}

const TEXT_BYTES = 27;
const POLL_MS = 2;

/** The wall clock is looked at so often, when the time is asked for. */
const CHECK_MS = 1_000;
/** A wall clock that is read in whole milliseconds seems behind by up to one. */
const READING_US = 2_000;
/** Two clocks are read together if no more time passes between them: on a busy machine a thread may stand still. */
const BUSY_MS = 1;
/** From here on it is a step, of which people are told; less is the daily work of NTP. */
const STEP_US = 100_000;
/** A clock that went back by less waits until its time comes again; by more, it goes back too. */
const WAIT_US = 1_000_000;

/** What the machine's clock is made of; a test has its own. */
export interface TimeSource {
  /** Milliseconds since 1970, whole; anybody may step it. */
  wallMs(): number;
  /** Milliseconds since some moment; never goes back. */
  monotonicMs(): number;
  /** Calls back once the present turn of the event loop is over. */
  afterTurn(callback: () => void): void;
}

const MACHINE: TimeSource = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  afterTurn: (callback) => void setImmediate(callback).unref(),
};

/**
 * The machine's clock at the resolution that it has. It follows the wall clock within a second of asking, steps and
 * all: what is recorded must be comparable with what others record. Within a turn of the event loop it never goes
 * back, so that what one turn writes is in order.
 *
 * @param onStep  told of each step of the wall clock, forward or back
 */
export function systemClock(
  onStep: (stepUs: number) => void = () => {},
  source: TimeSource = MACHINE,
): Clock {
  const originUs = readOrigin(source);
  let offsetUs = 0;
  let checkedMs = source.monotonicMs();
  let lastUs = 0;
  const check = (nowMs: number): void => {
    const atUs = originAt(source, nowMs);
    if (atUs === null) return;
    checkedMs = nowMs;
    const aheadUs = originUs + offsetUs - atUs;
    if (aheadUs >= 0 && aheadUs < READING_US) return;
    offsetUs -= aheadUs;
    if (aheadUs > WAIT_US) source.afterTurn(() => (lastUs = 0));
    if (Math.abs(aheadUs) >= STEP_US) onStep(-aheadUs);
  };
  return {
    rehearsal: null,
    nowUs() {
      const ms = source.monotonicMs();
      if (ms - checkedMs >= CHECK_MS) check(ms);
      const us = originUs + offsetUs + microseconds(ms);
      return us > lastUs ? (lastUs = us) : lastUs;
    },
    offsetUs: () => offsetUs,
    async runLasted() {},
  };
}

/** What the wall clock showed when the monotonic one was 0; null: the machine was busy between reading the two. */
function originAt(source: TimeSource, beforeMs: number): number | null {
  const wallUs = source.wallMs() * 1_000;
  return source.monotonicMs() - beforeMs > BUSY_MS ? null : wallUs - microseconds(beforeMs);
}

function readOrigin(source: TimeSource): number {
  for (;;) {
    const originUs = originAt(source, source.monotonicMs());
    if (originUs !== null) return originUs;
  }
}

/** A step as one sentence. */
export function stepText(stepUs: number): string {
  const by = formatDuration(Math.round(Math.abs(stepUs) / 1_000) * 1_000);
  return `the wall clock went ${stepUs > 0 ? 'forward' : 'back'} by ${by}: recorded times follow it`;
}

function microseconds(ms: number): number {
  return Math.round(ms * 1_000);
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
    if (us === null || us < 0n || us >= TIME_END_US)
      throw new Error(
        `${file} should hold one RFC 3339 time from 1970 to 2199, but holds "${buffer.toString('latin1', 0, bytes)}"`,
      );
    return Number(us);
  };
  nowUs();
  return {
    rehearsal: file,
    nowUs,
    offsetUs: () => 0,
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
