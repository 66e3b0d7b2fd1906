/**
 * A view's row of one entity as the sidecar keeps it: the stored bytes, the values, and text that is ready to be
 * copied into answers. Made when a row comes from the store; text is made when it is first needed.
 *
 * A row belongs to the view plan (hence the bundle) that it was decoded with; under another it is decoded anew.
 */
import { FROM_CACHE, NULL, PRESENT, STATUSES } from '../registry/status.ts';
import type { Value } from '../registry/value-type.ts';
import { encodeServedRow } from '../registry/wire/served-encoder.ts';
import type { ServedRow } from '../registry/wire/served-record.ts';
import { decodeRowValues } from '../registry/wire/row-codec.ts';
import { readHeader } from '../registry/wire/row-header.ts';
import { feastPieces } from './feast-pieces.ts';
import type { FeastRun } from './feast-plan.ts';
import type { RowMapping, ViewPlan } from './plan.ts';
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

/** When a row was read, and what was known before it was. One object for the rows of one read. */
export interface ReadMoment {
  /** The clock of the request that started the read: whatever was written before it has been seen. */
  readonly fetchedUs: number;
  /** 0.85 to 1.0: scales both times of freshness, so that entries that came together do not expire together. */
  readonly factor: number;
}

/** Rough cost of the objects around a row, for the cache's bound in bytes. */
const ROW_BYTES = 400;
const TEXT_BYTES_PER_FEATURE = 60;
const NO_HMACS: readonly Buffer[] = [];

export class CachedRow {
  readonly view: ViewPlan;
  readonly fetchedUs: number;
  readonly factor: number;
  /** The view's watermark that was read before the row; 0: there was none. */
  readonly watermarkUs: number;
  /** Null: the store has no such row. */
  readonly raw: Buffer | null;
  /** What the log may hold of it, with the HMACs of what it may not. */
  readonly loggedRow: Buffer | null;
  readonly hmacs: readonly Buffer[];
  readonly eventUs: number;
  readonly createdUs: number;
  readonly writtenMs: number;
  readonly definitionId: number;
  /** In the order of the view's features; undefined: the row's older definition lacks the feature. */
  readonly values: readonly (Value | undefined)[];
  /** Under way of being read anew, ahead of time. */
  refreshing = false;
  readonly #featureTexts: (Buffer | undefined)[] = [];
  readonly #statusTexts: (Buffer | undefined)[] = [];
  #logged: ServedRow | null = null;
  #tensorImages: (Buffer | undefined)[] | null = null;
  #notes: string | null | undefined = undefined;
  #feastPieces: DataView | null = null;
  #feastRun: FeastRun | null = null;
  #feastColumns: Buffer | null = null;
  #isWhole: boolean | null = null;

  /** @throws TypeError when the bytes are no row of the view: it must not be served */
  constructor(
    view: ViewPlan,
    moment: ReadMoment,
    watermarkUs: number,
    raw: Buffer | null,
    mapping: RowMapping | null,
  ) {
    const header = raw === null ? null : readHeader(raw);
    if (raw !== null && header === null) throw new TypeError(`the row has only ${raw.length} bytes`);
    this.view = view;
    this.fetchedUs = moment.fetchedUs;
    this.factor = moment.factor;
    this.watermarkUs = watermarkUs;
    this.raw = raw;
    this.eventUs = header === null ? 0 : header.eventUs;
    this.createdUs = header === null ? 0 : header.createdUs;
    this.writtenMs = header === null ? 0 : header.writtenMs;
    this.definitionId = header === null ? 0 : header.definitionId;
    this.values = raw === null || mapping === null ? [] : mapValues(mapping, raw);
    const masked = raw === null || mapping === null ? null : (view.mask?.mask(mapping.schema, raw) ?? null);
    this.loggedRow = masked === null ? raw : masked.row;
    this.hmacs = masked === null ? NO_HMACS : masked.hmacs;
  }

  get bytes(): number {
    const features = this.view.view.features.length;
    return ROW_BYTES + (this.raw === null ? 0 : this.raw.length * 4 + features * TEXT_BYTES_PER_FEATURE);
  }

