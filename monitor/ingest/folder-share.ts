/**
 * Takes a share of a folder of served values: its lock, what other ingests have left undone, and where they stopped.
 *
 *   lock of the share --> those of all that overlap it: free? --> their files placed, hours joined --> their positions
 *
 * So the number of ingests can change at any time: stop all, start others. Whoever was killed in the middle of a commit
 * is brought to its end by the next one that takes his partitions.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileLock } from '../../contract/std/files/file-lock.ts';
import { makePrivateFile } from '../../contract/std/files/private-file.ts';
import { monitorError } from '../errors.ts';
import { archivedBatches } from '../../project/archive/archive-files.ts';
import { IngestAccount } from '../../project/archive/ingest-account.ts';
import { BATCH, ingestLog } from './ingest-log.ts';
import type { IngestOptions } from './ingest-log.ts';
import { holds, overlap, shareTag, sharesOfTags } from '../../project/archive/ingest-share.ts';
import type { IngestShare } from '../../project/archive/ingest-share.ts';
import { IngestLedger } from '../../project/archive/ledger.ts';
import type { LogSource } from './log-source.ts';
import { sharesIn } from '../../project/archive/state-file.ts';
import { partitionsOf } from '../../project/archive/topic-positions.ts';
import type { SourcePosition } from '../../project/archive/topic-positions.ts';

/** So long another ingest may take to bring to an end what a third one has left. */
const WAIT_MS = 10_000;
const ASK_MS = 100;

/**
 * Locks a share of the folder, and creates the folder if it does not exist.
 *
 * @param tag  of the share
 * @returns    null when another ingest holds the lock
 * @throws     MON_SERVED when the folder cannot be written
 */
export function lockFolder(folder: string, tag = ''): FileLock | null {
  const file = join(folder, `lock${tag}.db`);
  try {
    makePrivateFile(file);
    return FileLock.tryTake(file);
  } catch (error) {
    const message = `${folder} cannot be written: ${(error as Error).message}`;
    throw monitorError('MON_SERVED', message, { file }, error);
  }
}

/**
 * Reads the state of a share whose lock is held, ready to go on where any ingest has left off.
 *
 * @param options  for the files that others have left undone
 * @throws         MON_INGEST_RUNS when an ingest runs that has partitions of the share; MON_SERVED
 */
export async function takeShare(
  share: IngestShare,
  options: Omit<IngestOptions, keyof typeof BATCH>,
): Promise<IngestLedger> {
  const { served } = options;
  const tag = shareTag(share);
  // Listed first: files get their places after the state that names them, so that no state is older than this list.
  const archived = archivedBatches(served);
  const read = (one: IngestShare): IngestLedger =>
    IngestLedger.read(served, one, archived.get(shareTag(one)));
  const isOther = (one: IngestShare): boolean => shareTag(one) !== tag;
  for (const other of sharesIn(served, 'lock').filter((one) => isOther(one) && overlap(one, share)))
    await endShare(other, options, read);
  const ledger = read(share);
  const known = [...sharesIn(served, 'ingest'), ...sharesIn(served, 'lock')].map(shareTag);
  const others = sharesOfTags([...known, ...archived.keys()])
    .filter(isOther)
    .map(read)
    .filter(({ hasCommitted }) => hasCommitted);
  ledger.takeOver(new IngestAccount(others).epochs(), positionsOf(share, ledger, others));
  return ledger;
}

/** Brings to an end what an ingest that does not run has committed, and joins its hours that are over. */
async function endShare(
  share: IngestShare,
  options: Parameters<typeof takeShare>[1],
  read: (share: IngestShare) => IngestLedger,
): Promise<void> {
  const { served } = options;
  const tag = shareTag(share);
  let lock = lockFolder(served, tag);
  for (const untilMs = performance.now() + WAIT_MS; lock === null && performance.now() < untilMs;) {
    await sleep(ASK_MS);
    lock = lockFolder(served, tag);
  }
  if (lock === null) {
    const { index, of } = share;
    throw monitorError(
      'MON_INGEST_RUNS',
      `an ingest of ${of === 1 ? 'all partitions' : `share ${index}/${of}`} writes ${served}, which has partitions of this one`,
    );
  }
  try {
    const ledger = read(share);
    const [name] = ledger.positions.keys();
    // Without a position it has never committed anything.
    if (name === undefined) return;
    const archive = { ...options.archive, share: tag };
    await ingestLog(nothingOf(name, ledger), ledger, { ...options, ...BATCH, archive });
  } finally {
    lock.release();
  }
}

/** A source of an ingest that has nothing more, and stays where it is. */
function nothingOf(name: string, ledger: IngestLedger): LogSource {
  return {
    name,
    lostStarts: [],
    async *items() {},
    position: () => ledger.position(name)!,
    passed: async () => {},
    close: async () => {},
  };
}

/** @returns the positions of a share's partitions that others have read last, each with the next turn */
function positionsOf(
  share: IngestShare,
  ledger: IngestLedger,
  others: readonly IngestLedger[],
): Map<string, SourcePosition> {
  const positions = new Map<string, Record<string, unknown>>();
  const newest = partitionsOf([ledger, ...others].map((one) => [one, one.positions] as const));
  for (const { reader, source, partition, position } of newest) {
    if (reader === ledger || !holds(share, partition)) continue;
    const taken = { ...position, turn: (position.turn ?? 0) + 1 };
    positions.set(source, { ...positions.get(source), [partition]: taken });
  }
  return positions;
}
