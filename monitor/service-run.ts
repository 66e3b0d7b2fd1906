/**
 * Judges one service over a day or an hour: its views one after another, then the verdict over all of them. Writes the
 * snapshot and, beside it, the judged rows. Called by run.ts.
 */
import { registryError } from '../contract/errors.ts';
import type { Entity, Feature, FeatureService, FeatureView, ServiceView } from '../contract/model.ts';
import type { RunRecord } from '../contract/run-record.ts';
import { CodedError } from '../contract/std/coded-error.ts';
import { formatTimestamp } from '../contract/std/timestamp.ts';
import type { DayOfService } from './day/day-of-log.ts';
import { JudgedVectors } from './replay/judged-vectors.ts';
import { LoggedAnswers } from './answers/logged-answers.ts';
import { deploysOf } from './day/deploys.ts';
import { driftOfDay } from './drift/day-drift.ts';
import type { DriftOfDay } from './drift/day-drift.ts';
import type { DriftReferences } from './drift/drift-references.ts';
import { dayHealth } from './health/day-health.ts';
import { monitorError } from './errors.ts';
import { AsServed } from './as-served/as-served.ts';
import { trainedSpreads } from './tally/feature-spreads.ts';
import { NO_TRAFFIC, agreedByOpen, replayedSpreads } from './replay/agreeing-traffic.ts';
import { FeatureTally } from './tally/feature-tally.ts';
import { NO_PAIRS } from './tally/agreeing-pairs.ts';
import { ViewJudge } from './judge/judge.ts';
import { PodClocks } from './judge/pod-clocks.ts';
import { JudgedRows } from './judged-rows/judged-rows.ts';
import { ViewReplay } from './judge/replay.ts';
import { RevealedValues } from './as-served/revealed-values.ts';
import { RunIndex } from './judge/run-index.ts';
import { ServedHistory } from './judge/served-history.ts';
import type { DefinedView } from './judge/served-history.ts';
import { spanOf, spanText } from './judged-span.ts';
import { KeptRoles } from './kept/kept-roles.ts';
import type { KeptTables } from './kept/kept-roles.ts';
import type { KeptRole } from './kept/kept-role.ts';
import type { MonitoredDay } from './monitored-day.ts';
import { agreeingPairs } from './replay/agreeing-values.ts';
import { splitRole } from './replay/role-replay.ts';
import { looksLike } from './likeness/likeness-search.ts';
import { UnexplainedRows } from './likeness/unexplained-rows.ts';
import { countedIncidents } from './tally/incident-tally.ts';
import { RoleTally } from './tally/role-tally.ts';
import { runsOfDay } from './verdict/runs-of-day.ts';
import { trendPoint } from './verdict/earlier-day.ts';
import { judgedRowsFile, readEarlier, writeSnapshot } from './verdict/snapshot-folder.ts';
import { SNAPSHOT_VERSION } from './verdict/snapshot.ts';
import type { Snapshot, VectorCounts } from './verdict/snapshot.ts';
import { conclude } from './verdict/verdict.ts';
import type { CountedDay } from './verdict/verdict.ts';
import { readViewState } from './verdict/view-state.ts';
import type { ViewState } from './verdict/view-state.ts';

/** A feature of a role with what was counted of it. */
interface CountedFeature {
  readonly fullName: string;
  readonly feature: Feature;
  readonly view: string;
  readonly tally: FeatureTally;
}

export class ServiceRun {
  readonly #day: MonitoredDay;
  readonly #served: DayOfService;
  readonly #rows: JudgedRows;
  readonly #judged: JudgedVectors;
  readonly #answers: LoggedAnswers;
  readonly #clocks: PodClocks;
  /** In the order of the service's roles. */
  readonly #outcomes: KeptRole[] = [];

  constructor(day: MonitoredDay, served: DayOfService) {
    this.#day = day;
    this.#served = served;
    this.#rows = new JudgedRows(day.duck, served.files, served.service.requestKeys);
    this.#judged = new JudgedVectors(day.duck, served);
    this.#answers = new LoggedAnswers(day.duck, served, day.book);
    this.#clocks = new PodClocks(day.duck, served);
  }

