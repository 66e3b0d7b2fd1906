/**
 * Finds served requests, by request id or by place (pod, epoch, sequence): in the archive, and in what the spool holds,
 * which is archived into a scratch folder first, so that there is one way to read both. Called by explain.ts.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb, SqlRow } from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths } from '../../project/engine/duckdb/file-sql.ts';
import type { Project } from '../../project/project.ts';
import type { RecordWalk } from '../../contract/wire/log/record-walk.ts';
import { archivedFiles } from '../../project/archive/archive-files.ts';
import type { ArchivedFiles } from '../../project/archive/archive-files.ts';
import { pinnedFiles } from '../../project/archive/pinned-files.ts';
import { servedFolder } from '../../project/archive/archive-place.ts';
import { openHistoryStorage } from '../../project/engine/duckdb/object-storage.ts';
import { isObject } from '../../contract/std/files/local-path.ts';
import { localFolder } from '../../project/storage/local-folder.ts';
import type { EpochAccount } from '../../project/archive/epoch-account.ts';
import { DamagedArchive, DamagedFiles, readingArchive } from '../day/damaged-archive.ts';
import { archiveSpool } from '../ingest/spool-archive.ts';

/** Below the scratch folder; no reader of the archive looks into what begins with `_`. */
const PINS = '_pins';
/** So often files are listed anew of which retention has removed some before they were read. */
const MOST_LISTINGS = 3;

/** Which requests are wanted. A request id may have been used more than once. */
export type WantedRequest =
  | { readonly requestId: string }
  | { readonly pod: string; readonly epoch: string; readonly sequence: number };

/** A request, and the file that has its vectors. */
export interface LoggedRequest {
  readonly requestId: string;
  readonly pod: string;
  readonly epoch: string;
  readonly sequence: number;
  readonly servedUs: number;
  /** How many vectors it has. */
  readonly rows: number;
  /** Where the clock of its pod stood after each of its steps since the start, as far as the log has come. */
  readonly clockOffsetsUs: readonly number[];
  /** Of its service's version in the archive: `churn/v3.0`. */
  readonly folder: string;
  readonly file: string;
}

/**
 * @param scratch  an empty folder
 * @returns        each request once, in the order of its served time
 */
export async function loggedRequests(
  duck: DuckDb,
  project: Project,
  scratch: string,
  wanted: WantedRequest,
): Promise<LoggedRequest[]> {
  const ingested = await ingestedRequests(duck, project, scratch, wanted);
  const ledger = await archiveSpool(project, scratch, (_, walk) => isWanted(walk, wanted));
  const { files } = await archivedFiles(localFolder(scratch), [ledger.archive], () => true);
  const spooled = await requestsIn(duck, { files, epochs: ledger.epochs() }, wanted);
  const nameOf = ({ pod, epoch, sequence }: LoggedRequest): string => `${pod} ${epoch} ${sequence}`;
  const found = new Map([...spooled, ...ingested].map((request) => [nameOf(request), request]));
  return [...found.values()].toSorted((a, b) => a.servedUs - b.servedUs || a.sequence - b.sequence);
}

/** Those of the archive, from which retention may remove files at any time. Damaged ones are warned of. */
async function ingestedRequests(
  duck: DuckDb,
  { settings, logger }: Project,
  scratch: string,
  wanted: WantedRequest,
): Promise<LoggedRequest[]> {
  const served = servedFolder(settings);
  await openHistoryStorage(duck, served);
  const damaged = new DamagedFiles((line) => logger.warn(line));
  for (let listing = 1; ; listing++) {
    const { files: all, ledger } = await pinnedFiles(served, join(scratch, PINS), () => true);
    const files = damaged.others(all);
    try {
      return await readingArchive(files, settings.elsewhere, () =>
        requestsIn(duck, { files, epochs: ledger.epochs() }, wanted),
      );
    } catch (error) {
      if (listing < MOST_LISTINGS && files.some(({ file }) => !isObject(file) && !existsSync(file))) continue;
      if (!(error instanceof DamagedArchive)) throw error;
      for (const [file, why] of error.files) damaged.add(file, why);
    }
  }
}

function isWanted(walk: RecordWalk, wanted: WantedRequest): boolean {
  const { record, requestId, pod } = walk;
  if ('requestId' in wanted)
    return record.toString('utf8', requestId.from, requestId.to) === wanted.requestId;
  if (walk.sequence !== wanted.sequence || walk.epoch() !== wanted.epoch) return false;
  return record.toString('utf8', pod.from, pod.to) === wanted.pod;
}

interface Archived extends Pick<ArchivedFiles, 'files'> {
  readonly epochs: readonly EpochAccount[];
}

async function requestsIn(
  duck: DuckDb,
  { files, epochs }: Archived,
  wanted: WantedRequest,
): Promise<LoggedRequest[]> {
  const found: LoggedRequest[] = [];
  for (const [folder, own] of Map.groupBy(files, (one) => one.folder)) {
    for (const row of await placesIn(duck, own, wanted)) {
      const [pod, epoch] = [row['_pod'] as string, row['_epoch'] as string];
      const account = epochs.find((one) => one.pod === pod && one.epoch === epoch);
      found.push({
        requestId: row['_request_id'] as string,
        pod,
        epoch,
        sequence: row['sequence'] as number,
        servedUs: row['served_us'] as number,
        rows: row['vectors'] as number,
        clockOffsetsUs: account?.clockOffsetsUs ?? [],
        folder,
        file: row['filename'] as string,
      });
    }
  }
  return found;
}

async function placesIn(
  duck: DuckDb,
  files: ArchivedFiles['files'],
  wanted: WantedRequest,
): Promise<SqlRow[]> {
  const condition =
    'requestId' in wanted
      ? `_request_id = ${quoteText(wanted.requestId)}`
      : `_pod = ${quoteText(wanted.pod)} AND _epoch = ${quoteText(wanted.epoch)} AND _sequence = ${wanted.sequence}`;
  const paths = files.map(({ file }) => file);
  return await duck.rows(`SELECT _request_id, _pod, _epoch, CAST(_sequence AS DOUBLE) AS sequence,
      CAST(epoch_us(min(_served_time)) AS DOUBLE) AS served_us, max(_row) + 1 AS vectors, filename
    FROM read_parquet(${quotePaths(paths)}, union_by_name = true, hive_partitioning = false, filename = true)
    WHERE ${condition} GROUP BY ALL`);
}
