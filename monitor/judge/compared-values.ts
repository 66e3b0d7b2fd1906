/**
 * The values of one role, served and replayed, as they are compared: which value stands on each side of a row, in what
 * state, or why it is withheld.
 *
 * A feature may be marked (hmac or drop) by the definition that served it or by today's. It is compared as HMACs if its
 * mark is hmac and the secret is known (hashed-values.ts), and withheld otherwise.
 */
import type { HmacKey } from '../../contract/log-privacy.ts';
import { hasHistory } from '../../contract/model.ts';
import type { Feature, FeatureService, FeatureView } from '../../contract/model.ts';
import { MISSING, OUTSIDE_TTL, PRESENT } from '../../contract/status.ts';
import { isNumeric } from '../../contract/value-type.ts';
import type { Value } from '../../contract/value-type.ts';
import { TENSOR_SURFACES } from '../../contract/wire/log/served-record.ts';
import type { LoggedAnswer } from '../answers/logged-answer.ts';
import type { AskedFidelity } from '../as-served/as-served.ts';
import type { GivenRow } from '../as-served/given-row.ts';
import type { ComparedValue } from '../causes/facts.ts';
import { ABSENT_STATES, stateOf } from '../causes/value-state.ts';
import { whyWithheld } from '../replay/marked-values.ts';
import type { BundleBook } from './bundle-book.ts';
import { HASHED_TYPE, HashedFeature } from './hashed-values.ts';
import type { HashedValue } from './hashed-values.ts';
import { asReceived } from './received-value.ts';
import type { ReplayedRow } from './replayed-vector.ts';

/** A feature that the service takes: in the bundle in force, with its index in its view. */
export interface JudgedFeature {
  readonly feature: Feature;
  readonly index: number;
  readonly fullName: string;
}

/** What all values of a served row have in common. */
export interface JudgedRow extends GivenRow {
  readonly asked: AskedFidelity | undefined;
  readonly answer: LoggedAnswer | undefined;
}

interface ComparedRole {
  readonly service: FeatureService;
  /** The view in the bundle in force. */
  readonly view: FeatureView;
  /** The secret of the log's HMACs; null: no secret is set. */
  readonly hmacKey: HmacKey | null;
}

export class ComparedValues {
  readonly #role: ComparedRole;
  readonly #book: BundleBook;
  readonly #hasCreatedTimes: boolean;
  /** Created when the first value of a feature is hashed. */
  readonly #hashed = new Map<Feature, HashedFeature>();

  constructor(role: ComparedRole, book: BundleBook) {
    this.#role = role;
    this.#book = book;
    this.#hasCreatedTimes = hasHistory(role.view) || role.view.source.createdTime !== null;
  }

  /** @returns why the value is withheld (see FeatureSnapshot); null: it can be compared */
  whyWithheld(today: Feature, then: Feature, { vector, masked, hmacs }: JudgedRow): string | null {
    const { hmacKeyId, status } = vector;
    const isLost = masked && status === PRESENT && hmacs === null;
    return whyWithheld(today, then, this.#role.hmacKey, { hmacKeyId, isLost });
  }

  /**
   * @param definition  the feature in the bundle that served the row
   * @param at          the feature's index in the row
   */
  of(
    row: JudgedRow,
    { feature, index, fullName }: JudgedFeature,
    { missing: fallback, log }: Feature,
    at: number,
  ): ComparedValue {
    const { vector } = row;
    const { type } = feature;
    const { trained, available: honest } = vector;
    const servedValue = row.values?.[at];
    const status = vector.status !== PRESENT ? vector.status : servedValue === undefined ? MISSING : PRESENT;
    const replayedStatus = statusOf(trained);
    const served = status === PRESENT ? servedValue! : fallback;
    const replayed = replayedStatus === PRESENT ? trained!.values[index]! : fallback;
    const available = !this.#hasCreatedTimes
      ? undefined
      : statusOf(honest) === PRESENT
        ? honest!.values[index]!
        : fallback;
    if (log === 'hmac' || feature.log === 'hmac') {
      const hmac = row.hmacs?.[at];
      const sides = { fallback, status, served, hmac, replayedStatus, replayed, available };
      return this.#hashedValue(row, feature, index, sides);
    }
    const { surface } = vector;
    const tensor = TENSOR_SURFACES.includes(surface)
      ? this.#book.servedService(vector.bundle, this.#role.service).tensor
      : null;
    return {
      feature: feature.name,
      type,
      fallback,
      served: tensor === null ? served : asReceived(type, served, surface, tensor),
      replayed: tensor === null ? replayed : asReceived(type, replayed, surface, tensor),
      servedState: stateOf(status, served),
      replayedState: stateOf(replayedStatus, replayed),
      available:
        tensor === null || available === undefined ? available : asReceived(type, available, surface, tensor),
      alteration: row.asked?.alterations[index] ?? null,
      earlier: row.asked?.earlier[index] ?? null,
      held: heldOf(row.asked, index),
      isAnswerAltered: row.answer?.says(vector.rowIndex, { name: fullName, type }, served) === false,
    };
  }

  /** Takes values as the store and the history hold them: an HMAC cannot tell how a tensor would round them. */
  #hashedValue(
    { vector, asked }: JudgedRow,
    feature: Feature,
    index: number,
    sides: BothSides,
  ): ComparedValue {
    const { status, replayedStatus, hmac } = sides;
    const hashes = this.#hashesOf(feature);
    const served =
      status === PRESENT && hmac !== undefined ? hashes.logged(hmac) : hashes.hashed(sides.served);
    const replayed = hashes.hashed(sides.replayed);
    const noText = TENSOR_SURFACES.includes(vector.surface) && isNumeric(feature.type) ? 'NaN' : null;
    const received = ({ text }: HashedValue): string | null => text ?? noText;
    return {
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
    const made = new HashedFeature(this.#role.hmacKey!, this.#role.view.id, feature);
    this.#hashed.set(feature, made);
    return made;
  }
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
function heldOf(asked: AskedFidelity | undefined, feature: number): Value | undefined {
  const answer = asked?.fidelity;
  return answer?.answer === 'altered' ? answer.row.values[feature]! : undefined;
}

function statusOf(row: ReplayedRow | null): number {
  if (row === null || row.deleted) return MISSING;
  return row.outsideTtl ? OUTSIDE_TTL : PRESENT;
}
