/**
 * Judges one role of a service over a day or an hour: DuckDB counts the rows that agree, the judge looks at the open
 * ones, group by group. Called by service-run.ts, one role after another.
 */
import { registryError } from '../contract/errors.ts';
import type { Entity, Feature, FeatureService, FeatureView, ServiceView } from '../contract/model.ts';
import type { RunRecord } from '../contract/run-record.ts';
import { CodedError } from '../contract/std/coded-error.ts';
import type { LoggedAnswers } from './answers/logged-answers.ts';
import { AsServed } from './as-served/as-served.ts';
import { RevealedValues } from './as-served/revealed-values.ts';
import type { DayOfService } from './day/day-of-log.ts';
import { bundlesOf } from './day/servers.ts';
import type { GroupPages } from './groups/group-pages.ts';
import { ViewJudge } from './judge/judge.ts';
import type { PodClocks } from './judge/pod-clocks.ts';
import { ViewReplay } from './judge/replay.ts';
import { RunIndex } from './judge/run-index.ts';
import { ServedHistory } from './judge/served-history.ts';
import type { DefinedView } from './judge/served-history.ts';
import type { JudgedRows } from './judged-rows/judged-rows.ts';
import type { KeptRole } from './kept/kept-role.ts';
import { looksLike } from './likeness/likeness-search.ts';
import { UnexplainedRows } from './likeness/unexplained-rows.ts';
import { giveBackMemory } from './memory-limit.ts';
import type { MonitoredDay } from './monitored-day.ts';
import { NO_TRAFFIC } from './replay/agreeing-traffic.ts';
import { agreeingPairs } from './replay/agreeing-values.ts';
import type { UsedRows } from './on-demand/used-rows.ts';
import type { JudgedVectors } from './replay/judged-vectors.ts';
import { replayedSpreads } from './replay/replayed-spreads.ts';
import { splitRole } from './replay/role-replay.ts';
import type { ServedEntities } from './replay/served-entities.ts';
import { NO_PAIRS } from './tally/agreeing-pairs.ts';
import { exampleOf } from './tally/example.ts';
import type { Candidate } from './tally/example-pool.ts';
import { FeatureTally } from './tally/feature-tally.ts';
import { RoleTally } from './tally/role-tally.ts';
import type { Example } from './verdict/snapshot.ts';

/** What the roles of a service share. */
export interface RoleParts {
  readonly rows: JudgedRows;
  readonly judged: JudgedVectors;
  readonly answers: LoggedAnswers;
  readonly clocks: PodClocks;
  /** Takes what on-demand views use of a role. */
  readonly used: UsedRows;
  readonly entities: ServedEntities;
  /** The spreads of the service's features in training. */
  readonly trained: ReadonlyMap<string, number>;
}

/** A feature that the service takes from the role. */
interface TakenFeature {
  readonly fullName: string;
  readonly feature: Feature;
}

type Split = NonNullable<Awaited<ReturnType<typeof splitRole>>>;

interface RoleOf {
  readonly used: ServiceView;
  readonly runs: readonly RunRecord[];
  readonly history: ServedHistory;
}

export class RoleRun {
  readonly #day: MonitoredDay;
  readonly #served: DayOfService;
  readonly #parts: RoleParts;
  readonly #used: ServiceView;
  /** The view in the bundle in force, and its entity. */
  readonly #view: FeatureView;
  readonly #entity: Entity;
  readonly #taken: readonly TakenFeature[];
  readonly #runs: readonly RunRecord[];
  readonly #history: ServedHistory;
  readonly #tally: RoleTally;

  /** @param runs  of the view */
  static async open(
    day: MonitoredDay,
    served: DayOfService,
    parts: RoleParts,
    role: { readonly used: ServiceView; readonly runs: readonly RunRecord[] },
  ): Promise<RoleRun> {
    const { duck, histories, book } = day;
    const view = book.current.views.get(role.used.view)!;
    const today = { view, entity: book.current.entities.get(view.entity)! };
    const history = await ServedHistory.open({ duck, histories, today, runs: role.runs });
    return new RoleRun(day, served, parts, { ...role, history });
  }

  private constructor(
    day: MonitoredDay,
    served: DayOfService,
    parts: RoleParts,
    { used, runs, history }: RoleOf,
  ) {
    const { service } = served;
    const view = day.book.current.views.get(used.view)!;
    const entity = day.book.current.entities.get(view.entity)!;
    this.#day = day;
    this.#served = served;
    this.#parts = parts;
    this.#used = used;
    this.#view = view;
    this.#entity = entity;
    this.#taken = featuresOf(service, used, view);
    this.#runs = runs;
    this.#history = history;
    this.#tally = new RoleTally(service.views.indexOf(used), used.view);
  }

