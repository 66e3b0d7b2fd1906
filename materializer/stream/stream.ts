/** `plumb stream`: the streams of a project side by side, each as source-run.ts tells. */
import type { Bundle, FeatureView } from '../../contract/model.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import type { Project } from '../../project/project.ts';
import { materializerError } from '../errors.ts';
import { openOnlineWriter } from '../online/open-online-writer.ts';
import { runSource } from './source-run.ts';

export interface StreamRunOptions {
  /** Names of sources; all that are streams unless given. */
  readonly sources?: readonly string[];
  /** Archives the messages and makes no rows of them: another program does, of tiles. */
  readonly archiveOnly?: boolean;
  /** Archives the messages and sends the tiles of their views to topics, of which another process makes rows. */
  readonly makesTiles?: boolean;
  /** Makes the tiles again of the archive, and from this time on the rows that are not what they should be. */
  readonly fromUs?: number;
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
 * @returns the records of their views; none where they are only archived
 * @throws  MAT_STREAM_NONE, MAT_BUSY, MAT_STREAM_SOURCE, MAT_STREAM_REJECTED, MAT_LEASE, MAT_ONLINE, REG_STORE: what
 *          the first that failed threw, once all have ended
 */
export async function runStreams(job: StreamJob): Promise<RunRecord[]> {
  const groups = chosenSources(job);
  const { project, bundle, database, options } = job;
  const makesRows = options.archiveOnly !== true && options.makesTiles !== true;
  const writer = makesRows ? await openOnlineWriter(project.settings.online) : null;
  try {
    const stop = new AbortController();
    const signal = AbortSignal.any([options.signal, stop.signal]);
    const runs = [...groups.values()].map(async (views) => {
      try {
        const own = {
          project,
          bundle,
          database,
          writer,
          drain: options.drain,
          signal,
          fromUs: options.fromUs ?? null,
        };
        const { source } = views[0]!;
        const tiled = options.makesTiles === true ? views : [];
        return await runSource(own, { source, views: makesRows ? views : [], tiled });
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
    await writer?.close();
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
