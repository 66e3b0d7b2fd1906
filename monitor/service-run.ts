/**
 * Judges one service over a day: its views one after another, then the verdict over all of them. Writes the snapshot
 * and, beside it, every mismatch. Called by run.ts.
 */
import { registryError } from '../contract/errors.ts';
import type { Entity, FeatureView, ServiceView } from '../contract/model.ts';
import type { RunRecord } from '../contract/run-record.ts';
import { CodedError } from '../contract/std/coded-error.ts';
import { formatTimestamp } from '../contract/std/timestamp.ts';
import type { DayOfService } from './day/day-of-log.ts';
import { JudgedVectors } from './replay/judged-vectors.ts';
import { driftOfDay } from './drift/day-drift.ts';
import type { DriftOfDay } from './drift/day-drift.ts';
import type { DriftReferences } from './drift/drift-references.ts';
import { AsServed } from './judge/as-served.ts';
import { FeatureTally } from './judge/feature-tally.ts';
import { NO_PAIRS } from './judge/agreeing-pairs.ts';
import { ViewJudge } from './judge/judge.ts';
import { JudgedValues } from './judge/judged-values.ts';
import { ViewReplay } from './judge/replay.ts';
import { RevealedValues } from './judge/revealed-values.ts';
import { RunIndex } from './judge/run-index.ts';
import { ServedHistory } from './judge/served-history.ts';
import type { DefinedView } from './judge/served-history.ts';
import type { MonitoredDay } from './monitored-day.ts';
import { agreeingPairs } from './replay/agreeing-values.ts';
import { servedFeatures, splitRole } from './replay/role-replay.ts';
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
  readonly #judged: JudgedVectors;

  /** By role: which rows of the history those that were given out are. */
  readonly #fidelity = new Map<string, ViewJudge['fidelity']>();

  constructor(day: MonitoredDay, served: DayOfService) {
    this.#day = day;
    this.#served = served;
    this.#judged = new JudgedVectors(day.duck, served);
  }

  async judge(): Promise<Snapshot> {
    const { project, database, book, duck, date } = this.#day;
    const { settings, logger } = project;
    const { service } = this.#served;
    const features = new Map<string, FeatureSnapshot>();
    const views = new Map<string, ViewState>();
    await this.#values.begin(duck);
    await this.#judged.begin();
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
    const snapshot = this.#snapshot(withDrift(ordered, drift), views, {
      references: drift.references,
      judged: await this.#judged.count(),
    });
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
    const taken = own.map(({ fullName, feature: name }) => ({
      fullName,
      feature: view.features.find((one) => one.name === name)!,
    }));
    const role = {
      used,
      view,
      entity,
      features: taken,
      requestKeys: service.requestKeys,
      history,
      definedBy,
    };
    const split = await this.#reading(view, () =>
      splitRole(duck, this.#served.files, { ...role, historyWatermarkUs }),
    );
    const agreeing = split?.agreeing ?? [];
    for (const [i, states] of agreeing.entries())
      tallies.get(own[i]!.feature)!.addAgreeing(states, split!.hasCreatedTimes);
    judge.addTrue(split?.given ?? 0);
    const open = { service, features: servedFeatures(taken), open: split?.open ?? 0, definedAs };
    if (open.open > 0) await this.#judgeOpen(judge, new ViewReplay(duck, { ...role, ...open }), role);
    if (split !== null) await this.#judged.endRole();
    this.#fidelity.set(used.role, judge.fidelity);
    const snapshots: FeatureSnapshot[] = [];
    for (const [i, { feature, fullName }] of taken.entries()) {
      // Of one feature at a time: those of a view need not stand in memory together.
      const hasValues = split !== null && split.given > 0;
      const pairs = hasValues ? await agreeingPairs(duck, i, feature, service.tensor) : NO_PAIRS;
      snapshots.push(tallies.get(feature.name)!.snapshot(fullName, view.id, pairs));
    }
    return snapshots;
  }

  async #judgeOpen(
    judge: ViewJudge,
    replay: ViewReplay,
    { view, entity }: { readonly view: FeatureView; readonly entity: Entity },
  ): Promise<void> {
    const { duck, hmacKey } = this.#day;
    await this.#reading(view, () => replay.join());
    const revealed = new RevealedValues(duck, view, hmacKey, replay);
    const asServed = new AsServed(duck, { view, entity }, replay, revealed);
    for await (const page of replay.pages()) {
      const rows = page.map((vector) => judge.read(vector));
      const asked = await asServed.ask(rows);
      for (const row of rows) {
        const { vid } = row.vector;
        if (!judge.add(row, asked.get(vid))) this.#judged.addUnjudged(vid);
        if (this.#values.isFull) await this.#values.flush(duck);
      }
    }
  }

  /** @throws REG_SOURCE when the view's history cannot be read */
  async #reading<T>(view: FeatureView, read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (error instanceof CodedError) throw error;
      const why = (error as Error).message.split('\n')[0];
      throw registryError('REG_SOURCE', `the history of ${view.id} cannot be read: ${why}`, {}, error);
    }
  }

  #snapshot(
    features: readonly FeatureSnapshot[],
    states: ReadonlyMap<string, ViewState>,
    { references, judged }: { readonly references: DriftReferences; readonly judged: number },
  ): Snapshot {
    const { project, book, date, fromUs, toUs } = this.#day;
    const { settings, logger, clock } = project;
    const { service } = this.#served;
    const views = [...states.values()];
    const vectors = this.#vectorCounts(features, judged);
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
      drift: references,
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

  #vectorCounts(features: readonly FeatureSnapshot[], judged: number): VectorCounts {
    const { vectors, duplicates } = this.#served;
    const { gaps, openTails } = this.#day.log;
    const sum = (of: (feature: FeatureSnapshot) => number): number =>
      features.reduce((total, feature) => total + of(feature), 0);
    const withheld = sum((feature) => feature.dropped);
    return {
      read: vectors,
      judged,
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
