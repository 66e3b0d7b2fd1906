/**
 * A view's row of one entity as the sidecar keeps it: the stored bytes as they came, and nothing else until it is
 * asked for. Values are decoded when they are needed; what is made of them for answers is ready to be copied for as
 * long as `ready-rows.ts` keeps it.
 *
 *   raw    one string, a character a byte (Latin-1): 24 bytes of V8's around the row's own, and no pointer for the
 *          collector to follow. A Buffer of its own takes 200 to 2,000 around them, one of a shared slab 100
 *   ready  texts, images and columns by what asked for them; null while there are none
 *
 * A row belongs to the view plan (hence the bundle) that it was decoded with; under another it is decoded anew. Its bytes
 * never change: the store's having other ones makes another row. When it is read again and has the same, its times
 * move and nothing else does, so that a working set that is read every few seconds makes no garbage; a request that
 * waits keeps the times that it judged the row by (work.ts).
 */
import type { MaskedRow } from '../registry/log-privacy.ts';
import { NULL, PRESENT, STATUSES } from '../registry/status.ts';
import type { Value } from '../registry/value-type.ts';
import { HEADER_BYTES } from '../registry/wire/row-header.ts';
import type { AnswerBuffer } from './answer-buffer.ts';
import { feastPieces } from './feast-pieces.ts';
import type { FeastRun } from './feast-plan.ts';
import type { RowMapping, ViewPlan } from './plan.ts';
import type { ReadyRows } from './ready-rows.ts';
import { checkRow, readRowValues } from './row-values.ts';
import { tensorImage } from './tensor-plan.ts';
import {
  FEAST_NOT_FOUND,
  FEAST_NULL,
  FEAST_PRESENT,
  feastEventTime,
  feastText,
  hasNoJsonNumber,
  nativeText,
} from './value-text.ts';
import type { ReadyVector } from './vector-log/ready-vector.ts';

/** When a row was read, and what was known before it was. */
export interface ReadMoment {
  /** The clock of the request that started the read: whatever was written before it has been seen. */
  readonly fetchedUs: number;
  /** Which read of this process it was: the clock may be set back, this goes up. */
  readonly order: number;
  /** 0.85 to 1.0: scales both times of freshness, so that entries that came together do not expire together. */
  readonly factor: number;
  /** Whoever bounds what is made ready of the rows; null: nobody, it is kept as long as the row. */
  readonly ready: ReadyRows | null;
}

/** What a row takes beside its bytes and what is ready of it: an object, the string's head, three boxed numbers. */
const ROW_BYTES = 176;
const READY_BYTES = 200;
const PIECE_BYTES = 100;
const FIRST_COLUMN = Buffer.from('{"values":[');

/** How many of a run of features have no value in a row. */
export interface AbsentValues {
  /** Indexes in the view. */
  readonly features: readonly number[];
  readonly nulls: number;
  /** Of these the row's older definition has none. */
  readonly lacks: number;
}

/** What was made of a row for answers, for the log and for the metrics. */
class ReadyRow {
  readonly eventUs: number;
  featureTexts: (Buffer | undefined)[] | null = null;
  statusTexts: (Buffer | undefined)[] | null = null;
  tensorImages: (Buffer | undefined)[] | null = null;
  hasNotes: boolean | null = null;
  vector: ReadyVector | null = null;
  feastPieces: DataView | null = null;
  feastRun: FeastRun | null = null;
  feastColumns: Buffer | null = null;
  absent: AbsentValues | null = null;

  constructor(eventUs: number) {
    this.eventUs = eventUs;
  }
}

export class CachedRow {
  readonly view: ViewPlan;
  /**
   * Of the read that had these bytes last, as in `ReadMoment`. They begin as numbers and not undefined: only then does V8
   * write a new number over the old one, in place of making one for each read that would grow old.
   */
  fetchedUs = 0;
  factor = 0;
  order = 0;
  readonly ready: ReadyRows | null;
  /** The view's watermark that was read before the row; 0: there was none. */
  watermarkUs = 0;
  /** Header and values as they are stored, one character a byte; null: the store has no such row. */
  readonly raw: string | null;
  /** Whether every feature of the view has a value in the row. */
  readonly isWhole: boolean;
  /** Under way of being read anew, ahead of time. */
  refreshing = false;
  /** Whether it was asked for beyond the request that read it: then what is made of it is worth keeping. */
  askedAgain = false;
  #made: ReadyRow | null = null;

