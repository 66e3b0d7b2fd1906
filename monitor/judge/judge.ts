/**
 * Judges one view of a service over a day, group by group (groups/vector-groups.ts): compares the values that all
 * vectors of a group have in common once, decides each vector's mismatches by its own times, and hands the tallies as
 * many as were decided alike. Tells its decisions for the Parquet beside the report.
 *
 * Each vector is judged by the bundle that it names: delay, TTL, freshness and fallbacks come from that bundle.
 *
 * A value of an aggregated view is unjudged when the edge that was due at the served time is later than the history's
 * watermark. The history cannot yet say what the model should have got, and an equal value would prove nothing.
 */
import type { HmacKey } from '../../contract/log-privacy.ts';
import type { Bundle, FeatureService, FeatureView, ServiceView } from '../../contract/model.ts';
import { UNAVAILABLE } from '../../contract/status.ts';
import { dueEdgeUs } from '../../contract/windows.ts';
import { SURFACES } from '../../contract/wire/log/served-record.ts';
import type { AskedFidelity } from '../as-served/as-served.ts';
import type { LoggedAnswer } from '../answers/logged-answer.ts';
import type { BundleBook } from './bundle-book.ts';
import { Decisions } from '../tally/decided.ts';
import { FeatureTally } from '../tally/feature-tally.ts';
import type { FeatureComparison } from '../tally/feature-tally.ts';
import { FIDELITY_ANSWERS, isFaithful } from '../causes/fidelity.ts';
import type { FidelityAnswer } from '../causes/fidelity.ts';
import { readGivenRow, sameFeature } from '../as-served/given-row.ts';
import type { GivenRow } from '../as-served/given-row.ts';
import { ComparedValues } from './compared-values.ts';
import type { JudgedFeature, JudgedRow } from './compared-values.ts';
import type { RowOutcome, RowVerdicts } from '../judged-rows/row-verdicts.ts';
import type { ReplayedVector } from './replayed-vector.ts';
import { RoleKeys } from './role-keys.ts';
import type { RunIndex } from './run-index.ts';
import { GroupDecisions } from '../groups/group-decisions.ts';
import type { DifferingValue, Offered } from '../groups/group-decisions.ts';
import type { LooksLike } from '../likeness/likeness.ts';
import type { RoleTally } from '../tally/role-tally.ts';
import type { GroupPlace, VectorColumns } from '../tally/served-place.ts';

interface JudgedView {
  readonly service: FeatureService;
  readonly used: ServiceView;
  /** The view in the bundle in force. */
  readonly view: FeatureView;
  /** A tally for each feature that the service takes from this role, by the feature's name. */
  readonly tallies: ReadonlyMap<string, FeatureTally>;
  readonly role: RoleTally;
  /** Names of the features that on-demand views use of the role, whether the service lists them or not. */
  readonly forOnDemand: ReadonlySet<string>;
  readonly runs: RunIndex;
  /**
   * Time up to which the history is complete under a bundle's definition of the view, of a stored view Infinity; null:
   * nowhere yet, or its rows are of other keys than today's.
   */
  historyWatermarkUs(bundle: string): number | null;
  /** The secret of the log's HMACs; null: no secret is set. */
  readonly hmacKey: HmacKey | null;
  /** When the day begins. */
  readonly fromUs: number;
}

/** A group of vectors: those from `from` to before `to` of the columns. */
interface JudgedGroup {
  /** The first of its vectors. */
  readonly given: GivenRow;
  readonly entity: number;
  readonly row: number;
  /** How many other vectors agree in every way with the replayed row. */
  readonly agreed: number;
  readonly vectors: VectorColumns;
  readonly from: number;
  readonly to: number;
}

/** A value of a group, and how it compares. */
interface ComparedFeature {
  /** Its place among the features of the role. */
  readonly place: number;
  readonly tally: FeatureTally;
  readonly comparison: FeatureComparison;
}

/** The values of a group. */
interface ComparedGroup {
  readonly compared: readonly ComparedFeature[];
  /** What differs, and counts in the rates. */
  readonly mismatches: readonly DifferingValue[];
  /** What is wrong with values that cannot be judged yet. */
  readonly faults: readonly DifferingValue[];
  /** What differs of the values that on-demand views use. */
  readonly used: readonly DifferingValue[];
  /** Whether one of those that the service does not list is judged. */
  readonly isUnlistedJudged: boolean;
  /** How many of the values are present. */
  readonly present: number;
  /** Whether there is a judged value. */
  readonly judged: boolean;
  readonly isAnswerAltered: boolean;
}

type TalliedFeature = JudgedFeature & { readonly tally: FeatureTally };

const NOTHING_UNLISTED: { readonly differing: readonly DifferingValue[]; readonly isJudged: boolean } = {
  differing: [],
  isJudged: false,
};

