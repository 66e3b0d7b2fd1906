/** Compiles a source whose events come as messages: where from, in which form, and what fields they have. */
import { resolve } from 'node:path';
import {
  checkOptions,
  FIELD_OPTIONS,
  STREAM_SOURCE_OPTIONS,
} from '../../contract/definitions/option-schemas.ts';
import type { StreamOptionValues } from '../../contract/definitions/option-schemas.ts';
import { FeatureDraft } from '../../contract/definitions/draft.ts';
import type { Options, Place, SourceDraft } from '../../contract/definitions/draft.ts';
import type { Mistakes } from '../../contract/definitions/mistake.ts';
import type { Source } from '../../contract/model.ts';
import { didYouMean } from '../../contract/std/did-you-mean.ts';
import { givenText } from '../../contract/std/given-text.ts';
import { ARCHIVE_COLUMNS, isArchiveColumn, TIME_UNITS } from '../../contract/stream-source.ts';
import type { StreamField, StreamFormat, StreamSource } from '../../contract/stream-source.ts';
import { formatType } from '../../contract/value-type.ts';
import type { ValueType } from '../../contract/value-type.ts';
import { typeNamed } from './feature-values.ts';
import { avroSchema } from './schema/avro-fields.ts';
import type { protoFields as ProtoFields } from './schema/proto-fields.ts';

const FORMATS = ['json', 'debezium', 'parquet', 'protobuf', 'avro'];
/** What Delta tables refuse in a column's name. */
const NO_COLUMN = /[ ,;{}()\n\t=\0]/;
const MAX_FIELD_NAME = 255;

export interface CompiledSource extends Source {
  /** Of a stream: how far its events may be out of order, which its views take unless they say it; null: not given. */
  readonly outOfOrderUs: number | null;
  /** Whether it is a whole snapshot each time (`absent: delete`): its stored views are snapshot views then. */
  readonly isSnapshot: boolean;
}

/** @returns null when it has mistakes, which are added to the others */
export function compileStream(draft: SourceDraft, context: StreamContext): CompiledSource | null {
  const { mistakes } = context;
  const before = mistakes.count;
  const options = checkOptions(STREAM_SOURCE_OPTIONS, `source "${draft.name}"`, draft, mistakes);
  const source = options === null ? null : new StreamCheck(draft, options, context).compile();
  return mistakes.count > before ? null : source;
}

/** What compiling a stream needs beside its draft. */
export interface StreamContext {
  readonly mistakes: Mistakes;
  /** The project's, which the paths of schema files are relative to. */
  readonly folder: string;
  /** Reads .proto files; null: no source has one, and what parses them is not loaded. */
  readonly protoFields: typeof ProtoFields | null;
}

type FormatOption =
  | { readonly kind: 'json' | 'debezium' | 'parquet' }
  | { readonly kind: 'protobuf' | 'avro'; readonly file: string; readonly message: string };

class StreamCheck {
  readonly #draft: SourceDraft;
  readonly #options: StreamOptionValues;
  readonly #context: StreamContext;

  constructor(draft: SourceDraft, options: StreamOptionValues, context: StreamContext) {
    this.#draft = draft;
    this.#options = options;
    this.#context = context;
  }

  compile(): CompiledSource | null {
    const { stream, eventTime, maxAhead, outOfOrder } = this.#options;
    const { topic, folder, id, keyedBy, op, archive } = stream;
    const option = this.#format(stream.format);
    const fields = this.#fields(option);
    this.#checkPlace();
    this.#checkRoles(fields);
    const format = option === null ? null : this.#withSchema(option, fields);
    if (format === null) return null;
    const source: StreamSource = { topic, folder, format, fields, id, keyedBy, op };
    return {
      name: this.#draft.name,
      path: archive,
      eventTime,
      createdTime: ARCHIVE_COLUMNS.appended,
      maxAheadUs: maxAhead,
      stream: source,
      outOfOrderUs: outOfOrder ?? null,
      isSnapshot: false,
    };
  }

