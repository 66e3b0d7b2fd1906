/**
 * `plumb stream`: one process per source. It holds every view over the source as a run holds it, brings their states up
 * to the archive's end, then takes messages, and steps and commits as the clock says. partition-stream.ts tells the way
 * of a message.
 *
 *   locks, leases -> records 'running' -> catch up -> (take -> step -> commit)* -> records 'complete'
 */
import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import type { Bundle, FeatureView, Source } from '../../contract/model.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { definitionName } from '../../contract/wire/online/row-header.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { Project } from '../../project/project.ts';
import { materializerError } from '../errors.ts';
import { openOnlineWriter } from '../online/open-online-writer.ts';
import type { OnlineWriter } from '../online/online-writer.ts';
import { writeRunMetrics } from '../run/run-metrics.ts';
import { holdView } from '../run/view-hold.ts';
import type { ViewHold } from '../run/view-hold.ts';
import { ArchiveTable } from './archive/archive-table.ts';
import { compileDecoder } from './decode/decoder.ts';
import { HistoryOutput } from './output/history-output.ts';
import { OnlineOutput } from './output/online-output.ts';
import { PartitionStream } from './partition-stream.ts';
import { Rejects } from './rejects.ts';
import { KafkaReader } from './source/kafka-reader.ts';
import { FolderReader } from './source/folder-reader.ts';
import type { Position, StreamReader } from './source/stream-reader.ts';
import { pump } from './stream-pump.ts';
import { SourceStream } from './source-stream.ts';
import type { OpenedView } from './source-stream.ts';
import { noCounts } from './stream-counts.ts';
import { StreamRecord } from './stream-record.ts';
import { ViewStream } from './view-stream.ts';
import { SeenTime } from './windows/watermark.ts';

export interface StreamRunOptions {
  /** Names of sources; all that are streams unless given. */
  readonly sources?: readonly string[];
  /** Ends when all that is there has been read. */
  readonly drain: boolean;
  /** Ends the stream when it aborts, after what was taken is committed. */
  readonly signal: AbortSignal;
}

interface StreamJob {
  readonly project: Project;
  readonly bundle: Bundle;
  readonly database: RegistryDatabase;
  readonly options: StreamRunOptions;
}

/**
 * Runs the streams of a project, each until it is stopped or drained.
 * @returns the records of their views
 * @throws  MAT_STREAM_NONE, MAT_BUSY, MAT_STREAM_SOURCE, MAT_STREAM_REJECTED, MAT_LEASE, MAT_ONLINE, REG_STORE: what
 *          the first that failed threw, once all have ended
 */
export async function runStreams(job: StreamJob): Promise<RunRecord[]> {
  const groups = chosenSources(job);
  const writer = await openOnlineWriter(job.project.settings.online);
  try {
    const stop = new AbortController();
    const signal = AbortSignal.any([job.options.signal, stop.signal]);
    const runs = [...groups.values()].map(async (views) => {
      try {
        return await runSource({ ...job, options: { ...job.options, signal } }, views, writer);
      } catch (error) {
        stop.abort('another stream that failed');
        throw error;
      }
    });
    const results = await Promise.allSettled(runs);
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
  } finally {
    await writer.close();
  }
}

/** @returns the aggregated views over streams, by their source */
function chosenSources({ bundle, options }: StreamJob): Map<string, FeatureView[]> {
  const views = [...bundle.views.values()].filter(
    ({ kind, source }) => kind === 'aggregated' && source.stream !== undefined,
  );
  const groups = Map.groupBy(views, ({ source }) => source.name);
  const missing = options.sources?.find((name) => !groups.has(name));
  if (missing !== undefined || groups.size === 0) {
    const known = [...groups.keys()].join(', ') || 'none';
    const what =
      missing === undefined ? 'no aggregated view is over a stream' : `no view is over a stream ${missing}`;
    throw materializerError('MAT_STREAM_NONE', `${what}; applied are: ${known}`, { field: 'source' });
  }
  if (options.sources === undefined) return groups;
  return new Map(options.sources.map((name) => [name, groups.get(name)!]));
}

async function runSource(
  job: StreamJob,
  views: readonly FeatureView[],
  writer: OnlineWriter,
): Promise<RunRecord[]> {
  const { project, database } = job;
  const holds: ViewHold[] = [];
  try {
    for (const view of views) holds.push(await holdView(project.settings.history, database, view));
    const { memory } = project.settings.materialize;
    const settingsOf = { memorySetting: 'materialize.memory', scratchSetting: 'stream.state' };
    const tempFolder = join(project.settings.stream.state, views[0]!.source.name, 'spill');
    const duck = await DuckDb.open({ memoryLimit: `${memory}B`, tempFolder, ...settingsOf });
    try {
      return await streamViews(job, views, { holds, writer, duck });
    } finally {
      duck.close();
    }
  } finally {
    for (const hold of holds) await hold.release();
  }
}

interface StreamEngine {
  readonly holds: readonly ViewHold[];
  readonly writer: OnlineWriter;
  readonly duck: DuckDb;
}

