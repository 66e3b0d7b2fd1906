/**
 * One entity's row of one view in the cache: the bytes as the store has them, and the times of the read. Values are
 * decoded each time they are needed. What surfaces and the log make of a row (text, images of tensors, its part of a
 * record) is kept in the ready ring from the second request on; the row does not know what it is.
 *
 *   raw   one string, a character for each byte (Latin-1): V8 adds 16 bytes, and the garbage collector has no pointer
 *         to trace. Rejected: a Buffer for each row (200 to 2,000 bytes more), a slice of a shared slab (100 more)
 *
 * A row belongs to the view plan, hence to the bundle, that it was checked with; under another plan it is made anew.
 * Its bytes never change: where the store has other bytes, another row takes its place. Where the store has the same
 * bytes again, only the times of the row move, so that a working set that is read every few seconds makes no garbage.
 * A request that waits keeps the times that decided the row's status (request/request-in-flight.ts).
 */
import type { Value } from '../../contract/value-type.ts';
import { hasRawTimes, HEADER_BYTES } from '../../contract/wire/online/row-header.ts';
import type { AnswerBuffer } from '../transport/answer-buffer.ts';
import type { RowMapping, ViewPlan } from '../plan/view-plan.ts';
import { NO_PIECE } from './ready-ring.ts';
import type { ReadyOwner, ReadyRing } from './ready-ring.ts';
import { checkRow, holdsNonFinite, readRowValues } from './row-values.ts';

/** When a row was read, and what was known before it was. */
export interface ReadMoment {
  /** The clock of the request that started the read: whatever was written before it has been seen. */
  readonly fetchedUs: number;
  /** Which read of this process it was: the clock may be set back, this goes up. */
  readonly order: number;
  /** 0.85 to 1.0: scales both times of freshness, so that entries that came together do not expire together. */
  readonly factor: number;
  /** Where what is made of the rows is kept; null: nowhere. */
  readonly ready: ReadyRing | null;
}

/** What a row takes besides its bytes: an object, the string's header, two boxed numbers. */
const ROW_BYTES = 176;

// All that is true or false of a row is one number: four fields took 24 bytes more for each row.
const WHOLE = 1;
const REFRESHING = 2;
const REQUESTED_AGAIN = 4;
const FINITE_KNOWN = 8;
const HAS_NON_FINITE = 16;
/** The factor is kept as a whole number of these steps, which V8 does not box. */
const FACTOR_STEPS = 1_000;

/** How many of a run of features have no value in a row. */
interface AbsentValues {
  /** Indexes in the view. */
  readonly features: readonly number[];
  readonly nulls: number;
  /** Features that the row's older definition does not have. */
  readonly lacks: number;
}

let lastId = 0;

export class CachedRow implements ReadyOwner {
  readonly view: ViewPlan;
  /** No two rows in the cache share one. */
  readonly id: number;
  /**
   * Both as in `ReadMoment`, of the last read that had these bytes. They begin as numbers and not as undefined: only
   * then does V8 write a new number over the old one; otherwise each read would make a number that lives long.
   */
  fetchedUs = 0;
  order = 0;
  #factorSteps = 0;
  readonly ready: ReadyRing | null;
  readyLap = NO_PIECE;
  readyAt = NO_PIECE;
  /** The view's watermark that was read before the row; 0: there was none. */
  watermarkUs = 0;
  /** Header and values as they are stored, one character a byte; null: the store has no such row. */
  readonly raw: string | null;
  #flags = 0;
  #absent: AbsentValues | null = null;

  /**
   * @param raw  of a definition that the view plan has a mapping for
   * @throws     TypeError when the bytes are no row of the view: it must not be served
   */
  constructor(view: ViewPlan, moment: ReadMoment, watermarkUs: number, raw: string | null) {
    if (raw !== null && raw.length < HEADER_BYTES) {
      throw new TypeError(`the row has only ${raw.length} bytes`);
    }
    if (raw !== null && !hasRawTimes(raw)) throw new TypeError('the row has times past the year 2255');
    // Begins again after 4 billion rows, so that it stays a small integer.
    lastId = (lastId + 1) | 0;
    this.id = lastId;
    this.view = view;
    this.fetchedUs = moment.fetchedUs;
    this.#factorSteps = stepsOf(moment);
    this.order = moment.order;
    this.ready = moment.ready;
    this.watermarkUs = watermarkUs;
    this.raw = raw;
    if (raw !== null && checkRow(this.mapping!, raw)) this.#flags = WHOLE;
  }

