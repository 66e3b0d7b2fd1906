/**
 * `plumb stream --tiles`: one process for a view of which another engine makes the tiles. It holds the view as a run
 * does, and takes tiles from their topic in place of events from the source's.
 */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { tileMessageFromJson } from '../../../contract/aggregation/tile-message.ts';
import { planTiles } from '../../../contract/aggregation/tile-plan.ts';
import type { TilePlan } from '../../../contract/aggregation/tile-plan.ts';
import { TileFault } from '../../../contract/aggregation/tile-reader.ts';
import type { Bundle, FeatureView, Source } from '../../../contract/model.ts';
import type { RunRecord } from '../../../contract/run-record.ts';
import type { Json } from '../../../contract/std/canonical-json.ts';
import { formatTimestamp } from '../../../contract/std/timestamp.ts';
import { definitionName } from '../../../contract/wire/online/row-header.ts';
import type { RegistryDatabase } from '../../../project/database/registry-database.ts';
import { archiveFolder } from '../../../project/engine/duckdb/sources/archive-files.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { completeHistory } from '../../../project/history/history-place.ts';
import type { Project } from '../../../project/project.ts';
import type { KafkaAccess } from '../../../project/settings/kafka-settings.ts';
import { materializerError } from '../../errors.ts';
import { noWrites } from '../../online/guard-outcome.ts';
import { openOnlineWriter } from '../../online/open-online-writer.ts';
import type { OnlineWriter } from '../../online/online-writer.ts';
import { removeStaged } from '../../run/run-folders.ts';
import { holdView } from '../../run/view-hold.ts';
import type { ViewHold } from '../../run/view-hold.ts';
import { writeRunMetrics } from '../../run/run-metrics.ts';
import { ArchiveTable } from '../archive/archive-table.ts';
import { HistoryOutput } from '../output/history-output.ts';
import { openOnlineOutput } from '../output/open-online-output.ts';
import { Rejects } from '../rejects.ts';
import { KafkaReader } from '../source/kafka-reader.ts';
import { BEGINNING } from '../source/stream-reader.ts';
import { noCounts } from '../stream-counts.ts';
import { pump } from '../stream-pump.ts';
import { StreamRecord } from '../stream-record.ts';
import { ViewStream } from '../view-stream.ts';
import { LostTiles } from './lost-tiles.ts';
import type { ArchivedPartition } from './lost-tiles.ts';
import { OriginTiles } from './origin-tiles.ts';
import { SourceTails } from './source-tails.ts';
import { StandingRows } from './standing-rows.ts';
import { TiledView } from './tiled-view.ts';

export interface TileRunOptions {
  readonly topic: string;
  /** The view's id; the only one over a topic unless given. */
  readonly view?: string;
  /** Ends when all tiles that are there have been read. */
  readonly drain: boolean;
  /** Ends the run when it aborts, after what was taken is committed. */
  readonly signal: AbortSignal;
}

interface TileJob {
  readonly project: Project;
  readonly bundle: Bundle;
  readonly database: RegistryDatabase;
  readonly options: TileRunOptions;
}

/**
 * @returns the record of the view
 * @throws  MAT_STREAM_NONE, MAT_BUSY, MAT_STREAM_SOURCE, MAT_STREAM_REJECTED, MAT_LEASE, MAT_ONLINE, REG_STORE
 */
export async function runTiles(job: TileJob): Promise<RunRecord> {
  const { project, bundle, database, options } = job;
  const { settings } = project;
  const view = viewByTiles(bundle, options.view);
  const kafka = kafkaOf(project, view);
  const writer = await openOnlineWriter(settings.online);
  try {
    const hold = await holdView(settings.work, database, view);
    try {
      const { elsewhere } = settings;
      const { memory } = settings.materialize;
      const settingsOf = { memorySetting: 'materialize.memory', scratchSetting: 'stream.state' };
      const tempFolder = join(settings.stream.state, view.id, 'spill');
      const duck = await DuckDb.open({ memoryLimit: `${memory}B`, tempFolder, elsewhere, ...settingsOf });
      try {
        return await takeTiles(job, view, { kafka, writer, hold, duck });
      } finally {
        duck.close();
      }
    } finally {
      await hold.release();
    }
  } finally {
    await writer.close();
  }
}