async function streamViews(
  job: StreamJob,
  views: readonly FeatureView[],
  engine: StreamEngine,
): Promise<RunRecord[]> {
  const { project, options } = job;
  const { settings, clock } = project;
  const { source } = views[0]!;
  const file = join(settings.stream.state, source.name, 'rejected.jsonl');
  const rejects = new Rejects(file, settings.stream.maxRejected);
  const reader = await openReader(source, project, !options.drain);
  const opened: OpenedView[] = [];
  let stream: SourceStream | null = null;
  try {
    for (const [i, view] of views.entries()) {
      opened.push(await openView(job, view, { ...engine, hold: engine.holds[i]!, rejects, reader }));
    }
    stream = openSource(job, source, { duck: engine.duck, views: opened, rejects, reader });
    await stream.catchUp();
    await reader.start(stream.positions);
    const { partitions } = reader;
    const flushMs = settings.stream.flushUs / 1_000;
    await pump(stream, { ...options, flushMs, partitions, next: () => reader.next() });
    return await Promise.all(opened.map(({ record }) => record.complete(clock.nowUs())));
  } catch (error) {
    for (const { record } of opened) await record.fail(error as Error, clock.nowUs());
    throw error;
  } finally {
    rejects.flush();
    stream?.close();
    await reader.close();
  }
}

interface SourceParts {
  readonly duck: DuckDb;
  readonly views: readonly OpenedView[];
  readonly rejects: Rejects;
  readonly reader: StreamReader;
}

function openSource(
  { project, bundle, database }: StreamJob,
  source: Source,
  { duck, views, rejects, reader }: SourceParts,
): SourceStream {
  const { settings, logger, clock } = project;
  const folder = resolve(settings.folder, source.path);
  const decode = compileDecoder(source);
  const partitions = reader.partitions.map((partition, i): [number, PartitionStream] => {
    const archive = new ArchiveTable({ folder, source, partition, sourceId: reader.id, duck, logger });
    const seen = new SeenTime(archive.seenUs);
    const own = views.map(({ streams, online, counts }) => ({ stream: streams[i]!, online, counts }));
    return [partition, new PartitionStream({ partition, archive, views: own, decode, rejects, seen, clock })];
  });
  const { metrics } = settings.materialize;
  const tell = async (positions: ReadonlyMap<number, Position>): Promise<void> => {
    await reader.tell(positions);
    if (metrics !== null) await writeRunMetrics(metrics, bundle.views.values(), database);
  };
  return new SourceStream({ partitions: new Map(partitions), views, clock, tell });
}

/** @param waits  whether the reader waits for a moment where nothing is there */
async function openReader(
  source: Source,
  { settings, logger }: Project,
  waits: boolean,
): Promise<StreamReader> {
  const { folder, topic, keyedBy } = source.stream!;
  const warn = (line: string): void => logger.warn(line);
  if (folder !== null) return new FolderReader({ folder: resolve(settings.folder, folder), waits, warn });
  const { kafka } = settings.stream;
  if (kafka === null) {
    const what = `source ${source.name} reads the topic ${topic!}, and no setting says where it lies`;
    throw materializerError('MAT_STREAM_SOURCE', what, {
      field: 'stream.kafka',
      help: 'Set `stream: { kafka: { brokers: [...] } }` in plumbline.yaml.',
    });
  }
  const reader = await KafkaReader.open({
    topic: topic!,
    kafka,
    group: `plumbline-stream-${source.name}`,
    warn,
  });
  if (reader.partitions.length === 1 || keyedBy !== null) return reader;
  await reader.close();
  throw materializerError(
    'MAT_STREAM_SOURCE',
    `the topic ${topic!} has ${reader.partitions.length} partitions, and nothing says that an entity keeps to one of them`,
    { field: source.name, help: 'Send messages with the entity as their key, and say so: `keyedBy`.' },
  );
}

interface ViewParts extends StreamEngine {
  readonly hold: ViewHold;
  readonly rejects: Rejects;
  readonly reader: StreamReader;
}

async function openView(
  { project, bundle, database }: StreamJob,
  view: FeatureView,
  { duck, writer, hold, rejects, reader }: ViewParts,
): Promise<OpenedView> {
  const { settings, logger, clock } = project;
  const entity = bundle.entities.get(view.entity)!;
  const startedUs = clock.nowUs();
  const runId = `${formatTimestamp(startedUs).replace(/[-:.]/g, '')}-${randomBytes(4).toString('hex')}`;
  const record = await StreamRecord.begin(database, { view, bundle, runId, startedUs });
  const { lease } = hold;
  const counts = noCounts();
  const { partitions } = reader;
  const streams: ViewStream[] = [];
  for (const partition of partitions) {
    const of = { view, entity, partition, partitions };
    const history = new HistoryOutput({ ...of, root: settings.history, runId, lease, duck, logger });
    const name = `${definitionName(view.definitionId)}.partition-${partition}.db`;
    const stream = new ViewStream({
      ...of,
      history,
      counts,
      sourceId: reader.id,
      horizonUs: record.horizonUs,
      warn: (line) => logger.warn(line),
      stateFile: join(settings.stream.state, view.id, name),
      otherPartitionOf(text) {
        const other = streams.findIndex((one, i) => partitions[i] !== partition && one.knows(text));
        return other === -1 ? null : partitions[other]!;
      },
      reject: ({ offset }, reason) => rejects.keep({ partition, offset, reason, view: view.id }),
    });
    streams.push(stream);
  }
  const { keyPrefix } = settings.online;
  const online = new OnlineOutput({ view, entity, bundle, keyPrefix, writer, lease });
  return { streams, online, counts, record };
}
