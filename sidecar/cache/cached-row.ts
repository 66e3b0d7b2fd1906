/**
 * A view's row of one entity as the sidecar keeps it: the stored bytes as they came, and nothing else until it is
 * asked for. Values are decoded when they are needed; what is made of them for answers is copied from the ready ring,
 * once the row is asked for again, for as long as it stands there.
 *
 *   raw   one string, a character a byte (Latin-1): 16 bytes of V8's before the row's own, and no pointer for the
 *         collector to follow. A Buffer of its own takes 200 to 2,000 around them, one of a shared slab 100
 *
 * A row belongs to the view plan (hence the bundle) that it was decoded with; under another it is decoded anew. Its bytes
 * never change: the store's having other ones makes another row. When it is read again and has the same, its times
 * move and nothing else does, so that a working set that is read every few seconds makes no garbage; a request that
 * waits keeps the times that it judged the row by (work.ts).
 */
import type { Value } from '../../contract/value-type.ts';
import { HEADER_BYTES, MAX_WRITTEN_MS } from '../../contract/wire/online/row-header.ts';
import type { AnswerBuffer } from '../answer/answer-buffer.ts';
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

/** What a row takes beside its bytes: an object, the string's head, two boxed numbers. */
const ROW_BYTES = 176;

// What is yes or no of a row stands in one number: four fields were 24 bytes a row more.
const WHOLE = 1;
const REFRESHING = 2;
const ASKED_AGAIN = 4;
const FINITE_KNOWN = 8;
const HAS_NON_FINITE = 16;
/** Of the factor, kept as a whole number, which V8 does not box. */
const FACTOR_STEPS = 1_000;
/** The highest byte of 2^53 in 7 bytes. */
const PAST_U53 = 0x20;

/** How many of a run of features have no value in a row. */
export interface AbsentValues {
  /** Indexes in the view. */
  readonly features: readonly number[];
  readonly nulls: number;
  /** Of these the row's older definition has none. */
  readonly lacks: number;
}

let lastId = 0;

export class CachedRow implements ReadyOwner {
  readonly view: ViewPlan;
  /** No other row that is there has it. */
  readonly id: number;
  /**
   * Of the read that had these bytes last, as in `ReadMoment`. They begin as numbers and not undefined: only then does V8
   * write a new number over the old one, in place of making one for each read that would grow old.
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
    if (raw !== null && !hasTimes(raw)) throw new TypeError('the row has times past the year 2255');
    // Over again after 4 billion, so that it stays a small integer.
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

  /** Of the read, to a thousandth. */
  get factor(): number {
    return this.#factorSteps / FACTOR_STEPS;
  }

  /** Whether every feature of the view has a value in the row. */
  get isWhole(): boolean {
    return (this.#flags & WHOLE) !== 0;
  }

  /** Under way of being read anew, ahead of time. */
  get refreshing(): boolean {
    return (this.#flags & REFRESHING) !== 0;
  }

  set refreshing(is: boolean) {
    this.#flags = is ? this.#flags | REFRESHING : this.#flags & ~REFRESHING;
  }

  /** Whether it was asked for beyond the request that read it: then what is made of it is worth keeping. */
  get askedAgain(): boolean {
    return (this.#flags & ASKED_AGAIN) !== 0;
  }

  markAskedAgain(): void {
    this.#flags |= ASKED_AGAIN;
  }

  /** The store was read again and has these bytes still. */
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

  /** Without what is ready of it. */
  get bytes(): number {
    return ROW_BYTES + (this.raw === null ? 0 : this.raw.length);
  }

  /** Keeps what was made of the row, if it is worth it. */
  keep(kind: number, bytes: Uint8Array): void {
    if (this.askedAgain && this.ready !== null) this.ready.keep(this, kind, bytes);
  }

  /** @returns where the row's piece of that kind begins in `ready.buffer`, good until the next is kept; NO_PIECE: none */
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

  /** @param features  indexes in the view; those that were asked for last are remembered by their array */
  absentOf(features: readonly number[]): AbsentValues {
    if (this.#absent?.features === features) return this.#absent;
    const { values } = this;
    let [nulls, lacks] = [0, 0];
    for (let f = 0; f < features.length; f++) {
      if (values[features[f]!] === null) nulls += 1;
      else if (values[features[f]!] === undefined) lacks += 1;
    }
    const absent = { features, nulls, lacks };
    if (this.askedAgain) this.#absent = absent;
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

/** Whether its times are such as `writeHeader` writes. */
function hasTimes(raw: string): boolean {
  if (raw.charCodeAt(4) >= PAST_U53 || raw.charCodeAt(11) >= PAST_U53) return false;
  return (raw.charCodeAt(18) * 2 ** 8 + raw.charCodeAt(19)) * 2 ** 32 + u32(raw, 20) <= MAX_WRITTEN_MS;
}

function u32(raw: string, at: number): number {
  const low = (raw.charCodeAt(at + 1) << 16) | (raw.charCodeAt(at + 2) << 8) | raw.charCodeAt(at + 3);
  return raw.charCodeAt(at) * 2 ** 24 + low;
}
