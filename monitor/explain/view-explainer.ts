/**
 * Explains one view of one vector: reads the entity's rows and the view's runs, and puts facts, rule and features
 * together. Made once a command, so that what several vectors share is read once. Called by explain.ts.
 */
import { isSameFeature } from '../../contract/feature-match.ts';
import { hasHistory } from '../../contract/model.ts';
import type { Entity, Feature, FeatureService, FeatureView, ServiceView } from '../../contract/model.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { PRESENT, ROW_SOURCES, STATUSES } from '../../contract/status.ts';
import type { KeyValue, Value } from '../../contract/value-type.ts';
import { valueToJson } from '../../contract/wire/online/json-value.ts';
import { definitionName } from '../../contract/wire/online/row-header.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { HistoriesSeen } from '../../project/history/history-place.ts';
import type { HistoryPlace } from '../../project/history/history-place.ts';
import type { Project } from '../../project/project.ts';
import type { EarlierRow } from '../causes/altered-row.ts';
import type { RowFacts } from '../causes/facts.ts';
import { isOfTimes } from '../causes/row-order.ts';
import type { BundleBook } from '../judge/bundle-book.ts';
import { RunIndex } from '../judge/run-index.ts';
import { ServedHistory } from '../judge/served-history.ts';
import type { DefinedView } from '../judge/served-history.ts';
import type { RemovedRows } from '../judge/served-history.ts';
import { entityRows } from './entity-rows.ts';
import type { EntityRow } from './entity-rows.ts';
import { explainedFeature } from './explained-feature.ts';
import type { FeatureSides } from './explained-feature.ts';
import type { ExplainedView, HistoryRow } from './explanation.ts';
import type { LoggedRequest } from './logged-requests.ts';
import type { ArchivedVector, ServedView } from './logged-vectors.ts';
import { clockReadings, replayedRows, rowFacts } from './row-facts.ts';
import type { ReplayedRows } from './row-facts.ts';
import { ruleSentences, unknownSentences } from './rule-text.ts';
import { runsAround, writersOf } from './runs-around.ts';
import { servedFidelity } from './served-fidelity.ts';
import type { ServedFidelity } from './served-fidelity.ts';

/** A vector to explain. */
export interface AskedVector {
  readonly service: FeatureService;
  /** In the order of the service's request keys. */
  readonly ids: readonly (KeyValue | null)[];
  /** What is shown of them. */
  readonly entities: Readonly<Record<string, string | null>>;
  readonly atUs: number;
  /** Hash of the bundle that served. */
  readonly bundle: string;
  /** null: nobody was served. */
  readonly logged: { readonly request: LoggedRequest; readonly vector: ArchivedVector } | null;
}

/** Rows of the history that are shown on each side of the time. */
const SHOWN_BEFORE = 6;
const SHOWN_AFTER = 3;

export class ViewExplainer {
  readonly #histories: HistoryPlace;
  readonly #database: RegistryDatabase;
  readonly #duck: DuckDb;
  readonly #book: BundleBook;
  readonly #runs = new Map<string, RunRecord[]>();
  /** By vector and role: on-demand views use what is explained beside them. */
  readonly #read = new WeakMap<AskedVector, Map<string, ReadView>>();

  constructor(project: Project, database: RegistryDatabase, duck: DuckDb, book: BundleBook) {
    this.#histories = { ...project.settings, seen: new HistoriesSeen() };
    this.#database = database;
    this.#duck = duck;
    this.#book = book;
  }

