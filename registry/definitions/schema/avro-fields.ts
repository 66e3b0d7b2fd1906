/** Whether the record of an Avro schema has the fields that a stream reads, each in a type that it can be read as. */
import { readFileSync } from 'node:fs';
import { parseAvroSchema, timeUnitOf } from '../../../contract/avro-schema.ts';
import type { AvroType } from '../../../contract/avro-schema.ts';
import { canonicalJson } from '../../../contract/std/canonical-json.ts';
import type { Json } from '../../../contract/std/canonical-json.ts';
import { didYouMean } from '../../../contract/std/did-you-mean.ts';
import type { StreamField } from '../../../contract/stream-source.ts';
import { formatType } from '../../../contract/value-type.ts';
import type { ValueType } from '../../../contract/value-type.ts';
import type { SchemaFault } from './schema-fault.ts';

/**
 * @param file  absolute
 * @returns     the schema's text in one form, or the faults
 */
export function avroSchema(file: string, fields: readonly StreamField[]): string | readonly SchemaFault[] {
  let text: string;
  let record: AvroType;
  try {
    text = readFileSync(file, 'utf8');
    record = parseAvroSchema(text);
  } catch (error) {
    return [{ field: null, message: (error as Error).message }];
  }
  if (record.kind !== 'record')
    return [{ field: null, message: `its type should be a record, got ${describe(record)}` }];
  const faults = fields.flatMap(({ name, type, unit }): SchemaFault[] => {
    const message = memberFault(record, name, type, unit !== null);
    return message === null ? [] : [{ field: name, message }];
  });
  return faults.length > 0 ? faults : canonicalJson(withoutNotes(JSON.parse(text) as Json));
}

/** What a schema says for people alone. */
const NOTES: ReadonlySet<string> = new Set(['doc', 'aliases', 'default', 'order']);

function withoutNotes(json: Json): Json {
  if (Array.isArray(json)) return (json as readonly Json[]).map(withoutNotes);
  if (typeof json !== 'object' || json === null) return json;
  const kept = Object.entries(json).filter(([name]) => !NOTES.has(name));
  return Object.fromEntries(kept.map(([name, value]) => [name, withoutNotes(value as Json)]));
}

function memberFault(
  record: Extract<AvroType, { kind: 'record' }>,
  name: string,
  wanted: ValueType,
  hasUnit: boolean,
): string | null {
  const field = record.fields.find((one) => one.name === name);
  if (field === undefined) {
    const known = record.fields.map((one) => one.name);
    return `${record.name} has no field "${name}"${didYouMean(name, known) || `; it has ${known.join(', ')}`}`;
  }
  if (wanted.kind === 'struct' && isRecordOrNull(field.type)) {
    const inner = branches(field.type)[0] as Extract<AvroType, { kind: 'record' }>;
    const faults = wanted.fields.map((one) => memberFault(inner, one.name, one.type, hasUnit));
    return faults.find((fault) => fault !== null) ?? null;
  }
  return fits(field.type, wanted, hasUnit)
    ? null
    : `${record.name}.${name} is ${describe(field.type)}, which cannot be read as ${formatType(wanted)}${
        wanted.kind === 'timestamp' && !hasUnit ? ' without a unit' : ''
      }`;
}

/** What a value may be beside null. */
function branches(type: AvroType): readonly AvroType[] {
  return type.kind === 'union' ? type.of.filter(({ kind }) => kind !== 'null') : [type];
}

function isRecordOrNull(type: AvroType): boolean {
  const all = branches(type);
  return all.length === 1 && all[0]!.kind === 'record';
}

/** A union fits where one of its types does: a value of another one makes its message bad. */
function fits(type: AvroType, wanted: ValueType, hasUnit: boolean): boolean {
  return branches(type).some((one) => fitsOne(one, wanted, hasUnit));
}

function fitsOne(type: AvroType, wanted: ValueType, hasUnit: boolean): boolean {
  const isWhole = type.kind === 'int' || type.kind === 'long';
  switch (wanted.kind) {
    case 'int32':
    case 'int64':
      return isWhole;
    case 'float64':
      return isWhole || type.kind === 'float' || type.kind === 'double';
    case 'float32':
      return type.kind === 'float' || type.kind === 'double';
    case 'bool':
      return type.kind === 'boolean';
    case 'string':
      return type.kind === 'string' || type.kind === 'enum';
    case 'bytes':
      return type.kind === 'bytes' || type.kind === 'fixed';
    case 'timestamp':
      return isWhole ? timeUnitOf(type.logicalType) !== null || hasUnit : hasUnit && type.kind === 'string';
    case 'list':
      return type.kind === 'array' && fits(type.of, wanted.of, hasUnit);
    case 'embedding':
      return type.kind === 'array' && fits(type.of, { kind: 'float32' }, false);
    case 'map':
      return type.kind === 'map' && fits(type.of, wanted.of, hasUnit);
    case 'struct':
      return (
        type.kind === 'record' &&
        wanted.fields.every((one) => memberFault(type, one.name, one.type, hasUnit) === null)
      );
  }
}

function describe(type: AvroType): string {
  switch (type.kind) {
    case 'array':
    case 'map':
      return `${type.kind} of ${describe(type.of)}`;
    case 'union':
      return `one of ${type.of.map(describe).join(', ')}`;
    case 'record':
      return `the record ${type.name}`;
    case 'fixed':
      return `fixed(${type.size})`;
    case 'enum':
      return `an enum`;
    default:
      return type.logicalType === null ? type.kind : `${type.kind} (${type.logicalType})`;
  }
}
