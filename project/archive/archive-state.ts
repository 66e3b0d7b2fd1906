/**
 * What the state of an ingest knows of the archive's files. A batch's files are written to the folder `_batches` and
 * get their places once the state that names them is durable; a process that was killed before that does it at its next
 * start.
 *
 *   _batches/00000017-0.parquet --commit--> churn/v3.0/date=…/hour=…/00000017.parquet        hours that are over
 *                               `---------> _open/churn/v3.0/date=…/hour=…/00000017.parquet  the present hour
 *
 * The files of an hour in `_open` are joined into one once the hour is over, and then removed. So a file that stands in
 * its place is never changed, nor taken away but by retention, and whoever reads all files of a folder meets each row
 * once.
 */
interface HourFiles {
  readonly files: number;
  readonly vectors: number;
  /** How many of the files were lost before anybody had counted their vectors. Absent: none. */
  readonly unknown?: number;
}

export interface ArchiveStateText {
  /** Files in place, or about to be, of each hour that was over when they were written. */
  readonly hours: Readonly<Record<string, HourFiles>>;
  /** The files in `_open` of each hour, relative to the folder of served values. */
  readonly open: Readonly<Record<string, readonly string[]>>;
  /** How many vectors each of the files in `_open` has. Those that an older program has written are not in it. */
  readonly openVectors?: Readonly<Record<string, number>>;
  /** What the last commit moves: from where in `_batches` to where. */
  readonly moving: Readonly<Record<string, string>>;
  /** What the last commit removes. */
  readonly removing: readonly string[];
  /** Days before it were removed; empty: none was. */
  readonly keptFrom: string;
}

export const NO_ARCHIVE: ArchiveStateText = { hours: {}, open: {}, moving: {}, removing: [], keptFrom: '' };

export class ArchiveState {
  readonly hours: Map<string, HourFiles>;
  readonly open: Map<string, readonly string[]>;
  readonly #openVectors: Map<string, number>;
  moving: ReadonlyMap<string, string>;
  removing: readonly string[];
  keptFrom: string;

  constructor(text: ArchiveStateText) {
    this.hours = new Map(Object.entries(text.hours));
    this.open = new Map(Object.entries(text.open));
    this.#openVectors = new Map(Object.entries(text.openVectors ?? {}));
    this.moving = new Map(Object.entries(text.moving));
    this.removing = text.removing;
    this.keptFrom = text.keptFrom;
  }

  /**
   * Counts a file that gets its place with the next commit, or should have got it.
   *
   * @param vectors  null: it is lost, and nobody knows how many it had
   */
  addFile(hour: string, vectors: number | null): void {
    const before = this.hours.get(hour) ?? { files: 0, vectors: 0 };
    const after = { ...before, files: before.files + 1 };
    if (vectors === null) this.hours.set(hour, { ...after, unknown: (before.unknown ?? 0) + 1 });
    else this.hours.set(hour, { ...after, vectors: before.vectors + vectors });
  }

  /** @returns how many vectors the files of an hour had; null: that is not known of all */
  vectorsOf(hour: string): number | null {
    const { vectors = 0, unknown = 0 } = this.hours.get(hour) ?? {};
    if (unknown > 0) return null;
    const own = (this.open.get(hour) ?? []).map((file) => this.vectorsOfOpen(file));
    return own.reduce<number | null>(
      (sum, one) => (sum === null || one === null ? null : sum + one),
      vectors,
    );
  }

  /** @returns how many vectors a file in `_open` was written with; null: nobody knows */
  vectorsOfOpen(file: string): number | null {
    return this.#openVectors.get(file) ?? null;
  }

  addOpen(hour: string, file: string, vectors: number): void {
    this.open.set(hour, [...(this.open.get(hour) ?? []), file]);
    this.#openVectors.set(file, vectors);
  }

  /** Forgets the files that an hour has in `_open`: they are joined. */
  closeHour(hour: string): void {
    for (const file of this.open.get(hour) ?? []) this.#openVectors.delete(file);
    this.open.delete(hour);
  }

  text(): ArchiveStateText {
    return {
      hours: Object.fromEntries(this.hours),
      open: Object.fromEntries(this.open),
      openVectors: Object.fromEntries(this.#openVectors),
      moving: Object.fromEntries(this.moving),
      removing: this.removing,
      keptFrom: this.keptFrom,
    };
  }
}
