/**
 * Finds served requests, by request id or by place (pod, epoch, sequence): in the archive, and in what the spool holds,
 * which is archived into a scratch folder first, so that there is one way to read both. Called by explain.ts.
 */
import { join } from 'node:path';
import { quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths } from '../../project/engine/duckdb/file-sql.ts';
import type { Project } from '../../project/project.ts';
import type { RecordWalk } from '../../contract/wire/log/record-walk.ts';
import { archivedFiles } from '../../project/archive/archive-files.ts';
import { pinnedFiles } from '../../project/archive/pinned-files.ts';
import { archiveSpool } from '../ingest/spool-archive.ts';

/** Below the scratch folder; no reader of the archive looks into what begins with `_`. */
const PINS = '_pins';

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
  const { served } = project.settings;
  const { files: ingested } = await pinnedFiles(served, join(scratch, PINS), () => true);
  const ledger = await archiveSpool(project, scratch, (_, walk) => isWanted(walk, wanted));
  const { files: spooled } = archivedFiles(scratch, [ledger.archive], () => true);
  const found = new Map<string, LoggedRequest>();
  for (const files of [ingested, spooled]) {
    for (const [folder, own] of Map.groupBy(files, (one) => one.folder)) {
      const paths = own.map(({ file }) => file);
      for (const request of await requestsIn(duck, folder, paths, wanted)) {
        const name = `${request.pod} ${request.epoch} ${request.sequence}`;
        if (!found.has(name)) found.set(name, request);
      }
    }
  }
  return [...found.values()].toSorted((a, b) => a.servedUs - b.servedUs || a.sequence - b.sequence);
}

function isWanted(walk: RecordWalk, wanted: WantedRequest): boolean {
  const { record, requestId, pod } = walk;
  if ('requestId' in wanted)
    return record.toString('utf8', requestId.from, requestId.to) === wanted.requestId;
  if (walk.sequence !== wanted.sequence || walk.epoch() !== wanted.epoch) return false;
  return record.toString('utf8', pod.from, pod.to) === wanted.pod;
}

async function requestsIn(
  duck: DuckDb,
  folder: string,
  files: readonly string[],
  wanted: WantedRequest,
): Promise<LoggedRequest[]> {
  const condition =
    'requestId' in wanted
      ? `_request_id = ${quoteText(wanted.requestId)}`
      : `_pod = ${quoteText(wanted.pod)} AND _epoch = ${quoteText(wanted.epoch)} AND _sequence = ${wanted.sequence}`;
  const rows = await duck.rows(`SELECT _request_id, _pod, _epoch, CAST(_sequence AS DOUBLE) AS sequence,
      CAST(epoch_us(min(_served_time)) AS DOUBLE) AS served_us, max(_row) + 1 AS vectors, filename
    FROM read_parquet(${quotePaths(files)}, union_by_name = true, hive_partitioning = false, filename = true)
    WHERE ${condition} GROUP BY ALL`);
  return rows.map((row) => ({
    requestId: row['_request_id'] as string,
    pod: row['_pod'] as string,
    epoch: row['_epoch'] as string,
    sequence: row['sequence'] as number,
    servedUs: row['served_us'] as number,
    rows: row['vectors'] as number,
    folder,
    file: row['filename'] as string,
  }));
}
