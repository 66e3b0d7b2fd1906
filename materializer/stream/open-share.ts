/** Opens what a process was given of a source: archive, states and outputs of each partition, for each view. */
import { join } from 'node:path';
import type { Bundle, Source } from '../../contract/model.ts';
import { definitionName } from '../../contract/wire/online/row-header.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { Project } from '../../project/project.ts';
import type { OnlineWriter } from '../online/online-writer.ts';
import { writeRunMetrics } from '../run/run-metrics.ts';
import { archiveFolder } from '../../project/engine/duckdb/sources/archive-files.ts';
import { ArchiveTable } from './archive/archive-table.ts';
import { compileMessages } from './decode/message-decoder.ts';
import type { Share, StreamGroup } from './group/stream-group.ts';
import { HistoryOutput } from './output/history-output.ts';
import { openOnlineOutput } from './output/open-online-output.ts';
import { PartitionStream } from './partition-stream.ts';
import type { Rejects } from './rejects.ts';
import type { StreamReader } from './source/stream-reader.ts';
import type { Folder } from '../../project/storage/folder.ts';
import { KeptTiles } from './state/kept-tiles.ts';
import { SourceStream } from './source-stream.ts';
import type { HeldView } from './source-stream.ts';
import { noCounts } from './stream-counts.ts';
import type { TilePlan } from '../../contract/aggregation/tile-plan.ts';
import { TileMaker } from './tiles/tile-maker.ts';
import type { TileTopic } from './tiles/tile-topic.ts';
import { StandingRows } from './tiles/standing-rows.ts';
import type { RunningView } from './running-view.ts';
import { ViewStream } from './view-stream.ts';
import { SeenTime } from './windows/watermark.ts';

export interface ShareParts {
  readonly project: Project;
  readonly bundle: Bundle;
  readonly database: RegistryDatabase;
  readonly source: Source;
  readonly runs: readonly RunningView[];
  /** Views whose tiles are made for a topic, in place of rows. */
  readonly tiled: readonly TiledTopic[];
  /** null: there are no views. */
  readonly writer: OnlineWriter | null;
  readonly duck: DuckDb;
  readonly rejects: Rejects;
  readonly reader: StreamReader;
  readonly group: StreamGroup;
  /** Of a partition: rows of edges after it are made again; null: none is. */
  readonly fromUsOf: (partition: number) => number | null;
}

/** A view, and where its tiles go. */
export interface TiledTopic {
  readonly plan: TilePlan;
  readonly horizonUs: number;
  readonly topic: TileTopic;
}

/** @throws MAT_STREAM_SOURCE, REG_STORE; what was opened is closed then */
export async function openShare(parts: ShareParts, share: Share): Promise<SourceStream> {
  const { project, bundle, database, source, runs, rejects, reader, duck, group } = parts;
  const { settings, logger, clock } = project;
  const folder = archiveFolder(settings.folder, source, settings.elsewhere.s3);
  const decode = compileMessages(source);
  const warn = (line: string): void => logger.warn(line);
  const views: HeldView[] = [];
  const allMakers: TileMaker[] = [];
  try {
    for (const run of runs) views.push(await openView({ ...parts, archive: folder }, run, share));
    const partitions = new Map<number, PartitionStream>();
    for (const [i, partition] of share.partitions.entries()) {
      const place = { folder, source, partition, partitions: reader.partitions.length, sourceId: reader.id };
      const hold = (): Promise<void> => share.hold();
      // Where no rows are made of one partition alone, it says nothing which of them an entity is in.
      const mayGrow = runs.length === 0;
      const archive = await ArchiveTable.open({ ...place, mayGrow, hold, duck, logger });
      const makers = parts.tiled.map((tiled) => openMaker(parts, share, { tiled, partition }));
      allMakers.push(...makers);
      const seen = new SeenTime(archive.seenUs);
      const own = views.map(({ streams, online, kept }) => ({ stream: streams[i]!, online, kept: kept[i]! }));
      const of = { partition, archive, views: own, makers, hold, decode, rejects, seen, clock, warn };
      partitions.set(partition, new PartitionStream(of));
    }
    const { metrics } = settings.materialize;
    return new SourceStream({
      partitions,
      allPartitions: reader.partitions,
      sourceId: reader.id,
      views,
      clock,
      notes: database.streamPartitions,
      behind: (partition) => reader.behind(partition),
      async tell(positions) {
        await group.tell(positions);
        if (metrics !== null) await writeRunMetrics(metrics, bundle.views.values(), database);
      },
    });
  } catch (error) {
    for (const { streams } of views) for (const stream of streams) stream.close();
    for (const maker of allMakers) maker.close();
    throw error;
  }
}

