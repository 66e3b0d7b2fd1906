/**
 * What the last runs of all views say, as a textfile for Prometheus (`materialize.metrics`), since a run has no port to
 * be scraped at. Times are seconds since 1970, so that `time() - metric` is an age whenever the file is read.
 */
import type { FeatureView } from '../../contract/model.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import { partitionMetricsText } from './partition-metrics.ts';
import type { ViewPartitions } from './partition-metrics.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import { lastAchieved } from '../../contract/run-set.ts';
import { writeDurably } from '../../contract/std/files/durable-file.ts';

interface ViewRuns {
  readonly view: FeatureView;
  /** Or a stream that has committed; null: there was none. */
  readonly complete: RunRecord | null;
  readonly last: RunRecord | null;
}

interface Family {
  readonly name: string;
  readonly help: string;
  /** Microseconds or a count; null: not known, and left out. */
  readonly value: (of: ViewRuns) => number | null;
  readonly unit: 'seconds' | 'count';
}

const FAMILIES: readonly Family[] = [
  {
    name: 'plumbline_view_watermark_timestamp_seconds',
    help: 'The time up to which the view is complete.',
    value: ({ complete }) => complete?.watermarkUs ?? null,
    unit: 'seconds',
  },
  {
    name: 'plumbline_view_freshness_target_seconds',
    help: 'The age of the watermark that is promised.',
    value: ({ view }) => view.freshnessUs,
    unit: 'seconds',
  },
  {
    name: 'plumbline_view_freshness_alert_seconds',
    help: 'The age of the watermark past which there is an alarm.',
    value: ({ view }) => view.freshnessAlertUs,
    unit: 'seconds',
  },
  {
    name: 'plumbline_source_newest_event_timestamp_seconds',
    help: 'The newest event of the source of the view that runs saw.',
    value: ({ complete }) => complete?.newestEventUs ?? null,
    unit: 'seconds',
  },
  {
    name: 'plumbline_source_newest_created_timestamp_seconds',
    help: 'The newest created time of the source of the view that runs saw.',
    value: ({ complete }) => complete?.newestCreatedUs ?? null,
    unit: 'seconds',
  },
  {
    name: 'plumbline_source_freshness_limit_seconds',
    help: 'The age of the newest event past which the source has stopped.',
    value: ({ view }) => view.sourceFreshnessUs,
    unit: 'seconds',
  },
  {
    name: 'plumbline_view_waiting_rows',
    help: 'Rows new to the last complete run that wait for their time.',
    value: ({ complete }) => complete?.waiting ?? null,
    unit: 'count',
  },
  {
    name: 'plumbline_view_last_run_failed',
    help: 'Whether the last run of the view failed.',
    value: ({ last }) => (last === null ? null : Number(last.state === 'failed')),
    unit: 'count',
  },
];

/** Writes the file anew, whole; readers of metrics are other users, so that everybody may read it. */
export async function writeRunMetrics(
  file: string,
  views: Iterable<FeatureView>,
  database: RegistryDatabase,
): Promise<void> {
  const all: ViewRuns[] = [];
  const partitions: ViewPartitions[] = [];
  for (const view of views) {
    if (view.source.stream !== undefined)
      partitions.push({ view: view.id, notes: await database.streamPartitions.of(view.id) });
    const runs = await database.runs({ view: view.id });
    all.push({
      view,
      complete: lastAchieved(runs),
      last: runs.findLast(({ state }) => state !== 'running') ?? null,
    });
  }
  writeDurably(file, runMetricsText(all) + partitionMetricsText(partitions), 0o644);
}

export function runMetricsText(all: readonly ViewRuns[]): string {
  const lines = FAMILIES.flatMap(({ name, help, value, unit }) => {
    const samples = all.flatMap((of) => {
      const number = value(of);
      return number === null
        ? []
        : [`${name}{view="${of.view.id}"} ${unit === 'seconds' ? number / 1e6 : number}`];
    });
    return samples.length === 0 ? [] : [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, ...samples];
  });
  return `${lines.join('\n')}\n`;
}
