/**
 * The archive in object storage. Files are written on this machine and sent; a move is a copy and a removal. Each state
 * is a new object (project/archive/state-file.ts): of two ingests that go on from one state the second is told that it
 * has lost the archive, and has changed nothing of it.
 */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { basename } from 'node:path';
import { numberedState, stateNumbers } from '../../project/archive/state-file.ts';
import type { Folder } from '../../project/storage/folder.ts';
import { monitorError } from '../errors.ts';
import type { ArchiveDisk } from './archive-disk.ts';

/** An ingest that was held up for longer might find its number free again. */
const STATES_KEPT_MS = 7 * 86_400_000;
/** Old states are looked for at every so-many-th. */
const CLEANED_AT = 50;
const WRITER = /^\{"writer":"[0-9a-f]+",/;

export class ObjectDisk implements ArchiveDisk {
  readonly own = `/${randomBytes(6).toString('hex')}`;
  readonly #served: Folder;
  /** Files on their way, by where they go. */
  readonly #written = new Map<string, string>();
  /** Of the newest state of each ingest, once it is claimed. */
  readonly #numbers = new Map<string, number>();

  constructor(served: Folder) {
    this.#served = served;
  }

  async claim(file: string): Promise<void> {
    const states = this.#served.below(this.#nameOf(file));
    for (;;) {
      const newest = (await stateNumbers(states)).at(-1) ?? 0;
      this.#numbers.set(file, newest);
      if (newest === 0) return;
      const text = await states.read(numberedState(newest));
      if (text !== null && (await this.#create(file, text))) return;
    }
  }

  async writeState(file: string, text: string): Promise<void> {
    if (await this.#create(file, text)) return;
    const { path } = this.#served;
    throw monitorError('MON_INGEST_RUNS', `another ingest has taken ${path} over since this one began`);
  }

  /** @returns false where another process has made the next state */
  async #create(file: string, text: string): Promise<boolean> {
    const states = this.#served.below(this.#nameOf(file));
    const number = this.#numbers.get(file)! + 1;
    // Two that take over from one state would write the same: who it was tells them apart.
    const own = `{"writer":"${this.own.slice(1)}",${text.replace(WRITER, '{').slice(1)}`;
    if (!(await states.create(numberedState(number), own))) return false;
    this.#numbers.set(file, number);
    if (number % CLEANED_AT === 0) await removeOld(states, number);
    return true;
  }

  async emptyFolder(folder: string): Promise<void> {
    await this.remove(folder);
  }

  writtenAt(file: string): string {
    const aside = this.#served.asideOf(basename(file));
    this.#written.set(file, aside);
    return aside;
  }

  async keep(file: string): Promise<void> {
    const from = this.#written.get(file)!;
    this.#written.delete(file);
    try {
      await this.#served.bring([{ from, to: this.#nameOf(file) }]);
    } finally {
      rmSync(from, { force: true });
    }
  }

  async has(file: string): Promise<boolean> {
    return await this.#served.has(this.#nameOf(file));
  }

  async move(from: string, to: string): Promise<void> {
    await this.#served.move(this.#nameOf(from), this.#nameOf(to));
  }

  async remove(path: string): Promise<void> {
    const name = this.#nameOf(path);
    if (!/\.[a-z]+$/.test(name))
      for (const one of await this.#served.below(name).names()) await this.remove(`${path}/${one}`);
    await this.#served.remove(name);
  }

  #nameOf(file: string): string {
    return file.slice(this.#served.path.length + 1);
  }
}

async function removeOld(states: Folder, newest: number): Promise<void> {
  for (const number of await stateNumbers(states)) {
    const name = numberedState(number);
    if (number === newest || (await states.changedMs(name)) > Date.now() - STATES_KEPT_MS) return;
    await states.remove(name);
  }
}
