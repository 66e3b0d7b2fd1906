/**
 * Archives some of a spool's requests into a folder of the caller's, as an ingest would, and leaves the spool and its
 * cursors as they are: a day that nothing was ingested of, or a request that is to be explained. What was archived
 * there before is not done again.
 */
import { ARCHIVE_DISK } from '../archive/archive-disk.ts';
import { SchemaBook } from '../archive/schema-book.ts';
import type { RecordWalk } from '../../contract/wire/log/record-walk.ts';
import type { Project } from '../../project/project.ts';
import { BATCH, ingestLog } from './ingest-log.ts';
import { IngestLedger } from '../../project/archive/ledger.ts';
import { localFolder } from '../../project/storage/local-folder.ts';
import type { LogSource } from './log-source.ts';
import { SpoolSource } from './spool-source.ts';

/** All hours are over, so that their files get their places at once. */
const END_OF_TIME_US = Date.UTC(2200, 0) * 1_000;

/**
 * @param folder  looks like the folder of served values afterwards
 * @param within  which requests are archived
 * @returns       its state: the whole spool's account, and which files there are
 */
export async function archiveSpool(
  { settings, logger, clock }: Project,
  folder: string,
  within: (servedUs: number, walk: RecordWalk) => boolean,
): Promise<IngestLedger> {
  const served = localFolder(folder);
  const ledger = await IngestLedger.read(served);
  const { signal } = new AbortController();
  // The account tells what is damaged or missing; warnings of the cursor's are about an ingest, which this is not.
  const options = { follow: false, signal, nowUs: () => clock.nowUs(), warn: () => {} };
  const known = { has: () => false, epochsOf: () => [] };
  const source = new SpoolSource(settings.log.spool, 'spool', known, options);
  const unmoved: LogSource = {
    name: source.name,
    lostStarts: [],
    items: (from) => source.items(from),
    position: () => source.position(),
    passed: async () => {},
    close: () => source.close(),
  };
  const archive = {
    share: '',
    disk: ARCHIVE_DISK,
    book: new SchemaBook(settings.bundles, (line) => logger.warn(line)),
    nowUs: () => END_OF_TIME_US,
    keepDays: null,
  };
  const own = { served, logger: { ...logger, info: () => {} } };
  await ingestLog(unmoved, ledger, { ...own, ...BATCH, archive, within });
  return ledger;
}
