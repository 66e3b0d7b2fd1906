/**
 * How far the ingest has come, as a textfile for Prometheus (`monitor.ingestMetrics`), since it has no port to be
 * scraped at. Times are seconds since 1970, so that `time() - metric` is an age whenever the file is read: an ingest
 * that stands still, hangs, or is not there at all shows in the same way.
 */
import { Exposition } from '../../contract/std/exposition.ts';
import { writeDurably } from '../../contract/std/files/durable-file.ts';
import type { IngestLedger } from '../../project/archive/ledger.ts';
import type { Project } from '../../project/project.ts';

/** What the state of an ingest says of it. */
type Ingested = Pick<IngestLedger, 'newestUs' | 'counts'>;

/** @param tag  of the ingest's share, as `shareTag` gives it */
export function ingestMetrics({ newestUs, counts }: Ingested, tag: string, nowUs: number): string {
  const out = new Exposition();
  const labels = { share: tag === '' ? 'all' : tag.slice(1) };
  out.gauge(
    'plumbline_ingest_last_commit_timestamp_seconds',
    'When the ingest had last kept all that it had read.',
    [[labels, nowUs / 1e6]],
  );
  // Before the first one there is none.
  out.gauge(
    'plumbline_ingest_newest_record_timestamp_seconds',
    'The time of the newest record that was ever ingested; heartbeats count.',
    newestUs === 0 ? [] : [[labels, newestUs / 1e6]],
  );
  out.counter('plumbline_ingest_records_total', 'Records that were ingested so far, each once.', [
    [labels, counts.records],
  ]);
  out.counter('plumbline_ingest_unreadable_total', 'Records so far that could not be read.', [
    [labels, counts.unreadable],
  ]);
  return out.text();
}

/**
 * @param tag  as above
 * @returns    writes the file of the settings anew; undefined: they name none
 */
export function metricsWriter(
  { settings, clock, logger }: Project,
  tag: string,
): ((ledger: Ingested) => void) | undefined {
  const file = settings.monitor.ingestMetrics;
  if (file === null) return undefined;
  return (ledger) => {
    try {
      // Readers of metrics are other users.
      writeDurably(file, ingestMetrics(ledger, tag, clock.nowUs()), 0o644);
    } catch (error) {
      logger.warn(`monitor.ingestMetrics: ${(error as Error).message}`);
    }
  };
}