  /** @param features  those of the service that are wanted, all of this role */
  async explain(
    asked: AskedVector,
    used: ServiceView,
    features: FeatureService['features'],
  ): Promise<ExplainedView> {
    const { sides, history, runs, logged } = await this.#readOnce(asked, used);
    const { today, view, facts, replayed, hasCreatedTimes, isUndecoded } = sides;
    const { rows } = history;
    const shownFeatures = today.features.filter(
      ({ name, log }) => log === 'raw' && features.some(({ feature }) => feature === name),
    );
    return {
      role: used.role,
      view: view.id,
      served: logged === null ? null : servedRow(logged, facts),
      rule: ruleSentences({ view, ...history, replayed, hasCreatedTimes }),
      history: historyRows(rows, { today, shownFeatures, facts, replayed, atUs: asked.atUs }),
      runs: runsAround(runs, asked.atUs, writersOf(rows, facts)),
      features: features.map((feature) => explainedFeature(sides, feature)),
      unknown: unknownSentences({
        view,
        runs,
        rows,
        facts,
        hasCreatedTimes,
        isCut: history.isCut,
        isKnown: history.isKnown,
        isUndecoded,
      }),
    };
  }

  /** What is known of the row of a role that an on-demand view uses. */
  async sides(asked: AskedVector, used: ServiceView): Promise<FeatureSides> {
    return (await this.#readOnce(asked, used)).sides;
  }

  async #readOnce(asked: AskedVector, used: ServiceView): Promise<ReadView> {
    const read = this.#read.get(asked) ?? new Map<string, ReadView>();
    this.#read.set(asked, read);
    const known = read.get(used.role) ?? (await this.#readView(asked, used));
    read.set(used.role, known);
    return known;
  }

  async #readView(asked: AskedVector, used: ServiceView): Promise<ReadView> {
    const today = this.#book.current.views.get(used.view)!;
    const { view } = this.#book.servedDefinition(asked.bundle, today);
    const service = this.#book.servedService(asked.bundle, asked.service);
    const lacks = lacksOf(asked.service, service, used);
    const runs = await this.#runsOf(today.id);
    const history = await this.#history(asked, used, runs);
    const rows = history.rows;
    const vector = asked.logged?.vector ?? null;
    const logged = vector?.views.get(used.role) ?? null;
    const replayed = replayedRows(rows, asked.atUs, view, today);
    const served = this.#servedValues(asked, { today, view, lacks }, logged);
    const isUndecoded = served === null && logged?.status === PRESENT && logged.served !== null;
    const { fidelity, ofServed } = await this.#fidelity(history, { today, view, logged, served });
    const trainedAt = (us: number) => replayedRows(rows, us, view, today).trained;
    const clocks = clockReadings(asked.logged, trainedAt);
    const given = { view, runs: new RunIndex(runs), logged, fidelity, ofServed, clocks };
    const facts = rowFacts({ ...given, servedUs: asked.atUs }, rows, replayed);
    const sides = {
      service,
      lacks,
      atUs: asked.atUs,
      surface: vector?.surface ?? null,
      answer: vector?.answer ?? null,
      row: vector?.row ?? 0,
      served,
      isUndecoded,
      today,
      view,
      facts,
      fidelity,
      replayed,
      hasCreatedTimes: hasHistory(today) || today.source.createdTime !== null,
      watermarkUs: history.watermarkUs,
      isKnown: history.isKnown,
    };
    return { sides, history, runs, logged };
  }

