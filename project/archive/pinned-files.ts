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
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { makeFolder } from '../../contract/std/files/folder.ts';
import { archivedFiles } from './archive-files.ts';
import type { ArchivedFile, ArchivedFiles } from './archive-files.ts';
import { isObject } from '../../contract/std/files/local-path.ts';
import type { Folder } from '../storage/folder.ts';
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
  served: Folder,
  pins: string,
  within: (hour: string) => boolean,
): Promise<PinnedFiles> {
  let lostLooks = 0;
  for (let look = 0; look < MOST_LOOKS; look++) {
    if (look > 0) await pause(Math.min(FIRST_PAUSE_MS * 2 ** (look - 1), LONGEST_PAUSE_MS));
    const states = await allStates(served);
    const ledger = await IngestAccount.read(served);
    const found = await reading(served, async () =>
      pinned(served, await archivedFiles(served, ledger.archives, within), pins),
    );
    if (found === null || (await allStates(served)) !== states) continue;
    if (found.lost.length === 0 || ++lostLooks === LOOKS_FOR_LOST) return { ...found, ledger };
  }
  throw archiveError(
    'MON_SERVED',
    `an ingest changes ${served.path} faster than its files can be listed: judge the day again when it has caught up`,
    { file: served.path },
  );
}

/** @throws MON_SERVED when a folder or a file cannot be looked at */
async function reading<Result>(served: Folder, read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    const what = `the archive in ${served.path} cannot be read: ${(error as Error).message}`;
    throw archiveError('MON_SERVED', what, { file: served.path }, error);
  }
}

/** @returns null: a file went away meanwhile */
async function pinned(served: Folder, found: ArchivedFiles, pins: string): Promise<ArchivedFiles | null> {
  rmSync(pins, { recursive: true, force: true });
  makeFolder(pins, 0o700);
  const files: ArchivedFile[] = [];
  for (const [i, one] of found.files.entries()) {
    const file = one.isInPlace ? one.file : await pin(served, one.file, join(pins, `${i}.parquet`));
    if (file === null) return null;
    files.push({ ...one, file });
  }
  return { ...found, files };
}

/** @returns what is read in the file's place; null: it is gone */
async function pin(served: Folder, file: string, to: string): Promise<string | null> {
  // A folder in the place of a file takes no link: whoever reads it finds that it is none.
  if (!isObject(file) && statSync(file, { throwIfNoEntry: false })?.isDirectory() === true) return file;
  return (await served.fetch(file.slice(served.path.length + 1), to)) ? to : null;
}
