/**
 * Finds the features of a training set, in an engine and a folder that are gone afterwards. Called by train.ts, and by
 * again.ts for a set that was made before.
 */
import { join, resolve } from 'node:path';
import { DuckDb } from '../project/engine/duckdb/duckdb.ts';
import type { Project } from '../project/project.ts';
import { openScratchFolder } from '../project/scratch-folder.ts';
import { featuresFromHistory } from './from-history/from-history.ts';
import { featuresFromLog } from './from-log/from-log.ts';
import { openLabels, tableFormat } from './labels/label-file.ts';
import type { SetFeatures, SetMaking } from './set-features.ts';
import type { TrainOptions } from './train-options.ts';
import { checkConvertible } from './training-output.ts';

/** What a set is made of beside its labels. */
type SetOrigin = Pick<SetMaking, 'bundle' | 'service' | 'seen'>;

/** @param use  what is done with the features, while they can be read */
export async function makeSet<Result>(
  project: Project,
  origin: SetOrigin,
  options: TrainOptions,
  use: (set: SetFeatures, open: Pick<SetMaking, 'duck' | 'scratch'>) => Promise<Result>,
): Promise<Result> {
  const format = tableFormat(options.out);
  const { memory, temp } = project.settings.train;
  const { folder: scratch, remove } = openScratchFolder(temp, 'train');
  const duck = await DuckDb.open({
    memoryLimit: `${memory}B`,
    memorySetting: 'train.memory',
    scratchSetting: 'train.temp',
    tempFolder: join(scratch, 'spill'),
    elsewhere: project.settings.elsewhere,
  });
  try {
    await duck.run('SET preserve_insertion_order = true');
    const labels = await openLabels(duck, resolve(options.labels), scratch);
    checkConvertible(labels, format);
    const find = options.fromLog === true ? featuresFromLog : featuresFromHistory;
    const set = await find({ project, duck, scratch, ...origin, labels, options });
    return await use(set, { duck, scratch });
  } finally {
    duck.close();
    remove();
  }
}
