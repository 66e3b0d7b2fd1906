/**
 * Messages of an Arrow IPC stream: the schema, then batches of rows. Little endian, without dictionaries and without
 * compression.
 *
 *   message  = u32 ffffffff | u32 length | FlatBuffer (Message -> Schema or RecordBatch) | body
 *   body     = the buffers of the batch, each at a multiple of 8
 *   end      = u32 ffffffff | u32 0
 *
 * Numbers below are slots and constants of Message.fbs and Schema.fbs (github.com/apache/arrow/tree/main/format).
 */
import { readFields, writeField } from './arrow-field.ts';
import type { ArrowColumn, ArrowField } from './arrow-field.ts';
import { FlatWriter, readPairs, slot, target } from './flat-buffer.ts';

/** Slots of Message, Schema and RecordBatch. */
export const MESSAGE = { version: 0, headerType: 1, header: 2, bodyLength: 3 } as const;
export const SCHEMA = { endianness: 0, fields: 1, metadata: 2, features: 3 } as const;
const BATCH = { length: 0, nodes: 1, buffers: 2, compression: 3 } as const;
export const HEADER_SCHEMA = 1;
const HEADER_DICTIONARY = 2;
const HEADER_BATCH = 3;
const VERSION_5 = 4;
const LITTLE = 0;

export const END = Buffer.from('ffffffff00000000', 'hex');

/** A batch as it lies: what each field has, children included, in the order of the schema. */
export interface RawBatch {
  readonly rows: number;
  /** Of each field its number of values, and how many are null. */
  readonly nodes: readonly (readonly [length: number, nulls: number])[];
  /** Where in the body each buffer lies. */
  readonly buffers: readonly (readonly [offset: number, bytes: number])[];
}

export type MessageHead =
  { readonly fields: readonly ArrowField[] } | { readonly batch: RawBatch; readonly bodyBytes: number };

/** @throws RangeError with the end of a sentence about the stream: what is wrong with it */
export function readHead(bytes: Buffer): MessageHead {
  const message = bytes.readUInt32LE(0);
  const header = target(bytes, message, MESSAGE.header);
  const type = slot(bytes, message, MESSAGE.headerType);
  if (header === null || type === null) throw new RangeError('a message has no header');
  switch (bytes.readUInt8(type)) {
    case HEADER_SCHEMA:
      return { fields: readSchema(bytes, header) };
    case HEADER_BATCH:
      return { batch: readBatch(bytes, header), bodyBytes: int64Of(bytes, message, MESSAGE.bodyLength) };
    case HEADER_DICTIONARY:
      throw new RangeError('it has a dictionary, and only plain columns are read');
    default:
      throw new RangeError('it has a message that is neither a schema nor a batch of rows');
  }
}

function readSchema(bytes: Buffer, schema: number): ArrowField[] {
  const endianness = slot(bytes, schema, SCHEMA.endianness);
  if (endianness !== null && bytes.readInt16LE(endianness) !== LITTLE)
    throw new RangeError('its numbers are big endian');
  const fields = target(bytes, schema, SCHEMA.fields);
  return fields === null ? [] : readFields(bytes, fields);
}

function readBatch(bytes: Buffer, batch: number): RawBatch {
  if (target(bytes, batch, BATCH.compression) !== null)
    throw new RangeError('its batches are compressed: write them without compression');
  const [nodes, buffers] = [target(bytes, batch, BATCH.nodes), target(bytes, batch, BATCH.buffers)];
  return {
    rows: int64Of(bytes, batch, BATCH.length),
    nodes: nodes === null ? [] : readPairs(bytes, nodes),
    buffers: buffers === null ? [] : readPairs(bytes, buffers),
  };
}

function int64Of(bytes: Buffer, table: number, number: number): number {
  const at = slot(bytes, table, number);
  return at === null ? 0 : Number(bytes.readBigInt64LE(at));
}

/** @param zone  of timestamps */
export function schemaMessage(columns: readonly ArrowColumn[], zone: string): Buffer {
  const out = new FlatWriter();
  const [header] = out.table(out.reference(), [
    { slot: MESSAGE.version, bytes: 2, value: VERSION_5 },
    { slot: MESSAGE.headerType, bytes: 1, value: HEADER_SCHEMA },
    { slot: MESSAGE.header, bytes: 4 },
  ]);
  const [fields] = out.table(header!, [
    { slot: SCHEMA.endianness, bytes: 2, value: LITTLE },
    { slot: SCHEMA.fields, bytes: 4 },
  ]);
  const places = out.vector(fields!, columns.length);
  for (const [i, column] of columns.entries()) writeField(out, places[i]!, column, zone);
  return out.message();
}

/** @returns the head of a batch's message; the body is to come behind it */
export function batchHead({ rows, nodes, buffers }: RawBatch, bodyBytes: number): Buffer {
  const out = new FlatWriter();
  const [header] = out.table(out.reference(), [
    { slot: MESSAGE.version, bytes: 2, value: VERSION_5 },
    { slot: MESSAGE.headerType, bytes: 1, value: HEADER_BATCH },
    { slot: MESSAGE.header, bytes: 4 },
    { slot: MESSAGE.bodyLength, bytes: 8, value: bodyBytes },
  ]);
  const [toNodes, toBuffers] = out.table(header!, [
    { slot: BATCH.length, bytes: 8, value: rows },
    { slot: BATCH.nodes, bytes: 4 },
    { slot: BATCH.buffers, bytes: 4 },
  ]);
  out.pairs(toNodes!, nodes);
  out.pairs(toBuffers!, buffers);
  return out.message();
}
