/**
 * Judges one service over a day: its views one after another, then the verdict over all of them. Writes the snapshot
 * and, beside it, every judged value. Called by run.ts.
 */
import { registryError } from '../contract/errors.ts';
import type { FeatureView, ServiceView } from '../contract/model.ts';
import type { RunRecord } from '../contract/run-record.ts';
import { CodedError } from '../contract/std/coded-error.ts';
import { formatTimestamp } from '../contract/std/timestamp.ts';
import type { DayOfService } from './day/day-tables.ts';
import { driftOfDay } from './drift/day-drift.ts';
import type { DriftOfDay } from './drift/day-drift.ts';
import type { DriftReferences } from './drift/drift-references.ts';
import { AsServed } from './judge/as-served.ts';
import { FeatureTally } from './judge/feature-tally.ts';
import { ViewJudge } from './judge/judge.ts';
import { JudgedValues } from './judge/judged-values.ts';
import { ViewReplay } from './judge/replay.ts';
import { RevealedValues } from './judge/revealed-values.ts';
import { RunIndex } from './judge/run-index.ts';
import { ServedHistory } from './judge/served-history.ts';
import type { DefinedView } from './judge/served-history.ts';
import type { MonitoredDay } from './monitored-day.ts';
import { runsOfDay } from './verdict/runs-of-day.ts';
import { judgedValuesFile, readTrend, writeSnapshot } from './verdict/snapshot-folder.ts';
import { SNAPSHOT_VERSION } from './verdict/snapshot.ts';
import type { FeatureSnapshot, Snapshot, VectorCounts } from './verdict/snapshot.ts';
import { verdictOf } from './verdict/verdict.ts';
import { readViewState } from './verdict/view-state.ts';
import type { ViewState } from './verdict/view-state.ts';

export class ServiceRun {
  readonly #day: MonitoredDay;
  readonly #served: DayOfService;
  readonly #values = new JudgedValues();
  /** Ids of the vectors that have a judged value. */
  readonly #judgedVectors = new Set<number>();

  /** By role: which rows of the history those that were given out are. */
  readonly #fidelity = new Map<string, ViewJudge['fidelity']>();

  constructor(day: MonitoredDay, served: DayOfService) {
    this.#day = day;
    this.#served = served;
  }

