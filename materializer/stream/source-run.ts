/**
 * The stream of one source in this process. It holds every view over the source as a run holds it, or shares it with
 * the other processes of the source's group, or has no views and archives alone. Then it takes messages of the
 * partitions that it is given, share after share, and steps and commits as the clock says. partition-stream.ts tells
 * the way of a message.
 *
 *   locks, leases -> records 'running' -> (share -> catch up -> (take -> step -> commit)*)* -> records 'complete'
 */
import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import type { Bundle, FeatureView, Source } from '../../contract/model.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { Project } from '../../project/project.ts';
import { materializerError } from '../errors.ts';
import { noWrites } from '../online/guard-outcome.ts';
import type { OnlineWriter } from '../online/online-writer.ts';
import { removeStaged } from '../run/run-folders.ts';
import { holdView, shareHold } from '../run/view-hold.ts';
import { KafkaGroup } from './group/kafka-group.ts';
import { LoneGroup } from './group/stream-group.ts';
import type { Share, StreamGroup } from './group/stream-group.ts';
import { openShare } from './open-share.ts';
import type { ShareParts, TiledTopic } from './open-share.ts';
import { Rejects } from './rejects.ts';
import { fileKind } from './source/file-kind.ts';
import { FolderReader } from './source/folder-reader.ts';
import { KafkaReader } from './source/kafka-reader.ts';
import type { MessagePlace, StreamReader } from './source/stream-reader.ts';
import { planTiles } from '../../contract/aggregation/tile-plan.ts';
import { tileTopicOf } from './tiles/job-sql.ts';
import { kafkaOf } from './tiles/tile-run.ts';
import { TileTopic } from './tiles/tile-topic.ts';
import { pump } from './stream-pump.ts';
import { StreamRecord } from './stream-record.ts';
import type { SourceStream } from './source-stream.ts';
import type { RunningView } from './running-view.ts';

interface SourceJob {
  readonly project: Project;
  readonly bundle: Bundle;
  readonly database: RegistryDatabase;
  /** null: there are no views. */
  readonly writer: OnlineWriter | null;
  /** Ends when all that is there has been read. */
  readonly drain: boolean;
  readonly signal: AbortSignal;
  /** Rows of edges after it are made again; null: none is. */
  readonly fromUs: number | null;
}

/** What is made of the messages of a source. */
interface StreamedSource {
  readonly source: Source;
  /** That rows are made of; none: the messages are archived, and whoever makes rows is another program. */
  readonly views: readonly FeatureView[];
  /** Whose tiles are sent to topics of their own; where there are any, no rows are made. */
  readonly tiled: readonly FeatureView[];
}

/**
 * @returns the records of the views
 * @throws  as runStreams in stream.ts
 */
export async function runSource(job: SourceJob, of: StreamedSource): Promise<RunRecord[]> {
  const { source, views } = of;
  const { project } = job;
  const runs: RunningView[] = [];
  try {
    for (const view of views) runs.push(await beginView(job, view));
    const { elsewhere } = project.settings;
    const { memory } = project.settings.materialize;
    const settingsOf = { memorySetting: 'materialize.memory', scratchSetting: 'stream.state' };
    const spill = `spill-${randomBytes(4).toString('hex')}`;
    const tempFolder = join(project.settings.stream.state, source.name, spill);
    const duck = await DuckDb.open({ memoryLimit: `${memory}B`, tempFolder, elsewhere, ...settingsOf });
    try {
      await streamMessages(job, of, { runs, duck });
      return await Promise.all(runs.map(({ record }) => record.complete(project.clock.nowUs())));
    } finally {
      duck.close();
    }
  } catch (error) {
    for (const { record } of runs) await record.fail(error as Error, project.clock.nowUs());
    throw error;
  } finally {
    for (const { hold } of runs) await hold.release();
  }
}

async function beginView({ project, bundle, database }: SourceJob, view: FeatureView): Promise<RunningView> {
  const { settings, clock } = project;
  const startedUs = clock.nowUs();
  const runId = `${formatTimestamp(startedUs).replace(/[-:.]/g, '')}-${randomBytes(4).toString('hex')}`;
  const { name, stream } = view.source;
  const member = { view, group: await groupOf(database, name, 'stream'), member: runId };
  const hold =
    stream!.topic === null
      ? await holdView(settings.work, database, view)
      : await shareHold(settings.work, database, member);
  try {
    const clear = (dead: string): void => void removeStaged(settings.work, view, dead);
    const record = await StreamRecord.begin(database, { view, bundle, runId, startedUs, clear });
    const entity = bundle.entities.get(view.entity)!;
    return { view, entity, runId, hold, record, writes: noWrites(), counts: new Map() };
  } catch (error) {
    await hold.release();
    throw error;
  }
}

/** Projects of one registry share a group, and no others: each of two would get half of the messages. */
async function groupOf(
  database: RegistryDatabase,
  source: string,
  what: 'stream' | 'archive',
): Promise<string> {
  return `plumbline-${what}-${source}-${(await database.id()).slice(0, 8)}`;
}