/** @throws MAT_STREAM_NONE */
export function viewByTiles(bundle: Bundle, id: string | undefined): FeatureView {
  const views = [...bundle.views.values()].filter(
    ({ kind, source }) => kind === 'aggregated' && (source.stream?.topic ?? null) !== null,
  );
  const found = id === undefined ? views : views.filter((view) => view.id === id);
  if (found.length === 1) return found[0]!;
  const known = views.map((view) => view.id).join(', ') || 'none';
  const what =
    id !== undefined
      ? `${id} is no aggregated view over a topic`
      : found.length === 0
        ? 'no aggregated view is over a topic'
        : 'several views are over topics, and the tiles are those of one';
  throw materializerError('MAT_STREAM_NONE', `${what}; applied are: ${known}`, {
    field: 'view',
    help: 'Name the view: `--view ID`.',
  });
}

/** @throws MAT_STREAM_SOURCE where no setting says where topics lie */
export function kafkaOf({ settings }: Project, { source }: FeatureView): KafkaAccess {
  const { kafka } = settings.stream;
  if (kafka !== null) return kafka;
  throw materializerError(
    'MAT_STREAM_SOURCE',
    `source ${source.name} reads the topic ${source.stream!.topic!}, and no setting says where it lies`,
    { field: 'stream.kafka', help: 'Set `stream: { kafka: { brokers: [...] } }` in plumbline.yaml.' },
  );
}

interface TileEngine {
  readonly kafka: KafkaAccess;
  readonly writer: OnlineWriter;
  readonly hold: ViewHold;
  readonly duck: DuckDb;
}

async function takeTiles(job: TileJob, view: FeatureView, engine: TileEngine): Promise<RunRecord> {
  const { project, bundle, database, options } = job;
  const { settings, logger, clock } = project;
  const { topic } = options;
  const open = (name: string): Promise<KafkaReader> =>
    KafkaReader.open({
      topic: name,
      kafka: engine.kafka,
      isCompacted: true,
      warn: (line) => logger.warn(line),
    });
  const reader = await open(topic);
  const source = await open(view.source.stream!.topic!);
  const plan = planTiles(view, bundle.entities.get(view.entity)!);
  const startedUs = clock.nowUs();
  const runId = `${formatTimestamp(startedUs).replace(/[-:.]/g, '')}-${randomBytes(4).toString('hex')}`;
  let tiled: TiledView | null = null;
  let record: StreamRecord | null = null;
  const rejects = new Rejects(
    join(settings.stream.state, view.id, 'rejected.jsonl'),
    settings.stream.maxRejected,
  );
  try {
    const hasRun = (await database.runs({ view: view.id })).some((run) => run.horizonUs !== null);
    const horizonUs = hasRun ? startedUs : await firstHorizonUs(reader, plan, options);
    record = await StreamRecord.begin(database, {
      view,
      bundle,
      runId,
      startedUs,
      horizonUs,
      clear: (dead) => void removeStaged(settings.work, view, dead),
    });
    tiled = await openTiled(job, { ...engine, plan, runId, record, reader, source, rejects });
    await tiled.begin();
    await reader.start(tiled.positions);
    const flushMs = settings.stream.flushUs / 1_000;
    const share = { partitions: reader.partitions, isOver: false };
    await pump(tiled, { ...options, flushMs, share, next: () => reader.next() });
    return await record.complete(clock.nowUs());
  } catch (error) {
    await record?.fail(error as Error, clock.nowUs());
    throw error;
  } finally {
    rejects.flush();
    tiled?.close();
    await reader.close();
    await source.close();
  }
}

interface TiledParts extends TileEngine {
  readonly plan: TilePlan;
  readonly runId: string;
  readonly record: StreamRecord;
  readonly reader: KafkaReader;
  readonly source: KafkaReader;
  readonly rejects: Rejects;
}

