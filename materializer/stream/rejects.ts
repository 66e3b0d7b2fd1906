/**
 * Messages and events of a stream that do not count: a file of lines of JSON, each with its place and the reason. The
 * stream goes on; where too many come within a minute it stops, since then the definition is wrong, not a message.
 */
import { appendFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder } from '../../contract/std/files/folder.ts';
import { makePrivateFile } from '../../contract/std/files/private-file.ts';
import type { MessagePlace } from './source/stream-reader.ts';
import { materializerError } from '../errors.ts';

const MINUTE_MS = 60_000;
/** Of a message's bytes so many are kept. */
const KEPT_BYTES = 4_096;

interface Rejected {
  readonly partition: number;
  readonly offset: number;
  readonly reason: string;
  /** Of an event that one view does not count. */
  readonly view?: string;
  readonly message?: Buffer;
}

interface RejectsOptions {
  /** A clock that never goes back. */
  readonly nowMs?: () => number;
  /** @returns where a message of a folder stands; null: it has no such place, or nobody knows it any more */
  readonly placeOf?: (offset: number) => MessagePlace | null;
}

export class Rejects {
  readonly #file: string;
  readonly #most: number;
  readonly #nowMs: () => number;
  readonly #placeOf: (offset: number) => MessagePlace | null;
  #lines: string[] = [];
  #since = 0;
  #number = 0;
  #total = 0;

  /** @param most  messages that cannot be read, within a minute */
  constructor(file: string, most: number, { nowMs, placeOf }: RejectsOptions = {}) {
    this.#file = file;
    this.#most = most;
    this.#nowMs = nowMs ?? (() => performance.now());
    this.#placeOf = placeOf ?? (() => null);
  }

  get file(): string {
    return this.#file;
  }

  /** Messages that could not be read. */
  get total(): number {
    return this.#total;
  }

  /** An event that a view does not count: kept, and no reason to stop. */
  keep(rejected: Rejected): void {
    const { message, ...rest } = rejected;
    const text = message === undefined ? {} : { message: message.subarray(0, KEPT_BYTES).toString('utf8') };
    this.#lines.push(`${JSON.stringify({ ...rest, ...this.#placeOf(rest.offset), ...text })}\n`);
    if (this.#lines.length >= 1_000) this.flush();
  }

  /**
   * A message that cannot be read.
   * @throws MAT_STREAM_REJECTED when too many came within a minute
   */
  add(rejected: Rejected): void {
    this.keep(rejected);
    const nowMs = this.#nowMs();
    if (nowMs - this.#since >= MINUTE_MS) {
      this.#since = nowMs;
      this.#number = 0;
    }
    this.#number += 1;
    this.#total += 1;
    if (this.#number <= this.#most) return;
    this.flush();
    const { partition, offset, reason } = rejected;
    throw materializerError(
      'MAT_STREAM_REJECTED',
      `${this.#number} messages within a minute could not be read, the last at offset ${offset} of partition ` +
        `${partition}: ${reason}; they are in ${this.#file}`,
      { file: this.#file },
    );
  }

  /** Writes what is held: to be called before what came after it counts. */
  flush(): void {
    if (this.#lines.length === 0) return;
    makeFolder(dirname(this.#file));
    makePrivateFile(this.#file);
    appendFileSync(this.#file, this.#lines.join(''));
    this.#lines = [];
  }
}