  /** Which row of the history was served, among rows of the definition that wrote it and of the one that served it. */
  async #fidelity(
    history: HistoryOfEntity,
    { today, view, logged, served }: GivenOut,
  ): Promise<{ readonly fidelity: ServedFidelity | null; readonly ofServed: readonly EntityRow[] }> {
    const { rows, sql, entity, ids, atUs } = history;
    const times = logged?.served ?? null;
    if (sql === null || times === null) return { fidelity: null, ofServed: [] };
    const written =
      view.kind === 'stored' || times.definitionId === view.definitionId
        ? null
        : this.#book.definedAs(today, times.definitionId);
    const own =
      written === null ? null : await (await this.#historyOf({ view: today, entity }, [])).of(written);
    const ofServed =
      own === null
        ? []
        : (await entityRows(this.#duck, { history: own, view: today, entity, ids }, { atUs })).rows;
    if (served === null) return { fidelity: null, ofServed };
    const earlier = (): Promise<EarlierRow[]> => this.#earlier(history, today);
    const given = { history: sql, today, entity, ids, times, view, values: served, earlier };
    return { fidelity: await servedFidelity(this.#duck, given, [...rows, ...ofServed]), ofServed };
  }

  /** Rows that entries of the history's log have taken out since. */
  async #earlier({ removed, entity, ids, atUs }: HistoryOfEntity, view: FeatureView): Promise<EarlierRow[]> {
    const found: EarlierRow[] = [];
    for (const { sql, commit } of removed) {
      const { rows } = await entityRows(this.#duck, { history: sql, view, entity, ids }, { atUs });
      for (const row of rows) found.push({ ...row, commit });
    }
    return found;
  }

  async #runsOf(view: string): Promise<RunRecord[]> {
    const known = this.#runs.get(view) ?? (await this.#database.runs({ view }));
    this.#runs.set(view, known);
    return known;
  }

  async #historyOf(today: DefinedView, runs: readonly RunRecord[]): Promise<ServedHistory> {
    return await ServedHistory.open({ duck: this.#duck, histories: this.#histories, today, runs });
  }

  async #history(
    asked: AskedVector,
    used: ServiceView,
    runs: readonly RunRecord[],
  ): Promise<HistoryOfEntity> {
    const view = this.#book.current.views.get(used.view)!;
    const entity = this.#book.current.entities.get(view.entity)!;
    const history = await this.#historyOf({ view, entity }, runs);
    const defined = this.#book.servedDefinition(asked.bundle, view);
    const watermarkUs = hasHistory(view) ? history.completeUpTo(defined) : null;
    const sql = await history.of(defined);
    // The role may have had other keys of the request.
    const { views } = this.#book.servedService(asked.bundle, asked.service);
    const then = views.find(({ role }) => role === used.role) ?? used;
    const ids = then.requestKeys.map(
      (name) => asked.ids[asked.service.requestKeys.findIndex((key) => key.name === name)] ?? null,
    );
    const removed = await history.removedOf(defined);
    const known = { sql, removed, entity, ids, atUs: asked.atUs, watermarkUs };
    if (sql === null) return { ...known, rows: [], count: 0, visible: 0, isCut: false, isKnown: false };
    const at = { atUs: asked.atUs, delayUs: defined.view.delayUs };
    const own = await entityRows(this.#duck, { history: sql, view, entity, ids }, at);
    return { ...known, ...own, isKnown: true };
  }

  /** @returns by the features of `view`; null: no row was given out, or it cannot be read */
  #servedValues(
    asked: AskedVector,
    { today, view, lacks }: Pick<GivenOut, 'today' | 'view'> & { readonly lacks: ReadonlySet<string> },
    logged: ServedView | null,
  ): readonly (Value | undefined)[] | null {
    if (logged === null || logged.status !== PRESENT || logged.served === null || !logged.isDecoded)
      return null;
    const bundle = this.#book.bundle(asked.bundle);
    const has = this.#book.rowFeatures(bundle, view, logged.served.definitionId);
    if (has === null) return null;
    return view.features.map((feature, i) => {
      const at =
        has[i] && !lacks.has(feature.name)
          ? today.features.findIndex((one) => isSameFeature(one, feature))
          : -1;
      return at === -1 ? undefined : logged.values[at];
    });
  }
}

/** @returns the names of features that the service takes of the role today, and did not take when it answered */
function lacksOf(today: FeatureService, then: FeatureService, { role }: ServiceView): ReadonlySet<string> {
  const taken = new Set(then.features.map(({ fullName }) => fullName));
  const lacks = today.features.filter((one) => one.role === role && !taken.has(one.fullName));
  return new Set(lacks.map(({ feature }) => feature));
}

interface GivenOut {
  /** The view in the bundle in force, and in the one that served. */
  readonly today: FeatureView;
  readonly view: FeatureView;
  readonly logged: ServedView | null;
  readonly served: readonly (Value | undefined)[] | null;
}

interface ReadView {
  readonly sides: FeatureSides;
  readonly history: HistoryOfEntity;
  readonly runs: readonly RunRecord[];
  readonly logged: ServedView | null;
}

interface HistoryOfEntity {
  /** A SELECT of the view's history; null: it cannot be read with today's keys. */
  readonly sql: string | null;
  readonly removed: readonly RemovedRows[];
  readonly entity: Entity;
  readonly ids: readonly (KeyValue | null)[];
  readonly atUs: number;
  readonly rows: readonly EntityRow[];
  readonly count: number;
  readonly visible: number;
  readonly isCut: boolean;
  /** Whether the history under the definition that served can be read with today's keys. */
  readonly isKnown: boolean;
  /** Up to where an aggregated view's history is complete; null: a stored view, or nowhere. */
  readonly watermarkUs: number | null;
}

function servedRow(
  logged: ServedView,
  { served, fetchedUs, watermarkUs }: RowFacts,
): ExplainedView['served'] {
  return {
    status: STATUSES[logged.status] ?? `status ${logged.status}`,
    source: ROW_SOURCES[logged.source] ?? `source ${logged.source}`,
    fetchedAt: timeOf(fetchedUs),
    watermark: timeOf(watermarkUs),
    eventTime: timeOf(served?.eventUs ?? null),
    createdTime: timeOf(served?.createdUs ?? null),
    writtenTime: timeOf(served?.writtenUs ?? null),
    definitionId: served === null ? null : definitionName(served.definitionId),
  };
}

function timeOf(us: number | null): string | null {
  return us === null ? null : formatTimestamp(us);
}

interface ShownRows {
  readonly today: FeatureView;
  readonly shownFeatures: readonly Feature[];
  readonly facts: RowFacts;
  readonly replayed: ReplayedRows;
  readonly atUs: number;
}

/** The row that was served is told by its values, where they were asked; one of the same times may have others. */
function servedMark(row: EntityRow, { served, fidelity }: RowFacts): HistoryRow['is'][number][] {
  if (fidelity?.answer === 'restamped') return isOfTimes(row, fidelity.row) ? ['served'] : [];
  if (served === null || !isOfTimes(row, served)) return [];
  return fidelity === null || fidelity.answer === 'true' ? ['served'] : ['of the served times'];
}

/** The rows just before and after the time, and any that were served or replayed. */
function historyRows(rows: readonly EntityRow[], shown: ShownRows): HistoryRow[] {
  const { facts, replayed, atUs, shownFeatures, today } = shown;
  const firstAfter = rows.findIndex(({ eventUs }) => eventUs > atUs);
  const middle = firstAfter === -1 ? rows.length : firstAfter;
  const indexes = shownFeatures.map(({ name }) => today.features.findIndex((one) => one.name === name));
  return rows.flatMap((row, i) => {
    const is: HistoryRow['is'][number][] = servedMark(row, facts);
    if (replayed.trained?.row === row) is.push('as trained');
    if (replayed.available?.row === row) is.push('as available');
    const isNear = i >= middle - SHOWN_BEFORE && i < middle + SHOWN_AFTER;
    if (!isNear && is.length === 0) return [];
    const { eventUs, createdUs, runId, definitionId, deleted } = row;
    const values = shownFeatures.map((feature, at) => [
      feature.name,
      valueToJson(feature.type, row.values[indexes[at]!]!),
    ]);
    return [
      {
        eventTime: formatTimestamp(eventUs),
        createdTime: timeOf(createdUs),
        runId,
        definitionId: definitionName(definitionId),
        deleted,
        is,
        values: Object.fromEntries(values) as HistoryRow['values'],
      },
    ];
  });
}
