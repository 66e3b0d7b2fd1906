/** What a program tells the person who runs it: on stderr, so that data on stdout stays clean. */
import { formatDuration } from './duration.ts';
import { terminalText } from './visible-text.ts';

export interface Logger {
  /** One line. */
  info(line: string): void;
  /** One line that should be noticed. */
  warn(line: string): void;
  /**
   * How far long work is: a bar that redraws itself on a terminal; elsewhere a line every 10 s, so that a log shows
   * that something is alive. Both with the rate and the time left. `done >= total` ends it.
   *
   * @param unit  what is counted, in the plural; `steps` unless given
   */
  progress(label: string, done: number, total: number, unit?: string): void;
}

const BAR_CELLS = 24;
const REDRAW_MS = 100;
/** A bar shows that time passes also while no step ends. */
const TICK_MS = 1_000;
const LINE_MS = 10_000;

/** Work under way, as it was last told. */
interface Work {
  readonly label: string;
  readonly unit: string;
  readonly sinceMs: number;
  /** Where it stood when it was first told of: the rate counts from there. */
  readonly from: number;
  done: number;
  total: number;
}

export function terminalLogger(stream: NodeJS.WriteStream): Logger {
  let work: Work | null = null;
  let timer: NodeJS.Timeout | null = null;
  let drawnMs = 0;
  let open = false;
  const clear = (): void => {
    if (open) stream.write('\r\u001b[2K');
    open = false;
  };
  const tell = (): void => {
    if (work === null) return;
    drawnMs = performance.now();
    clear();
    stream.write(terminalText(stream.isTTY ? barOf(work) : `${lineOf(work)}\n`));
    open = stream.isTTY === true;
  };
  const end = (): void => {
    clear();
    if (timer !== null) clearInterval(timer);
    [work, timer] = [null, null];
  };
  return {
    info(line) {
      clear();
      stream.write(`${terminalText(line)}\n`);
    },
    warn(line) {
      clear();
      const text = terminalText(line);
      stream.write(stream.isTTY ? `\u001b[33mwarning:\u001b[0m ${text}\n` : `warning: ${text}\n`);
    },
    progress(label, done, total, unit = 'steps') {
      if (done >= total) {
        end();
        return;
      }
      if (work?.label !== label) {
        work = { label, unit, sinceMs: performance.now(), from: done, done, total };
        // Work that fails never ends: the timer must not keep the process alive.
        timer ??= setInterval(tell, stream.isTTY ? TICK_MS : LINE_MS).unref();
      }
      work.done = done;
      work.total = total;
      if (stream.isTTY && performance.now() - drawnMs >= REDRAW_MS) tell();
    },
  };
}

function barOf(work: Work): string {
  const filled = Math.round((work.done / work.total) * BAR_CELLS);
  return `${work.label} ${'█'.repeat(filled)}${'░'.repeat(BAR_CELLS - filled)} ${work.done}/${work.total}${paceOf(work)}`;
}

function lineOf(work: Work): string {
  const share = Math.floor((work.done / work.total) * 100);
  return `${work.label}: ${work.done} of ${work.total} ${work.unit} (${share} %)${paceOf(work)}`;
}

/** @returns `, 3.2/s, about 4m left`, or how long it has been at it when no step has ended yet */
function paceOf({ sinceMs, from, done, total }: Work): string {
  const seconds = (performance.now() - sinceMs) / 1_000;
  const steps = done - from;
  if (steps <= 0 || seconds <= 0) return `, for ${spanText(seconds)}`;
  const perSecond = steps / seconds;
  return `, ${rateText(perSecond)}, about ${spanText((total - done) / perSecond)} left`;
}

function rateText(perSecond: number): string {
  if (perSecond >= 10) return `${Math.round(perSecond)}/s`;
  return perSecond >= 1 ? `${perSecond.toFixed(1)}/s` : `${(perSecond * 60).toFixed(1)}/min`;
}

function spanText(seconds: number): string {
  const whole = seconds >= 3_600 ? Math.round(seconds / 60) * 60 : Math.max(1, Math.round(seconds));
  return formatDuration(whole * 1_000_000);
}

/** For tests and for programs that run inside another one. */
export const silentLogger: Logger = { info() {}, warn() {}, progress() {} };
