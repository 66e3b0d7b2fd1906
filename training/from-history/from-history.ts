/**
 * The features of a training set by the as-of rule over the history: each label gets the values that it shows at its
 * time, with the statuses and fallbacks of serving, so that the model learns from what it would have been served.
 *
 *   labels' keys and times -> as-of join with each view -> one table a view
 *
 * The join is view-join.ts, what is said of the set besides history-notes.ts.
 */
import type { LabelCounts } from '../../contract/training-manifest.ts';
import { ROW_FOUND, ROW_OUTSIDE_TTL } from '../../project/engine/duckdb/as-of-join.ts';
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import { countNotFull } from './full-windows.ts';
import type { NotFull } from './full-windows.ts';
import { readLabels } from '../labels/training-labels.ts';
import type { SetFeatures, SetMaking } from '../set-features.ts';
import { timeColumnOf } from '../train-options.ts';
import { sourceMark } from '../../project/engine/duckdb/sources/source-listing.ts';
import { badRowNotes, notesOf, refuseUnjudged } from './history-notes.ts';
import { joinedFeatures, joinView } from './view-join.ts';
import type { JoinedView, TrainingSet } from './view-join.ts';

/**
 * @throws TRAIN_LABELS, TRAIN_UNJUDGED where `strict` asks for it, and REG_SOURCE when a view's rows cannot be read
 */
export async function featuresFromHistory(making: SetMaking): Promise<SetFeatures> {
  const { project, duck, bundle, service, options } = making;
  const timeColumn = timeColumnOf(options);
  const labels = await readLabels(duck, making.labels, {
    keys: service.requestKeys,
    timeColumn,
    service: service.name,
    added: service.features.map(({ fullName }) => fullName),
  });
  const settings = { ...project.settings, seen: making.seen };
  const as = options.as ?? 'trained';
  const set: TrainingSet = { duck, settings, bundle, service, labels, mode: as };
  const joined: JoinedView[] = [];
  for (const [i, used] of service.views.entries()) {
    project.logger.progress('joining', i, service.views.length);
    joined.push(await joinView(set, used, `joined_${i}`));
  }
  project.logger.progress('joining', service.views.length, service.views.length);
  const { notFull, notes: early } = await countNotFull(duck, joined);
  if (options.strict === true) refuseUnjudged(joined);
  return {
    bundle,
    service,
    labels,
    features: joinedFeatures(set, joined),
    behind: [],
    counts: await countFeatures(set, joined, notFull),
    as,
    views: joined.map(({ used, view, watermarkUs, commit, entry }) => {
      const trained = {
        role: used.role,
        view: view.id,
        definitionId: view.definitionId,
        watermarkUs,
        commit,
        entry,
      };
      return view.kind === 'stored'
        ? { ...trained, source: sourceMark(settings.folder, view.source) }
        : trained;
    }),
    log: null,
    notes: [...notesOf(set, timeColumn, joined), ...early, ...(await badRowNotes(set))],
  };
}

async function countFeatures(
  { duck, service }: TrainingSet,
  joined: readonly JoinedView[],
  notFullOf: NotFull,
): Promise<Map<string, LabelCounts>> {
  const counted = new Map<string, LabelCounts>();
  for (const { used, table, unjudged } of joined) {
    const own = service.features.filter((feature) => feature.role === used.role);
    const [row] = await duck.rows(
      `SELECT count(*) AS rows, count(*) FILTER (asof_state = ${ROW_FOUND}) AS found, ` +
        `count(*) FILTER (asof_state = ${ROW_OUTSIDE_TTL}) AS outside, ` +
        `${own.map(({ feature }, i) => `count(${quoteName(`value_${feature}`)}) AS present_${i}`).join(', ')} ` +
        `FROM ${table}`,
    );
    const number = (name: string): number => Number(row![name]);
    const [found, outsideTtl] = [number('found'), number('outside')];
    for (const [i, { fullName: name, feature }] of own.entries()) {
      const present = number(`present_${i}`);
      const missing = number('rows') - found - outsideTtl - unjudged;
      const notFull = notFullOf(used.role, feature);
      counted.set(name, { present, nulls: found - present, missing, outsideTtl, unjudged, notFull });
    }
  }
  return counted;
}