  /** A name, or `{ protobuf: { file, message } }`, `{ avro: { file } }`, whose files are read later. */
  #format(given: unknown): FormatOption | null {
    if (given === undefined) return this.#fault(['stream'], `needs a format, one of ${FORMATS.join(', ')}`);
    const path = ['stream', 'format'];
    if (given === 'json' || given === 'debezium' || given === 'parquet') return { kind: given };
    const [name, options] = (isObject(given) ? Object.entries(given)[0] : undefined) ?? [given, undefined];
    if (name === 'protobuf' || name === 'avro') {
      const names = name === 'protobuf' ? ['file', 'message'] : ['file'];
      const said = isObject(options) ? Object.entries(options) : [];
      const isWhole =
        said.length === names.length &&
        said.every(([key, value]) => names.includes(key) && typeof value === 'string' && value !== '') &&
        Object.keys(given as object).length === 1;
      const [file, message] = names.map(
        (key) => (options as Readonly<Record<string, string>> | undefined)?.[key],
      );
      if (isWhole) return { kind: name, file: file!, message: message ?? '' };
      const form = `${name}: { ${names.map((key) => `${key}: ...`).join(', ')} }`;
      return this.#fault(path, `format: expected { ${form} }, got ${givenText(given)}`);
    }
    const hint = didYouMean(String(name), FORMATS);
    return this.#fault(path, `format: expected one of ${FORMATS.join(', ')}, got ${givenText(given)}${hint}`);
  }

  /** Reads the schema file, once the fields are known that are to be found in it. */
  #withSchema(option: FormatOption, fields: readonly StreamField[]): StreamFormat | null {
    if (option.kind !== 'protobuf' && option.kind !== 'avro') return { kind: option.kind };
    const { kind, file, message } = option;
    const path = resolve(this.#context.folder, file);
    const read =
      kind === 'avro' ? avroSchema(path, fields) : this.#context.protoFields!(path, message, fields);
    if (typeof read === 'string') return { kind: 'avro', file, schema: read };
    if ('fields' in read)
      return { kind: 'protobuf', file, message: read.name, schema: JSON.stringify(read.fields) };
    for (const fault of read) {
      const at = fault.field === null ? ['stream', 'format'] : ['fields', fault.field];
      const what = fault.field === null ? `cannot be read with ${file}` : `field "${fault.field}"`;
      this.#fault(at, `${what}: ${fault.message}`);
    }
    return null;
  }

  #fields(format: FormatOption | null): StreamField[] {
    const names = Object.entries(this.#options.fields);
    if (names.length === 0) this.#fault(['fields'], 'has no fields');
    const taken = new Map<string, string>();
    return names.flatMap(([name, given]) => {
      const fault = fieldNameFault(name, taken.get(name.toLowerCase()));
      taken.set(name.toLowerCase(), name);
      if (fault !== null) this.#fault(['fields', name], fault);
      const field = this.#field(name, given, format);
      return field === null || fault !== null ? [] : [field];
    });
  }

  /** A field is the text of its type, or options. */
  #field(name: string, given: unknown, format: FormatOption | null): StreamField | null {
    const place = this.#placeOf(name, given);
    const written = given instanceof FeatureDraft ? given.options : given;
    const options = typeof written === 'string' ? { type: written } : written;
    if (!isObject(options))
      return this.#fault(['fields', name], `field "${name}": expected a type, got ${givenText(given)}`);
    const what = `source "${this.#draft.name}": field "${name}"`;
    const before = this.#context.mistakes.count;
    const checked = checkOptions(FIELD_OPTIONS, what, { options, place }, this.#context.mistakes);
    if (checked === null || this.#context.mistakes.count > before) return null;
    const type = typeNamed(checked.type);
    if (typeof type === 'string') {
      this.#context.mistakes.add(place, ['type'], `${what}: ${type}`);
      return null;
    }
    const fault = unitFault(type, checked.unit !== null, format);
    if (fault !== null) this.#context.mistakes.add(place, ['unit'], `${what}: ${fault}`);
    return { name, type, unit: checked.unit };
  }

  #placeOf(name: string, given: unknown): Place {
    const { place } = this.#draft;
    if (given instanceof FeatureDraft && given.place !== null) return given.place;
    return { file: place.file, lineOf: (path) => place.lineOf(['fields', name, ...path]) };
  }

  #checkPlace(): void {
    const { topic, folder, format } = this.#options.stream;
    if ((topic === null) === (folder === null)) {
      const got = topic === null ? 'neither' : 'both';
      this.#fault(['stream'], `comes from a topic or from a folder, say one of them; got ${got}`);
    }
    if (topic !== null && format === 'parquet')
      this.#fault(['stream', 'format'], 'format parquet goes with folder: messages of a topic are no files');
  }

  /** That each option names a field of a type that it can have. */
  #checkRoles(fields: readonly StreamField[]): void {
    const { stream, eventTime } = this.#options;
    const { id, keyedBy, op, format } = stream;
    this.#role(fields, ['eventTime'], eventTime, ['timestamp']);
    if (id !== null) this.#role(fields, ['stream', 'id'], id, ID_TYPES);
    if (keyedBy !== null) this.#role(fields, ['stream', 'keyedBy'], keyedBy, KEY_TYPES);
    if (op !== null) {
      this.#role(fields, ['stream', 'op', 'column'], op.column, OP_TYPES);
      const both = op.insert.find((value) => op.delete.includes(value));
      if (both !== undefined) this.#fault(['stream', 'op'], `op: "${both}" cannot both insert and delete`);
    }
    if (format !== 'debezium') return;
    if (op !== null)
      this.#fault(['stream', 'op'], 'op: the envelope of debezium says what a change is; leave it out');
    if (id !== null)
      this.#fault(
        ['stream', 'id'],
        'id: a row keeps its fields when it changes, so none of them tells a change that comes twice; leave it out',
      );
  }

  #role(fields: readonly StreamField[], option: string[], name: string, types: readonly string[]): void {
    const field = fields.find((one) => one.name === name);
    const said = option.filter((part) => part !== 'stream').join('.');
    if (field !== undefined) {
      if (types.includes(field.type.kind)) return;
      const expected = types.length === 1 ? `a ${types[0]!}` : `one of ${types.join(', ')}`;
      this.#fault(option, `${said} "${name}" should be ${expected}, but is ${formatType(field.type)}`);
      return;
    }
    // A field with a mistake of its own is named there.
    const known = Object.keys(this.#options.fields);
    if (known.includes(name)) return;
    this.#fault(option, `${said} names the field "${name}", which there is not${didYouMean(name, known)}`);
  }

  #fault(path: readonly string[], message: string): null {
    this.#context.mistakes.add(this.#draft.place, path, `source "${this.#draft.name}": ${message}`);
    return null;
  }
}