export class ViewJudge {
  readonly keys: RoleKeys;
  readonly #judged: JudgedView;
  readonly #book: BundleBook;
  readonly #verdicts: RowVerdicts;
  readonly #values: ComparedValues;
  readonly #features: readonly TalliedFeature[];
  /** What on-demand views use of the role and the service does not list: compared, and counted nowhere. */
  readonly #unlisted: readonly TalliedFeature[];
  readonly #role: number;
  readonly #fidelity = Object.fromEntries(FIDELITY_ANSWERS.map((answer) => [answer, 0])) as Record<
    FidelityAnswer,
    number
  >;
  readonly #lacks = new Map<Bundle, ReadonlySet<string>>();
  readonly #decisions = new Decisions();
  readonly #offered = new Map<number, Offered>();

  constructor(judged: JudgedView, book: BundleBook, verdicts: RowVerdicts) {
    const { service, used, view } = judged;
    this.#judged = judged;
    this.#book = book;
    this.keys = new RoleKeys(book, service, used);
    this.#verdicts = verdicts;
    this.#values = new ComparedValues(judged, book);
    this.#role = service.views.indexOf(used);
    this.#features = service.features
      .filter((feature) => feature.role === used.role && judged.tallies.has(feature.feature))
      .map(({ feature: name, fullName }) => {
        const index = view.features.findIndex((feature) => feature.name === name);
        return { feature: view.features[index]!, index, fullName, tally: judged.tallies.get(name)! };
      });
    this.#unlisted = view.features.flatMap((feature, index) =>
      judged.forOnDemand.has(feature.name) && !judged.tallies.has(feature.name)
        ? [{ feature, index, fullName: feature.name, tally: new FeatureTally(feature) }]
        : [],
    );
  }

  /** Reads the row that the vectors of a group were served, once, before it is judged. */
  read(vector: ReplayedVector): GivenRow {
    const { view } = this.#judged;
    const bundle = this.#book.bundle(vector.bundle);
    // What the model received is determined by the definition that served it.
    const served = this.#book.servedView(vector.bundle, view);
    const lacks = this.#lacksOf(bundle);
    return readGivenRow(this.#book, { today: view, bundle, view: served, lacks }, vector);
  }

  /**
   * Judges the values of a group's vectors.
   *
   * @param found   by vid which row of the history the served one is: of the first vector, and of others of which more
   *                is known; undefined: that was not asked
   * @param answer  what the model was told; undefined: that was not logged
   * @returns       whether the vectors have a judged value in this view
   */
  add(group: JudgedGroup, found: ReadonlyMap<number, AskedFidelity>, answer?: LoggedAnswer): boolean {
    const { role, runs } = this.#judged;
    const { given, vectors, from, to } = group;
    const { vector } = given;
    // A wrong row is wrong whatever the history will say of newer ones, if it says anything of such rows yet.
    const isAsked = this.#judged.historyWatermarkUs(vector.bundle) !== null;
    const asked = isAsked ? found.get(vector.vid) : undefined;
    if (asked !== undefined) this.#fidelity[asked.fidelity.answer] += to - from;
    const unjudged = this.#isUnjudged(given.view, vector);
    const row = { ...given, asked, answer };
    const place = this.#placeOf(group);
    const values = this.#compare(row, unjudged, to - from);
    const { judged, isAnswerAltered } = values;
    const fidelity = asked?.fidelity.answer ?? null;
    const outcome = this.#outcomeOf(row, values, unjudged);
    const tallied = {
      role,
      decisions: this.#decisions,
      verdicts: this.#verdicts,
      offered: this.#offered,
      runs,
    };
    const decided = new GroupDecisions(tallied, { ...values, given, place, outcome, fidelity });
    for (let at = from; at < to; at++) {
      decided.add(vectors, at, asked === undefined ? undefined : (found.get(vectors.vid[at]!) ?? asked));
    }
    for (const part of decided.parts) {
      role.addGroup(part.counted, place, part.vectors);
      for (const { place: feature, tally, comparison } of values.compared) {
        tally.add(comparison, place, part.decided[feature] ?? null, part.vectors);
      }
    }
    role.addFidelity(place, fidelity, isAnswerAltered, to - from);
    return judged;
  }

  /** Compares the values of a row, and counts those that cannot be compared for all vectors that have it. */
  #compare(row: JudgedRow, unjudged: boolean, vectors: number): ComparedGroup {
    const { view, forOnDemand } = this.#judged;
    const { vector, view: servedView, asked, answer } = row;
    const lacks = this.#lacksOf(this.#book.bundle(vector.bundle));
    const isSuspect = asked !== undefined && !isFaithful(asked.fidelity);
    const compared: ComparedFeature[] = [];
    const mismatches: DifferingValue[] = [];
    const faults: DifferingValue[] = [];
    let [present, judged, isAnswerAltered] = [0, false, false];
    for (let place = 0; place < this.#features.length; place++) {
      const one = this.#features[place]!;
      const { feature, fullName, tally } = one;
      const at = servedView === view ? one.index : sameFeature(servedView, feature);
      if (at === -1 || lacks.has(feature.name)) continue;
      const definition = servedView.features[at]!;
      const why = this.#values.whyWithheld(feature, definition, row);
      if (why !== null) tally.addDropped(why, vectors);
      else if (row.isUndecoded) tally.addUndecoded(vectors);
      else if (unjudged && vector.status === UNAVAILABLE) tally.addUnavailable(vectors);
      else if (unjudged) {
        tally.addUnjudged(vectors);
        if (answer === undefined && !isSuspect) continue;
        const value = this.#values.of(row, one, definition, at);
        if (value.isAnswerAltered) isAnswerAltered = true;
        if (value.isAnswerAltered || isSuspect)
          faults.push({ place, fullName, tally, value, harm: tally.faultHarm(value) });
      } else {
        const value = this.#values.of(row, one, definition, at);
        const comparison = tally.compare(value);
        compared.push({ place, tally, comparison });
        if (comparison.isUnavailable) continue;
        judged = true;
        if (value.isAnswerAltered) isAnswerAltered = true;
        if (comparison.isPresent) present += 1;
        if (comparison.isPresent && !comparison.isExact)
          mismatches.push({ place, fullName, tally, value, harm: comparison.harm });
      }
    }
    const { differing, isJudged } =
      unjudged || row.isUndecoded || this.#unlisted.length === 0
        ? NOTHING_UNLISTED
        : this.#compareUnlisted(row);
    const used =
      forOnDemand.size === 0
        ? differing
        : [...mismatches.filter(({ value }) => forOnDemand.has(value.feature)), ...differing];
    return {
      compared,
      mismatches,
      faults,
      used,
      isUnlistedJudged: isJudged,
      present,
      judged,
      isAnswerAltered,
    };
  }

  #compareUnlisted(row: JudgedRow): { readonly differing: DifferingValue[]; readonly isJudged: boolean } {
    const { view } = this.#judged;
    let isJudged = false;
    const differing = this.#unlisted.flatMap((one) => {
      const at = row.view === view ? one.index : sameFeature(row.view, one.feature);
      const definition = row.view.features[at];
      if (definition === undefined || this.#values.whyWithheld(one.feature, definition, row) !== null)
        return [];
      // No answer has it.
      const value = this.#values.of({ ...row, answer: undefined }, one, definition, at);
      const { isUnavailable, isPresent, isExact } = one.tally.compare(value);
      const { fullName, tally } = one;
      if (!isUnavailable) isJudged = true;
      return isPresent && !isExact && !isUnavailable ? [{ place: -1, fullName, tally, value, harm: 0 }] : [];
    });
    return { differing, isJudged };
  }

  #outcomeOf({ vector, isUndecoded }: JudgedRow, values: ComparedGroup, unjudged: boolean): RowOutcome {
    if (vector.status === UNAVAILABLE) return 'unavailable';
    if (isUndecoded) return 'undecoded';
    if (unjudged) return 'unjudged';
    // Of a role that on-demand views alone use, what they use decides.
    if (this.#features.length > 0) return values.judged ? 'agrees' : 'withheld';
    if (values.used.length > 0) return 'differs';
    return values.isUnlistedJudged ? 'agrees' : 'withheld';
  }

  #placeOf({ given: { vector }, entity, row, agreed }: JudgedGroup): GroupPlace {
    const { bundle, serviceVersion, surface, firstEventUs, status } = vector;
    return {
      role: this.#role,
      entity,
      row,
      agreed,
      bundle,
      serviceVersion,
      surface: SURFACES[surface] ?? String(surface),
      entityIsNew: firstEventUs === null || firstEventUs >= this.#judged.fromUs,
      isUnavailable: status === UNAVAILABLE,
    };
  }

  /** @returns the names of features that the service did not take from the role by that bundle */
  #lacksOf(bundle: Bundle): ReadonlySet<string> {
    const known = this.#lacks.get(bundle);
    if (known !== undefined) return known;
    const { service } = this.#judged;
    const taken = new Set(bundle.services.get(service.name)?.features.map(({ fullName }) => fullName));
    const lacks = this.#features.filter(({ fullName }) => taken.size > 0 && !taken.has(fullName));
    const names = new Set(lacks.map(({ feature }) => feature.name));
    this.#lacks.set(bundle, names);
    return names;
  }

  /** Counts rows that are what the history holds, without judging them. */
  addTrue(rows: number): void {
    this.#fidelity.true += rows;
  }

  /** @param found  by feature what its unexplained values look like */
  addLikeness(found: ReadonlyMap<string, readonly LooksLike[]>): void {
    for (const [feature, looksLike] of found) this.#judged.tallies.get(feature)?.addLikeness(looksLike);
  }

  /** How many rows that were given out had each answer. */
  get fidelity(): Readonly<Record<FidelityAnswer, number>> {
    return this.#fidelity;
  }

  #isUnjudged(view: FeatureView, { bundle, servedUs }: ReplayedVector): boolean {
    const watermarkUs = this.#judged.historyWatermarkUs(bundle);
    if (watermarkUs === null) return true;
    return view.kind === 'aggregated' && dueEdgeUs(servedUs, view) > watermarkUs;
  }
}
