/** The monitor's table of errors. Documented in docs/errors.md. */
import { errorsOf } from '../contract/std/coded-error.ts';
import type { ErrorEntry } from '../contract/std/coded-error.ts';
import { ARCHIVE_ERRORS } from '../project/archive/errors.ts';

export const MONITOR_ERRORS = {
  ...ARCHIVE_ERRORS,
  MON_QUANTILE: {
    message: 'A quantile was asked for over no values, or for a share outside [0, 1].',
    help: 'Check that there are values, and give the share as a number from 0 to 1.',
    kind: 'failed',
  },
  MON_DAY: {
    message: 'The day or the hour to judge is none.',
    help: 'Give the day as YYYY-MM-DD, UTC, and an hour of it as 0 to 23.',
    kind: 'usage',
  },
  MON_NO_VECTORS: {
    message: 'The vector log holds nothing of the day, or nothing of the services asked for.',
    help: 'Check the date (UTC), log.enabled and log.spool; `plumb log status` shows what the spool holds. A log that goes to Kafka is ingested first: `plumb monitor ingest`.',
    kind: 'not-enough-data',
  },
  MON_REQUEST: {
    message: 'The request to explain is not in the log, or cannot be explained.',
    help: 'Check the id; `plumb log cat` lists what the spool holds, `plumb log status` what of it was ingested. A log that goes to Kafka is ingested first: `plumb monitor ingest`.',
    kind: 'usage',
  },
  MON_LOG: {
    message: 'The vector log cannot be read.',
    help: 'Check the folder and its permissions; spool files are readable by their owner only.',
    kind: 'failed',
  },
  MON_INGEST_RUNS: {
    message: 'Another ingest writes the same folder.',
    help: 'Wait for it to end, or stop it; one ingest at a time may write a folder, or one of each share of a topic.',
    kind: 'usage',
  },
  MON_TOPIC: {
    message: 'The topic of the vector log cannot be read.',
    help: 'Check log.kafka (brokers, topic, tls, sasl) and that the topic exists.',
    kind: 'failed',
  },
  MON_STATS_FILE: {
    message: 'A file to compare cannot be read.',
    help: 'Give two Parquet files that share columns: `plumb monitor stats --a BEFORE.parquet --b AFTER.parquet`.',
    kind: 'usage',
  },
  MON_SNAPSHOT: {
    message: 'A stored verdict cannot be read, or is of another version.',
    help: 'Judge the day again: `plumb monitor run --date DATE --service SERVICE`.',
    kind: 'failed',
  },
  MON_HEALTH: {
    message: 'What health is to be read from, or over which time, is not said as it should be.',
    help: 'Give --sidecar as HOST:ADMINPORT, --prometheus as a URL, --over as a duration such as 1d.',
    kind: 'usage',
  },
  MON_NOT_KEPT: {
    message: 'What a shard of a verdict judged cannot be kept for the run that writes the verdict.',
    help: 'Check the folder monitor.scratch, its permissions and the space left. All processes of a verdict need the same one.',
    kind: 'failed',
  },
  MON_REPORTS: {
    message: 'The verdict cannot be written to the folder of reports.',
    help: 'Check the folder, its permissions and the space left.',
    kind: 'failed',
  },
} as const satisfies Record<string, ErrorEntry>;

export const monitorError = errorsOf(MONITOR_ERRORS);
