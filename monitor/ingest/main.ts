/** What `plumb monitor ingest` does: choose the source, lock the folder, ingest, and report the result. */
import { relative } from 'node:path';
import type { Project } from '../../project/project.ts';
import type { Settings } from '../../project/settings/settings.ts';
import { registryError } from '../../contract/errors.ts';
import { monitorError } from '../errors.ts';
import { ARCHIVE_DISK } from '../archive/archive-disk.ts';
import { SchemaBook } from '../archive/schema-book.ts';
import { ObjectDisk } from '../archive/object-disk.ts';
import { lockPlace, servedFolder } from '../../project/archive/archive-place.ts';
import { isObject } from '../../contract/std/files/local-path.ts';
import { lockFolder, takeShare } from './folder-share.ts';
import { IngestAccount } from '../../project/archive/ingest-account.ts';
import { BATCH, ingestLog } from './ingest-log.ts';
import { metricsWriter } from './ingest-metrics.ts';
import type { IngestOptions } from './ingest-log.ts';
import { resultOf } from './ingest-result.ts';
import type { IngestResult } from './ingest-result.ts';
import { WHOLE, holds, shareTag } from '../../project/archive/ingest-share.ts';
import type { IngestShare } from '../../project/archive/ingest-share.ts';
import type { IngestLedger } from '../../project/archive/ledger.ts';
import type { LogSource, SourceOptions } from './log-source.ts';
import { SpoolSource } from './spool-source.ts';
import { TopicSource } from './topic-source.ts';

export interface IngestRequest extends Partial<Omit<IngestOptions, 'served' | 'logger'>> {
  /** Whether to go on until the signal; else it ends with what the log holds now. */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
  /** Which partitions of a topic are read; all unless given. */
  readonly share?: IngestShare;
  /** The source to read; default: the one of `sourceOf`. */
  readonly from?: 'spool' | 'topic';
}

/** @returns the spool if it keeps its records for the ingest (`log.ingest`) or there is no topic; else the topic */
export function sourceOf({ log }: Settings): 'spool' | 'topic' {
  return log.kafka === null || log.ingest ? 'spool' : 'topic';
}

/**
 * Ingests what the log holds, or goes on until the signal.
 *
 * @throws MON_INGEST_RUNS, MON_SERVED, MON_LOG, MON_TOPIC
 */
export async function runIngest(project: Project, request: IngestRequest = {}): Promise<IngestResult> {
  const result = await tryIngest(project, request);
  if (result !== null) return result;
  throw monitorError('MON_INGEST_RUNS', `another ingest writes ${project.settings.served}`);
}

/** Like `runIngest`, but returns null when another ingest holds the folder. */
export async function tryIngest(project: Project, request: IngestRequest = {}): Promise<IngestResult | null> {
  const { settings, logger } = project;
  const served = servedFolder(settings);
  const locks = lockPlace(settings);
  const {
    follow = false,
    signal = new AbortController().signal,
    from = sourceOf(settings),
    share = WHOLE,
    ...own
  } = request;
  if (from === 'spool' && share.of > 1) {
    const message = 'a spool has one reader: shares are of the partitions of a topic';
    throw registryError('REG_USAGE', message, { field: 'share' });
  }
  const tag = shareTag(share);
  const lock = lockFolder(locks, tag);
  if (lock === null) return null;
  let source: LogSource | null = null;
  try {
    const archive = {
      share: tag,
      disk: isObject(served.path) ? new ObjectDisk(served) : ARCHIVE_DISK,
      elsewhere: settings.elsewhere,
      book: new SchemaBook(settings.bundles, (line) => logger.warn(line)),
      nowUs: () => project.clock.nowUs(),
      keepDays: settings.monitor.keepServedDays,
    };
    const onCommit = metricsWriter(project, tag);
    const options = { served, locks, logger, archive, onCommit, ...BATCH, ...own };
    const ledger = await takeShare(share, options);
    const countsBefore = ledger.counts;
    const until = { follow, signal, holds: (partition: number) => holds(share, partition) };
    source = await openSource(project, ledger, from, until);
    const hours = await ingestLog(source, ledger, options);
    // What other ingests have committed meanwhile counts too.
    return resultOf(source, (await IngestAccount.read(served)).epochs(), {
      counts: ledger.counts,
      countsBefore,
      hours,
    });
  } finally {
    await source?.close();
    lock.release();
  }
}

async function openSource(
  { settings, clock, logger }: Project,
  ledger: IngestLedger,
  from: 'spool' | 'topic',
  until: Pick<SourceOptions, 'follow' | 'signal'> & Required<Pick<SourceOptions, 'holds'>>,
): Promise<LogSource> {
  const nowUs = (): number => clock.nowUs();
  const warn = (line: string): void => logger.warn(line);
  const options: SourceOptions = { ...until, nowUs, warn };
  const { spool, kafka } = settings.log;
  if (from === 'spool') {
    const name = `spool:${relative(settings.folder, spool)}`;
    const known = {
      has: (epoch: string, sequence: number) => ledger.hasOfEpoch(epoch, sequence),
      epochsOf: (pod: string) => ledger.epochs().flatMap((one) => (one.pod === pod ? [one.epoch] : [])),
    };
    return new SpoolSource(spool, name, known, options);
  }
  if (kafka === null) throw monitorError('MON_TOPIC', 'there is no topic: log.kafka is not set');
  const { PlatformaticTopic } = await import('./platformatic-topic.ts');
  return new TopicSource(
    new PlatformaticTopic(kafka, warn, until.holds),
    (...record) => ledger.has(...record),
    options,
  );
}
