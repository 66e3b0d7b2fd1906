/**
 * Judges what one on-demand view of a service computed over a day or an hour. The function of each vector's own bundle
 * runs again, over what was logged and over what the replay gives of what it uses:
 *
 *   logged inputs, logged rows     -> another output than the logged one: "on-demand differs", never within the promise
 *   logged inputs, replayed rows   -> another value: inherited, with cause and promise of the worst of these rows
 *
 * Called by service-run.ts once all roles are judged, for each view after those that it uses. Of a value whose rows are
 * unjudged only the first is asked.
 */
import { hasHistory } from '../../contract/model.ts';
import type { Bundle, OnDemandView, ServiceOnDemand } from '../../contract/model.ts';
import { argumentsOf } from '../../contract/on-demand/arguments.ts';
import { openCaller } from '../../contract/on-demand/function-caller.ts';
import type { LoggedAnswers } from '../answers/logged-answers.ts';
import type { DayOfService } from '../day/day-of-log.ts';
import { bundlesOf } from '../day/servers.ts';
import { JudgedOutputs } from '../judged-rows/judged-outputs.ts';
import type { JudgedRows } from '../judged-rows/judged-rows.ts';
import type { KeptTables } from '../kept/kept-roles.ts';
import type { MonitoredDay } from '../monitored-day.ts';
import type { JudgedVectors } from '../replay/judged-vectors.ts';
import { vectorNames } from '../replay/vector-names.ts';
import { exampleOf } from '../tally/example.ts';
import { FeatureTally } from '../tally/feature-tally.ts';
import { RoleTally } from '../tally/role-tally.ts';
import { isMeasured } from '../replay/replayed-spreads.ts';
import { ComputedChunk } from './computed-chunk.ts';
import type { Recomputed } from './computed-chunk.ts';
import { ComputedRows } from './computed-rows.ts';
import { ComputedSpreads, sampledOf } from './computed-spreads.ts';
import { ComputedTally } from './computed-tally.ts';
import type { JudgedComputed } from './computed-tally.ts';
import { computedVectorsSql, usedRoles, usedSources } from './computed-vectors.ts';
import type { ComputedBundle } from './computed-vectors.ts';
import { GivenRows } from './given-rows.ts';
import { listedOf } from './listed-features.ts';
import type { ListedFeature } from './listed-features.ts';
import type { UsedRows } from './used-rows.ts';
import { whyNotAsked } from './asked/why-not-asked.ts';

interface RunParts {
  readonly used: UsedRows;
  /** By role what the service's on-demand views before this one gave; `take` adds it where others use it. */
  readonly others: Map<string, ComputedRows>;
  readonly answers: LoggedAnswers;
  readonly rows: JudgedRows;
  readonly judged: JudgedVectors;
  /** The spreads of the service's features in training. */
  readonly trained: ReadonlyMap<string, number>;
}

/** What is kept of one for the case that the run is killed. */
export interface KeptComputed extends JudgedComputed {
  /** By bundle why nothing of its vectors is there for other views; null: none uses it. */
  readonly left: ReadonlyMap<string, string> | null;
}

/** The vectors of one bundle. */
interface AskedBundle {
  readonly hash: string;
  readonly counted: ReturnType<ComputedTally['matching']>;
  /** Why the function is asked for none of them; null: it is, or the bundle has no such view. */
  readonly why: string | null;
  readonly asked: AskedVectors | null;
}

interface AskedVectors {
  readonly of: ComputedBundle;
  readonly sources: NonNullable<ReturnType<typeof usedSources>>;
}

export class OnDemandRun {
  readonly #day: MonitoredDay;
  readonly #served: DayOfService;
  readonly #parts: RunParts;
  readonly #computed: ServiceOnDemand;
  /** In the bundle in force. */
  readonly #view: OnDemandView;
  readonly #listed: readonly ListedFeature[];

