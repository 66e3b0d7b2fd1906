/** What a program tells the person who runs it: on stderr, so that data on stdout stays clean. */

export interface Talk {
  /** One line. */
  say(line: string): void;
  /** One line that should be noticed. */
  warn(line: string): void;
  /** A bar that redraws itself on a terminal; elsewhere nothing is printed. `done === total` ends it. */
  progress(label: string, done: number, total: number): void;
}

const BAR_CELLS = 24;
const REDRAW_MS = 100;

export function terminalTalk(stream: NodeJS.WriteStream): Talk {
  let drawnMs = 0;
  let open = false;
  const clear = (): void => {
    if (open) stream.write('\r\u001b[2K');
    open = false;
  };
  return {
    say(line) {
      clear();
      stream.write(`${line}\n`);
    },
    warn(line) {
      clear();
      stream.write(stream.isTTY ? `\u001b[33mwarning:\u001b[0m ${line}\n` : `warning: ${line}\n`);
    },
    progress(label, done, total) {
      if (!stream.isTTY) return;
      const ended = done >= total;
      const nowMs = performance.now();
      if (!ended && nowMs - drawnMs < REDRAW_MS) return;
      drawnMs = nowMs;
      clear();
      if (ended) return;
      const filled = total === 0 ? BAR_CELLS : Math.round((done / total) * BAR_CELLS);
      stream.write(`${label} ${'█'.repeat(filled)}${'░'.repeat(BAR_CELLS - filled)} ${done}/${total}`);
      open = true;
    },
  };
}

/** For tests and for programs that run inside another one. */
export const silentTalk: Talk = { say() {}, warn() {}, progress() {} };
