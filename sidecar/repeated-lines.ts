/** Lets a line through a few times a minute and counts it from then on, told at the minute's end. Called by log-lines.ts. */

const MINUTE_MS = 60_000;
const A_MINUTE = 3;
/** More different lines than this end the minute early. */
const MAX_LINES = 1_000;

export class RepeatedLines {
  readonly #write: (line: string) => void;
  readonly #counts = new Map<string, number>();
  #timer: NodeJS.Timeout | null = null;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  add(line: string): void {
    if (this.#counts.size >= MAX_LINES) this.endMinute();
    const count = (this.#counts.get(line) ?? 0) + 1;
    this.#counts.set(line, count);
    this.#timer ??= setTimeout(() => this.endMinute(), MINUTE_MS).unref();
    if (count <= A_MINUTE) this.#write(line);
  }

  /** Tells how often what was held back came, and begins anew. */
  endMinute(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    for (const [line, count] of this.#counts) {
      if (count > A_MINUTE) this.#write(`${line} (${count - A_MINUTE} more times within a minute)`);
    }
    this.#counts.clear();
  }
}
