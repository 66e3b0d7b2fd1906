/**
 * Writes the archive for an ingest: collects the vectors of a batch, and at its commit writes the files, joins those of
 * hours that are over, and removes days that are no longer kept.
 *
 *   add ... add -> stage: files in `_batches`, told to the state -> the state is written -> settle: files in place
 *
 * Between the last two steps the files are known by the state alone (archive-files.ts finds them there).
 */
import type { Folder } from '../../project/storage/folder.ts';
import type { Elsewhere } from '../../project/settings/s3-settings.ts';
import { dayOf, DAY_US } from '../../contract/std/timestamp.ts';
import type { RecordWalk } from '../../contract/wire/log/record-walk.ts';
import type { Origin } from './archive-table.ts';
import { ArchiveBatch } from './archive-batch.ts';
import { archiveFolders } from '../../project/archive/archive-files.ts';
import { OPEN } from '../../project/archive/archive-layout.ts';
import type { ArchiveDisk } from './archive-disk.ts';
import type { ArchiveState } from '../../project/archive/archive-state.ts';
import { placeOf } from './column-types.ts';
import { HourJoin } from './hour-join.ts';
import type { SchemaBook } from './schema-book.ts';

const HOUR_US = 3_600_000_000;
/** So long after its end records of an hour still come by the ordinary way; then its files are joined. */
const JOIN_AFTER_US = 300_000_000;
/** A batch is written at the latest when it takes so much memory. */
const MAX_BATCH_BYTES = 96 * 2 ** 20;

export interface ArchiveOptions {
  /** The folder of served values. */
  readonly served: Folder;
  /** What tells this process's files from those of others that share the folder: empty, or `-1of2`. */
  readonly share: string;
  readonly disk: ArchiveDisk;
  /** How files of an hour are read that lie elsewhere than on this machine; absent: none do. */
  readonly elsewhere?: Elsewhere | undefined;
  readonly book: SchemaBook;
  readonly nowUs: () => number;
  /** Days before today that are kept; null: all. */
  readonly keepDays: number | null;
  readonly warn: (line: string) => void;
}

export class ArchiveWriter {
  readonly #options: ArchiveOptions;
  readonly #state: ArchiveState;
  readonly #batches: string;
  readonly #hours = new Set<string>();
  #batch: ArchiveBatch;
  /** Whether days that are not kept may still lie there. */
  #expires = true;

  private constructor(options: ArchiveOptions, state: ArchiveState, batch: ArchiveBatch) {
    this.#options = options;
    this.#state = state;
    this.#batches = `_batches${options.share}${options.disk.own}`;
    this.#batch = batch;
  }

  /** Opens the archive for writing, and does what the last commit says and a killed process has not done. */
  static async open(options: ArchiveOptions, state: ArchiveState): Promise<ArchiveWriter> {
    const { served, share, disk } = options;
    const writer = new ArchiveWriter(options, state, await ArchiveBatch.open(partsOf(options)));
    await writer.settle();
    if (disk.own !== '') await disk.emptyFolder(served.fileOf(`_batches${share}`));
    writer.expire();
    return writer;
  }