const KEY_TYPES = ['string', 'int32', 'int64'];
const ID_TYPES = [...KEY_TYPES, 'bytes', 'timestamp'];
const OP_TYPES = ['string', 'int32', 'bool'];

/** @param before  the field before it whose name differs at most in case */
function fieldNameFault(name: string, before: string | undefined): string | null {
  if (name === '' || name.length > MAX_FIELD_NAME || NO_COLUMN.test(name) || !name.isWellFormed())
    return `field ${givenText(name)}: names of fields are columns of the archive, which hold no space and none of , ; { } ( ) =`;
  if (isArchiveColumn(name)) return `field "${name}": the archive has a column of this name`;
  if (before !== undefined) return `fields "${before}" and "${name}" differ only in case`;
  return null;
}

/** Numbers that stand for times do not say what they count. */
function unitFault(type: ValueType, hasUnit: boolean, format: FormatOption | null): string | null {
  const hasTimes = holdsTimestamps(type);
  if (!hasTimes) return hasUnit ? `a ${formatType(type)} has no unit, which a timestamp has` : null;
  const saysItself =
    format === null || format.kind === 'parquet' || format.kind === 'protobuf' || format.kind === 'avro';
  return hasUnit || saysItself
    ? null
    : `a timestamp needs a unit, what its numbers count since 1970: one of ${TIME_UNITS.join(', ')}`;
}

function holdsTimestamps(type: ValueType): boolean {
  switch (type.kind) {
    case 'list':
    case 'map':
      return holdsTimestamps(type.of);
    case 'struct':
      return type.fields.some((field) => holdsTimestamps(field.type));
    default:
      return type.kind === 'timestamp';
  }
}

function isObject(value: unknown): value is Options {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
