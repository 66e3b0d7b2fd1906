/**
 * Judges one view of a service over a day: turns each replayed vector into the `ValueFacts` of its values, hands these
 * to the features' tallies, and tells its decisions for the Parquet beside the report.
 *
 * Each vector is judged by the bundle that it names: delay, TTL, freshness and fallbacks come from that bundle.
 *
 * A value of an aggregated view is unjudged when the edge that was due at the served time is later than the history's
 * watermark. The history cannot yet say what the model should have got, and an equal value would prove nothing.
 *
 * A feature may be marked (hmac or drop) by the definition that served it or by today's. It is compared as HMACs if its
 * mark is hmac and the secret is known (hashed-values.ts), and withheld otherwise.
 */
import type { HmacKey } from '../../contract/log-privacy.ts';
import type { Bundle, Feature, FeatureService, FeatureView, ServiceView } from '../../contract/model.ts';
import { MISSING, OUTSIDE_TTL, PRESENT, UNAVAILABLE } from '../../contract/status.ts';
import { isNumeric } from '../../contract/value-type.ts';
import type { Value } from '../../contract/value-type.ts';
import { dueEdgeUs } from '../../contract/windows.ts';
import { TENSOR_SURFACES } from '../../contract/wire/log/served-record.ts';
import type { AskedFidelity } from '../as-served/as-served.ts';
import type { LoggedAnswer } from '../answers/logged-answer.ts';
import type { BundleBook } from './bundle-book.ts';
import { Decisions } from '../tally/decided.ts';
import { exampleHash } from '../tally/example-pool.ts';
import type { FeatureTally, VectorName } from '../tally/feature-tally.ts';
import type { RowFacts, ValueFacts } from '../causes/facts.ts';
import { FIDELITY_ANSWERS, isFaithful } from '../causes/fidelity.ts';
import type { FidelityAnswer } from '../causes/fidelity.ts';
import { readGivenRow, sameFeature } from '../as-served/given-row.ts';
import type { GivenRow } from '../as-served/given-row.ts';
import { HASHED_TYPE, HashedFeature } from './hashed-values.ts';
import type { HashedValue } from './hashed-values.ts';
import type { RowOutcome, RowVerdicts } from '../judged-rows/row-verdicts.ts';
import type { ReplayedRow, ReplayedVector } from './replayed-vector.ts';
import { asReceived } from './received-value.ts';
import { rowFacts } from './row-facts.ts';
import { RoleKeys } from './role-keys.ts';
import type { RunIndex } from './run-index.ts';
import type { Mismatch } from '../tally/incident-tally.ts';
import type { LooksLike } from '../likeness/likeness.ts';
import type { RoleTally } from '../tally/role-tally.ts';
import { DROPPED } from '../verdict/snapshot.ts';
import { ABSENT_STATES, stateOf } from '../causes/value-state.ts';

interface JudgedView {
  readonly service: FeatureService;
  readonly used: ServiceView;
  /** The view in the bundle in force. */
  readonly view: FeatureView;
  /** A tally for each feature that the service takes from this role, by the feature's name. */
  readonly tallies: ReadonlyMap<string, FeatureTally>;
  readonly role: RoleTally;
  readonly runs: RunIndex;
  /**
   * Time up to which the history is complete under a bundle's definition of the view, of a stored view Infinity; null:
   * nowhere yet, or its rows are of other keys than today's.
   */
  historyWatermarkUs(bundle: string): number | null;
  /** The secret of the log's HMACs; null: no secret is set. */
  readonly hmacKey: HmacKey | null;
}

export class ViewJudge {
  readonly keys: RoleKeys;
  readonly #judged: JudgedView;
  readonly #book: BundleBook;
  readonly #verdicts: RowVerdicts;
  readonly #hasCreatedTimes: boolean;
  readonly #features: readonly JudgedFeature[];
  readonly #fidelity = Object.fromEntries(FIDELITY_ANSWERS.map((answer) => [answer, 0])) as Record<
    FidelityAnswer,
    number
  >;
  readonly #lacks = new Map<Bundle, ReadonlySet<string>>();
  readonly #decisions = new Decisions();
  /** Created when the first value of a feature is hashed. */
  readonly #hashed = new Map<Feature, HashedFeature>();