function openMaker(
  { project, rejects, reader }: ShareParts,
  { generation }: Share,
  { tiled, partition }: { readonly tiled: TiledTopic; readonly partition: number },
): TileMaker {
  const { view } = tiled.plan;
  const name = `${definitionName(view.definitionId)}.made-${partition}.db`;
  return new TileMaker({
    ...tiled,
    partition,
    stateFile: join(project.settings.stream.state, view.id, name),
    owner: `${project.clock.nowUs()} ${process.pid} ${generation}`,
    sourceId: reader.id,
    reject: ({ offset }, reason) => rejects.keep({ partition, offset, reason, view: view.id }),
  });
}

/** Nothing is written before both say that it may be: the group of the partition, the registry of the view. */
function leaseOf({ hold: { lease } }: RunningView, share: Share) {
  return {
    number: lease.number,
    async hold() {
      await share.hold();
      await lease.hold();
    },
    async stillHeld() {
      await share.hold();
      await lease.stillHeld();
    },
  };
}

async function openView(
  parts: ShareParts & { readonly archive: Folder },
  run: RunningView,
  share: Share,
): Promise<HeldView> {
  const { project, bundle, duck, writer, rejects, reader, archive } = parts;
  const { settings, logger } = project;
  const { view, entity, runId } = run;
  const lease = leaseOf(run, share);
  const streams: ViewStream[] = [];
  const allKept: KeptTiles[] = [];
  const { partitions: held } = share;
  let hasRows = false;
  try {
    for (const partition of held) {
      if (!run.counts.has(partition)) run.counts.set(partition, noCounts());
      const of = { view, entity, partition, partitions: reader.partitions };
      const { history: root, work } = settings;
      const history = await HistoryOutput.open({ ...of, root, work, runId, lease, duck, logger });
      hasRows ||= history.committed.watermarkUs !== null;
      const name = `${definitionName(view.definitionId)}.partition-${partition}.db`;
      const fromUs = parts.fromUsOf(partition);
      const stateFile = join(settings.stream.state, view.id, name);
      const kept = await KeptTiles.open({ archive, view, partition });
      const restored = fromUs === null ? await kept.restore(stateFile, history.committed.offset) : null;
      if (restored !== null)
        logger.info(
          `${view.id}, partition ${partition}: tiles up to offset ${restored} were kept beside the archive`,
        );
      allKept.push(kept);
      const stream = new ViewStream({
        ...of,
        history,
        counts: run.counts.get(partition)!,
        sourceId: reader.id,
        horizonUs: run.record.horizonUs,
        fromUs,
        warn: (line) => logger.warn(line),
        stateFile,
        owner: `${runId} ${share.generation}`,
        otherPartitionOf(text) {
          const other = streams.findIndex((one, i) => held[i] !== partition && one.knows(text));
          return other === -1 ? null : held[other]!;
        },
        reject: ({ offset }, reason) => rejects.keep({ partition, offset, reason, view: view.id }),
      });
      streams.push(stream);
      const { remadeAfterUs } = stream;
      if (remadeAfterUs !== null)
        run.record.tookOver({ partition, fromUs: remadeAfterUs, toUs: project.clock.nowUs() });
    }
  } catch (error) {
    for (const stream of streams) stream.close();
    throw error;
  }
  const standing = streams.some(({ isWithoutTiles }) => isWithoutTiles)
    ? await StandingRows.read(duck, settings, { view, entity })
    : null;
  if (standing !== null) for (const stream of streams) stream.standOn(standing);
  const of = { project, bundle, duck, view, entity, runId, writer: writer!, lease };
  const online = openOnlineOutput({ ...of, counts: run.writes, hasRows });
  return { run, streams, online, kept: allKept };
}
