/**
 * The clock that recorded times come from: event, created, written, fetched and served times, and ages. Every program
 * has one of them (open-clock.ts): this machine's, or in a rehearsal another one (rehearsal-clock.ts).
 *
 * Deadlines, retries, syncs and timeouts use the monotonic clock of the process instead.
 */
import { uptime } from 'node:os';
import { formatDuration } from '../contract/std/duration.ts';

export interface Clock {
  /** Microseconds since 1970 UTC. */
  nowUs(): number;
  /**
   * How far the wall clock has moved since the program began beyond the time that passed: the sum of its steps. Time
   * that the machine slept has passed.
   */
  offsetUs(): number;
}

/** The clock of a project, with what the commands need besides the time. */
export interface ProjectClock extends Clock {
  /** Resolves when a run that started at `startedUs` may write what others can see; at once on this machine's clock. */
  runLasted(startedUs: number): Promise<void>;
  /** Whether a source may hold rows of times that this clock has not reached yet, and none of them is a mistake. */
  readonly sourcesRunAhead: boolean;
  /** A sentence that each command says at its start; null: none. */
  readonly notice: string | null;
}

/** How often the wall clock is read at most, when the time is asked for. */
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
  /** Milliseconds since some moment; never goes back, and stands still while the machine sleeps. */
  monotonicMs(): number;
  /** The same without the standing still, to some 10 ms; the same itself where that cannot be told. */
  sinceBootMs(): number;
  /** Calls back once the present turn of the event loop is over. */
  afterTurn(callback: () => void): void;
}

const MACHINE: TimeSource = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  // Elsewhere than on Linux it is reckoned from the wall clock, and would take a step for sleep.
  sinceBootMs: () => (process.platform === 'linux' ? uptime() * 1_000 : performance.now()),
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
): ProjectClock {
  const originUs = readOrigin(source);
  let offsetUs = 0;
  /** Of the offset, what is time that the machine slept. */
  let sleptUs = 0;
  const sleptSoFarUs = (): number => microseconds(source.sinceBootMs() - source.monotonicMs());
  const awakeUs = sleptSoFarUs();
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
    if (Math.abs(aheadUs) < STEP_US) return;
    const justSleptUs = sleptSoFarUs() - awakeUs - sleptUs;
    if (justSleptUs >= STEP_US) sleptUs += justSleptUs;
    const stepUs = -aheadUs - (justSleptUs >= STEP_US ? justSleptUs : 0);
    if (Math.abs(stepUs) >= STEP_US) onStep(stepUs);
  };
  return {
    nowUs() {
      const ms = source.monotonicMs();
      if (ms - checkedMs >= CHECK_MS) check(ms);
      const us = originUs + offsetUs + microseconds(ms);
      return us > lastUs ? (lastUs = us) : lastUs;
    },
    offsetUs: () => offsetUs - sleptUs,
    async runLasted() {},
    sourcesRunAhead: false,
    notice: null,
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
