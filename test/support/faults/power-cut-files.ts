/**
 * A disk in memory whose power can be cut. What was not synced may be there afterwards or not, in any order and in any
 * part (by sectors of 512 bytes): writes, lengths, and the names of files whose folder was not synced.
 *
 *   file    = what is durable + writes since, in order      a sync makes those durable that came before it began
 *   folder  = names that are durable, and changes since     a rename is one change: both names or neither
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { DurableDisk } from '../../../contract/std/files/durable-file.ts';
import type { SpoolFiles } from '../../../sidecar/spool/spool-files.ts';

const SECTOR_BYTES = 512;

type Change = { readonly at: number; readonly bytes: Buffer } | { readonly cutTo: number };

interface Inode {
  durable: Buffer;
  changes: Change[];
}

type NameChange = { readonly set: readonly (readonly [string, Inode | null])[] };

interface HeldSync {
  readonly finish: (kept: boolean) => void;
}

/** @returns a number in [0, below) */
export type Choose = (below: number) => number;

export class PowerCutFiles implements SpoolFiles, DurableDisk {
  readonly inWorker = null;
  readonly #names = new Map<string, Inode>();
  readonly #durableNames = new Map<string, Inode>();
  #nameChanges: NameChange[] = [];
  readonly #open = new Map<number, Inode>();
  #nextFd = 1_000;
  readonly #held: HeldSync[] = [];
  /** Steps until the power goes, for what is written in one go. */
  stepsLeft = Infinity;

  #step(): void {
    if (this.stepsLeft <= 0) throw new Error('the power is gone');
    this.stepsLeft -= 1;
  }

  makeFolder(): boolean {
    return false;
  }

  async isAt(): Promise<boolean> {
    return true;
  }

  create(path: string): number {
    return this.#opened(path);
  }

  open(path: string): number {
    this.#step();
    return this.#opened(path);
  }

  #opened(path: string): number {
    const inode: Inode = { durable: Buffer.alloc(0), changes: [] };
    this.#rename([[path, inode]]);
    const fd = this.#nextFd++;
    this.#open.set(fd, inode);
    return fd;
  }

  #rename(set: NameChange['set']): void {
    this.#nameChanges.push({ set });
    for (const [name, inode] of set) {
      if (inode === null) this.#names.delete(name);
      else this.#names.set(name, inode);
    }
  }

  write(fd: number, bytes: Uint8Array, from: number, position?: number): number {
    this.#step();
    const inode = this.#open.get(fd)!;
    const at = position ?? contentOf(inode.durable, inode.changes).length;
    inode.changes.push({ at, bytes: Buffer.from(bytes.subarray(from)) });
    return bytes.length - from;
  }

  truncate(fd: number, bytes: number): void {
    this.#open.get(fd)!.changes.push({ cutTo: bytes });
  }

  remove(path: string): void {
    this.#rename([[path, null]]);
  }

  rename(from: string, to: string): void {
    this.#step();
    this.#rename([
      [from, null],
      [to, this.#names.get(from)!],
    ]);
  }

  sync(fd: number): void {
    this.#step();
    keep(this.#open.get(fd)!, Infinity);
  }

  close(fd: number): Promise<void> {
    this.#open.delete(fd);
    return Promise.resolve();
  }

  /** Ends when `finishSync` says so. */
  dataSync(fd: number): Promise<void> {
    const inode = this.#open.get(fd)!;
    const before = inode.changes.length;
    return this.#hold((kept) => {
      // After a failed sync the kernel has dropped what it held, and the next sync does not say so.
      if (kept) keep(inode, before);
      else inode.changes.splice(0, before);
    });
  }

  syncFolder(): Promise<void> {
    this.#step();
    const before = this.#nameChanges.length;
    const apply = (): void => {
      for (const change of this.#nameChanges.splice(0, before)) setNames(this.#durableNames, change);
    };
    if (this.stepsLeft !== Infinity) return Promise.resolve(apply());
    return this.#hold((kept) => {
      if (kept) apply();
    });
  }

  #hold(done: (kept: boolean) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#held.push({
        finish: (kept) => {
          done(kept);
          if (kept) resolve();
          else reject(new Error('EIO: told to fail'));
        },
      });
    });
  }

  /** Ends the oldest sync under way. @returns false when there is none */
  finishSync(kept: boolean): boolean {
    const held = this.#held.shift();
    held?.finish(kept);
    return held !== undefined;
  }

  /** Writes what is found after the power was cut into a real folder. */
  cutPower(folder: string, choose: Choose): void {
    const names = new Map(this.#durableNames);
    // A journal keeps the order of its changes: some first part of them is there.
    for (const change of this.#nameChanges.slice(0, choose(this.#nameChanges.length + 1)))
      setNames(names, change);
    mkdirSync(folder, { recursive: true });
    for (const [name, inode] of names)
      writeFileSync(join(folder, basename(name)), survivor(inode, choose), { mode: 0o600 });
  }
}

function setNames(names: Map<string, Inode>, { set }: NameChange): void {
  for (const [name, inode] of set) {
    if (inode === null) names.delete(name);
    else names.set(name, inode);
  }
}

function keep(inode: Inode, changes: number): void {
  inode.durable = contentOf(inode.durable, inode.changes.splice(0, changes));
}

function contentOf(durable: Buffer, changes: readonly Change[]): Buffer {
  let content = durable;
  for (const change of changes) {
    if ('cutTo' in change) {
      content = content.subarray(0, change.cutTo);
      continue;
    }
    const { at, bytes } = change;
    const next = Buffer.alloc(Math.max(content.length, at + bytes.length));
    content.copy(next);
    bytes.copy(next, at);
    content = next;
  }
  return content;
}

/** Any of the sectors of any of the changes, with zeros or garbage where the length came without its bytes. */
function survivor(inode: Inode, choose: Choose): Buffer {
  const parts: Change[] = [];
  for (const change of inode.changes) {
    if ('cutTo' in change) {
      if (choose(2) === 0) parts.push(change);
      continue;
    }
    let { at } = change;
    while (at < change.at + change.bytes.length) {
      const end = Math.min(
        change.at + change.bytes.length,
        (Math.floor(at / SECTOR_BYTES) + 1) * SECTOR_BYTES,
      );
      const bytes = change.bytes.subarray(at - change.at, end - change.at);
      const fate = choose(3);
      if (fate === 0) parts.push({ at, bytes });
      if (fate === 1) parts.push({ at, bytes: Buffer.alloc(bytes.length, choose(2) === 0 ? 0 : 'PLf1') });
      at = end;
    }
  }
  return contentOf(inode.durable, parts);
}
