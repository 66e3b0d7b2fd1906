/**
 * A command goes on without the files of the archive that cannot be read, and tells of them. A run finds those without
 * a footer before it reads anything. Damage in the middle fails whatever meets it: then all files are read, and the
 * command begins again without those that cannot be, so that no statement has read half of one.
 */
import { CodedError } from '../../contract/std/coded-error.ts';
import type { Elsewhere } from '../../project/settings/s3-settings.ts';
import { openHistoryStorage } from '../../project/engine/duckdb/object-storage.ts';
import { isObject } from '../../contract/std/files/local-path.ts';
import type { ArchivedFile } from '../../project/archive/archive-files.ts';
import { damagedFiles, filesWithoutFooter } from '../../project/archive/damaged-files.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { DayInArchive } from './archived-day.ts';

/** Its files are those that can be read, as far as is known. */
export interface ReadableArchive extends DayInArchive {
  readonly damaged: readonly ArchivedFile[];
}

/** Ends an attempt to read the archive: the next one goes without these files. */
export class DamagedArchive extends Error {
  /** Why each of them cannot be read. */
  readonly files: ReadonlyMap<ArchivedFile, string>;

  constructor(files: ReadonlyMap<ArchivedFile, string>, cause: unknown) {
    const paths = [...files.keys()].map(({ path }) => path);
    super(`files of the archive cannot be read: ${paths.join(', ')}`, { cause });
    this.files = files;
  }
}

/** What a command has found to be damaged so far, by the files' own paths. */
export class DamagedFiles {
  readonly #paths = new Set<string>();
  readonly #warn: (line: string) => void;

  constructor(warn: (line: string) => void) {
    this.#warn = warn;
  }

  /** Warns of a file, once. */
  add({ file, path }: ArchivedFile, why: string): void {
    if (this.#paths.has(path)) return;
    this.#paths.add(path);
    // What was read may be a link of the command's, which is gone when it ends.
    this.#warn(`${path} cannot be read, and is left out: ${why.replaceAll(file, path)}`);
  }

  /** @returns those that were not found */
  others(files: readonly ArchivedFile[]): readonly ArchivedFile[] {
    return files.filter(({ path }) => !this.#paths.has(path));
  }

  /** Takes out what was found before, and what has no footer. */
  async leaveOut(duck: DuckDb, archive: DayInArchive): Promise<ReadableArchive> {
    const left = this.others(archive.files);
    const found = await filesWithoutFooter(
      duck,
      left.map(({ file }) => file),
    );
    for (const one of left) {
      const why = found.get(one.file);
      if (why !== undefined) this.add(one, why);
    }
    const damaged = archive.files.filter(({ path }) => this.#paths.has(path));
    return { ...archive, files: this.others(left), damaged };
  }
}

/** Codes of errors that a damaged file of the archive may be behind. */
const UNCERTAIN: ReadonlySet<string> = new Set(['REG_SOURCE', 'SPARK_FAILED']);

/**
 * Runs what reads files of the archive. Where it fails, it may be their fault: DuckDB does not say which side of a join
 * it was.
 *
 * @throws DamagedArchive when some of them cannot be read; else what `read` throws
 */
export async function readingArchive<Result>(
  files: readonly ArchivedFile[],
  elsewhere: Elsewhere,
  read: () => Promise<Result>,
): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    // Who throws another code knows what has failed; a history that cannot be read may be a file of the archive.
    if (error instanceof DamagedArchive || (error instanceof CodedError && !UNCERTAIN.has(error.code)))
      throw error;
    const damages = await damagesOf(files, elsewhere);
    if (damages.size === 0) throw error;
    throw new DamagedArchive(damages, error);
  }
}

/** By a DuckDB of its own: a fault may have left the other one so that it answers nothing any more. */
async function damagesOf(
  files: readonly ArchivedFile[],
  elsewhere: Elsewhere,
): Promise<Map<ArchivedFile, string>> {
  const duck = await DuckDb.open({ elsewhere });
  try {
    const inStorage = files.find(({ file }) => isObject(file));
    if (inStorage !== undefined) await openHistoryStorage(duck, { path: inStorage.file });
    const paths = files.map(({ file }) => file);
    const cut = await filesWithoutFooter(duck, paths);
    const found = cut.size > 0 ? cut : await damagedFiles(duck, paths);
    return new Map(
      files.flatMap((one) => {
        const why = found.get(one.file);
        return why === undefined ? [] : [[one, why] as const];
      }),
    );
  } finally {
    duck.close();
  }
}