async function openTiled({ project, bundle, database }: TileJob, parts: TiledParts): Promise<TiledView> {
  const { plan, hold, writer, duck, reader, source, record, rejects } = parts;
  const { view, entity } = plan;
  const { settings, logger, clock } = project;
  const counts = noCounts();
  const writes = noWrites();
  const { lease } = hold;
  const of = { view, entity, partition: 0, partitions: [0] };
  const warn = (line: string): void => logger.warn(line);
  const history = await HistoryOutput.open({
    ...of,
    of: 'tiles',
    root: settings.history,
    work: settings.work,
    runId: parts.runId,
    lease,
    duck,
    logger,
  });
  const file = join(settings.stream.state, view.id, `${definitionName(view.definitionId)}.tiles`);
  const origins = OriginTiles.open(plan, `${file}.origins.db`, reader.id);
  // Either file alone says nothing: the tiles are read again.
  if (origins.progress() === null)
    for (const end of ['', '-wal', '-shm']) rmSync(`${file}.db${end}`, { force: true });
  const stream = new ViewStream({
    ...of,
    history,
    counts,
    sourceId: reader.id,
    takesTiles: true,
    standsToUs: (await completeHistory(settings, view, entity))?.watermarkUs ?? -1,
    owner: parts.runId,
    horizonUs: record.horizonUs,
    warn,
    stateFile: `${file}.db`,
    otherPartitionOf: () => null,
    reject: ({ offset }, reason) => rejects.keep({ partition: 0, offset, reason, view: view.id }),
  });
  if (stream.isWithoutTiles) stream.standOn(await StandingRows.read(duck, settings, plan));
  const hasRows = history.committed.watermarkUs !== null;
  const way = { project, bundle, duck, view, entity, runId: parts.runId, writer, lease };
  const online = openOnlineOutput({ ...way, counts: writes, hasRows });
  const { metrics } = settings.materialize;
  return new TiledView({
    plan,
    stream,
    origins,
    online,
    record,
    counts,
    writes,
    rejects,
    clock,
    topicId: reader.id,
    partitions: reader.partitions,
    tails: new SourceTails(source),
    lost: lostTiles(project, parts, origins),
    async tell() {
      if (metrics !== null) await writeRunMetrics(metrics, bundle.views.values(), database);
    },
  });
}

function lostTiles(
  project: Project,
  { plan, record, duck, source: reader }: TiledParts,
  origins: OriginTiles,
): LostTiles {
  const { source } = plan.view;
  return new LostTiles({
    plan,
    horizonUs: record.horizonUs,
    origins,
    archiveOf: (partition) => openArchive(project, { duck, reader, source, partition }),
    warn: (line) => project.logger.warn(line),
  });
}

interface PartitionPlace {
  readonly duck: DuckDb;
  readonly reader: KafkaReader;
  readonly source: Source;
  readonly partition: number;
}

/** @throws MAT_STREAM_SOURCE where it is another topic's, REG_STORE */
async function openArchive(
  { settings, logger }: Project,
  { duck, reader, source, partition }: PartitionPlace,
): Promise<ArchivedPartition> {
  const archive = await ArchiveTable.open({
    folder: archiveFolder(settings.folder, source, settings.elsewhere.s3),
    source,
    partition,
    partitions: reader.partitions.length,
    sourceId: reader.id,
    hold: () => Promise.reject(new Error('an archive that is read is not written')),
    duck,
    logger,
  });
  return { end: archive.end.offset, read: (range) => archive.read(0, { ranges: [range], keys: null }) };
}

/** @returns the horizon that a view's tiles count by, from the first mark among them: it has no run that had one */
async function firstHorizonUs(
  reader: KafkaReader,
  plan: TilePlan,
  { topic, drain, signal }: TileRunOptions,
): Promise<number> {
  await reader.start(new Map(reader.partitions.map((partition) => [partition, BEGINNING])));
  const ended = new Set<number>();
  const isOver = (): boolean => signal.aborted || (drain && ended.size === reader.partitions.length);
  while (!isOver()) {
    for (const { partition, messages, atEnd } of await reader.next()) {
      for (const { value } of messages) {
        const horizonUs = horizonOf(plan, value);
        if (horizonUs !== null) return horizonUs;
      }
      if (atEnd) ended.add(partition);
    }
  }
  throw materializerError(
    'MAT_STREAM_SOURCE',
    `the topic ${topic} says nothing yet of how far the tiles of ${plan.view.id} have come`,
    { help: 'Run the job that `plumb stream sql` prints; its tiles come with its checkpoints.' },
  );
}

function horizonOf(plan: TilePlan, value: Buffer | null): number | null {
  try {
    const json = JSON.parse(value?.toString('utf8') ?? 'null') as { readonly [key: string]: Json } | null;
    if (json?.['mark'] === undefined) return null;
    const message = tileMessageFromJson(plan, json);
    return message.kind === 'mark' ? message.mark.horizonUs : null;
  } catch (error) {
    if (error instanceof TileFault || error instanceof SyntaxError) return null;
    throw error;
  }
}