async function streamMessages(
  job: SourceJob,
  { source, tiled: views }: StreamedSource,
  { runs, duck }: { readonly runs: readonly RunningView[]; readonly duck: DuckDb },
): Promise<void> {
  const { project, database, signal, drain } = job;
  const { stream } = project.settings;
  const reader = await openReader(source, project, { waits: !drain, isKeyed: runs.length > 0 });
  const file = join(stream.state, source.name, 'rejected.jsonl');
  const placeOf = (offset: number): MessagePlace | null => reader.placeOf(offset);
  const rejects = new Rejects(file, stream.maxRejected, { placeOf });
  // A process that makes no rows shares no partitions with those that do.
  const name = await groupOf(database, source.name, runs.length === 0 ? 'archive' : 'stream');
  const group = openGroup(project, { source, reader, name });
  // Those that have been made again; one that comes back from another process need not be.
  const rewound = new Set<number>();
  const fromUsOf = (partition: number): number | null => (rewound.has(partition) ? null : job.fromUs);
  const tiled: TiledTopic[] = [];
  const parts = { ...job, source, runs, tiled, duck, rejects, reader, group, fromUsOf };
  try {
    for (const view of views) tiled.push(await openTiled(job, view));
    for (;;) {
      const share = await group.join(signal);
      if (share === null) return;
      const isAtEnd = await streamShare(parts, share, { drain, signal, rewound });
      if (isAtEnd) return;
    }
  } finally {
    rejects.flush();
    for (const { topic } of tiled) await topic.close();
    await group.leave();
    await reader.close();
  }
}

/** @throws MAT_STREAM_SOURCE when there is no topic for the view's tiles */
async function openTiled({ project, bundle, database }: SourceJob, view: FeatureView): Promise<TiledTopic> {
  const plan = planTiles(view, bundle.entities.get(view.entity)!);
  const runs = await database.runs({ view: view.id });
  const known = runs.findLast((run) => run.horizonUs !== null)?.horizonUs;
  const horizonUs = known ?? (await database.streamPartitions.firstHorizon(view.id, project.clock.nowUs()));
  return { plan, horizonUs, topic: await TileTopic.open(tileTopicOf(view), kafkaOf(project, view)) };
}

/** @returns whether the stream is at its end; false: the partitions are to be shared out anew */
async function streamShare(
  parts: ShareParts,
  share: Share,
  { rewound, ...options }: Pick<SourceJob, 'drain' | 'signal'> & { readonly rewound: Set<number> },
): Promise<boolean> {
  const { project, reader } = parts;
  let stream: SourceStream | null = null;
  try {
    stream = await openShare(parts, share);
    const isOver = (): boolean => share.isOver || options.signal.aborted;
    if (!(await stream.catchUp(isOver))) return options.signal.aborted;
    await reader.start(stream.positions);
    const flushMs = project.settings.stream.flushUs / 1_000;
    const isAtEnd = await pump(stream, { ...options, flushMs, share, next: () => reader.next() });
    for (const partition of share.partitions) rewound.add(partition);
    return isAtEnd;
  } catch (error) {
    if (!share.isLost || (error as { code?: string }).code !== 'MAT_LEASE') throw error;
    project.logger.warn(`${(error as Error).message}; what it had under way is left to that one`);
    return options.signal.aborted;
  } finally {
    stream?.close();
  }
}

interface SharedSource {
  readonly source: Source;
  readonly reader: StreamReader;
  /** Of the group. */
  readonly name: string;
}

function openGroup({ settings, logger }: Project, { source, reader, name }: SharedSource): StreamGroup {
  const { kafka, leaseUs } = settings.stream;
  const { topic } = source.stream!;
  if (topic === null || kafka === null) return new LoneGroup(reader.partitions);
  return new KafkaGroup({
    topic,
    partitions: reader.partitions.length,
    kafka,
    group: name,
    sessionMs: leaseUs / 1_000,
    warn: (line) => logger.warn(line),
  });
}

/**
 * @param waits    whether the reader waits for a moment where nothing is there
 * @param isKeyed  whether rows are made of one partition alone
 */
async function openReader(
  source: Source,
  { settings, logger }: Project,
  { waits, isKeyed }: { readonly waits: boolean; readonly isKeyed: boolean },
): Promise<StreamReader> {
  const { folder, topic, keyedBy } = source.stream!;
  const kind = fileKind(source.stream!);
  const warn = (line: string): void => logger.warn(line);
  if (folder !== null)
    return new FolderReader({ folder: resolve(settings.folder, folder), kind, waits, warn });
  const { kafka } = settings.stream;
  if (kafka === null) {
    const what = `source ${source.name} reads the topic ${topic!}, and no setting says where it lies`;
    throw materializerError('MAT_STREAM_SOURCE', what, {
      field: 'stream.kafka',
      help: 'Set `stream: { kafka: { brokers: [...] } }` in plumbline.yaml.',
    });
  }
  const reader = await KafkaReader.open({ topic: topic!, kafka, warn });
  if (reader.partitions.length === 1 || keyedBy !== null || !isKeyed) return reader;
  await reader.close();
  throw materializerError(
    'MAT_STREAM_SOURCE',
    `the topic ${topic!} has ${reader.partitions.length} partitions, and nothing says that an entity keeps to one of them`,
    {
      field: source.name,
      help:
        'Send messages with the entity as their key, and say so: `keyedBy`. Or make rows of the tiles of all partitions: ' +
        '`plumb stream --make-tiles` (docs/streams.md, "Entities in any partition").',
    },
  );
}
