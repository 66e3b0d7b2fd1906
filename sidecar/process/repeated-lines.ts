/**
 * Lets a line through a few times a minute, then counts it and tells the count at the end of the minute. Lines that
 * differ only in a duration (a random delay before the next try) are the same line. Called by log-lines.ts.
 */

const MINUTE_MS = 60_000;
const A_MINUTE = 3;
const DURATION = /\d+(\.\d+)?(?= ?m?s\b)/g;
/** More different lines than this end the minute early. */
const MAX_LINES = 1_000;

/** @returns the line without its durations */
export function withoutDurations(line: string): string {
  return line.replaceAll(DURATION, '#');
}

export class RepeatedLines {
  readonly #write: (line: string) => void;
  /** By the line without durations: how often it came, and the last of them in full. */
  readonly #counts = new Map<string, { count: number; line: string }>();
  #timer: NodeJS.Timeout | null = null;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  add(line: string): void {
    if (this.#counts.size >= MAX_LINES) this.endMinute();
    const same = withoutDurations(line);
    const count = (this.#counts.get(same)?.count ?? 0) + 1;
    this.#counts.set(same, { count, line });
    this.#timer ??= setTimeout(() => this.endMinute(), MINUTE_MS).unref();
    if (count <= A_MINUTE) this.#write(line);
  }

  /** Tells how often each line that was held back came, and begins a new minute. */
  endMinute(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    for (const { line, count } of this.#counts.values()) {
      if (count > A_MINUTE) this.#write(`${line} (${count - A_MINUTE} more times within a minute)`);
    }
    this.#counts.clear();
  }
}
