/**
 * Since when the features of a service have been warm online, which `--cap-to-warm` leaves out the labels before:
 *
 *   run      the view's runs that brought it up to date with the feature as it is today, and none of other logic since
 *   full     of those the first that was complete up to a time at which the feature's window is full (the view's
 *            `start` and a window later); without `start` the first
 *   warm     when that run had ended; of a stream, whose record goes on, the time of the first rows that were committed
 *
 * A feature is told from one of other logic in the bundles of the runs: a view that gained a feature does not make its
 * others cold. A run whose bundle is not kept any more is of other logic, unless it is of today's definition.
 */
import { loadBundle } from '../../contract/definitions/bundle-folder.ts';
import { rowLogicOf } from '../../contract/definitions/definition-meaning.ts';
import type { Bundle, FeatureService, FeatureView } from '../../contract/model.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import { canonicalJson } from '../../contract/std/canonical-json.ts';
import { CodedError } from '../../contract/std/coded-error.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { fullFromUs } from '../../contract/windows.ts';
import { RegistryDatabase } from '../../project/database/registry-database.ts';
import { firstCommitUs } from '../../project/history/history-commits.ts';
import { historyFolder } from '../../project/history/history-folder.ts';
import type { Settings } from '../../project/settings/settings.ts';
import { trainingError } from '../errors.ts';
import { takenOf } from './view-join.ts';

interface WarmSince {
  /** Microseconds; labels of before are from before a feature was warm. */
  readonly sinceUs: number;
  /** The feature that was warm last, as `role__feature`. */
  readonly feature: string;
}

type Place = Pick<Settings, 'registry' | 'bundles' | 'history'>;

/**
 * @returns null of a service without stored and aggregated features
 * @throws  TRAIN_COLD when a feature is not warm yet
 */
export async function warmSince(
  place: Place,
  bundle: Bundle,
  service: FeatureService,
): Promise<WarmSince | null> {
  const bundles = new KeptBundles(place.bundles, bundle);
  return await RegistryDatabase.using(place.registry, async (database) => {
    let last: WarmSince | null = null;
    for (const used of service.views) {
      const view = bundle.views.get(used.view)!;
      const runs = (await database.runs({ view: view.id })).filter(isDone);
      for (const name of takenOf(service, bundle, used.role)) {
        const sinceUs = await featureSince({ place, view, runs, bundles }, name);
        const feature = `${used.role}__${name}`;
        if (sinceUs === null) throw cold(view, feature, runs);
        if (last === null || sinceUs > last.sinceUs) last = { sinceUs, feature };
      }
    }
    return last;
  });
}

/** Runs after which a view is up to date. The record of a stream says at each commit how far it is, and goes on. */
function isDone({ kind, state, fromUs, watermarkUs }: RunRecord): boolean {
  if (kind === 'stream') return watermarkUs > 0;
  return state === 'complete' && (kind === 'ordinary' || fromUs === null);
}

interface Looked {
  readonly place: Place;
  readonly view: FeatureView;
  /** Oldest first. */
  readonly runs: readonly RunRecord[];
  readonly bundles: KeptBundles;
}

async function featureSince({ place, view, runs, bundles }: Looked, name: string): Promise<number | null> {
  const feature = view.features.find((one) => one.name === name)!;
  const other = runs.findLastIndex((run) => !bundles.isAlike(run, view, name));
  const untilUs = fullFromUs(view, feature) ?? 1;
  const warm = runs.slice(other + 1).filter((run) => run.watermarkUs >= untilUs);
  const streams = new Set(warm.flatMap((run) => (run.kind === 'stream' ? [run.runId] : [])));
  const committedUs =
    streams.size === 0
      ? null
      : await firstCommitUs(historyFolder(place.history, view), (commit) => {
          return streams.has(commit.runId) && commit.watermarkUs >= untilUs;
        });
  const ended = warm.filter(({ kind }) => kind !== 'stream').map(({ finishedUs }) => finishedUs!);
  const times = committedUs === null ? ended : [...ended, committedUs];
  return times.length === 0 ? null : Math.min(...times);
}

/** The definitions that runs were of. */
class KeptBundles {
  readonly #folder: string;
  readonly #today: Bundle;
  readonly #seen = new Map<string, Bundle | null>();

  constructor(folder: string, today: Bundle) {
    this.#folder = folder;
    this.#today = today;
  }

  /** Whether a feature meant in a run what it means today. */
  isAlike(run: RunRecord, view: FeatureView, name: string): boolean {
    if (run.definitionId === view.definitionId) return true;
    const then = this.#of(run.bundle);
    const before = then?.views.get(view.id);
    if (before === undefined) return false;
    const text = (bundle: Bundle, of: FeatureView): string => {
      const features = of.features.filter((one) => one.name === name);
      return canonicalJson(rowLogicOf({ ...of, features }, bundle.entities.get(of.entity)!.joinKeys));
    };
    return text(then!, before) === text(this.#today, view);
  }

  #of(hash: string): Bundle | null {
    let bundle = this.#seen.get(hash);
    if (bundle === undefined) this.#seen.set(hash, (bundle = this.#load(hash)));
    return bundle;
  }

  #load(hash: string): Bundle | null {
    try {
      return loadBundle(this.#folder, hash);
    } catch (error) {
      if (error instanceof CodedError && error.code === 'REG_BUNDLE') return null;
      throw error;
    }
  }
}

function cold(view: FeatureView, feature: string, runs: readonly RunRecord[]): Error {
  const name = feature.slice(feature.lastIndexOf('__') + 2);
  const fromUs = fullFromUs(
    view,
    view.features.find((one) => one.name === name)!,
  );
  const complete = runs.reduce((most, run) => Math.max(most, run.watermarkUs), 0);
  const why =
    runs.length === 0
      ? `${view.id} was never run to its end`
      : fromUs !== null && complete < fromUs
        ? `its window is full from ${formatTimestamp(fromUs)}, and ${view.id} is complete up to ${formatTimestamp(complete)}`
        : `no run since its definition changed has brought ${view.id} up to date`;
  return trainingError('TRAIN_COLD', `${feature} is not warm online yet: ${why}`);
}