  /**
   * The row as the log takes it. One that is served from the cache is the same each time until it is read anew, so it
   * is kept with its image.
   */
  logged(role: string, status: number, source: number): ServedRow {
    const known = this.#logged;
    if (known !== null && known.status === status && known.source === source && known.role === role)
      return known;
    const { view, fetchedUs, watermarkUs, loggedRow, hmacs } = this;
    const masked = view.mask !== null;
    const served: ServedRow = {
      role,
      view: view.id,
      status,
      source,
      fetchedUs,
      watermarkUs,
      row: loggedRow,
      masked,
      hmacs,
    };
    if (source !== FROM_CACHE) return served;
    served.image = encodeServedRow(served);
    return (this.#logged = served);
  }

  /** `"role__feature":value` for each feature of a segment, comma-separated. */
  featureText(segment: number): Buffer {
    return this.#featureTexts[segment] ?? this.#makeTexts(segment)[0];
  }

  /** `"role__feature":"STATUS"` for each feature of a segment, comma-separated. */
  statusText(segment: number): Buffer {
    return this.#statusTexts[segment] ?? this.#makeTexts(segment)[1];
  }

  /** The values of a tensor part, then their statuses, as `tensor-plan.ts` draws them. */
  tensorImage(part: number): Buffer {
    this.#tensorImages ??= [];
    return (this.#tensorImages[part] ??= tensorImage(this.view, this.view.tensorParts[part]!, this.values));
  }

  #makeTexts(segment: number): readonly [Buffer, Buffer] {
    const { nameTexts, features } = this.view.segments[segment]!;
    let values = '';
    let statuses = '';
    for (let i = 0; i < features.length; i++) {
      const index = features[i]!;
      const value = this.values[index];
      const comma = i === 0 ? '' : ',';
      const text =
        value === undefined
          ? this.view.fallbackNative[index]!
          : nativeText(this.view.view.features[index]!.type, value);
      values += `${comma}${nameTexts[i]!}${text}`;
      statuses += `${comma}${nameTexts[i]!}"${statusOf(value)}"`;
    }
    const texts = [Buffer.from(values), Buffer.from(statuses)] as const;
    [this.#featureTexts[segment], this.#statusTexts[segment]] = texts;
    return texts;
  }

  /** Whether any value of the row is a NaN or an infinity, which native answers show as null and note. */
  get hasNotes(): boolean {
    return this.#noteText() !== null;
  }

  /** @returns the features of a segment that hold such a value, as JSON strings */
  notesOf(segment: number): string[] {
    const { fullNames, features } = this.view.segments[segment]!;
    return fullNames
      .filter((_, i) => {
        const value = this.values[features[i]!];
        return value !== undefined && hasNoJsonNumber(this.view.view.features[features[i]!]!.type, value);
      })
      .map((name) => JSON.stringify(`${name}: NaN or infinity is shown as null`));
  }

  #noteText(): string | null {
    if (this.#notes === undefined) {
      const noted = this.view.view.features.some((f, i) => hasNoJsonNumber(f.type, this.values[i] ?? null));
      this.#notes = noted ? 'noted' : null;
    }
    return this.#notes;
  }

  /** Its texts for answers of many rows, as `feast-pieces.ts` draws them. */
  get feastPieces(): DataView {
    return (this.#feastPieces ??= feastPieces(this.view.view, this.eventUs, this.values));
  }

  /**
   * The columns of a run of features as Feast's form has them in an answer of one row, comma-separated. Kept for the
   * run that was asked for last, since nearly every row is asked for by one service only.
   */
  feastColumns(run: FeastRun): Buffer {
    if (this.#feastRun === run) return this.#feastColumns!;
    const { features } = this.view.view;
    const tail = `],"event_timestamps":[${feastEventTime(this.eventUs)}]}`;
    const columns = run.features.map((index) => {
      const value = this.values[index];
      const { type, missing } = features[index]!;
      const status = value === undefined ? FEAST_NOT_FOUND : value === null ? FEAST_NULL : FEAST_PRESENT;
      const text = feastText(type, value === undefined ? missing : value);
      return `{"values":[${text}],"statuses":[${status}${tail}`;
    });
    this.#feastRun = run;
    return (this.#feastColumns = Buffer.from(columns.join(',')));
  }

  /** Whether every feature of the row has a value. */
  get isWhole(): boolean {
    return (this.#isWhole ??= this.values.every((value) => value !== null && value !== undefined));
  }
}

/** @returns the status of a value in a row that is PRESENT */
function statusOf(value: Value | undefined): string {
  if (value === undefined) return 'MISSING';
  return STATUSES[value === null ? NULL : PRESENT]!;
}

function mapValues(mapping: RowMapping, raw: Buffer): (Value | undefined)[] {
  const values = decodeRowValues(mapping.schema, raw);
  if (mapping.from === null) return values;
  return mapping.from.map((index) => (index === -1 ? undefined : values[index]!));
}
