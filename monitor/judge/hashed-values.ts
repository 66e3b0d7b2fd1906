/**
 * Values that the log holds as HMACs: compared by hashing the history's values with the same secret.
 *
 *   served    HMAC of the log ------------------.
 *   replayed  value of the history --hash--> HMAC +--> equal or not; how far apart they are cannot be known
 *
 * Only a HashedValue goes on to the comparison, the causes and the report, so nothing after this file can reveal a
 * value that its definition keeps secret. Null, NaN and zero are recognised by their own HMACs and keep their names:
 * they are often what is wrong with a feature. Called by judge.ts.
 */
import type { HmacKey } from '../../contract/log-privacy.ts';
import { ValueHasher } from '../../contract/log-privacy.ts';
import type { Feature } from '../../contract/model.ts';
import { isNumeric, misfit } from '../../contract/value-type.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import { UNKNOWN_VALUE } from '../causes/value-equality.ts';
import type { State } from '../causes/value-state.ts';

/** What may be shown of a secret value. */
export interface HashedValue {
  /** `hmac:` and 64 hex digits, `NaN`, or null; two values are equal when their texts are. */
  readonly text: string | null;
  readonly state: Extract<State, 'null' | 'NaN' | 'zero' | 'value'>;
}

/** The type under which the texts of hashed values are compared. */
export const HASHED_TYPE: ValueType = { kind: 'string' };

const NO_VALUE: HashedValue = { text: null, state: 'null' };
const NOT_A_NUMBER: HashedValue = { text: 'NaN', state: 'NaN' };
const MISFIT: HashedValue = { text: 'a value of another type', state: 'value' };

/** One feature's values under one secret. */
export class HashedFeature {
  readonly #type: ValueType;
  readonly #hasher: ValueHasher;
  /** Values that often stand in for another. */
  readonly #usual: readonly Value[];
  /** Values already made, by the hex digits of their HMAC. */
  readonly #known = new Map<string, HashedValue>();

  /** @param view  the view's id */
  constructor(key: HmacKey, view: string, feature: Feature) {
    const { type } = feature;
    this.#type = type;
    this.#hasher = new ValueHasher(key, view, feature);
    this.#usual = [
      null,
      Number.NaN,
      ...(type.kind === 'int64' || type.kind === 'timestamp' ? [0n] : [0, -0]),
      feature.missing,
    ];
    this.#known.set(this.#hex(null), NO_VALUE);
    if (type.kind === 'float32' || type.kind === 'float64')
      this.#known.set(this.#hex(Number.NaN), NOT_A_NUMBER);
    if (!isNumeric(type) && type.kind !== 'timestamp') return;
    const isWhole = type.kind === 'int64' || type.kind === 'timestamp';
    const zeros = isWhole ? [0n] : type.kind === 'int32' ? [0] : [0, -0];
    for (const hex of zeros.map((zero) => this.#hex(zero))) {
      this.#known.set(hex, { text: textOf(hex), state: 'zero' });
    }
  }

  /** @param digest  an HMAC of the log, 32 bytes */
  logged(digest: Buffer): HashedValue {
    return this.#of(digest.toString('hex'));
  }

  /** @param value  of the history or the definition, or logged before the feature was marked */
  hashed(value: Value): HashedValue {
    if (value === null) return NO_VALUE;
    // A value that does not fit the type cannot have been served.
    return misfit(this.#type, value) === null ? this.#of(this.#hex(value)) : MISFIT;
  }

  /**
   * The value behind an HMAC, found among values that it may be. It is for comparing and must not be shown.
   *
   * @param held  values that the history has where this one stands; what is left of them after losing digits is tried
   *              too, and null, NaN, zero and the fallback are
   * @returns     UNKNOWN_VALUE where it is none of them
   */
  revealed(digest: Buffer, held: readonly Value[]): Value {
    const hex = digest.toString('hex');
    const isFloat = this.#type.kind === 'float64';
    const rounded = held.flatMap((value) => (isFloat && typeof value === 'number' ? Math.fround(value) : []));
    const found = [...held, ...this.#usual, ...rounded].find(
      (value) => misfit(this.#type, value) === null && this.#hex(value) === hex,
    );
    return found === undefined ? UNKNOWN_VALUE : found;
  }

  /** @returns the HMAC as hex digits; null: the value does not fit the type, so that it cannot have been served */
  digest(value: Value): string | null {
    return misfit(this.#type, value) === null ? this.#hex(value) : null;
  }

  #of(hex: string): HashedValue {
    return this.#known.get(hex) ?? { text: textOf(hex), state: 'value' };
  }

  #hex(value: Value): string {
    return this.#hasher.digest(value).toString('hex');
  }
}

function textOf(hex: string): string {
  return `hmac:${hex}`;
}