  constructor(judged: JudgedView, book: BundleBook, verdicts: RowVerdicts) {
    const { service, used, view } = judged;
    this.#judged = judged;
    this.#book = book;
    this.keys = new RoleKeys(book, service, used);
    this.#verdicts = verdicts;
    this.#hasCreatedTimes = view.kind === 'aggregated' || view.source.createdTime !== null;
    this.#features = service.features
      .filter((feature) => feature.role === used.role && judged.tallies.has(feature.feature))
      .map(({ feature: name, fullName }) => {
        const index = view.features.findIndex((feature) => feature.name === name);
        return { feature: view.features[index]!, index, fullName };
      });
  }

  /** Reads the row that a vector was served, once, before it is judged. */
  read(vector: ReplayedVector): GivenRow {
    const { view } = this.#judged;
    const bundle = this.#book.bundle(vector.bundle);
    // What the model received is determined by the definition that served it.
    const served = this.#book.servedView(vector.bundle, view);
    const lacks = this.#lacksOf(bundle);
    return readGivenRow(this.#book, { today: view, bundle, view: served, lacks }, vector);
  }

  /**
   * Judges the values of a vector.
   *
   * @param found   which row of the history the served one is; undefined: that was not asked
   * @param answer  what the model was told; undefined: that was not logged
   * @param agreed  how many vectors agree in every way with its replayed row
   * @returns       whether it has a judged value in this view
   */
  add(given: GivenRow, found: AskedFidelity | undefined, answer?: LoggedAnswer, agreed = 0): boolean {
    const { view, tallies, role } = this.#judged;
    const { vector, view: servedView } = given;
    // A wrong row is wrong whatever the history will say of newer ones, if it says anything of such rows yet.
    const asked = this.#judged.historyWatermarkUs(vector.bundle) === null ? undefined : found;
    if (asked !== undefined) this.#fidelity[asked.fidelity.answer] += 1;
    const unjudged = this.#isUnjudged(servedView, vector);
    const row = { ...this.#servedRow(given, asked), answer };
    const place = role.placeOf(vector, this.keys.of(vector), agreed);
    const judgedRow = {
      name: row.name,
      place,
      decisions: this.#decisions.ofRow(row.facts, vector.pod),
      hash: exampleHash(vector.requestId, vector.rowIndex),
    };
    const lacks = this.#lacksOf(this.#book.bundle(vector.bundle));
    const isSuspect = asked !== undefined && !isFaithful(asked.fidelity);
    const mismatches: Mismatch[] = [];
    const faults: Mismatch[] = [];
    let values = 0;
    let isAnswerAltered = false;
    let judged = false;
    for (const [i, one] of this.#features.entries()) {
      const { feature, fullName } = one;
      const tally = tallies.get(feature.name)!;
      const at = servedView === view ? one.index : sameFeature(servedView, feature);
      if (at === -1 || lacks.has(feature.name)) continue;
      const definition = servedView.features[at]!;
      const why = this.#whyWithheld(feature, definition, vector, row);
      if (why !== null) tally.addDropped(why);
      else if (row.isUndecoded) tally.addUndecoded();
      else if (unjudged && vector.status === UNAVAILABLE) tally.addUnavailable();
      else if (unjudged) {
        tally.addUnjudged();
        if (answer === undefined && !isSuspect) continue;
        const facts = this.#valueFacts(row, one, definition, at);
        if (facts.isAnswerAltered) isAnswerAltered = true;
        const fault = facts.isAnswerAltered || isSuspect ? tally.faultOf(facts, judgedRow) : null;
        if (fault !== null) faults.push({ feature: fullName, candidate: fault });
      } else {
        const facts = this.#valueFacts(row, one, definition, at);
        if (facts.isAnswerAltered && facts.servedState !== 'unavailable') isAnswerAltered = true;
        const { isPresent, candidate } = tally.add(facts, judgedRow);
        if (facts.servedState !== 'unavailable') judged = true;
        if (isPresent) values += 1;
        if (candidate === null) continue;
        mismatches.push({ feature: fullName, candidate });
        this.#verdicts.addMismatch(i, candidate.decided);
      }
    }
    const fidelity = asked?.fidelity.answer ?? null;
    this.#verdicts.endRow(vector.vid, outcomeOf(row, { judged, unjudged }), fidelity);
    role.addFidelity(place, fidelity, isAnswerAltered);
    role.add(place, values, mismatches);
    role.addFaults(place, faults);
    return judged;
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

  #servedRow(given: GivenRow, asked: AskedFidelity | undefined): Omit<ServedRowFacts, 'answer'> {
    const { vector } = given;
    const { requestId, rowIndex, pod } = vector;
    return {
      ...given,
      asked,
      facts: rowFacts(given, asked, this.#judged.runs),
      name: { requestId, row: rowIndex, pod, entities: this.#entities(vector) },
    };
  }

  /**
   * A value that was masked when it was served is not in the log, so it cannot be compared as it is. A value whose
   * feature is marked today must not be shown.
   *
   * @returns why the value is withheld (see FeatureSnapshot); null: it can be compared
   */
  #whyWithheld(
    today: Feature,
    then: Feature,
    { hmacKeyId, status }: ReplayedVector,
    row: ServedRowFacts,
  ): string | null {
    if (today.log === 'raw' && then.log === 'raw') return null;
    if (today.log === 'drop' || then.log === 'drop') return DROPPED;
    const { hmacKey } = this.#judged;
    if (then.log === 'raw') return hmacKey === null ? 'marked hmac, and log.hmacKey is not set' : null;
    if (hmacKey?.id === hmacKeyId) {
      const isLost = row.masked && status === PRESENT && row.hmacs === null;
      return isLost ? 'hashed, and the rows that hold their HMACs cannot be read' : null;
    }
    const known = hmacKey === null ? 'log.hmacKey is not set' : `log.hmacKey has ${hmacKey.id}`;
    return `hashed with the secret ${hmacKeyId}, and ${known}`;
  }

  #isUnjudged(view: FeatureView, { bundle, servedUs }: ReplayedVector): boolean {
    const watermarkUs = this.#judged.historyWatermarkUs(bundle);
    if (watermarkUs === null) return true;
    return view.kind === 'aggregated' && dueEdgeUs(servedUs, view) > watermarkUs;
  }

  /**
   * @param definition  the feature in the bundle that served the row
   * @param at          the feature's index in the row
   */
  #valueFacts(
    row: ServedRowFacts,
    { feature, index, fullName }: JudgedFeature,
    { missing: fallback, log }: Feature,
    at: number,
  ): ValueFacts {
    const { vector } = row;
    const { type } = feature;
    const servedValue = row.values?.[at];
    const status = vector.status !== PRESENT ? vector.status : servedValue === undefined ? MISSING : PRESENT;
    const replayedStatus = statusOf(vector.trained);
    const sides: BothSides = {
      fallback,
      status,
      served: status === PRESENT ? servedValue! : fallback,
      hmac: row.hmacs?.[at],
      replayedStatus,
      replayed: replayedStatus === PRESENT ? vector.trained!.values[index]! : fallback,
      available: !this.#hasCreatedTimes
        ? undefined
        : statusOf(vector.available) === PRESENT
          ? vector.available!.values[index]!
          : fallback,
    };
    if (log === 'hmac' || feature.log === 'hmac') return this.#hashedFacts(row, feature, index, sides);
    const { tensor } = this.#book.servedService(vector.bundle, this.#judged.service);
    const received = (value: Value): Value => asReceived(type, value, vector.surface, tensor);
    return {
      row: row.facts,
      feature: feature.name,
      type,
      fallback,
      served: received(sides.served),
      replayed: received(sides.replayed),
      servedState: stateOf(status, sides.served),
      replayedState: stateOf(replayedStatus, sides.replayed),
      available: sides.available === undefined ? undefined : received(sides.available),
      alteration: row.asked?.alterations[index] ?? null,
      earlier: row.asked?.earlier[index] ?? null,
      ...heldOf(row.asked, index),
      isAnswerAltered: row.answer?.says(vector.rowIndex, { name: fullName, type }, sides.served) === false,
    };
  }

  /** Takes values as the store and the history hold them: an HMAC cannot tell how a tensor would round them. */
  #hashedFacts(
    { facts, vector, asked }: ServedRowFacts,
    feature: Feature,
    index: number,
    sides: BothSides,
  ): ValueFacts {
    const { status, replayedStatus, hmac } = sides;
    const hashes = this.#hashesOf(feature);
    const served =
      status === PRESENT && hmac !== undefined ? hashes.logged(hmac) : hashes.hashed(sides.served);
    const replayed = hashes.hashed(sides.replayed);
    const noText = TENSOR_SURFACES.includes(vector.surface) && isNumeric(feature.type) ? 'NaN' : null;
    const received = ({ text }: HashedValue): string | null => text ?? noText;
    return {
      row: facts,
      feature: feature.name,
      type: HASHED_TYPE,
      fallback: hashes.hashed(sides.fallback).text,
      served: received(served),
      replayed: received(replayed),
      servedState: status === PRESENT ? served.state : ABSENT_STATES[status]!,
      replayedState: replayedStatus === PRESENT ? replayed.state : ABSENT_STATES[replayedStatus]!,
      available: sides.available === undefined ? undefined : received(hashes.hashed(sides.available)),
      alteration: asked?.alterations[index] ?? null,
      earlier: asked?.earlier[index] ?? null,
      isAnswerAltered: false,
      isHashed: true,
    };
  }

