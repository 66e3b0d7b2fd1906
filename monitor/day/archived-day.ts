/**
 * The archive of one UTC day or hour, for those who judge it: the files that the ingest has written or, if nothing of
 * the day was ingested, those that are made here of the spool. Both have the same rows and the same account of what is
 * missing.
 */
import type { Project } from '../../project/project.ts';
import { dayOf, formatTimestamp } from '../../contract/std/timestamp.ts';
import { archivedFiles } from '../../project/archive/archive-files.ts';
import { IngestAccount } from '../../project/archive/ingest-account.ts';
import { sourceOf, tryIngest } from '../ingest/main.ts';
import { hourOf } from '../../project/archive/archive-layout.ts';
import { archiveSpool } from '../ingest/spool-archive.ts';
import { spanText } from '../judged-span.ts';
import type { JudgedSpan } from '../judged-span.ts';
import { servedFolder } from '../../project/archive/archive-place.ts';
import { localFolder } from '../../project/storage/local-folder.ts';
import { pinnedFiles } from '../../project/archive/pinned-files.ts';
import type { PinnedFiles } from '../../project/archive/pinned-files.ts';

/** The ledger knows of the log: gaps, open tails, what was shed and what came twice. */
export interface DayInArchive extends PinnedFiles {
  /** Whether they were made of the spool just now. */
  readonly isOfSpool: boolean;
  /** Retention has removed all days before it from what was ingested; empty: none. */
  readonly keptFrom: string;
}

/**
 * If the log is ingested from a spool, this first ingests what the spool holds now, so that the span is complete.
 *
 * @param scratch  a folder for files that are made of the spool, and for links to those that an ingest may take away
 * @throws         MON_SERVED, MON_LOG
 */
export async function archivedSpan(
  project: Project,
  span: JudgedSpan,
  scratch: string,
): Promise<DayInArchive> {
  const served = servedFolder(project.settings);
  const { fromUs, toUs } = span;
  const [first, last] = [hourOf(fromUs), hourOf(toUs - 1)];
  const ofSpan = (hour: string): boolean => hour >= first && hour <= last;
  let ledger = await IngestAccount.read(served);
  if (!isIngested(ledger, dayOf(fromUs))) {
    const keptFrom = keptFromOf(ledger);
    ledger = new IngestAccount([await archiveSpool(project, scratch, (us) => us >= fromUs && us < toUs)]);
    const made = await archivedFiles(localFolder(scratch), ledger.archives, ofSpan);
    return { ...made, ledger, isOfSpool: true, keptFrom };
  }
  // Of a spool all that it holds is there now, unless another ingest is at it.
  const isAllThere = sourceOf(project.settings) === 'spool' && (await tryIngest(project)) !== null;
  const pinned = await pinnedFiles(served, scratch, ofSpan);
  ({ ledger } = pinned);
  if (!isAllThere && ledger.caughtUpUs < Math.min(toUs, project.clock.nowUs())) {
    const upTo = ledger.caughtUpUs === 0 ? 'in part' : `up to ${formatTimestamp(ledger.caughtUpUs)}`;
    project.logger.warn(
      `the log was ingested ${upTo}; run \`plumb monitor ingest\` for the rest of ${spanText(span)}`,
    );
  }
  return { ...pinned, isOfSpool: false, keptFrom: keptFromOf(ledger) };
}

function keptFromOf({ archives }: IngestAccount): string {
  return archives.reduce((newest, { keptFrom }) => (keptFrom > newest ? keptFrom : newest), '');
}

/** Whether the ingest has vectors of the day, or has read what a sidecar logged while it went by. */
function isIngested(ledger: IngestAccount, day: string): boolean {
  const hours = ledger.archives.flatMap((one) => [...one.hours.keys(), ...one.open.keys()]);
  if (hours.some((hour) => hour.startsWith(day))) return true;
  return ledger.epochs().some(({ firstUs, lastUs }) => dayOf(firstUs) <= day && dayOf(lastUs) >= day);
}
