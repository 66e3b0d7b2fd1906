/**
 * Judges one service over a day or an hour: its views one after another, then the verdict over all of them. Writes the
 * snapshot and, beside it, the judged rows. Called by run.ts.
 */
import { join } from 'node:path';
import type { FeatureView, ServiceView } from '../contract/model.ts';
import { ENGINE } from '../contract/on-demand/engine.ts';
import { formatTimestamp } from '../contract/std/timestamp.ts';
import type { DayOfService } from './day/day-of-log.ts';
import { JudgedVectors } from './replay/judged-vectors.ts';
import { dropReplay } from './replay/role-replay.ts';
import { ServedEntities } from './replay/served-entities.ts';
import { LoggedAnswers } from './answers/logged-answers.ts';
import { deploysOf } from './day/deploys.ts';
import { bundlesOf } from './day/servers.ts';
import { DayDrift } from './drift/day-drift.ts';
import type { DriftOfDay } from './drift/day-drift.ts';
import type { DriftReferences } from './drift/drift-references.ts';
import { dayHealth } from './health/day-health.ts';
import { trainedSpreads } from './tally/feature-spreads.ts';
import { PodClocks } from './judge/pod-clocks.ts';
import { JudgedRows } from './judged-rows/judged-rows.ts';
import { monitorError } from './errors.ts';
import { spanOf, spanText } from './judged-span.ts';
import { KeptRoles } from './kept/kept-roles.ts';
import type { KeptTables } from './kept/kept-roles.ts';
import type { KeptRole } from './kept/kept-role.ts';
import type { KeptShard } from './kept/role-shard.ts';
import { giveBackMemory } from './memory-limit.ts';
import type { MonitoredDay } from './monitored-day.ts';
import type { JudgedComputed } from './on-demand/computed-tally.ts';
import { OnDemandRun } from './on-demand/on-demand-run.ts';
import type { KeptComputed } from './on-demand/on-demand-run.ts';
import { UsedRows } from './on-demand/used-rows.ts';
import { RoleRun } from './role-run.ts';
import type { RoleParts } from './role-run.ts';
import { countedIncidents } from './tally/incident-tally.ts';
import { runsOfDay } from './verdict/runs-of-day.ts';
import { trendPoint } from './verdict/earlier-day.ts';
import { judgedRowsFile, readEarlier, writeSnapshot } from './verdict/snapshot-folder.ts';
import { SNAPSHOT_VERSION } from './verdict/snapshot.ts';
import type { Snapshot, VectorCounts } from './verdict/snapshot.ts';
import { conclude } from './verdict/verdict.ts';
import type { CountedDay } from './verdict/verdict.ts';
import { readViewState } from './verdict/view-state.ts';
import type { ViewState } from './verdict/view-state.ts';

export class ServiceRun {
  readonly #day: MonitoredDay;
  readonly #served: DayOfService;
  readonly #rows: JudgedRows;
  readonly #judged: JudgedVectors;
  readonly #answers: LoggedAnswers;
  readonly #clocks: PodClocks;
  readonly #used: UsedRows;
  /** In the order of the service's roles. */
  readonly #outcomes: KeptRole[] = [];
  /** In the order of its on-demand views. */
  readonly #computed: JudgedComputed[] = [];

  constructor(day: MonitoredDay, served: DayOfService) {
    this.#day = day;
    this.#served = served;
    const place = join(day.scratch, `judged ${served.service.name}`);
    this.#rows = new JudgedRows(day.duck, served.files, served.service.requestKeys, place);
    this.#judged = new JudgedVectors(day.duck, served);
    this.#answers = new LoggedAnswers(day.duck, served, day.book);
    this.#clocks = new PodClocks(day.duck, served);
    const bundles = bundlesOf(served.servers).map((hash) => day.book.bundle(hash));
    this.#used = new UsedRows(day.duck, served.service, day.book.current, bundles);
  }

