/**
 * The features of a training set by the as-of rule over the history: each label gets the values that it shows at its
 * time, with the statuses and fallbacks of serving, so that the model learns from what it would have been served.
 *
 *   labels' keys and times -> as-of join with each view -> one table a view
 *
 * The join is view-join.ts, what is said of the set besides history-notes.ts.
 */
import { usedFeature } from '../../contract/on-demand/arguments.ts';
import { refuseOtherEngine } from '../../contract/on-demand/engine.ts';
import type { LabelCounts, TrainedView } from '../../contract/training-manifest.ts';
import { ROW_FOUND, ROW_OUTSIDE_TTL } from '../../project/engine/duckdb/as-of-join.ts';
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { Project } from '../../project/project.ts';
import type { JoinedFeatures } from '../training-output.ts';
import { computeViews, computedFeatureSql, countComputed, faultNotes } from './computed-features.ts';
import type { ComputedView } from './computed-features.ts';
import { labelInputs } from './label-inputs.ts';
import { countNotFull } from './full-windows.ts';
import type { NotFull } from './full-windows.ts';
import { cappedLabels } from './capped-labels.ts';
import { capText } from '../manifest/shown-manifest.ts';
import type { SetFeatures, SetMaking } from '../set-features.ts';
import { timeColumnOf } from '../train-options.ts';
import { sourceMark } from '../../project/engine/duckdb/sources/source-mark.ts';
import { badRowNotes, notesOf, refuseUnjudged } from './history-notes.ts';
import { joinedInSpark } from './spark-join.ts';
import { joinedFeatureSql, joinView, prepareJoin } from './view-join.ts';
import type { JoinedView, TrainingSet } from './view-join.ts';

/**
 * @throws REG_ENGINE, TRAIN_LABELS, TRAIN_UNJUDGED where `strict` asks for it, and REG_SOURCE when a view's rows cannot
 *         be read
 */
export async function featuresFromHistory(making: SetMaking): Promise<SetFeatures> {
  const { project, duck, bundle, service, options } = making;
  const computedViews = service.onDemand.map(({ view }) => bundle.onDemand.get(view)!);
  refuseOtherEngine(computedViews, options.otherEngine);
  const timeColumn = timeColumnOf(options);
  const inputs = labelInputs(service, making.labels, options);
  const { labels, cap } = await cappedLabels(making, {
    keys: service.requestKeys,
    inputs,
    timeColumn,
    service: service.name,
    added: service.features.map(({ fullName }) => fullName),
  });
  const settings = { ...project.settings, seen: making.seen };
  const as = options.as ?? 'trained';
  const set: TrainingSet = { duck, settings, bundle, service, labels, mode: as };
  const { joined, badRows } =
    options.engine === 'spark'
      ? await joinedInSpark(set, project)
      : { joined: await joinedHere(set, project), badRows: null };
  const { notFull, notes: early } = await countNotFull(duck, joined);
  if (options.strict === true) refuseUnjudged(joined);
  const computed = await computeViews(set, { joined, inputs });
  const counts = await countFeatures(set, joined, notFull);
  for (const one of computed) await countInto(counts, set, one);
  return {
    bundle,
    service,
    labels,
    cap,
    features: featuresOf(set, joined, computed),
    behind: [],
    counts,
    as,
    views: await Promise.all(joined.map((view) => trainedView(duck, view))),
    log: null,
    notes: [
      ...(cap === null ? [] : [`${capText(cap)}.`]),
      ...notesOf(set, timeColumn, joined),
      ...faultNotes(computed),
      ...early,
      ...(badRows ?? (await badRowNotes(set))),
    ],
  };
}

/** One view after the other, so that no more than one lies in memory twice. */
async function joinedHere(set: TrainingSet, { logger }: Project): Promise<JoinedView[]> {
  const { views } = set.service;
  const joined: JoinedView[] = [];
  for (const [i, used] of views.entries()) {
    logger.progress('joining', i, views.length);
    joined.push(await joinView(set, await prepareJoin(set, used), `joined_${i}`, null));
  }
  logger.progress('joining', views.length, views.length);
  return joined;
}

async function trainedView(duck: DuckDb, joined: JoinedView): Promise<TrainedView> {
  const { used, view, watermarkUs, commit, entry, source } = joined;
  const { id, definitionId } = view;
  const trained = { role: used.role, view: id, definitionId, watermarkUs, commit, entry };
  return source === null ? trained : { ...trained, source: await sourceMark(duck, source) };
}

/** @returns the service's features in its order, with fallbacks in place */
function featuresOf(
  { service, bundle }: TrainingSet,
  joined: readonly JoinedView[],
  computed: readonly ComputedView[],
): JoinedFeatures {
  const columns = service.features.map(({ fullName: name, view, role, feature }) => {
    const { type } = usedFeature({ view }, feature, bundle);
    const of = joined.find(({ used }) => used.role === role);
    if (of !== undefined) return { name, type, table: of.table, sql: joinedFeatureSql(of, feature) };
    const own = computed.find(({ used }) => used.role === role)!;
    return { name, type, table: own.table, sql: computedFeatureSql(own, feature) };
  });
  const [first, ...others] = [...joined, ...computed].map(({ table }) => table);
  const from = [first!, ...others.map((table) => `JOIN ${table} ON ${table}.rid = ${first!}.rid`)].join(' ');
  return { from, rid: `${first!}.rid`, columns };
}

async function countInto(
  counted: Map<string, LabelCounts>,
  set: TrainingSet,
  computed: ComputedView,
): Promise<void> {
  const byName = await countComputed(set, computed);
  for (const { fullName, role, feature } of set.service.features)
    if (role === computed.used.role) counted.set(fullName, byName.get(feature)!);
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
      `SELECT ${[
        'count(*) AS rows',
        `count(*) FILTER (asof_state = ${ROW_FOUND}) AS found`,
        `count(*) FILTER (asof_state = ${ROW_OUTSIDE_TTL}) AS outside`,
        ...own.map(({ feature }, i) => `count(${quoteName(`value_${feature}`)}) AS present_${i}`),
      ].join(', ')} FROM ${table}`,
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
