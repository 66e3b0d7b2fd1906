/**
 * Drift of a service on one day: what was served beside its newest training set, beside the same weekday of the last
 * weeks, and means and deviations beside those of the last training sets. Called by service-run.ts; writes the day's
 * sketches, which later days are compared with. Moves neither the verdict nor an exit code.
 */
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { Feature, ServiceOnDemand, ServiceView } from '../../contract/model.ts';
import type { ColumnSketch } from '../../contract/sketch.ts';
import type { SketchLike } from '../../project/engine/duckdb/column-sketches.ts';
import type { TrainingManifest } from '../../contract/training-manifest.ts';
import { formatType } from '../../contract/value-type.ts';
import type { DayOfService } from '../day/day-of-log.ts';
import type { MonitoredDay } from '../monitored-day.ts';
import { driftLevels } from '../statistics/drift-level.ts';
import { ChosenVectors } from './chosen-vectors.ts';
import { computedSketches } from './computed-sketches.ts';
import type { DriftReferences } from './drift-references.ts';
import { differenceOf, testsOf } from './feature-drift.ts';
import type { FeatureDifference, FeatureDrift, MeasuredDifference } from './feature-drift.ts';
import { servedSketches } from './served-sketches.ts';
import type { SketchedFeature } from './served-sketches.ts';
import { sameWeekday, writeSketches } from './sketch-folder.ts';
import type { ServedSketches, TypedSketch } from './sketch-folder.ts';
import { spreadOf } from './training-spread.ts';
import type { SpreadOf } from './training-spread.ts';

/** So many training sets, the newest ones, show how much sets vary. */
const MOST_SETS = 20;

export interface DriftOfDay {
  readonly references: DriftReferences;
  /** By the feature's full name; those that stay out of the log are not in it. */
  readonly features: ReadonlyMap<string, FeatureDrift>;
}

/** Sketches by the feature's full name. */
type Sketches = ReadonlyMap<string, TypedSketch>;

/** What a day is compared with. */
interface References {
  readonly sets: readonly TrainingManifest[];
  readonly trained: readonly Sketches[];
  readonly weekdays: readonly ServedSketches[];
  readonly earlier: readonly Sketches[];
}

export class DayDrift {
  readonly #day: MonitoredDay;
  readonly #served: DayOfService;
  readonly #chosen: ChosenVectors;
  readonly #references: References;
  /** By the role's name its sketches. */
  readonly #roles = new Map<string, Sketches>();

  private constructor(day: MonitoredDay, served: DayOfService, references: References) {
    this.#day = day;
    this.#served = served;
    this.#chosen = new ChosenVectors(day.duck);
    this.#references = references;
  }

  static async begin(day: MonitoredDay, served: DayOfService): Promise<DayDrift> {
    const { project, database, date, toUs } = day;
    const service = served.service.name;
    const sets = await database.trainingSets({ service, madeBeforeUs: toUs, most: MOST_SETS });
    const weekdays = sameWeekday(project.settings.reports, service, date, project.logger);
    const earlier = weekdays.map(({ features }): Sketches => new Map(Object.entries(features)));
    return new DayDrift(day, served, { sets, trained: sets.map(sketchesOfSet), weekdays, earlier });
  }

  /** Takes a role that was judged; the tables of its replay are still there. */
  async endRole(used: ServiceView): Promise<void> {
    this.#roles.set(used.role, await this.#sketchesOf(used, true));
  }

