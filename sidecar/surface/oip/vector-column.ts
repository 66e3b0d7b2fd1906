/**
 * A feature whose value is a row of numbers, an embedding or a list: an output tensor of its own, FP32 [rows, n].
 *
 *   image = float32 little endian * n | status byte        kept in the ready ring like those of tensor-row.ts
 *
 * An embedding's n is that of its type. Lists have no length in their type: those of one answer must have the same.
 * Where there is no value stand the items of the fallback, and without one NaN; so does a null within a list.
 */
import type { Feature } from '../../../contract/model.ts';
import { MISSING, NULL, PRESENT, STATUSES } from '../../../contract/status.ts';
import type { Value } from '../../../contract/value-type.ts';
import { NO_PIECE, newReadyKind } from '../../cache/ready-ring.ts';
import type { CachedRow } from '../../cache/cached-row.ts';
import { sidecarError } from '../../errors.ts';
import { NO_VIEW } from '../../plan/feature-runs.ts';
import type { FeatureRun } from '../../plan/feature-runs.ts';
import { statusOfRun } from '../../request/request-in-flight.ts';
import type { RequestInFlight } from '../../request/request-in-flight.ts';
import type { AnswerBuffer } from '../../transport/answer-buffer.ts';
import { DATATYPE_BYTES } from './tensor-image.ts';

const ITEM_BYTES = DATATYPE_BYTES.FP32;

export interface VectorColumn {
  /** Full. */
  readonly name: string;
  readonly role: number;
  /** The on-demand view that computes the feature, else NO_VIEW. */
  readonly onDemand: number;
  /** Index in the role's view; of an on-demand view the column. */
  readonly feature: number;
  readonly definition: Feature;
  /** Items in each row; null: lists, which have one length within an answer. */
  readonly size: number | null;
  /** What stands in where a row is not PRESENT, by its status. */
  readonly absentImages: readonly Buffer[];
  /** The kind of a row's image in the ready ring. */
  readonly kind: number;
}

/** @param run  of one feature */
export function planColumn({ role, onDemand, features, definitions, fullNames }: FeatureRun): VectorColumn {
  const definition = definitions[0]!;
  const { type } = definition;
  const place = { name: fullNames[0]!, role, onDemand, feature: features[0]!, definition };
  const size = type.kind === 'embedding' ? type.size : null;
  const lacking = makeImage(definition, size, undefined);
  const absentImages = STATUSES.map((_, status) => Buffer.from(lacking).fill(status, lacking.length - 1));
  return { ...place, size, absentImages, kind: newReadyKind() };
}

/**
 * @returns  n of an answer; 0 where no row has a list
 * @throws   SRV_LIST_LENGTHS
 */
export function columnWidth(inFlight: RequestInFlight, column: VectorColumn): number {
  if (column.size !== null) return column.size;
  let width = -1;
  let first = 0;
  for (let r = 0; r < inFlight.request.count; r++) {
    const image = columnImage(inFlight, column, r);
    const items = itemsOf(image);
    if (items === 0 && statusOf(image) !== PRESENT) continue;
    if (width === -1) {
      width = items;
      first = r;
    } else if (width !== items) {
      const message = `${column.name} is a list of ${width} in row ${first} and one of ${items} in row ${r}: no tensor`;
      throw sidecarError('SRV_LIST_LENGTHS', message, { field: column.name });
    }
  }
  return Math.max(width, 0);
}

/** Writes the tensor of a column. @param width  from `columnWidth` */
export function writeColumn(
  inFlight: RequestInFlight,
  column: VectorColumn,
  width: number,
  out: AnswerBuffer,
): void {
  const nothing = nans(width);
  for (let r = 0; r < inFlight.request.count; r++) {
    const image = columnImage(inFlight, column, r);
    if (itemsOf(image) === width) out.range(image, 0, image.length - 1);
    else out.bytes(nothing);
  }
}

/** Reads the same numbers from the same images, row by row. */
export function columnNumbers(inFlight: RequestInFlight, column: VectorColumn, width: number): number[] {
  const numbers: number[] = [];
  for (let r = 0; r < inFlight.request.count; r++) {
    const image = columnImage(inFlight, column, r);
    const isWhole = itemsOf(image) === width;
    for (let i = 0; i < width; i++) numbers.push(isWhole ? image.readFloatLE(i * ITEM_BYTES) : Number.NaN);
  }
  return numbers;
}

/** @returns the status of a column in a row of the request */
export function columnStatus(inFlight: RequestInFlight, column: VectorColumn, r: number): number {
  const status = statusOfRun(inFlight, column, r);
  if (status !== PRESENT) return status;
  if (column.onDemand === NO_VIEW && rowOf(inFlight, column, r).isWhole) return status;
  return statusOf(columnImage(inFlight, column, r));
}

/** @returns the image of a column in a row of the request: to be used before any is kept */
function columnImage(inFlight: RequestInFlight, column: VectorColumn, r: number): Buffer {
  const status = statusOfRun(inFlight, column, r);
  if (status !== PRESENT) return column.absentImages[status]!;
  if (column.onDemand === NO_VIEW) return rowImage(rowOf(inFlight, column, r), column);
  const { values, columns } = inFlight.computed!;
  return makeImage(column.definition, column.size, values[r * columns + column.feature]!);
}

/** The row that a column comes from, which is PRESENT. */
function rowOf(inFlight: RequestInFlight, { role }: VectorColumn, r: number): CachedRow {
  return inFlight.rows[r * inFlight.request.plan.roleViews.length + role]!;
}

function rowImage(row: CachedRow, { kind, feature, size, definition }: VectorColumn): Buffer {
  const from = row.findReady(kind);
  if (from !== NO_PIECE) return row.ready!.buffer.subarray(from, row.ready!.endOf(from));
  const image = makeImage(definition, size, row.values[feature]);
  row.keep(kind, image);
  return image;
}

/** @param value  undefined: the row lacks the feature */
function makeImage({ missing }: Feature, size: number | null, value: Value | undefined): Buffer {
  const shown = value === undefined ? missing : value;
  const items = shown === null ? null : (shown as Float32Array | readonly Value[]);
  const valueBytes = (items === null ? (size ?? 0) : items.length) * ITEM_BYTES;
  const image = Buffer.allocUnsafe(valueBytes + 1);
  for (let at = 0, i = 0; at < valueBytes; at += ITEM_BYTES, i++) {
    const item = items === null ? null : items[i]!;
    image.writeFloatLE(item === null ? Number.NaN : Number(item), at);
  }
  image[valueBytes] = value === undefined ? MISSING : value === null ? NULL : PRESENT;
  return image;
}

function itemsOf(image: Buffer): number {
  return (image.length - 1) / ITEM_BYTES;
}

function statusOf(image: Buffer): number {
  return image[image.length - 1]!;
}

function nans(width: number): Buffer {
  const bytes = Buffer.allocUnsafe(width * ITEM_BYTES);
  for (let i = 0; i < width; i++) bytes.writeFloatLE(Number.NaN, i * ITEM_BYTES);
  return bytes;
}