  /** @throws TypeError when the bytes are no row of the view: it must not be served */
  constructor(
    view: ViewPlan,
    moment: ReadMoment,
    watermarkUs: number,
    raw: string | null,
    mapping: RowMapping | null,
  ) {
    if (raw !== null && raw.length < HEADER_BYTES) {
      throw new TypeError(`the row has only ${raw.length} bytes`);
    }
    this.view = view;
    this.fetchedUs = moment.fetchedUs;
    this.factor = moment.factor;
    this.order = moment.order;
    this.ready = moment.ready;
    this.watermarkUs = watermarkUs;
    this.raw = raw;
    this.isWhole = raw !== null && mapping !== null && checkRow(mapping, raw);
  }

  /** The store was read again and has these bytes still. */
  renew(moment: ReadMoment, watermarkUs: number): void {
    this.fetchedUs = moment.fetchedUs;
    this.factor = moment.factor;
    this.order = moment.order;
    this.watermarkUs = watermarkUs;
    this.refreshing = false;
  }

  /** 0 where there is no row. */
  get eventUs(): number {
    if (this.#made !== null) return this.#made.eventUs;
    return this.raw === null ? 0 : eventUsOf(this.raw);
  }

  /** In the order of the view's features, decoded anew each time; undefined: the row's older definition lacks it. */
  get values(): (Value | undefined)[] {
    const mapping = this.#mapping();
    return mapping === null ? [] : readRowValues(mapping, this.raw!);
  }

  #mapping(): RowMapping | null {
    return this.raw === null ? null : this.view.mappings.get(definitionIdOf(this.raw))!;
  }

  /** Without what is ready of it. */
  get bytes(): number {
    return ROW_BYTES + (this.raw === null ? 0 : this.raw.length);
  }

  /** Whoever bounds what is ready takes it away; it is made again when it is needed. */
  unready(): void {
    this.#made = null;
  }

  /** @param bytes  of what is about to be made ready */
  #readied(bytes: number): ReadyRow {
    if (this.#made === null) {
      this.#made = new ReadyRow(this.eventUs);
      this.ready?.keep(this, READY_BYTES + bytes);
    } else {
      this.ready?.keep(this, bytes);
    }
    // A bound that is smaller than this row has taken it away at once.
    return (this.#made ??= new ReadyRow(this.eventUs));
  }