  /**
   * Tells the drift, and writes the sketches. Roles that `endRole` was not told of are read from the archive.
   *
   * @throws MON_REPORTS when they cannot be written
   */
  async end(): Promise<DriftOfDay> {
    const { project, date } = this.#day;
    const { service } = this.#served;
    const { sets, trained, weekdays, earlier } = this.#references;
    const own = new Map<string, TypedSketch>();
    for (const used of service.views) {
      const sketches = this.#roles.get(used.role) ?? (await this.#sketchesOf(used, false));
      for (const [name, sketch] of sketches) own.set(name, sketch);
    }
    for (const computed of service.onDemand)
      for (const [name, sketch] of await this.#computedSketches(computed)) own.set(name, sketch);
    const features = Object.fromEntries(own);
    writeSketches(project.settings.reports, { version: 1, service: service.name, date, features });
    return {
      references: {
        training: sets.length === 0 ? null : referenceOf(sets[0]!),
        weekdays: weekdays.map((one) => one.date),
        sets: sets.length,
      },
      features: driftOfSketches(own, trained, earlier),
    };
  }

  /** @param isLaid  whether the tables of its replay are there */
  async #sketchesOf(used: ServiceView, isLaid: boolean): Promise<Sketches> {
    const { duck, book } = this.#day;
    const view = book.current.views.get(used.view)!;
    const features = this.#sketched(used.role, view.features);
    if (features.length === 0) return new Map();
    const sketched = { used, view, features, chosen: this.#chosen, isLaid };
    return typed(features, await servedSketches(duck, this.#served, book, sketched));
  }

  /** Of an on-demand view. */
  async #computedSketches(computed: ServiceOnDemand): Promise<Sketches> {
    const { duck, book } = this.#day;
    const features = this.#sketched(computed.role, book.current.onDemand.get(computed.view)!.features);
    if (features.length === 0) return new Map();
    return typed(features, await computedSketches(duck, this.#served, book, { computed, features }));
  }

  /** @param defined  the features of the view of this role */
  #sketched(of: string, defined: readonly Feature[]): SketchedFeature[] {
    const { trained, earlier } = this.#references;
    const references = [...trained.slice(0, 1), ...earlier];
    const taken = this.#served.service.features.filter(({ role }) => role === of);
    return taken.flatMap(({ feature: name, fullName }, place): SketchedFeature[] => {
      const feature = defined.find((one) => one.name === name)!;
      if (feature.log !== 'raw') return [];
      const beside = alike(references, fullName, formatType(feature.type));
      return [{ fullName, feature, place, like: beside.length === 0 ? null : likeOf(beside) }];
    });
  }
}

function typed(features: readonly SketchedFeature[], found: ReadonlyMap<string, ColumnSketch>): Sketches {
  return new Map(
    features.map(({ fullName, feature }) => [
      fullName,
      { type: formatType(feature.type), sketch: found.get(fullName)! },
    ]),
  );
}

function referenceOf({ name, madeUs, out }: TrainingManifest): DriftReferences['training'] {
  return { name, madeAt: formatTimestamp(madeUs), rows: out.rows };
}

function sketchesOfSet({ features }: TrainingManifest): Sketches {
  const kept = features.flatMap(({ name, type, sketch }) => {
    return sketch === null ? [] : [[name, { type, sketch }] as const];
  });
  return new Map(kept);
}

/** @returns the sketches of a feature that have its type and a row */
function alike(references: readonly Sketches[], name: string, type: string): ColumnSketch[] {
  return references.flatMap((sketches) => {
    const found = sketches.get(name);
    return found === undefined || found.type !== type || found.sketch.rows === 0 ? [] : [found.sketch];
  });
}

function likeOf(sketches: readonly ColumnSketch[]): SketchLike {
  const binned = sketches.find(({ ordered }) => ordered !== null);
  const texts = sketches.flatMap(({ categories }) => categories?.top.map(({ value }) => value) ?? []);
  return { edges: binned?.ordered?.bins.edges ?? null, texts: [...new Set(texts)] };
}

/**
 * @param own      the day's
 * @param trained  of the last training sets, the newest first
 * @param earlier  of the same weekday of the last weeks
 */
export function driftOfSketches(
  own: Sketches,
  trained: readonly Sketches[],
  earlier: readonly Sketches[],
): Map<string, FeatureDrift> {
  const differences = {
    training: measuredBeside(own, trained.slice(0, 1)),
    weekday: measuredBeside(own, earlier),
  };
  // One family of tests, so that a day without a change is a day without a flag in 99 of 100 cases.
  const all = [...differences.training, ...differences.weekday].map(([, measured]) => measured);
  const levels = driftLevels(all.map(testsOf));
  const levelled = (measured: MeasuredDifference | undefined): FeatureDifference | null =>
    measured === undefined ? null : { ...measured, ...levels[all.indexOf(measured)]! };
  const drifts = new Map<string, FeatureDrift>();
  for (const [name, { type, sketch }] of own) {
    const sets = alike(trained, name, type);
    drifts.set(name, {
      training: levelled(differences.training.get(name)),
      weekday: levelled(differences.weekday.get(name)),
      mean: besideSets(sketch, sets, 'mean'),
      standardDeviation: besideSets(sketch, sets, 'standardDeviation'),
    });
  }
  return drifts;
}

/** @returns by the feature's name what differs from all references that have it */
function measuredBeside(own: Sketches, references: readonly Sketches[]): Map<string, MeasuredDifference> {
  const found = new Map<string, MeasuredDifference>();
  for (const [name, { type, sketch }] of own) {
    const beside = alike(references, name, type);
    if (beside.length > 0 && sketch.rows > 0) found.set(name, differenceOf(beside, sketch));
  }
  return found;
}

function besideSets(
  own: ColumnSketch,
  sets: readonly ColumnSketch[],
  figure: 'mean' | 'standardDeviation',
): SpreadOf | null {
  const served = own.ordered?.[figure] ?? null;
  const figures = sets.flatMap(({ ordered }) => ordered?.[figure] ?? []);
  return served === null ? null : spreadOf(served, figures);
}
