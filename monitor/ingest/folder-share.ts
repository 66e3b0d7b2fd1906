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
import { isObject } from '../../contract/std/files/local-path.ts';
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
import { sharesOfLocks, sharesOfStates, stateName } from '../../project/archive/state-file.ts';
import { localFolder } from '../../project/storage/local-folder.ts';
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
  const { disk } = options.archive;
  await disk.claim(served.fileOf(stateName(served, tag)));
  // Listed first: files get their places after the state that names them, so that no state is older than this list.
  const archived = await archivedBatches(served);
  const read = (one: IngestShare): Promise<IngestLedger> =>
    IngestLedger.read(served, one, archived.get(shareTag(one)));
  const isOther = (one: IngestShare): boolean => shareTag(one) !== tag;
  const locks = await sharesOfLocks(localFolder(locksOf(options)));
  // Of those in object storage that ran on other machines there are states alone.
  const met = isObject(served.path) ? [...locks, ...(await sharesOfStates(served))] : locks;
  const before = sharesOfTags(met.map(shareTag));
  for (const other of before.filter((one) => isOther(one) && overlap(one, share)))
    await endShare(other, options, read);
  const ledger = await read(share);
  const known = [...(await sharesOfStates(served)), ...before].map(shareTag);
  const all = sharesOfTags([...known, ...archived.keys()]).filter(isOther);
  const others = (await Promise.all(all.map(read))).filter(({ hasCommitted }) => hasCommitted);
  ledger.takeOver(new IngestAccount(others).epochs(), positionsOf(share, ledger, others));
  return ledger;
}

function locksOf({ served, locks }: Pick<IngestOptions, 'served' | 'locks'>): string {
  return locks ?? served.path;
}

/** Brings to an end what an ingest that does not run has committed, and joins its hours that are over. */
async function endShare(
  share: IngestShare,
  options: Parameters<typeof takeShare>[1],
  read: (share: IngestShare) => Promise<IngestLedger>,
): Promise<void> {
  const { served } = options;
  const tag = shareTag(share);
  const locks = locksOf(options);
  let lock = lockFolder(locks, tag);
  for (const untilMs = performance.now() + WAIT_MS; lock === null && performance.now() < untilMs;) {
    await sleep(ASK_MS);
    lock = lockFolder(locks, tag);
  }
  if (lock === null) {
    const { index, of } = share;
    throw monitorError(
      'MON_INGEST_RUNS',
      `an ingest of ${of === 1 ? 'all partitions' : `share ${index}/${of}`} writes ${served.path}, which has partitions of this one`,
    );
  }
  try {
    await options.archive.disk.claim(served.fileOf(stateName(served, tag)));
    const ledger = await read(share);
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
