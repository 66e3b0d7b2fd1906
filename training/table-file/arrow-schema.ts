/**
 * The Arrow schema that Arrow's writers keep in a Parquet file (`ARROW:schema`): what Parquet alone cannot say of a
 * column, a duration, a dictionary, a time zone's name. Readers pass over it unless it names every column of the file,
 * so columns that come behind must be named in it too.
 *
 *   text    = base64 of an IPC message     u32 ffffffff | u32 length | FlatBuffer (Message -> Schema -> Field...)
 *   joined  = new Message, new Schema, new vector of fields, new fields | the old FlatBuffer as it was
 *
 * A reference of a FlatBuffer is the distance to what it refers to, so that the old one stays good where it lies
 * behind.
 */
import { HEADER_SCHEMA, MESSAGE, SCHEMA } from '../arrow/arrow-message.ts';
import { writeField } from '../arrow/arrow-field.ts';
import type { ArrowColumn } from '../arrow/arrow-field.ts';
import { CONTINUES, FlatWriter, readReferences, slot, target } from '../arrow/flat-buffer.ts';

/** Columns behind those of a file. */
export interface AddedColumns {
  readonly columns: readonly ArrowColumn[];
  /** Of their timestamps; null: they have none. */
  readonly zone: 'UTC' | null;
}

/** @returns the schema with columns behind its own, or null where it cannot be read: it is then better left out */
export function joinedArrowSchema(text: string, added: AddedColumns): string | null {
  try {
    const message = Buffer.from(text, 'base64');
    const start = message.readUInt32LE(0) === CONTINUES ? 8 : 4;
    const length = message.readUInt32LE(start - 4);
    return joined(message.subarray(start, start + length), added).toString('base64');
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function joined(old: Buffer, added: AddedColumns): Buffer {
  const message = old.readUInt32LE(0);
  const schema = target(old, message, MESSAGE.header);
  const fields = schema === null ? null : target(old, schema, SCHEMA.fields);
  if (schema === null || fields === null) throw new RangeError('it has no schema');
  const were = readReferences(old, fields);
  const endianness = slot(old, schema, SCHEMA.endianness);
  const version = slot(old, message, MESSAGE.version);

  const out = new FlatWriter();
  const root = out.reference();
  const toSchema = out.table(root, [
    { slot: MESSAGE.version, bytes: 2, value: version === null ? 0 : old.readInt16LE(version) },
    { slot: MESSAGE.headerType, bytes: 1, value: HEADER_SCHEMA },
    { slot: MESSAGE.header, bytes: 4 },
  ])[0]!;
  const kept = [SCHEMA.metadata, SCHEMA.features].map((at) => ({ slot: at, old: target(old, schema, at) }));
  const known = kept.filter((one) => one.old !== null);
  const [toFields, ...toKept] = out.table(toSchema, [
    { slot: SCHEMA.endianness, bytes: 2, value: endianness === null ? 0 : old.readInt16LE(endianness) },
    { slot: SCHEMA.fields, bytes: 4 },
    ...known.map((one) => ({ slot: one.slot, bytes: 4 as const })),
  ]);
  const places = out.vector(toFields!, were.length + added.columns.length);
  for (const [i, column] of added.columns.entries())
    writeField(out, places[were.length + i]!, column, added.zone);
  const moved = out.append(old);
  for (const [i, field] of were.entries()) out.refer(places[i]!, moved + field);
  for (const [i, one] of known.entries()) out.refer(toKept[i]!, moved + one.old!);
  return out.message();
}
