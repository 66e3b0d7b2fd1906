/**
 * The files of an archive, held fast for as long as a run reads them, also while an ingest goes on writing:
 *
 *   state read --> files listed --> those that an ingest may take away linked --> state read again: the same as before?
 *       ^                                                                                            |
 *       `------------------------------------------ no: all of it again -----------------------------'
 *
 * An ingest first commits its state and then moves files to their places, joins those of an hour that is over, and
 * removes what was joined (archive-state.ts). So a list made over a commit may have an hour twice, or lack a file. One
 * made while the state stands still is whole: what is between two places is found with the next look.
 */
import { copyFileSync, linkSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { makeFolder } from '../../contract/std/files/folder.ts';
import { archivedFiles } from './archive-files.ts';
import type { ArchivedFiles } from './archive-files.ts';
import { archiveError } from './errors.ts';
import { IngestAccount } from './ingest-account.ts';
import { allStates } from './state-file.ts';

export interface PinnedFiles extends ArchivedFiles {
  /** What the states that name them know of the log. */
  readonly ledger: IngestAccount;
}

/** A move takes no longer than this many looks; what is not there then is lost. */
const LOOKS_FOR_LOST = 5;
const MOST_LOOKS = 20;
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 1_000;

/**
 * @param pins    a folder of the caller's for links; it is made, and emptied
 * @param within  which hours are asked for, as `2026-11-21T10`
 * @throws        MON_SERVED when the state cannot be read, or changes faster than files can be listed
 */
export async function pinnedFiles(
  served: string,
  pins: string,
  within: (hour: string) => boolean,
): Promise<PinnedFiles> {
  let lostLooks = 0;
  for (let look = 0; look < MOST_LOOKS; look++) {
    if (look > 0) await pause(Math.min(FIRST_PAUSE_MS * 2 ** (look - 1), LONGEST_PAUSE_MS));
    const states = allStates(served);
    const ledger = IngestAccount.read(served);
    const found = reading(served, () => pinned(archivedFiles(served, ledger.archives, within), pins));
    if (found === null || allStates(served) !== states) continue;
    if (found.lost.length === 0 || ++lostLooks === LOOKS_FOR_LOST) return { ...found, ledger };
  }
  throw archiveError(
    'MON_SERVED',
    `an ingest changes ${served} faster than its files can be listed: judge the day again when it has caught up`,
    { file: served },
  );
}

/** @throws MON_SERVED when a folder or a file cannot be looked at */
function reading<Result>(served: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    const what = `the archive in ${served} cannot be read: ${(error as Error).message}`;
    throw archiveError('MON_SERVED', what, { file: served }, error);
  }
}

/** @returns null: a file went away meanwhile */
function pinned(found: ArchivedFiles, pins: string): ArchivedFiles | null {
  rmSync(pins, { recursive: true, force: true });
  makeFolder(pins, 0o700);
  try {
    const files = found.files.map((one, i) =>
      one.isInPlace ? one : { ...one, file: pin(one.file, pins, i) },
    );
    return { ...found, files };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** A file is never changed once it has a name, so a link to it is as good as a copy; other disks take no link. */
function pin(file: string, pins: string, number: number): string {
  const to = join(pins, `${number}.parquet`);
  try {
    linkSync(file, to);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!['EXDEV', 'EPERM', 'ENOTSUP', 'EMLINK'].includes(code)) throw error;
    // A folder in the place of a file takes no link either: whoever reads it finds that it is none.
    if (statSync(file).isDirectory()) return file;
    copyFileSync(file, to);
  }
  return to;
}
