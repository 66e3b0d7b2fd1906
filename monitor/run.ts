/**
 * `plumb monitor run`: one UTC day of the vector log, judged.
 *
 *   log --ingest--> vectors, rows --replay--> pairs --judge, compare, explain--> tallies --verdict--> snapshot
 *                                    ^                         |
 *                                 history                      `--> {date}.parquet, a row a value
 *
 * Only this file constructs things. The day's tables live in a DuckDB file in a folder of their own that goes with
 * the run, so that a day larger than memory can be judged.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { badRowsText, countBadRows } from '../project/engine/duckdb/bad-rows.ts';
import { DuckDb } from '../project/engine/duckdb/duckdb.ts';
import { registryError } from '../contract/errors.ts';
import { completeHistory, openHistory } from '../project/engine/duckdb/history.ts';
import { exposedKeyNotice, loadHmacKey } from '../contract/log-privacy.ts';
import type { HmacKey } from '../contract/log-privacy.ts';
import type { Bundle, FeatureService, FeatureView, ServiceView } from '../contract/model.ts';
import type { Project } from '../project/project.ts';
import type { RegistryDatabase } from '../project/database/registry-database.ts';
import type { RunRecord } from '../contract/run-record.ts';
import { CodedError } from '../contract/std/coded-error.ts';
import { DAY_US, formatTimestamp, parseTimestamp } from '../contract/std/timestamp.ts';
import { BundleBook } from './judge/bundle-book.ts';
import { FeatureTally } from './judge/feature-tally.ts';
import { proposeDelay } from './verdict/delay-proposal.ts';
import { monitorError } from './errors.ts';
import { HashedIds, hasHashedIds } from './day/hashed-ids.ts';
import { ingestDay } from './day/day-tables.ts';
import type { DayOfService, IngestedDay } from './day/day-tables.ts';
import { ViewJudge, judgeView } from './judge/judge.ts';
import { JudgedValues } from './judge/judged-values.ts';
import { prepareReplay, replayedVectors } from './judge/replay.ts';
import { RunIndex } from './judge/run-index.ts';
import { servedDay } from './day/served-day.ts';
import { ServedHistory } from './judge/served-history.ts';
import type { DefinedView } from './judge/served-history.ts';
import { judgedValuesFile, readTrend, writeSnapshot } from './verdict/snapshot-folder.ts';
import { withheldOf } from './verdict/snapshot.ts';
import type { FeatureSnapshot, RunSnapshot, Snapshot, ViewSnapshot } from './verdict/snapshot.ts';
import { verdictOf } from './verdict/verdict.ts';
import type { SourceAge, ViewAge } from './verdict/verdict.ts';

export interface MonitorOptions {
  /** YYYY-MM-DD, UTC. */
  readonly dateDay: string;
  /** Names; every service with a vector that day unless given. */
  readonly services?: readonly string[];
}

/**
 * Judges a day and writes each service's verdict to `{reports}/{service}/{date}.json`, its values beside it.
 *
 * @returns  one snapshot a service, in the order of the bundle
 * @throws   MON_DAY, MON_NO_VECTORS, MON_LOG, MON_REPORTS, REG_NOT_APPLIED, REG_UNKNOWN, REG_SOURCE
 */
