/** What an ingest has committed, read back with plain SQL. */
import { DuckDb, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import { IngestLedger } from '../../monitor/ingest/ledger.ts';
import { servedFiles } from '../../monitor/day/served-files.ts';

export interface IngestedRecord {
  readonly pod: string;
  readonly epoch: string;
  readonly sequence: number;
  readonly kind: string;
  readonly requestId: string | null;
  readonly hour: string;
  readonly record: Buffer;
}

/** @returns every record of the committed files, in order of epochs and numbers; a record that is there twice comes twice */
export async function ingestedRecords(served: string): Promise<IngestedRecord[]> {
  const { batch: committed } = IngestLedger.read(served);
  const files = servedFiles(served).filter(({ batch }) => batch <= committed);
  if (files.length === 0) return [];
  const duck = await DuckDb.open();
  try {
    const rows = await duck.rows(
      `SELECT pod, epoch, CAST(sequence AS DOUBLE) AS sequence, kind, request_id, record,
        strftime(served_at, '%Y-%m-%dT%H') AS hour, filename
       FROM read_parquet([${files.map(({ file }) => quoteText(file)).join(', ')}], filename = true)
       ORDER BY pod, epoch, sequence`,
    );
    return rows.map((row) => ({
      pod: row['pod'] as string,
      epoch: row['epoch'] as string,
      sequence: row['sequence'] as number,
      kind: row['kind'] as string,
      requestId: row['request_id'] as string | null,
      hour: /hour=([^/]+)/.exec(row['filename'] as string)![1]!,
      record: Buffer.from((row['record'] as unknown as { bytes: Uint8Array }).bytes),
    }));
  } finally {
    duck.close();
  }
}