  /**
   * Adds the vectors of a record; those of days that are no longer kept are passed over.
   *
   * @returns false when the archive cannot hold some of them
   */
  add(walk: RecordWalk, origin: Origin): boolean {
    if (this.#state.keptFrom !== '' && dayOf(walk.servedUs) < this.#state.keptFrom) return true;
    return this.#batch.add(walk, origin);
  }

  get isFull(): boolean {
    return this.#batch.bytes >= MAX_BATCH_BYTES;
  }

  /** The hours of all vectors that were written so far. */
  get hours(): ReadonlySet<string> {
    return this.#hours;
  }

  /** Whether files of an hour that is over wait to be joined. */
  get hasHourToJoin(): boolean {
    return [...this.#state.open.keys()].some((hour) => this.#isOver(hour));
  }

  /** Writes the batch's files aside, and those that they are joined to; the next state names them. */
  async stage(batch: number): Promise<void> {
    const { served, disk, share, book } = this.#options;
    book.refresh();
    const state = this.#state;
    const moving = new Map<string, string>();
    const name = `${String(batch).padStart(8, '0')}${share}`;
    for (const file of await this.#batch.files()) {
      this.#hours.add(file.hour);
      const from = `${this.#batches}/${name}-${moving.size}.parquet`;
      await file.write(disk.writtenAt(served.fileOf(from)));
      await disk.keep(served.fileOf(from));
      const own = `${file.folder}/${name}${file.part === 0 ? '' : `-${file.part}`}.parquet`;
      const isOpen = state.open.has(file.hour) || !this.#isOver(file.hour);
      moving.set(from, isOpen ? `${OPEN}/${own}` : own);
      if (isOpen) state.addOpen(file.hour, `${OPEN}/${own}`, file.vectors);
      else state.addFile(file.hour, file.vectors);
    }
    this.#batch.close();
    this.#batch = await ArchiveBatch.open(partsOf(this.#options));
    state.removing = await this.#joinHours(name, moving);
    state.moving = moving;
  }

  /** @returns the files that were joined */
  async #joinHours(name: string, moving: Map<string, string>): Promise<string[]> {
    const state = this.#state;
    const over = [...state.open].filter(([hour]) => this.#isOver(hour));
    if (over.length === 0) return [];
    const { served, disk, warn, elsewhere } = this.#options;
    const removing: string[] = [];
    const hours = await HourJoin.open({ served, disk, warn, elsewhere });
    try {
      for (const [hour, files] of over) {
        for (const [folder, own] of byFolder(files)) {
          // What this batch has written for the hour need not be moved first.
          const paths = new Map(own.map((file) => [this.#whereIs(file, moving), file]));
          const from = `${this.#batches}/${name}-${moving.size}.parquet`;
          const { rows, lost } = await hours.join(hour, [...paths.keys()], served.fileOf(from));
          // What is lost stays counted, so that whoever reads the hour is told.
          for (const path of lost) state.addFile(hour, state.vectorsOfOpen(paths.get(path)!));
          if (rows === null) continue;
          state.addFile(hour, rows);
          moving.set(from, `${folder}/${name}-joined.parquet`);
        }
        state.closeHour(hour);
        removing.push(...files);
      }
    } finally {
      hours.close();
    }
    for (const [from, to] of moving) if (removing.includes(to)) moving.delete(from);
    return removing;
  }

  /** @returns the path of an open file, which this batch may have written and not moved yet */
  #whereIs(file: string, moving: ReadonlyMap<string, string>): string {
    const staged = [...moving].find(([, to]) => to === file);
    return this.#options.served.fileOf(staged === undefined ? file : staged[0]);
  }

  #isOver(hour: string): boolean {
    const end = Date.parse(`${hour}:00:00Z`) * 1_000 + HOUR_US;
    return this.#options.nowUs() >= end + JOIN_AFTER_US;
  }

  /** Does what the last commit says: files get their places, joined ones and days that are not kept go. */
  async settle(): Promise<void> {
    const { served, disk } = this.#options;
    const { moving, removing, keptFrom } = this.#state;
    for (const [from, to] of moving) await disk.move(served.fileOf(from), served.fileOf(to));
    for (const file of removing) await disk.remove(served.fileOf(file));
    await disk.emptyFolder(served.fileOf(this.#batches));
    if (!this.#expires || keptFrom === '') return;
    this.#expires = false;
    for (const { folder, day } of await archiveFolders(served))
      if (day < keptFrom) await disk.remove(served.fileOf(folder));
  }

  /** Forgets the days that are not kept; they are removed once the state is written. */
  expire(): void {
    const { keepDays, nowUs } = this.#options;
    if (keepDays === null) return;
    const keptFrom = dayOf(nowUs() - keepDays * DAY_US);
    if (keptFrom <= this.#state.keptFrom) return;
    this.#state.keptFrom = keptFrom;
    this.#expires = true;
    for (const hour of this.#state.hours.keys()) if (hour < keptFrom) this.#state.hours.delete(hour);
  }

  close(): void {
    this.#batch.close();
  }
}

function partsOf({ served, book, warn }: ArchiveOptions): Parameters<typeof ArchiveBatch.open>[0] {
  return { book, warn, placeOf: (folder, columns) => placeOf(served, folder, columns) };
}

/** @returns by the folder that they are joined in, which is theirs without `_open` */
function byFolder(files: readonly string[]): Map<string, string[]> {
  const folders = new Map<string, string[]>();
  for (const file of files) {
    const folder = file.slice(OPEN.length + 1, file.lastIndexOf('/'));
    folders.set(folder, [...(folders.get(folder) ?? []), file]);
  }
  return folders;
}