  #hashesOf(feature: Feature): HashedFeature {
    const known = this.#hashed.get(feature);
    if (known !== undefined) return known;
    const made = new HashedFeature(this.#judged.hmacKey!, this.#judged.view.id, feature);
    this.#hashed.set(feature, made);
    return made;
  }

  #entities(vector: ReplayedVector): Record<string, string | null> {
    return Object.fromEntries(
      this.#judged.service.requestKeys.map((key, i) => [key.name, vector.keys[i] ?? null]),
    );
  }
}

function outcomeOf(
  { vector, isUndecoded }: ServedRowFacts,
  { judged, unjudged }: { readonly judged: boolean; readonly unjudged: boolean },
): RowOutcome {
  if (vector.status === UNAVAILABLE) return 'unavailable';
  if (isUndecoded) return 'undecoded';
  if (unjudged) return 'unjudged';
  return judged ? 'agrees' : 'withheld';
}

interface JudgedFeature {
  /** The feature in the bundle in force, and its index in its view. */
  readonly feature: Feature;
  readonly index: number;
  readonly fullName: string;
}

/** What all values of a served row have in common. */
interface ServedRowFacts extends GivenRow {
  readonly asked: AskedFidelity | undefined;
  readonly answer: LoggedAnswer | undefined;
  readonly facts: RowFacts;
  readonly name: VectorName;
}

/**
 * One value, served and replayed, with fallbacks applied, before conversion to its surface's type. Statuses are those
 * of status.ts.
 */
interface BothSides {
  readonly fallback: Value;
  readonly status: number;
  readonly served: Value;
  /** The HMAC of a masked value, if the store had a value. */
  readonly hmac: Buffer | undefined;
  readonly replayedStatus: number;
  readonly replayed: Value;
  /** undefined: the history has no created times. */
  readonly available: Value | undefined;
}

/** The history's value of an altered row, beside the served one. */
function heldOf(asked: AskedFidelity | undefined, feature: number): Pick<ValueFacts, 'held'> {
  const answer = asked?.fidelity;
  return answer?.answer === 'altered' ? { held: answer.row.values[feature]! } : {};
}

function statusOf(row: ReplayedRow | null): number {
  if (row === null || row.deleted) return MISSING;
  return row.outsideTtl ? OUTSIDE_TTL : PRESENT;
}