export async function runMonitor(
  project: Project,
  database: RegistryDatabase,
  options: MonitorOptions,
): Promise<Snapshot[]> {
  const fromUs = dayStart(options.dateDay);
  const book = new BundleBook(project.settings, project.logger);
  const wanted = servicesOf(book.current, options.services);
  const folder = mkdtempSync(join(tmpdir(), 'plumb-monitor-'));
  const duck = await DuckDb.open({ file: join(folder, 'day.duckdb') });
  try {
    const hmacKey = loadHmacKey(project.settings.log.hmacKey);
    const exposed = exposedKeyNotice(project.settings.log.hmacKey);
    if (exposed !== null) project.logger.warn(exposed);
    const day = await readDay(duck, project, book.current, hmacKey, fromUs, folder);
    for (const [what, vectors] of day.leftOut) {
      project.logger.warn(`${vectors} vectors ${what} are not judged`);
    }
    const found = wanted.filter((service) => day.services.has(service.name));
    if (found.length === 0) throw noVectors(options, day, project.settings.log.spool);
    const snapshots: Snapshot[] = [];
    for (const service of found) {
      const run = new ServiceRun(project, database, book, duck, options.dateDay, fromUs, day, hmacKey);
      snapshots.push(await run.judge(day.services.get(service.name)!));
    }
    return snapshots;
  } finally {
    duck.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function dayStart(date: string): number {
  const us = /^\d{4}-\d\d-\d\d$/.test(date) ? parseTimestamp(date) : null;
  if (us === null) throw monitorError('MON_DAY', `expected a date such as 2026-11-21, got ${date}`);
  return Number(us);
}

function servicesOf(bundle: Bundle, names: readonly string[] | undefined): FeatureService[] {
  if (names === undefined) return [...bundle.services.values()];
  return names.map((name) => {
    const service = bundle.services.get(name);
    if (service !== undefined) return service;
    const known = [...bundle.services.keys()].join(', ') || 'none';
    throw registryError('REG_UNKNOWN', `there is no service ${name}; there are ${known}`, {
      field: 'service',
    });
  });
}

async function readDay(
  duck: DuckDb,
  project: Project,
  bundle: Bundle,
  hmacKey: HmacKey | null,
  fromUs: number,
  scratch: string,
): Promise<IngestedDay> {
  const { spool } = project.settings.log;
  try {
    const log = await servedDay(project, fromUs, scratch);
    const hashed = hasHashedIds(bundle.entities.values())
      ? await HashedIds.read(duck, project, bundle, hmacKey)
      : null;
    return await ingestDay(duck, log, bundle.services, fromUs, fromUs + DAY_US, project.logger, hashed);
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw monitorError('MON_LOG', `${spool} cannot be read: ${(error as Error).message}`, {}, error);
  }
}

function noVectors(options: MonitorOptions, day: IngestedDay, spool: string): Error {
  const of = options.services === undefined ? '' : ` of ${options.services.join(', ')}`;
  const has =
    day.services.size > 0
      ? `; it has vectors of ${[...day.services.keys()].join(', ')}`
      : day.records > 0
        ? `; its ${day.records} records of that day hold none`
        : '';
  return monitorError('MON_NO_VECTORS', `${spool} has no vectors${of} of ${options.dateDay}${has}`);
}

/** The views of one service in turn, and what comes of them. */
class ServiceRun {
  readonly #project: Project;
  readonly #database: RegistryDatabase;
  readonly #book: BundleBook;
  readonly #duck: DuckDb;
  readonly #date: string;
  readonly #fromUs: number;
  readonly #day: IngestedDay;
  readonly #hmacKey: HmacKey | null;
  readonly #values = new JudgedValues();

  constructor(
    project: Project,
    database: RegistryDatabase,
    book: BundleBook,
    duck: DuckDb,
    date: string,
    fromUs: number,
    day: IngestedDay,
    hmacKey: HmacKey | null,
  ) {
    this.#project = project;
    this.#database = database;
    this.#book = book;
    this.#duck = duck;
    this.#date = date;
    this.#fromUs = fromUs;
    this.#day = day;
    this.#hmacKey = hmacKey;
  }

  async judge(day: DayOfService): Promise<Snapshot> {
    const { service } = day;
    const { settings, logger, clock } = this.#project;
    const judgedVectors = new Set<number>();
    const features = new Map<string, FeatureSnapshot>();
    const views = new Map<string, ViewSnapshot>();
    const runs = new Map<string, readonly RunRecord[]>();
    const sources = new Map<string, SourceAge>();
    const ages: ViewAge[] = [];
    await this.#values.begin(this.#duck);
    for (const [i, used] of service.views.entries()) {
      logger.progress(`judging ${service.name}`, i, service.views.length);
      const view = this.#book.current.views.get(used.view)!;
      if (!runs.has(view.id)) runs.set(view.id, await this.#database.runs({ view: view.id }));
      const judged = await this.#judgeView(day, used, view, runs.get(view.id)!, judgedVectors);
      for (const feature of judged) features.set(feature.name, feature);
      if (views.has(view.id)) continue;
      const newestUs = await this.#newestSourceEvent(view, runs.get(view.id)!);
      const badRows = await this.#badRows(view);
      const snapshot = this.#viewSnapshot(day, view, runs.get(view.id)!, newestUs ?? null);
      views.set(view.id, { ...snapshot, ...badRows });
      if (newestUs !== undefined) sources.set(view.id, this.#sourceAge(view, newestUs));
      ages.push(...this.#viewAge(view, runs.get(view.id)!));
    }
    logger.progress(`judging ${service.name}`, service.views.length, service.views.length);
    await this.#values.write(this.#duck, judgedValuesFile(settings.reports, service.name, this.#date));
    const ordered = service.features.flatMap(({ fullName }) => features.get(fullName) ?? []);
    const vectors = this.#vectorCounts(day, ordered, judgedVectors.size);
    const settlesUs = this.#settlesUs([...views.keys()]);
    const provisional = clock.nowUs() < settlesUs;
    const snapshot: Snapshot = {
      version: 1,
      project: settings.project,
      date: this.#date,
      service: service.name,
      ...verdictOf(ordered, vectors, [...sources.values()], ages),
      provisional,
      settlesAt: provisional ? formatTimestamp(settlesUs) : null,
      judgedAt: formatTimestamp(clock.nowUs()),
      bundle: this.#book.current.hash,
      vectors,
      views: [...views.values()],
      features: ordered,
      runs: [...runs.values()].flatMap((list) => this.#runsOfDay(list)).toSorted(byStart),
      trend: readTrend(settings.reports, service.name, this.#date, logger),
    };
    writeSnapshot(settings.reports, snapshot);
    return snapshot;
  }

  async #judgeView(
    day: DayOfService,
    used: ServiceView,
    view: FeatureView,
    runs: readonly RunRecord[],
    judgedVectors: Set<number>,
  ): Promise<FeatureSnapshot[]> {
    const { settings } = this.#project;
    const entity = this.#book.current.entities.get(view.entity)!;
    const own = day.service.features.filter((feature) => feature.role === used.role);
    const tallies = new Map<string, FeatureTally>();
    for (const { feature: name } of own) {
      tallies.set(name, new FeatureTally(view.features.find((one) => one.name === name)!));
    }
    const history = new ServedHistory(this.#duck, settings, { view, entity }, runs);
    const watermarks = new Map<number, number | null>();
    const watermarkOf = (served: DefinedView): number | null => {
      const { definitionId } = served.view;
      if (!watermarks.has(definitionId)) watermarks.set(definitionId, history.completeUpTo(served));
      return watermarks.get(definitionId)!;
    };
    const judge = new ViewJudge(
      {
        service: day.service,
        used,
        view,
        tallies,
        runs: new RunIndex(runs),
        historyWatermarkUs: (hash) => watermarkOf(this.#book.servedDefinition(hash, view)),
        hmacKey: this.#hmacKey,
      },
      this.#book,
      this.#values,
    );
    try {
      const served = (hash: string): DefinedView => this.#book.servedDefinition(hash, view);
      await prepareReplay(this.#duck, day, { used, view, entity, history, served });
    } catch (error) {
      if (error instanceof CodedError) throw error;
      const why = (error as Error).message.split('\n')[0];
      throw registryError('REG_SOURCE', `the history of ${view.id} cannot be read: ${why}`, {}, error);
    }
    const vectors = replayedVectors(this.#duck, day, view);
    await judgeView(judge, vectors, judgedVectors, this.#values, this.#duck);
    return own.map(({ feature, fullName }) => tallies.get(feature)!.snapshot(fullName, view.id));
  }

  #vectorCounts(
    day: DayOfService,
    features: readonly FeatureSnapshot[],
    judged: number,
  ): Snapshot['vectors'] {
    const withheld = features.reduce((total, feature) => total + withheldOf(feature), 0);
    return {
      read: day.vectors,
      judged,
      unjudged: features.reduce((total, feature) => total + feature.unjudged, 0),
      unavailable: features.reduce((total, feature) => total + feature.unavailable, 0),
      ...(withheld > 0 ? { withheld } : {}),
      duplicates: day.duplicates,
      gaps: this.#day.gaps,
      openTails: this.#day.openTails,
    };
  }

  /** What the replay leaves out of the view's history, as training does; told, and no matter of the verdict. */
  async #badRows(view: FeatureView): Promise<Pick<ViewSnapshot, 'badRows'>> {
    const { settings, logger } = this.#project;
    const entity = this.#book.current.entities.get(view.entity)!;
    const { folder, history } = settings;
    const found = await countBadRows(this.#duck, folder, history, view, entity);
    const text = badRowsText(view, found);
    if (text === null) return {};
    logger.warn(text);
    return { badRows: found };
  }

  /**
   * The newest event time of a view's source that was known by the end of the day, or is by now: of a stored view read
   * from the source, which is its history; of an aggregated view what the last run saw by then.
   *
   * @returns  null: the source has no event; undefined: no run had looked yet
   */
  async #newestSourceEvent(
    view: FeatureView,
    runs: readonly RunRecord[],
  ): Promise<number | null | undefined> {
    if (view.kind === 'aggregated') {
      return this.#completeByTheEnd(runs).at(-1)?.newestEventUs;
    }
    const { settings } = this.#project;
    const entity = this.#book.current.entities.get(view.entity)!;
    const { sql } = await openHistory(this.#duck, settings.folder, settings.history, view, entity);
    const [row] = await this.#duck.rows(
      `SELECT CAST(max(epoch_us(event_time)) AS DOUBLE) AS newest FROM (${sql})
       WHERE epoch_us(event_time) <= ${this.#endUs()}`,
    );
    return row!['newest'] as number | null;
  }

  #completeByTheEnd(runs: readonly RunRecord[]): RunRecord[] {
    return runs.filter(({ state, finishedUs }) => state === 'complete' && finishedUs! <= this.#endUs());
  }

  /** @returns nothing where no run had ended by then */
  #viewAge({ id, freshnessAlertUs }: FeatureView, runs: readonly RunRecord[]): ViewAge[] {
    const last = this.#completeByTheEnd(runs).at(-1);
    if (last === undefined) return [];
    return [{ view: id, watermarkUs: last.watermarkUs, endUs: this.#endUs(), freshnessAlertUs }];
  }

  #endUs(): number {
    return Math.min(this.#fromUs + DAY_US, this.#project.clock.nowUs());
  }

  #sourceAge(view: FeatureView, newestUs: number | null): SourceAge {
    const { sourceFreshnessUs, source } = view;
    return { view: view.id, path: source.path, newestUs, endUs: this.#endUs(), sourceFreshnessUs };
  }

  #viewSnapshot(
    day: DayOfService,
    view: FeatureView,
    runs: readonly RunRecord[],
    newestUs: number | null,
  ): ViewSnapshot {
    const mark =
      view.kind === 'aggregated'
        ? completeHistory(this.#project.settings.history, view, this.#book.current.entities.get(view.entity)!)
        : null;
    const proposal = proposeDelay(view, runs, day);
    return {
      view: view.id,
      owner: view.owner,
      historyWatermark: mark === null ? null : formatTimestamp(mark.watermarkUs),
      newestSourceRow: newestUs === null ? null : formatTimestamp(newestUs),
      freshnessUs: view.freshnessUs,
      delayUs: view.delayUs,
      proposedDelayUs: proposal.delayUs,
      proposedDelayWhy: proposal.why,
    };
  }

  /** Rows may still arrive within the lateness allowance of the service's views. */
  #settlesUs(views: readonly string[]): number {
    const latest = Math.max(0, ...views.map((id) => this.#book.current.views.get(id)!.latenessUs));
    return this.#fromUs + DAY_US + latest;
  }

  /** Those that were at work on the day, and the last to end before it. */
  #runsOfDay(runs: readonly RunRecord[]): RunSnapshot[] {
    const before = runs.filter((run) => run.finishedUs !== null && run.finishedUs < this.#fromUs);
    const ofDay = runs.filter(
      (run) =>
        (run.finishedUs === null || run.finishedUs >= this.#fromUs) && run.startedUs < this.#fromUs + DAY_US,
    );
    return [...before.slice(-1), ...ofDay].map((run) => ({
      runId: run.runId,
      view: run.view,
      kind: run.kind,
      startedAt: formatTimestamp(run.startedUs),
      finishedAt: run.finishedUs === null ? null : formatTimestamp(run.finishedUs),
      watermark: formatTimestamp(run.watermarkUs),
      state: run.state,
    }));
  }
}

function byStart(a: RunSnapshot, b: RunSnapshot): number {
  return a.startedAt < b.startedAt ? -1 : a.startedAt > b.startedAt ? 1 : 0;
}