  async judge(): Promise<KeptRole> {
    const { rows, judged, used } = this.#parts;
    const split = await this.#split();
    const tallies = this.#taken.map(({ feature }) => new FeatureTally(feature));
    this.#tally.traffic.addAgreeing(split?.traffic ?? NO_TRAFFIC);
    if (split !== null) addAgreeing(tallies, split);
    const judge = this.#judge(tallies);
    judge.addTrue(split?.given ?? 0);
    const isAgreeingJudged = split?.counted.some((how) => how !== 'withheld') ?? true;
    const name = `${this.#served.service.name} ${this.#used.role}`;
    const agreeing = isAgreeingJudged || this.#isForOnDemandAlone() ? 'agrees' : 'withheld';
    await rows.verdicts.begin(name, this.#taken.length, agreeing);
    const pages = split !== null && split.open > 0 ? await this.#judgeOpen(judge, split, tallies) : null;
    if (split !== null) await judged.endRole(isAgreeingJudged);
    const agreeingRows = split !== null && split.given > 0 ? split.agreeingRows : null;
    // Pairs of values stand in memory until then: not beside the rows that are written.
    const told = await this.#told(tallies, pages, { rows: agreeingRows, counted: split?.counted ?? [] });
    await giveBackMemory(this.#day.duck, this.#day.project.settings.monitor);
    await this.#endRows({ rows: split !== null, open: pages !== null });
    if (split !== null) await used.endRole(this.#used.role, pages !== null);
    return {
      hasRows: split !== null,
      fidelity: judge.fidelity,
      counts: this.#tally.counts(),
      slices: this.#tally.traffic.slices(pages?.pods ?? []),
      ...told,
    };
  }

  /** The service lists nothing of the role, and what on-demand views use of it can be compared. */
  #isForOnDemandAlone(): boolean {
    const used = this.#parts.used.featuresOf(this.#used.role);
    const isCompared = ({ log }: Feature): boolean =>
      log === 'raw' || (log === 'hmac' && this.#day.hmacKey !== null);
    return this.#taken.length === 0 && used.some(isCompared);
  }

  async #split(): Promise<Split | null> {
    const { fromUs, duck } = this.#day;
    const served = this.#served;
    const role = { ...this.#role(), features: this.#taken, requestKeys: served.service.requestKeys };
    return await this.#reading(() => splitRole(duck, { ...role, served, fromUs }));
  }

  /** What is replayed, and by which definitions. */
  #role() {
    const { book, spark } = this.#day;
    const { service } = this.#served;
    const { answers, clocks, entities } = this.#parts;
    const definedBy = (bundle: string): DefinedView => book.servedDefinition(bundle, this.#view);
    return {
      used: this.#used,
      view: this.#view,
      entity: this.#entity,
      serviceOf: (bundle: string) => book.servedService(bundle, service),
      history: this.#history,
      entities,
      hmacKey: this.#day.hmacKey,
      asked: answers.vectors,
      clocks,
      spark,
      definedBy,
      historyWatermarkUs: (bundle: string) => this.#history.completeUpTo(definedBy(bundle)),
    };
  }

  /** @param tallies  in the order of what the service takes */
  #judge(tallies: readonly FeatureTally[]): ViewJudge {
    const { book, hmacKey, fromUs } = this.#day;
    const { service } = this.#served;
    const { used, view, historyWatermarkUs } = this.#role();
    const byName = new Map(this.#taken.map(({ feature }, i) => [feature.name, tallies[i]!]));
    const forOnDemand = new Set(this.#parts.used.featuresOf(used.role).map(({ name }) => name));
    const judged = { service, used, view, tallies: byName, role: this.#tally, forOnDemand, hmacKey, fromUs };
    const runs = new RunIndex(this.#runs);
    return new ViewJudge({ ...judged, historyWatermarkUs, runs }, book, this.#parts.rows.verdicts);
  }

  async #judgeOpen(judge: ViewJudge, split: Split, tallies: readonly FeatureTally[]): Promise<GroupPages> {
    const { duck, hmacKey, book, project, groupsAtOnce } = this.#day;
    const { rows, judged, answers } = this.#parts;
    const [view, entity] = [this.#view, this.#entity];
    const definedAs = (id: number): DefinedView | null => book.definedAs(view, id);
    const { service } = this.#served;
    const parts = { service, definedAs, ids: judge.keys, groupsAtOnce };
    const replay = new ViewReplay(duck, { ...this.#role(), ...split, ...parts });
    const pages = await this.#reading(() => replay.join());
    await giveBackMemory(duck, project.settings.monitor);
    await this.#measure(tallies, split);
    const revealed = new RevealedValues(duck, view, hmacKey, replay);
    const unexplained = new UnexplainedRows(judge.keys);
    const asServed = new AsServed(duck, { view, entity }, replay, {
      revealed,
      unexplained,
      takeOvers: this.#runs.flatMap((run) => run.takeOvers ?? []),
    });
    await this.#reading(() => asServed.prepare(pages, split.features, (vector) => judge.read(vector)));
    await giveBackMemory(duck, project.settings.monitor);
    for await (const { places, vectors, batches } of pages.read()) {
      await asServed.open(places);
      for (const groups of batches()) {
        const batch = groups.map((group) => ({ ...group, vectors, given: judge.read(group.vector) }));
        const found = await asServed.ask(
          batch.map(({ given, from, to }) => ({ given, vids: vectors.vid.subarray(from, to) })),
        );
        const told = await answers.of(groups.flatMap(({ isAsked, vector }) => (isAsked ? vector.vid : [])));
        for (const group of batch) {
          if (!judge.add(group, found, told.get(group.vector.vid))) {
            for (let at = group.from; at < group.to; at++) judged.addUnjudged(vectors.vid[at]!);
          }
        }
        if (rows.verdicts.isFull) await rows.verdicts.flush();
      }
    }
    judge.addLikeness(await this.#reading(() => looksLike(duck, view, replay, unexplained.rows())));
    await asServed.end();
    await pages.end();
    return pages;
  }

  /** Tells by what the differences of values are measured: their spread in training, or that of what was replayed. */
  async #measure(tallies: readonly FeatureTally[], { isLaid }: Split): Promise<void> {
    const taking = this.#taken.map(({ feature }) => feature);
    const spreads = await replayedSpreads(this.#day.duck, taking, isLaid);
    for (const [i, { fullName }] of this.#taken.entries())
      tallies[i]!.measureBy(this.#parts.trained.get(fullName) ?? spreads[i]!);
  }

  /** Takes what the Parquet holds of the role while its tables are there. */
  async #endRows(has: { readonly rows: boolean; readonly open: boolean }): Promise<void> {
    const isMarked = (today: Feature, bundle: string): boolean => {
      const then = this.#day.book.servedView(bundle, this.#view).features;
      return today.log !== 'raw' || then.some(({ name, log }) => name === today.name && log !== 'raw');
    };
    const bundles = bundlesOf(this.#served.servers);
    const role = { role: this.#used.role, view: this.#view.id, features: this.#taken, bundles, isMarked };
    await this.#parts.rows.endRole(role, has);
  }

  /**
   * What was counted of each feature, and the incidents: what is chosen to be an example is named now.
   *
   * @param pages     of the open rows, whose tables are there; null: none is open
   * @param agreeing  of each feature the number of rows that vectors agree with, null: none does; and what is counted
   *                  of them
   */
  async #told(
    tallies: readonly FeatureTally[],
    pages: GroupPages | null,
    agreeing: { readonly rows: readonly number[] | null; readonly counted: Split['counted'] },
  ): Promise<Pick<KeptRole, 'features' | 'incidents'>> {
    const { duck } = this.#day;
    const chosen = tallies.map((tally) => tally.chosen());
    const candidates = [...chosen.flat(), ...this.#tally.incidents.chosen()];
    const names = await pages?.names([...new Set(candidates.map(({ vid }) => vid))]);
    const example = (one: Candidate): Example => exampleOf(one, names!.get(one.vid)!);
    const types = this.#taken.map(({ feature: { type } }, i) => {
      return { type, texts: tallies[i]!.texts, counted: agreeing.counted[i]! };
    });
    const pairs = agreeing.rows === null ? null : agreeingPairs(duck, types);
    const features: KeptRole['features'][number][] = [];
    for (const [i, { fullName }] of this.#taken.entries()) {
      const own = (await pairs?.next())?.value ?? NO_PAIRS;
      const alike = { pairs: own, rows: agreeing.rows?.[i] ?? 0 };
      const examples = chosen[i]!.map(example);
      features.push(tallies[i]!.snapshot(fullName, this.#view.id, alike, examples));
    }
    return { features, incidents: this.#tally.incidents.incidents(pages?.pods ?? [], example) };
  }

  /** @throws REG_SOURCE when the view's history, or the archive, cannot be read: run.ts tells them apart */
  async #reading<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (error instanceof CodedError) throw error;
      const why = (error as Error).message.split('\n')[0];
      throw registryError('REG_SOURCE', `the history of ${this.#view.id} cannot be read: ${why}`, {}, error);
    }
  }
}

/** Counts the values of rows that agree. */
function addAgreeing(tallies: readonly FeatureTally[], split: Split): void {
  for (const [i, tally] of tallies.entries()) {
    tally.addAgreeing(split.agreeing[i]!, split.hasCreatedTimes, split.counted[i] === 'hashed');
    for (const [why, vectors] of split.withheld[i]!) tally.addDropped(why, vectors);
    if (split.counted[i] === 'withheld') tally.withholdAgreeing();
  }
}

/** What the service takes from a role, in its order. */
function featuresOf(
  service: FeatureService,
  { role }: ServiceView,
  { features }: FeatureView,
): TakenFeature[] {
  return service.features
    .filter((taken) => taken.role === role)
    .map(({ fullName, feature: name }) => ({
      fullName,
      feature: features.find((one) => one.name === name)!,
    }));
}
