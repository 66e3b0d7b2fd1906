/**
 * Finds served requests in the vector log, by request id or by place (pod, epoch, sequence): in the ingested Parquet
 * and in the spool, which may both hold the same record. Called by explain.ts.
 */
import { quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths } from '../../project/engine/duckdb/file-sql.ts';
import type { Settings } from '../../project/settings/settings.ts';
import { decodeRecord } from '../../contract/wire/log/served-decoder.ts';
import { readServedLog } from '../../contract/wire/log/served-log.ts';
import type { LogRecord, ServedRecord } from '../../contract/wire/log/served-record.ts';
import { IngestLedger } from '../ingest/ledger.ts';
import { servedFiles } from '../ingest/served-files.ts';

/** Which requests are wanted. A request id may have been used more than once. */
export type WantedRequest =
  | { readonly requestId: string }
  | { readonly pod: string; readonly epoch: string; readonly sequence: number };

/** @returns each request once, in the order of its served time; records that cannot be read are left out */
export async function loggedRequests(
  duck: DuckDb,
  { served, log }: Pick<Settings, 'served' | 'log'>,
  wanted: WantedRequest,
): Promise<ServedRecord[]> {
  const found = new Map<string, ServedRecord>();
  const take = (record: ServedRecord): void => {
    if (isWanted(record, wanted)) found.set(`${record.pod} ${record.epoch} ${record.sequence}`, record);
  };
  for (const record of await ingestedRecords(duck, served, wanted)) take(record);
  for (const item of readServedLog(log.spool)) if (item.kind === 'served') take(item.record);
  return [...found.values()].toSorted((a, b) => a.servedUs - b.servedUs || a.sequence - b.sequence);
}

function isWanted(record: ServedRecord, wanted: WantedRequest): boolean {
  if ('requestId' in wanted) return record.requestId === wanted.requestId;
  const { pod, epoch, sequence } = wanted;
  return record.pod === pod && record.epoch === epoch && record.sequence === sequence;
}

async function ingestedRecords(duck: DuckDb, served: string, wanted: WantedRequest): Promise<ServedRecord[]> {
  const { batch: committed } = IngestLedger.read(served);
  const files = servedFiles(served).filter(({ batch }) => batch <= committed);
  if (files.length === 0) return [];
  const paths = files.map(({ file }) => file);
  const condition =
    'requestId' in wanted
      ? `request_id = ${quoteText(wanted.requestId)}`
      : `pod = ${quoteText(wanted.pod)} AND epoch = ${quoteText(wanted.epoch)} AND sequence = ${wanted.sequence}`;
  const rows = await duck.rows(
    `SELECT record FROM read_parquet(${quotePaths(paths)}, hive_partitioning = false) WHERE kind = 'served' AND ${condition}`,
  );
  return rows.flatMap((row) => {
    const { bytes } = row['record'] as unknown as { readonly bytes: Uint8Array };
    const record = decoded(Buffer.from(bytes));
    return record?.kind === 'served' ? [record.record] : [];
  });
}

function decoded(payload: Buffer): LogRecord | null {
  try {
    return decodeRecord(payload);
  } catch {
    return null;
  }
}