  async judge(): Promise<Snapshot> {
    const { project, database, book } = this.#day;
    const { settings, logger } = project;
    const { service } = this.#served;
    const trained = await trainedSpreads(database, service.name, this.#day.toUs);
    const views = new Map<string, ViewState>();
    await this.#judged.begin();
    await this.#answers.begin();
    await this.#clocks.begin();
    const kept = await KeptRoles.open(this.#day, this.#served, trained);
    for (const [i, used] of service.views.entries()) {
      logger.progress(`judging ${service.name}`, i, service.views.length);
      const view = book.current.views.get(used.view)!;
      const state = views.get(view.id);
      const runs = state?.runs ?? (await database.runs({ view: view.id }));
      const before = await kept.take(i, (outcome) => this.#tablesOf(outcome));
      if (before === null) {
        const outcome = await this.#judgeView(used, view, runs, trained);
        await kept.keep(i, outcome, (ended) => this.#tablesOf(ended));
        this.#outcomes.push(outcome);
      } else this.#outcomes.push(before);
      if (state === undefined) views.set(view.id, await readViewState(this.#day, view, runs, this.#served));
    }
    logger.progress(`judging ${service.name}`, service.views.length, service.views.length);
    await this.#rows.write(judgedRowsFile(settings.reports, service.name, spanText(this.#day)));
    const features = new Map(
      this.#outcomes.flatMap((outcome) => outcome.features.map((feature) => [feature.name, feature])),
    );
    const ordered = service.features.flatMap(({ fullName }) => features.get(fullName) ?? []);
    // Drift is a day's: an hour of one day is like no day.
    const drift = this.#day.hour === null ? await driftOfDay(this.#day, this.#served) : null;
    const snapshot = await this.#snapshot(withDrift(ordered, drift), views, {
      references: drift?.references ?? null,
      judged: await this.#judged.count(),
    });
    const written = writeSnapshot(settings.reports, snapshot);
    kept.remove();
    return written;
  }

  /** What of a role stands in tables. */
  #tablesOf({ hasRows }: KeptRole): KeptTables {
    return hasRows ? { rows: this.#rows, unjudged: this.#judged } : { rows: this.#rows };
  }

  async #judgeView(
    used: ServiceView,
    view: FeatureView,
    runs: readonly RunRecord[],
    trained: ReadonlyMap<string, number>,
  ): Promise<KeptRole> {
    const { book, duck, hmacKey } = this.#day;
    const { service } = this.#served;
    const entity = book.current.entities.get(view.entity)!;
    const history = new ServedHistory(duck, this.#day.histories, { view, entity }, runs);
    const definedBy = (bundle: string): DefinedView => book.servedDefinition(bundle, view);
    const historyWatermarkUs = (bundle: string): number | null => history.completeUpTo(definedBy(bundle));
    const definedAs = (id: number): DefinedView | null => book.definedAs(view, id);
    const taken = featuresOf(service, used, view);
    const role = {
      used,
      view,
      entity,
      features: taken,
      requestKeys: service.requestKeys,
      serviceOf: (bundle: string) => book.servedService(bundle, service),
      history,
      asked: this.#answers.vectors,
      clocks: this.#clocks,
      definedBy,
    };
    const split = await this.#reading(view, () =>
      splitRole(duck, { ...role, served: this.#served, historyWatermarkUs, fromUs: this.#day.fromUs }),
    );
    const hasRows = split !== null && split.given > 0;
    const taking = taken.map(({ feature }) => feature);
    const isOpen = split !== null && split.open > 0;
    const spreads = isOpen && split.isLaid ? await replayedSpreads(duck, taking) : [];
    const tallies = new Map(
      taken.map(({ feature, fullName }, i) => {
        return [feature.name, new FeatureTally(feature, trained.get(fullName) ?? spreads[i] ?? null)];
      }),
    );
    const tally = new RoleTally(service, used, this.#day.fromUs);
    tally.traffic.addAgreeing(split?.traffic ?? NO_TRAFFIC);
    const judge = new ViewJudge(
      { service, used, view, tallies, role: tally, runs: new RunIndex(runs), historyWatermarkUs, hmacKey },
      book,
      this.#rows.verdicts,
    );
    for (const [i, states] of (split?.agreeing ?? []).entries())
      tallies.get(taken[i]!.feature.name)!.addAgreeing(states, split!.hasCreatedTimes);
    judge.addTrue(split?.given ?? 0);
    if (isOpen) {
      await this.#rows.verdicts.begin(`${service.name} ${used.role}`, taken.length);
      const replay = new ViewReplay(duck, { ...role, ...split, service, definedAs });
      await this.#judgeOpen(judge, replay, { view, entity, hasRows });
    }
    if (split !== null) await this.#judged.endRole();
    await this.#endRows(used, view, { features: taken, rows: split !== null, open: isOpen });
    const counted = taken.map((one) => ({ ...one, view: view.id, tally: tallies.get(one.feature.name)! }));
    return {
      hasRows: split !== null,
      features: await this.#featuresOf(tally, counted, hasRows ? split.agreeingRows : null),
      fidelity: judge.fidelity,
      counts: tally.counts(),
      slices: tally.traffic.slices(),
      incidents: tally.incidents(),
    };
  }

  /** @param rows  of each feature of a role the number of rows that vectors agree with; null: none does */
  async #featuresOf(
    { agreed }: RoleTally,
    taken: readonly CountedFeature[],
    rows: readonly number[] | null,
  ): Promise<KeptRole['features']> {
    const agreeing = taken.map(({ feature: { type }, tally }) => ({ type, texts: tally.texts }));
    const pairs = rows === null ? null : agreeingPairs(this.#day.duck, agreeing);
    const features: KeptRole['features'][number][] = [];
    for (const [i, { fullName, view, tally }] of taken.entries()) {
      const own = (await pairs?.next())?.value ?? NO_PAIRS;
      features.push(tally.snapshot(fullName, view, own, { rows: rows?.[i] ?? 0, vectorsOf: agreed }));
    }
    return features;
  }

  /** Takes what the Parquet holds of a role while its tables are there. */
  async #endRows(
    { role }: ServiceView,
    view: FeatureView,
    {
      features,
      ...has
    }: {
      readonly features: readonly { readonly fullName: string; readonly feature: Feature }[];
      readonly rows: boolean;
      readonly open: boolean;
    },
  ): Promise<void> {
    const isMarked = (today: Feature, bundle: string): boolean => {
      const then = this.#day.book.servedView(bundle, view).features;
      return today.log !== 'raw' || then.some(({ name, log }) => name === today.name && log !== 'raw');
    };
    await this.#rows.endRole({ role, view: view.id, features, isMarked }, has);
  }

  async #judgeOpen(
    judge: ViewJudge,
    replay: ViewReplay,
    {
      view,
      entity,
      hasRows,
    }: { readonly view: FeatureView; readonly entity: Entity; readonly hasRows: boolean },
  ): Promise<void> {
    const { duck, hmacKey } = this.#day;
    await this.#reading(view, () => replay.join());
    const keys = { keys: entity.joinKeys.length, isStored: view.kind === 'stored' };
    const agreed = hasRows ? await agreedByOpen(duck, keys) : new Map<number, number>();
    const revealed = new RevealedValues(duck, view, hmacKey, replay);
    const unexplained = new UnexplainedRows(judge.keys);
    const asServed = new AsServed(duck, { view, entity }, replay, { revealed, unexplained });
    for await (const page of replay.pages()) {
      const rows = page.map((vector) => judge.read(vector));
      const asked = await asServed.ask(rows);
      const answers = await this.#answers.of(page);
      for (const row of rows) {
        const { vid } = row.vector;
        if (!judge.add(row, asked.get(vid), answers.get(vid), agreed.get(vid))) this.#judged.addUnjudged(vid);
        if (this.#rows.verdicts.isFull) await this.#rows.verdicts.flush();
      }
    }
    judge.addLikeness(await this.#reading(view, () => looksLike(duck, view, replay, unexplained.rows())));
  }

  /** @throws REG_SOURCE when the view's history cannot be read, MON_SERVED when it is the archive */
  async #reading<T>(view: FeatureView, read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (error instanceof CodedError) throw error;
      await this.#checkArchive();
      const why = (error as Error).message.split('\n')[0];
      throw registryError('REG_SOURCE', `the history of ${view.id} cannot be read: ${why}`, {}, error);
    }
  }

  /** Asked where a join with a history has failed: DuckDB does not say which side it was. @throws MON_SERVED */
  async #checkArchive(): Promise<void> {
    const { duck, project } = this.#day;
    try {
      await this.#served.files.readWhole(duck);
    } catch (error) {
      const { served } = project.settings;
      const why = (error as Error).message.split('\n')[0];
      throw monitorError('MON_SERVED', `the archive in ${served} cannot be read: ${why}`, {}, error);
    }
  }

  async #snapshot(
    features: CountedDay['features'],
    states: ReadonlyMap<string, ViewState>,
    { references, judged }: { readonly references: DriftReferences | null; readonly judged: number },
  ): Promise<Snapshot> {
    const { project, book, date, hour, fromUs, toUs } = this.#day;
    const { settings, logger, clock } = project;
    const { service, lastUs, servers } = this.#served;
    const views = [...states.values()];
    // Rows may still arrive within the lateness allowance of the service's views. What settles an hour is its day.
    const settlesUs = spanOf({ date }).toUs + Math.max(0, ...views.map(({ view }) => view.latenessUs));
    const provisional = hour !== null || clock.nowUs() < settlesUs;
    const earlier = hour === null ? readEarlier(settings.reports, service.name, date, logger) : [];
    const day: CountedDay = {
      service,
      date,
      lastUs,
      hasRecords: this.#day.log.hasRecords,
      features,
      views: service.views.map(({ role, view }, i) => {
        const { fidelity, counts } = this.#outcomes[i]!;
        return { role, ...states.get(view)!.snapshot, fidelity, ...counts };
      }),
      vectors: this.#vectorCounts(features, judged),
      lostFiles: this.#day.log.lostFiles,
      leftOut: [...this.#day.log.leftOut].map(([what, count]) => ({ what, vectors: count })),
      sources: views.flatMap(({ source }) => source ?? []),
      ages: views.flatMap(({ age }) => age ?? []),
      incidents: countedIncidents(
        this.#outcomes.map(({ incidents }) => incidents),
        (view) => scheduleUs(states.get(view)!.view),
      ),
      traffic: this.#outcomes.flatMap(({ slices }) => slices),
      earlier,
    };
    const { verdict, sentence, findings, notes, ...concluded } = conclude(day);
    return {
      version: SNAPSHOT_VERSION,
      project: settings.project,
      date,
      ...(hour === null ? {} : { hour }),
      service: service.name,
      verdict,
      sentence,
      findings,
      notes,
      provisional,
      settlesAt: provisional ? formatTimestamp(settlesUs) : null,
      judgedAt: formatTimestamp(clock.nowUs()),
      bundle: book.current.hash,
      owner: service.owner,
      consumers: service.consumers,
      vectors: day.vectors,
      views: day.views,
      ...concluded,
      ...(references === null ? {} : { drift: references }),
      health: dayHealth(service.name, views, day, Math.min(toUs, clock.nowUs())),
      runs: runsOfDay(
        views.map(({ runs }) => runs),
        fromUs,
        toUs,
      ),
      deploys: deploysOf(servers),
      leftOut: day.leftOut,
      ...(day.lostFiles.length === 0 ? {} : { lostFiles: day.lostFiles }),
      trend: earlier.map(trendPoint),
    };
  }

  #vectorCounts(features: CountedDay['features'], judged: number): VectorCounts {
    const { vectors, duplicates } = this.#served;
    const { gaps, openTails } = this.#day.log;
    const sum = (of: (feature: CountedDay['features'][number]) => number): number =>
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

function withDrift(features: CountedDay['features'], drift: DriftOfDay | null): CountedDay['features'] {
  return features.map((feature) => {
    const own = drift?.features.get(feature.name);
    return own === undefined ? feature : { ...feature, drift: own };
  });
}

/** What the service takes from a role, in its order. */
function featuresOf(
  service: FeatureService,
  { role }: ServiceView,
  { features }: FeatureView,
): { readonly fullName: string; readonly feature: Feature }[] {
  return service.features
    .filter((taken) => taken.role === role)
    .map(({ fullName, feature: name }) => ({
      fullName,
      feature: features.find((one) => one.name === name)!,
    }));
}

/** How often a view is brought up to date; where nothing says it, as often as its freshness asks. */
function scheduleUs({ scheduleUs: own, hopUs, freshnessUs }: FeatureView): number {
  return own ?? (hopUs > 0 ? hopUs : freshnessUs);
}
