/** `plumb stream sql`: the job with which Flink makes a view's tiles, for `plumb stream --tiles`. */
import { loadWorkingBundle } from '../../../contract/definitions/bundle-folder.ts';
import { locateSources } from '../../../contract/definitions/source-variables.ts';
import { planTiles } from '../../../contract/aggregation/tile-plan.ts';
import { parseDuration } from '../../../contract/std/duration.ts';
import { definitionName } from '../../../contract/wire/online/row-header.ts';
import type { FeatureView } from '../../../contract/model.ts';
import { RegistryDatabase } from '../../../project/database/registry-database.ts';
import { flinkRefusals, tileJobSql } from '../../../project/engine/flink/tile-job.ts';
import type { Project } from '../../../project/project.ts';
import { materializerError } from '../../errors.ts';
import { kafkaOf, viewByTiles } from './tile-run.ts';

interface JobOptions {
  /** The view's id; the only one over a topic unless given. */
  readonly view?: string;
  /** Of the tiles; named after the view and its definition unless given. */
  readonly topic?: string;
  /** How often Flink makes a checkpoint, as a duration. */
  readonly checkpoint: string;
}

interface PrintedJob {
  readonly view: string;
  readonly definition: number;
  /** That the tiles go to. */
  readonly topic: string;
  readonly horizonUs: number;
  readonly sql: string;
}

const LEAST_CHECKPOINT_US = 100_000;

/**
 * A view that has not run gets its horizon here: what is in the topic now counts however late it was.
 * @throws REG_NOT_APPLIED, MAT_STREAM_NONE, MAT_STREAM_SOURCE, MAT_STREAM_SQL with all that Flink cannot make of it
 */
export async function tileJob(project: Project, options: JobOptions): Promise<PrintedJob> {
  const { settings, clock } = project;
  const bundle = locateSources(loadWorkingBundle(settings.bundles), settings.vars);
  const view = viewByTiles(bundle, options.view);
  const plan = planTiles(view, bundle.entities.get(view.entity)!);
  const refusals = flinkRefusals(plan);
  if (refusals.length > 0) throw materializerError('MAT_STREAM_SQL', refusals.join(' '), { field: view.id });
  const checkpointUs = parseDuration(options.checkpoint);
  if (checkpointUs === null || checkpointUs < LEAST_CHECKPOINT_US) {
    const message = `--checkpoint: expected a duration such as 10s, at least 100ms, got ${options.checkpoint}`;
    throw materializerError('MAT_STREAM_SQL', message, { field: 'checkpoint', help: 'Give another one.' });
  }
  const { brokers } = kafkaOf(project, view);
  const runs = await RegistryDatabase.using(settings.registry, (database) =>
    database.runs({ view: view.id }),
  );
  const horizonUs = runs.findLast((run) => run.horizonUs !== null)?.horizonUs ?? clock.nowUs();
  const topic = options.topic ?? tileTopicOf(view);
  const sql = tileJobSql(plan, { topic, brokers, horizonUs, checkpointMs: checkpointUs / 1_000 });
  return { view: view.id, definition: view.definitionId, topic, horizonUs, sql };
}

/** @returns the topic of a view's tiles, unless another one is named */
export function tileTopicOf({ id, definitionId }: Pick<FeatureView, 'id' | 'definitionId'>): string {
  return `plumbline.tiles.${id}.${definitionName(definitionId)}`;
}