  /** Judges the roles of a shard, and keeps them. @throws MON_NOT_KEPT when one cannot be kept */
  async judgeShard(isOfShard: (role: number) => boolean): Promise<KeptShard> {
    const { project, database } = this.#day;
    const { service } = this.#served;
    const { kept, parts } = await this.#begin();
    let [judged, keptBefore] = [0, 0];
    for (const [i, role] of service.views.entries()) {
      if (!isOfShard(i)) continue;
      if (kept.has(i)) {
        keptBefore += 1;
        continue;
      }
      project.logger.progress(`judging ${service.name}`, i, service.views.length);
      const runs = await database.runs({ view: role.view });
      const run = await RoleRun.open(this.#day, this.#served, parts, { used: role, runs });
      const isKept = await this.#keep(kept, i, await run.judge());
      if (!isKept) {
        const { scratch } = project.settings.monitor;
        const what = `what a shard judged of ${role.role} of ${service.name} cannot be kept in ${scratch}`;
        throw monitorError('MON_NOT_KEPT', what, { file: scratch });
      }
      await this.#endTables();
      judged += 1;
    }
    return { service: service.name, roles: service.views.length, judged, keptBefore };
  }

  async judge(): Promise<Snapshot> {
    const { project, database, book } = this.#day;
    const { settings, logger } = project;
    const { service } = this.#served;
    const views = new Map<string, ViewState>();
    const { kept, parts } = await this.#begin();
    // Drift is a day's: an hour of one day is like no day.
    const drift = this.#day.hour === null ? await DayDrift.begin(this.#day, this.#served) : null;
    for (const [i, role] of service.views.entries()) {
      logger.progress(`judging ${service.name}`, i, service.views.length);
      const view = book.current.views.get(role.view)!;
      const state = views.get(view.id);
      const runs = state?.runs ?? (await database.runs({ view: view.id }));
      const before = await kept.take<KeptRole>(i, (outcome) => this.#tablesOf(role, outcome));
      if (before === null) {
        const run = await RoleRun.open(this.#day, this.#served, parts, { used: role, runs });
        const outcome = await run.judge();
        await this.#keep(kept, i, outcome);
        await drift?.endRole(role);
        await this.#endTables();
        this.#outcomes.push(outcome);
      } else this.#outcomes.push(before);
      if (state === undefined) views.set(view.id, await readViewState(this.#day, view, runs, this.#served));
    }
    logger.progress(`judging ${service.name}`, service.views.length, service.views.length);
    await this.#judgeComputed(parts.trained, kept);
    await this.#rows.write(judgedRowsFile(settings.reports, service.name, spanText(this.#day)));
    const features = new Map(
      [...this.#outcomes, ...this.#computed].flatMap((outcome) =>
        outcome.features.map((feature) => [feature.name, feature]),
      ),
    );
    const ordered = service.features.flatMap(({ fullName }) => features.get(fullName) ?? []);
    const drifted = (await drift?.end()) ?? null;
    const snapshot = await this.#snapshot(withDrift(ordered, drifted), views, {
      references: drifted?.references ?? null,
      judged: await this.#judged.count(),
    });
    const written = writeSnapshot(settings.reports, snapshot);
    kept.remove();
    return written;
  }

  /** Makes what the roles share. */
  async #begin(): Promise<{ readonly kept: KeptRoles; readonly parts: RoleParts }> {
    const { duck, database, toUs } = this.#day;
    const trained = await trainedSpreads(database, this.#served.service.name, toUs);
    await this.#judged.begin();
    await this.#answers.begin();
    await this.#clocks.begin();
    const kept = await KeptRoles.open(this.#day, this.#served, trained);
    const entities = new ServedEntities(duck);
    const shared = { rows: this.#rows, judged: this.#judged, answers: this.#answers, clocks: this.#clocks };
    return { kept, parts: { ...shared, used: this.#used, entities, trained } };
  }

  /** @returns whether a role that has ended is kept */
  async #keep(kept: KeptRoles, i: number, outcome: KeptRole): Promise<boolean> {
    const role = this.#served.service.views[i]!;
    return await kept.keep(i, outcome, (ended) => this.#tablesOf(role, ended));
  }

  /** A role's tables would stand in memory beside those of the next role, and beside the rows that are written. */
  async #endTables(): Promise<void> {
    await dropReplay(this.#day.duck);
    await giveBackMemory(this.#day.duck, this.#day.project.settings.monitor);
  }

  async #judgeComputed(trained: ReadonlyMap<string, number>, kept: KeptRoles): Promise<void> {
    const { log, otherEngine, project } = this.#day;
    const { name, onDemand } = this.#served.service;
    const engines = [...new Set(log.otherEngines.map(({ engine }) => engine))];
    if (onDemand.length > 0 && engines.length > 0 && !otherEngine)
      project.logger.warn(
        `on-demand values of ${name} that ${engines.join(', ')} computed are not judged: this is ${ENGINE}, and their last ` +
          'bits may differ. `--other-engine` judges them all the same.',
      );
    const own = { used: this.#used, answers: this.#answers, rows: this.#rows, judged: this.#judged };
    const parts = { ...own, others: new Map(), trained };
    for (const [i, computed] of onDemand.entries()) {
      const place = this.#outcomes.length + i;
      const run = new OnDemandRun(this.#day, this.#served, parts, computed);
      const before = await kept.take<KeptComputed>(place, () => run.tables);
      const outcome = before ?? (await run.judge());
      if (before === null) await kept.keep(place, outcome, () => run.tables);
      this.#computed.push(run.take(outcome));
    }
  }

  /** What of a role stands in tables. */
  #tablesOf({ role }: ServiceView, { hasRows }: KeptRole): KeptTables {
    if (!hasRows) return this.#rows.tables;
    const used = this.#used.tableToKeep(role);
    return { ...this.#rows.tables, unjudged: this.#judged, ...(used === null ? {} : { used }) };
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
      ...this.#counted(states),
      vectors: this.#vectorCounts(features, judged),
      lostFiles: this.#day.log.lostFiles,
      leftOut: [...this.#day.log.leftOut].map(([what, count]) => ({ what, vectors: count })),
      sources: views.flatMap(({ source }) => source ?? []),
      ages: views.flatMap(({ age }) => age ?? []),
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
      ...(day.computed.length === 0 ? {} : { computed: day.computed }),
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

  /** What was counted of each view, and over all of them. */
  #counted(
    states: ReadonlyMap<string, ViewState>,
  ): Pick<CountedDay, 'views' | 'computed' | 'incidents' | 'traffic'> {
    const { service } = this.#served;
    const { onDemand } = this.#day.book.current;
    const all = [...this.#outcomes, ...this.#computed];
    return {
      views: service.views.map(({ role, view }, i) => {
        const { fidelity, counts } = this.#outcomes[i]!;
        return { role, ...states.get(view)!.snapshot, fidelity, ...counts };
      }),
      computed: service.onDemand.map(({ role, view }, i) => {
        const { owner } = onDemand.get(view)!;
        return { role, view, owner, ...this.#computed[i]!.counts };
      }),
      incidents: countedIncidents(
        all.map(({ incidents }) => incidents),
        scheduleOf(states),
      ),
      traffic: all.flatMap(({ slices }) => slices),
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

/** What is computed on demand changes with the rows that it uses: it has the longest schedule of these views. */
function scheduleOf(states: ReadonlyMap<string, ViewState>): (view: string) => number {
  const longest = Math.max(0, ...[...states.values()].map(({ view }) => scheduleUs(view)));
  return (id) => {
    const state = states.get(id);
    return state === undefined ? longest : scheduleUs(state.view);
  };
}

/** How often a view is brought up to date; where nothing says it, as often as its freshness asks. */
function scheduleUs({ scheduleUs: own, hopUs, freshnessUs }: FeatureView): number {
  return own ?? (hopUs > 0 ? hopUs : freshnessUs);
}
