/**
 * States of a view's stream beside the archive, so that one that was lost, or is of another machine, is not made of all
 * of the archive but of the messages since:
 *
 *   {archive}/_tiles/{view}/{definition}/partition=P/{offset}.{microseconds}.{nonce}.db
 *
 * A file is the whole state as a commit has left it, and its name says up to which offset it counts and when it was
 * made: it is there whole or not at all, and nothing else commits it. The newest two of a partition are kept. One is
 * used only where the archive and the history reach as far; otherwise the archive alone says the same.
 */
import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { FeatureView } from '../../../contract/model.ts';
import { makeFolder } from '../../../contract/std/files/folder.ts';
import { definitionName } from '../../../contract/wire/online/row-header.ts';
import type { Folder } from '../../../project/storage/folder.ts';

const TILES = '_tiles';
const KEPT = 2;
const NAME = /^(\d+)\.(\d+)\.[0-9a-f]+\.db$/;
/** A state is kept so often. */
const EVERY_US = 600_000_000;
/** And no more often than that it takes this share of the time. */
const SHARE = 0.05;

interface KeptTilesOptions {
  /** The archive's. */
  readonly archive: Folder;
  readonly view: Pick<FeatureView, 'id' | 'definitionId'>;
  readonly partition: number;
}

interface KeptFile {
  readonly name: string;
  readonly offset: number;
  readonly madeUs: number;
}

export class KeptTiles {
  readonly #folder: Folder;
  readonly #versions: Folder;
  readonly #definition: string;
  #files: readonly KeptFile[];
  #waitUs = EVERY_US;

  private constructor({ archive, view, partition }: KeptTilesOptions, files: readonly KeptFile[]) {
    this.#versions = archive.below(TILES, view.id);
    this.#definition = definitionName(view.definitionId);
    this.#folder = this.#versions.below(this.#definition, `partition=${partition}`);
    this.#files = files;
  }

  static async open(options: KeptTilesOptions): Promise<KeptTiles> {
    const kept = new KeptTiles(options, []);
    kept.#files = await kept.#list();
    return kept;
  }

  /** @returns the oldest first */
  async #list(): Promise<KeptFile[]> {
    const files = (await this.#folder.names()).flatMap((name): KeptFile[] => {
      const [, offset, madeUs] = NAME.exec(name) ?? [];
      return offset === undefined ? [] : [{ name, offset: Number(offset), madeUs: Number(madeUs) }];
    });
    return files.toSorted((a, b) => a.offset - b.offset || a.madeUs - b.madeUs);
  }

  /**
   * Puts the newest state that is of use in the place of one that is lost, or that counts less.
   *
   * @param file  of the state, which nobody has open
   * @param upTo  the offset that the history has rows of
   * @returns     the offset that it counts up to; null: nothing has changed
   */
  async restore(file: string, upTo: number): Promise<number | null> {
    const newest = this.#files.findLast(({ offset }) => offset <= upTo);
    if (newest === undefined || newest.offset <= offsetOf(file)) return null;
    makeFolder(dirname(file));
    const aside = `${file}.restored`;
    rmSync(aside, { force: true });
    if (!(await this.#folder.fetch(newest.name, aside))) return null;
    // A link would be the kept file itself, which is written to from now on.
    const own = `${aside}.own`;
    rmSync(own, { force: true });
    copyFileSync(aside, own);
    rmSync(aside);
    if (offsetOf(own) !== newest.offset) {
      rmSync(own);
      return null;
    }
    for (const end of ['', '-wal', '-shm']) rmSync(`${file}${end}`, { force: true });
    renameSync(own, file);
    return newest.offset;
  }

  isDue(nowUs: number): boolean {
    return nowUs - (this.#files.at(-1)?.madeUs ?? 0) >= this.#waitUs;
  }

  /**
   * To be called once a commit stands, before anything else is taken.
   *
   * @param copyTo  writes the state to a path on this machine
   */
  async keep(offset: number, nowUs: number, copyTo: (file: string) => void): Promise<void> {
    const begunMs = performance.now();
    const name = `${String(offset).padStart(16, '0')}.${nowUs}.${randomBytes(4).toString('hex')}.db`;
    const aside = this.#folder.asideOf(name);
    try {
      copyTo(aside);
      forgetLineage(aside);
      await this.#folder.bring([{ from: aside, to: name }]);
    } finally {
      rmSync(aside, { force: true });
    }
    this.#files = await this.#list();
    for (const old of this.#files.slice(0, -KEPT)) await this.#folder.remove(old.name);
    this.#files = this.#files.slice(-KEPT);
    await this.#removeOthers();
    this.#waitUs = Math.max(EVERY_US, ((performance.now() - begunMs) * 1_000) / SHARE);
  }

  /** Those of definitions before this one, whose tiles are others. */
  async #removeOthers(): Promise<void> {
    for (const definition of await this.#versions.names()) {
      if (definition === this.#definition) continue;
      for (const partition of await this.#versions.below(definition).names()) {
        const folder = this.#versions.below(definition, partition);
        for (const name of await folder.names()) if (NAME.test(name)) await folder.remove(name);
      }
    }
  }
}

/** @returns up to which offset the tiles of a state count; -1: there is none */
function offsetOf(file: string): number {
  if (!existsSync(file)) return -1;
  try {
    const database = new DatabaseSync(file, { readOnly: true });
    try {
      const row = database.prepare('SELECT json FROM progress').get() as { json: string } | undefined;
      return row === undefined ? -1 : (JSON.parse(row.json) as { offset: number }).offset;
    } finally {
      database.close();
    }
  } catch {
    return -1;
  }
}

/** The copy is of no lineage: who goes on with it has not made the rows that came after it. */
function forgetLineage(file: string): void {
  const copy = new DatabaseSync(file);
  try {
    copy.exec(`UPDATE progress SET json = json_set(json, '$.lineage', NULL)`);
  } finally {
    copy.close();
  }
}