  /** As far as the log may hold it; null: all of it. */
  get masked(): MaskedRow | null {
    const { view, raw } = this;
    const { mask } = view;
    return mask === null || raw === null ? null : mask.mask(this.#mapping()!.schema, bytesOf(raw));
  }

  /** What was logged last of an entity whose first row this is, when all of its rows came from the cache. */
  get readyVector(): ReadyVector | null {
    return this.#made === null ? null : this.#made.vector;
  }

  keepVector(vector: ReadyVector): void {
    this.#readied(vector.bytes + PIECE_BYTES).vector = vector;
  }

  /** `"role__feature":value` for each feature of a segment, comma-separated. */
  featureText(segment: number): Buffer {
    return this.#made?.featureTexts?.[segment] ?? this.#makeTexts(segment)[0];
  }

  /** `"role__feature":"STATUS"` for each feature of a segment, comma-separated. */
  statusText(segment: number): Buffer {
    return this.#made?.statusTexts?.[segment] ?? this.#makeTexts(segment)[1];
  }

  /** The values of a tensor part, then their statuses, as `tensor-plan.ts` draws them. */
  tensorImage(part: number): Buffer {
    const known = this.#made?.tensorImages?.[part];
    if (known !== undefined) return known;
    const image = tensorImage(this.view, this.view.tensorParts[part]!, this.values);
    (this.#readied(image.length + PIECE_BYTES).tensorImages ??= [])[part] = image;
    return image;
  }

  /** @param features  indexes in the view; those that were asked for last are remembered by their array */
  absentOf(features: readonly number[]): AbsentValues {
    const known = this.#made === null ? null : this.#made.absent;
    if (known !== null && known.features === features) return known;
    const { values } = this;
    let [nulls, lacks] = [0, 0];
    for (let f = 0; f < features.length; f++) {
      if (values[features[f]!] === null) nulls += 1;
      else if (values[features[f]!] === undefined) lacks += 1;
    }
    const absent = { features, nulls, lacks };
    if (this.askedAgain) this.#readied(PIECE_BYTES).absent = absent;
    return absent;
  }

  #makeTexts(segment: number): readonly [Buffer, Buffer] {
    const { nameTexts, features } = this.view.segments[segment]!;
    const rowValues = this.values;
    let values = '';
    let statuses = '';
    for (let i = 0; i < features.length; i++) {
      const index = features[i]!;
      const value = rowValues[index];
      const comma = i === 0 ? '' : ',';
      const text =
        value === undefined
          ? this.view.fallbackNative[index]!
          : nativeText(this.view.view.features[index]!.type, value);
      values += `${comma}${nameTexts[i]!}${text}`;
      statuses += `${comma}${nameTexts[i]!}"${statusOf(value)}"`;
    }
    const texts = [Buffer.from(values), Buffer.from(statuses)] as const;
    const ready = this.#readied(texts[0].length + texts[1].length + 2 * PIECE_BYTES);
    (ready.featureTexts ??= [])[segment] = texts[0];
    (ready.statusTexts ??= [])[segment] = texts[1];
    return texts;
  }

  /** Whether any value of the row is a NaN or an infinity, which native answers show as null and note. */
  get hasNotes(): boolean {
    const known = this.#made === null ? null : this.#made.hasNotes;
    if (known !== null) return known;
    const { values } = this;
    const noted = this.view.view.features.some((f, i) => hasNoJsonNumber(f.type, values[i] ?? null));
    this.#readied(0).hasNotes = noted;
    return noted;
  }

  /** @returns the features of a segment that hold such a value, as JSON strings */
  notesOf(segment: number): string[] {
    const { values } = this;
    const { fullNames, features } = this.view.segments[segment]!;
    return fullNames
      .filter((_, i) => {
        const value = values[features[i]!];
        return value !== undefined && hasNoJsonNumber(this.view.view.features[features[i]!]!.type, value);
      })
      .map((name) => JSON.stringify(`${name}: NaN or infinity is shown as null`));
  }

  /** Its texts for answers of many rows, as `feast-pieces.ts` draws them. */
  get feastPieces(): DataView {
    const known = this.#made === null ? null : this.#made.feastPieces;
    if (known !== null) return known;
    const pieces = feastPieces(this.view.view, this.eventUs, this.values);
    this.#readied(pieces.byteLength + PIECE_BYTES).feastPieces = pieces;
    return pieces;
  }

  /**
   * Writes the columns of a run of features as Feast's form has them in an answer of one row, comma-separated. Of a row
   * that is asked for again they are kept, for the run that was asked for last: nearly every row is asked for by one
   * service only.
   */
  writeFeastColumns(run: FeastRun, out: AnswerBuffer): void {
    const ready = this.#made;
    if (ready !== null && ready.feastRun === run) return out.bytes(ready.feastColumns!);
    const from = out.length;
    this.#writeColumns(run, out);
    if (!this.askedAgain) return;
    const columns = Buffer.from(out.end().subarray(from));
    const kept = this.#readied(columns.length + PIECE_BYTES);
    kept.feastRun = run;
    kept.feastColumns = columns;
  }

  #writeColumns(run: FeastRun, out: AnswerBuffer): void {
    const { values } = this;
    const { features } = this.view.view;
    const tail = `],"event_timestamps":[${feastEventTime(this.eventUs)}]}`;
    const present = Buffer.from(`],"statuses":[${FEAST_PRESENT}${tail},{"values":[`, 'latin1');
    out.bytes(FIRST_COLUMN);
    const last = run.features.length - 1;
    for (let i = 0; i <= last; i++) {
      const index = run.features[i]!;
      const value = values[index];
      const { type, missing } = features[index]!;
      const text = feastText(type, value === undefined ? missing : value);
      if (type.kind === 'float64') out.latin1(text);
      else out.text(text);
      if (i < last && value !== undefined && value !== null) {
        out.bytes(present);
        continue;
      }
      const status = value === undefined ? FEAST_NOT_FOUND : value === null ? FEAST_NULL : FEAST_PRESENT;
      out.text(`],"statuses":[${status}${tail}${i === last ? '' : ',{"values":['}`);
    }
  }
}

/** @returns the status of a value in a row that is PRESENT */
function statusOf(value: Value | undefined): string {
  if (value === undefined) return 'MISSING';
  return STATUSES[value === null ? NULL : PRESENT]!;
}

/** @param raw  at least a header, one character a byte */
export function definitionIdOf(raw: string): number {
  return u32(raw, 0);
}

function eventUsOf(raw: string): number {
  const high = raw.charCodeAt(4) * 2 ** 16 + raw.charCodeAt(5) * 2 ** 8 + raw.charCodeAt(6);
  return high * 2 ** 32 + u32(raw, 7);
}

function u32(raw: string, at: number): number {
  const low = (raw.charCodeAt(at + 1) << 16) | (raw.charCodeAt(at + 2) << 8) | raw.charCodeAt(at + 3);
  return raw.charCodeAt(at) * 2 ** 24 + low;
}

/** @returns the bytes of a row that is kept as text, a copy */
export function bytesOf(raw: string): Buffer {
  return Buffer.from(raw, 'latin1');
}