  /** The factor of the last read, to a thousandth. */
  get factor(): number {
    return this.#factorSteps / FACTOR_STEPS;
  }

  /** Whether every feature of the view has a value in the row. */
  get isWhole(): boolean {
    return (this.#flags & WHOLE) !== 0;
  }

  /** It is being read again, ahead of time. */
  get refreshing(): boolean {
    return (this.#flags & REFRESHING) !== 0;
  }

  set refreshing(is: boolean) {
    this.#flags = is ? this.#flags | REFRESHING : this.#flags & ~REFRESHING;
  }

  /** Whether another request than the one that read it has wanted it: then what is made of it is worth keeping. */
  get requestedAgain(): boolean {
    return (this.#flags & REQUESTED_AGAIN) !== 0;
  }

  markRequestedAgain(): void {
    this.#flags |= REQUESTED_AGAIN;
  }

  /** The store was read again and still has these bytes. */
  renew(moment: ReadMoment, watermarkUs: number): void {
    this.fetchedUs = moment.fetchedUs;
    this.#factorSteps = stepsOf(moment);
    this.order = moment.order;
    this.watermarkUs = watermarkUs;
    this.refreshing = false;
  }

  /** 0 where there is no row. */
  get eventUs(): number {
    return this.raw === null ? 0 : eventUsOf(this.raw);
  }

  /** In the order of the view's features, decoded anew each time; undefined: the row's older definition lacks it. */
  get values(): (Value | undefined)[] {
    const { mapping } = this;
    return mapping === null ? [] : readRowValues(mapping, this.raw!);
  }

  /** How its bytes are read; null where there is no row. */
  get mapping(): RowMapping | null {
    return this.raw === null ? null : this.view.mappings.get(definitionIdOf(this.raw))!;
  }

  /** Without what the ready ring has of it. */
  get bytes(): number {
    return ROW_BYTES + (this.raw === null ? 0 : this.raw.length);
  }

  /** Keeps what was made of the row in the ready ring, if another request is likely to use it. */
  keep(kind: number, bytes: Uint8Array): void {
    if (this.requestedAgain && this.ready !== null) this.ready.keep(this, kind, bytes);
  }

  /** @returns where its piece of that kind begins in `ready.buffer`, valid until the next is kept; NO_PIECE: none */
  findReady(kind: number): number {
    return this.ready === null ? NO_PIECE : this.ready.find(this, kind);
  }

  /** Writes a piece that is ready. @returns whether there is one */
  writeReady(kind: number, out: AnswerBuffer): boolean {
    const from = this.findReady(kind);
    if (from === NO_PIECE) return false;
    out.range(this.ready!.buffer, from, this.ready!.endOf(from));
    return true;
  }

  /** @param features  indexes in the view; the last array is remembered with its result */
  absentOf(features: readonly number[]): AbsentValues {
    if (this.#absent?.features === features) return this.#absent;
    const { values } = this;
    let [nulls, lacks] = [0, 0];
    for (let f = 0; f < features.length; f++) {
      if (values[features[f]!] === null) nulls += 1;
      else if (values[features[f]!] === undefined) lacks += 1;
    }
    const absent = { features, nulls, lacks };
    if (this.requestedAgain) this.#absent = absent;
    return absent;
  }

  /** Whether any value of the row is or holds a NaN or an infinity. */
  get hasNonFinite(): boolean {
    if ((this.#flags & FINITE_KNOWN) === 0) {
      const { values } = this;
      const has = this.view.view.features.some((f, i) => holdsNonFinite(f.type, values[i] ?? null));
      this.#flags |= has ? FINITE_KNOWN | HAS_NON_FINITE : FINITE_KNOWN;
    }
    return (this.#flags & HAS_NON_FINITE) !== 0;
  }
}

/** @param raw  at least a header, one character a byte */
export function definitionIdOf(raw: string): number {
  return u32(raw, 0);
}

function stepsOf({ factor }: ReadMoment): number {
  return Math.round(factor * FACTOR_STEPS);
}

function eventUsOf(raw: string): number {
  const high = raw.charCodeAt(4) * 2 ** 16 + raw.charCodeAt(5) * 2 ** 8 + raw.charCodeAt(6);
  return high * 2 ** 32 + u32(raw, 7);
}

function u32(raw: string, at: number): number {
  const low = (raw.charCodeAt(at + 1) << 16) | (raw.charCodeAt(at + 2) << 8) | raw.charCodeAt(at + 3);
  return raw.charCodeAt(at) * 2 ** 24 + low;
}