  async judge(): Promise<Snapshot> {
    const { project, database, book, duck, date } = this.#day;
    const { settings, logger } = project;
    const { service } = this.#served;
    const features = new Map<string, FeatureSnapshot>();
    const views = new Map<string, ViewState>();
    await this.#values.begin(duck);
    for (const [i, used] of service.views.entries()) {
      logger.progress(`judging ${service.name}`, i, service.views.length);
      const view = book.current.views.get(used.view)!;
      const state = views.get(view.id);
      const runs = state?.runs ?? (await database.runs({ view: view.id }));
      for (const feature of await this.#judgeView(used, view, runs)) features.set(feature.name, feature);
      if (state === undefined) views.set(view.id, await readViewState(this.#day, view, runs, this.#served));
    }
    logger.progress(`judging ${service.name}`, service.views.length, service.views.length);
    await this.#values.write(duck, judgedValuesFile(settings.reports, service.name, date));
    const ordered = service.features.flatMap(({ fullName }) => features.get(fullName) ?? []);
    const drift = await driftOfDay(this.#day, this.#served);
    const snapshot = this.#snapshot(withDrift(ordered, drift), views, drift.references);
    return writeSnapshot(settings.reports, snapshot);
  }

  async #judgeView(
    used: ServiceView,
    view: FeatureView,
    runs: readonly RunRecord[],
  ): Promise<FeatureSnapshot[]> {
    const { book, duck, hmacKey } = this.#day;
    const { service } = this.#served;
    const entity = book.current.entities.get(view.entity)!;
    const own = service.features.filter((feature) => feature.role === used.role);
    const tallies = new Map<string, FeatureTally>();
    for (const { feature: name } of own) {
      tallies.set(name, new FeatureTally(view.features.find((one) => one.name === name)!));
    }
    const history = new ServedHistory(duck, this.#day.histories, { view, entity }, runs);
    const definedBy = (bundle: string): DefinedView => book.servedDefinition(bundle, view);
    const historyWatermarkUs = (bundle: string): number | null => history.completeUpTo(definedBy(bundle));
    const judge = new ViewJudge(
      { service, used, view, tallies, runs: new RunIndex(runs), historyWatermarkUs, hmacKey },
      book,
      this.#values,
    );
    const definedAs = (id: number): DefinedView | null => book.definedAs(view, id);
    const replay = new ViewReplay(duck, this.#served, { used, view, entity, history, definedBy, definedAs });
    const revealed = new RevealedValues(duck, view, hmacKey, replay);
    const asServed = new AsServed(duck, { view, entity }, replay, revealed);
    try {
      await replay.join();
    } catch (error) {
      if (error instanceof CodedError) throw error;
      const why = (error as Error).message.split('\n')[0];
      throw registryError('REG_SOURCE', `the history of ${view.id} cannot be read: ${why}`, {}, error);
    }
    for await (const page of replay.pages()) {
      const rows = page.map((vector) => judge.read(vector));
      const asked = await asServed.ask(rows);
      for (const row of rows) {
        const { vid } = row.vector;
        if (judge.add(row, asked.get(vid))) this.#judgedVectors.add(vid);
        if (this.#values.isFull) await this.#values.flush(duck);
      }
    }
    this.#fidelity.set(used.role, judge.fidelity);
    return own.map(({ feature, fullName }) => tallies.get(feature)!.snapshot(fullName, view.id));
  }

  #snapshot(
    features: readonly FeatureSnapshot[],
    states: ReadonlyMap<string, ViewState>,
    drift: DriftReferences,
  ): Snapshot {
    const { project, book, date, fromUs, toUs } = this.#day;
    const { settings, logger, clock } = project;
    const { service } = this.#served;
    const views = [...states.values()];
    const vectors = this.#vectorCounts(features);
    // Rows may still arrive within the lateness allowance of the service's views.
    const settlesUs = toUs + Math.max(0, ...views.map(({ view }) => view.latenessUs));
    const provisional = clock.nowUs() < settlesUs;
    const sources = views.flatMap(({ source }) => source ?? []);
    const ages = views.flatMap(({ age }) => age ?? []);
    return {
      version: SNAPSHOT_VERSION,
      project: settings.project,
      date,
      service: service.name,
      ...verdictOf(features, vectors, sources, ages),
      provisional,
      settlesAt: provisional ? formatTimestamp(settlesUs) : null,
      judgedAt: formatTimestamp(clock.nowUs()),
      bundle: book.current.hash,
      owner: service.owner,
      consumers: service.consumers,
      vectors,
      incidents: [],
      slices: [],
      views: service.views.map(({ role, view }) => ({
        role,
        ...states.get(view)!.snapshot,
        fidelity: this.#fidelity.get(role)!,
      })),
      features,
      drift,
      runs: runsOfDay(
        views.map(({ runs }) => runs),
        fromUs,
        toUs,
      ),
      deploys: [],
      leftOut: [...this.#day.log.leftOut].map(([what, count]) => ({ what, vectors: count })),
      brokeSince: null,
      trend: readTrend(settings.reports, service.name, date, logger),
    };
  }

  #vectorCounts(features: readonly FeatureSnapshot[]): VectorCounts {
    const { vectors, duplicates } = this.#served;
    const { gaps, openTails } = this.#day.log;
    const sum = (of: (feature: FeatureSnapshot) => number): number =>
      features.reduce((total, feature) => total + of(feature), 0);
    const withheld = sum((feature) => feature.dropped);
    return {
      read: vectors,
      judged: this.#judgedVectors.size,
      unjudged: sum((feature) => feature.unjudged),
      unavailable: sum((feature) => feature.unavailable),
      ...(withheld > 0 ? { withheld } : {}),
      duplicates,
      gaps,
      openTails,
    };
  }
}

function withDrift(features: readonly FeatureSnapshot[], drift: DriftOfDay): FeatureSnapshot[] {
  return features.map((feature) => {
    const own = drift.features.get(feature.name);
    return own === undefined ? feature : { ...feature, drift: own };
  });
}