  /** @param computed  of the service in force */
  constructor(day: MonitoredDay, served: DayOfService, parts: RunParts, computed: ServiceOnDemand) {
    this.#day = day;
    this.#served = served;
    this.#parts = parts;
    this.#computed = computed;
    this.#view = day.book.current.onDemand.get(computed.view)!;
    this.#listed = listedOf(served.service, computed, this.#view.features);
  }

  /** What of it stands in tables and files, for a run that is killed. */
  get tables(): KeptTables {
    const { rows, judged } = this.#parts;
    return {
      ...rows.tables,
      ...(this.#listed.length === 0 ? {} : { unjudged: judged }),
      ...(this.#isUsed() ? { used: ComputedRows.tableToKeep(this.#given) } : {}),
    };
  }

  /** Takes what was judged, also by a run that was killed, once its tables are there: others may use it. */
  take({ left, ...judged }: KeptComputed): JudgedComputed {
    if (left !== null) this.#parts.others.set(this.#computed.role, ComputedRows.taken(this.#given, left));
    return judged;
  }

  get #given() {
    const n = this.#served.service.onDemand.indexOf(this.#computed);
    return { duck: this.#day.duck, n, features: this.#view.features };
  }

  /** @returns what the verdict takes of it; of a view that the service does not list, no feature */
  async judge(): Promise<KeptComputed> {
    const { duck } = this.#day;
    const { service, servers } = this.#served;
    const { rows, judged } = this.#parts;
    const { role } = this.#computed;
    const place = this.#given.n;
    const listed = this.#listed.map(({ feature }) => feature);
    const written = await JudgedOutputs.open(duck, rows.verdicts, `${service.name} ${role}`, listed);
    const own = this.#isUsed() ? await ComputedRows.open(duck, place, this.#view.features) : null;
    const tally = this.#tally(service.views.length + place, written);
    const asked = bundlesOf(servers).map((hash) => this.#askedOf(hash, tally));
    const left: string[] = [];
    try {
      await this.#measure(asked, tally);
      for (const one of asked) if (!(await this.#judgeBundle(one, tally, own))) left.push(one.hash);
    } finally {
      written.end();
      own?.end();
    }
    if (listed.length > 0) await judged.endComputed(tally.unjudged, left);
    await rows.endOutputs({ role, view: this.#view.id, features: this.#listed });
    return { ...(await this.#told(tally)), left: own?.left ?? null };
  }

  /** Whether another on-demand view of the service uses it. */
  #isUsed(): boolean {
    const { onDemand } = this.#day.book.current;
    return this.#served.service.onDemand.some(({ view }) =>
      onDemand.get(view)!.uses.some((used) => used.view === this.#view.id),
    );
  }

  #tally(role: number, written: JudgedOutputs): ComputedTally {
    const view = this.#view.id;
    const features = this.#listed.map(({ fullName, feature }) => {
      return { fullName, feature, tally: new FeatureTally(feature) };
    });
    return new ComputedTally({ role, view, tally: new RoleTally(role, view) }, features, written);
  }

  #askedOf(hash: string, tally: ComputedTally): AskedBundle {
    const { book } = this.#day;
    const { service: today, files } = this.#served;
    const bundle = book.bundle(hash);
    const service = book.servedService(hash, today);
    const computed = service.onDemand.find(({ role }) => role === this.#computed.role);
    const view = computed === undefined ? undefined : bundle.onDemand.get(computed.view);
    if (computed === undefined || view === undefined) return { hash, counted: [], why: null, asked: null };
    const counted = tally.matching(listedOf(service, computed, view.features), view);
    const outputs = counted.map(({ listedName: fullName, feature }) => ({ fullName, feature }));
    const { used, others } = this.#parts;
    const keys = today.requestKeys;
    const otherEngines = this.#day.otherEngine ? [] : this.#day.log.otherEngines;
    const of = { files, used, others, bundle, service, computed, view, outputs, otherEngines, keys };
    const why = book.isKept(hash) ? whyNotAsked(of) : `served under the bundle ${hash}, which is lost`;
    const sources = why === null ? usedSources(of) : null;
    if (sources === null)
      return { hash, counted, why: why ?? 'of vectors without the rows that it uses', asked: null };
    return { hash, counted, why: null, asked: { of, sources } };
  }

  /** Tells by what differences are measured: the spread in training, or that of what is replayed. */
  async #measure(bundles: readonly AskedBundle[], tally: ComputedTally): Promise<void> {
    const { trained } = this.#parts;
    const isUnknown = ({ fullName, feature }: ListedFeature): boolean =>
      isMeasured(feature.type) && !trained.has(fullName);
    const spreads = new ComputedSpreads();
    if (tally.features.some(isUnknown)) {
      const every = sampledOf(this.#served.servers.reduce((sum, { vectors }) => sum + vectors, 0));
      for (const { asked, counted } of bundles) {
        if (asked === null) continue;
        for await (const { recomputed } of this.#recomputed(asked, { every, forOthers: false }))
          spreads.add(counted, recomputed);
      }
    }
    for (const { fullName, tally: own } of tally.features)
      own.measureBy(trained.get(fullName) ?? spreads.of(fullName));
  }

  /** @returns false where the function is asked for none of its vectors */
  async #judgeBundle(
    { hash, counted, why, asked }: AskedBundle,
    tally: ComputedTally,
    own: ComputedRows | null,
  ): Promise<boolean> {
    if (why !== null) {
      const { servers } = this.#served;
      const vectors = servers.filter((one) => one.bundle === hash).reduce((sum, one) => sum + one.vectors, 0);
      for (const one of counted) one.tally.addDropped(why, vectors);
      own?.leaveOut(hash, why);
    }
    if (asked === null) return false;
    const { view, bundle, service } = asked.of;
    const answers = await this.#parts.answers.ofBundle(hash);
    const { tensor } = service;
    tally.begin({ hash, tensor, outputs: counted, hasAvailable: hasAvailable(view, bundle), answers });
    const given = own === null ? null : new GivenRows(own, view, counted);
    for await (const { chunk, recomputed } of this.#recomputed(asked, {
      every: 1,
      forOthers: given !== null,
    })) {
      const isOther = tally.add(chunk, recomputed);
      given?.add(chunk, recomputed, isOther);
    }
    return true;
  }

  /** Calls the function of a bundle for its vectors. */
  async *#recomputed(
    { of, sources }: AskedVectors,
    { every, forOthers }: { readonly every: number; readonly forOthers: boolean },
  ): AsyncGenerator<{ readonly chunk: ComputedChunk; readonly recomputed: (Recomputed | null)[] }> {
    const { view, bundle, computed, outputs } = of;
    const parts = {
      args: argumentsOf(view, bundle),
      outputs: outputs.map(({ feature }) => feature),
      roles: usedRoles(computed),
    };
    const caller = await openCaller(view, bundle);
    try {
      for await (const columns of this.#day.duck.columnChunks(computedVectorsSql(of, sources, every))) {
        const chunk = new ComputedChunk(columns, parts);
        yield { chunk, recomputed: await chunk.recompute(caller, forOthers) };
      }
    } finally {
      await caller.close();
    }
  }

  /** What was counted; what is chosen to be an example is named now. */
  async #told(tally: ComputedTally): Promise<JudgedComputed> {
    const { service, files } = this.#served;
    const vids = [...new Set(tally.chosen().map(({ vid }) => vid))];
    const names = await vectorNames(this.#day.duck, `(${files.vectors})`, service.requestKeys, vids);
    return tally.told((candidate) => exampleOf(candidate, names.get(candidate.vid)!));
  }
}

/** Whether each row that it uses, also by another view, tells when it was created: else nobody knows what there was. */
function hasAvailable(view: OnDemandView, bundle: Bundle): boolean {
  return view.uses.every(({ view: id }) => {
    const other = bundle.onDemand.get(id);
    if (other !== undefined) return hasAvailable(other, bundle);
    const used = bundle.views.get(id)!;
    return hasHistory(used) || used.source.createdTime !== null;
  });
}
