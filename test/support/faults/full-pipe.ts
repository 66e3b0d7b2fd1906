/** A pipe that nobody reads: full from the beginning, until a test drains it. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { scratchFolder } from '../scratch.ts';

export class FullPipe {
  readonly #path: string;
  readonly #fd: number;

  constructor() {
    this.#path = join(scratchFolder(), 'pipe');
    execFileSync('mkfifo', [this.#path]);
    this.#fd = openSync(this.#path, constants.O_RDWR | constants.O_NONBLOCK);
    onTestFinished(() => closeSync(this.#fd));
    const block = Buffer.alloc(4_096, '\n');
    try {
      for (;;) writeSync(this.#fd, block);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }

  /** A descriptor for a writer, blocking unless `flags` say else, as a shell makes it; the caller closes it. */
  openWriter(flags = 0): number {
    return openSync(this.#path, constants.O_WRONLY | flags);
  }

  /** @returns what lies in the pipe beyond what filled it, read as far as it goes now */
  drain(): string {
    const buffer = Buffer.alloc(65_536);
    let text = '';
    try {
      for (let bytes = 1; bytes > 0;) {
        bytes = readSync(this.#fd, buffer);
        text += buffer.toString('utf8', 0, bytes);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
    return text.replace(/^\n+/, '');
  }
}
