/**
 * Messages of random types and values, written by writers that know nothing of the decoders (a JSON writer of this
 * test, protobufjs, avsc), decode to the same values. Damaged ones are bad or, where the damage is no fault, mean what
 * an independent reader says that they mean.
 */
import avsc from 'avsc';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { expect, test } from 'vitest';
import type { Source } from '../../contract/model.ts';
import type { ProtoField } from '../../contract/proto-schema.ts';
import type { StreamFormat } from '../../contract/stream-source.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import { compileDecoder } from '../../materializer/stream/decode/decoder.ts';
import { rounds } from '../support/long-run.ts';

const AT = 'at';
const scalar = fc.constantFrom<ValueType>(
  { kind: 'bool' },
  { kind: 'int32' },
  { kind: 'int64' },
  { kind: 'float32' },
  { kind: 'float64' },
  { kind: 'string' },
  { kind: 'bytes' },
);
const anyType: fc.Arbitrary<ValueType> = fc.oneof(
  { weight: 3, arbitrary: scalar },
  scalar.map((of): ValueType => ({ kind: 'list', of })),
  scalar.map((of): ValueType => ({ kind: 'map', of })),
  fc.integer({ min: 1, max: 3 }).map((size): ValueType => ({ kind: 'embedding', size })),
  fc.array(scalar, { minLength: 1, maxLength: 3 }).map((types): ValueType => ({
    kind: 'struct',
    fields: types.map((type, i) => ({ name: `s${i}`, type })),
  })),
);

const text = fc.string({ unit: 'grapheme', maxLength: 8 });
const single = fc.float({ noNaN: true, noDefaultInfinity: true });

function valueOf(type: ValueType, nulls: boolean): fc.Arbitrary<Value> {
  const some = someValue(type, nulls);
  return nulls ? fc.option(some, { freq: 6 }) : some;
}

function someValue(type: ValueType, nulls: boolean): fc.Arbitrary<Value> {
  switch (type.kind) {
    case 'bool':
      return fc.boolean();
    case 'int32':
      return fc.integer();
    case 'int64':
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    case 'timestamp':
      return fc.bigInt({ min: 0n, max: 4_000_000_000_000_000n }).map((us) => us - (us % 1_000n));
    case 'float32':
      return single;
    case 'float64':
      return fc.double({ noNaN: true, noDefaultInfinity: true });
    case 'string':
      return text;
    case 'bytes':
      return fc.uint8Array({ maxLength: 6 });
    case 'embedding':
      return fc
        .array(single, { minLength: type.size, maxLength: type.size })
        .map((numbers) => Float32Array.from(numbers));
    case 'list':
      return fc.array(valueOf(type.of, nulls), { maxLength: 4 });
    case 'map':
      return fc
        .uniqueArray(fc.tuple(text, valueOf(type.of, nulls)), { maxLength: 3, selector: ([key]) => key })
        .map((entries) => new Map(entries));
    case 'struct':
      return fc
        .tuple(...type.fields.map((field) => valueOf(field.type, nulls)))
        .map((values) => Object.fromEntries(type.fields.map((field, i) => [field.name, values[i]!])));
  }
}

interface Drawn {
  readonly types: readonly ValueType[];
  readonly values: readonly Value[];
  readonly at: bigint;
  readonly unit: 'ms' | 'us' | 'rfc3339';
}

const drawn = (nulls: boolean): fc.Arbitrary<Drawn> =>
  fc.array(anyType, { minLength: 1, maxLength: 5 }).chain((types) =>
    fc.record({
      types: fc.constant(types),
      values: fc.tuple(...types.map((type) => valueOf(type, nulls))),
      at: someValue({ kind: 'timestamp' }, false) as fc.Arbitrary<bigint>,
      unit: fc.constantFrom('ms' as const, 'us' as const, 'rfc3339' as const),
    }),
  );

function sourceOf({ types, unit }: Pick<Drawn, 'types' | 'unit'>, format: StreamFormat): Source {
  const fields = types.map((type, i) => ({ name: `f${i}`, type, unit: null }));
  return {
    name: 'clicks',
    path: 'a',
    eventTime: AT,
    createdTime: '_appended',
    maxAheadUs: null,
    stream: {
      topic: 'clicks',
      folder: null,
      format,
      fields: [{ name: AT, type: { kind: 'timestamp' }, unit }, ...fields],
      id: null,
      keyedBy: null,
      op: null,
    },
  };
}

const eventOf = ({ values, at }: Drawn) => [
  { values: [at, ...values], eventUs: Number(at), id: null, op: 1 },
];

const timeNumber = ({ at, unit }: Drawn): bigint => (unit === 'ms' ? at / 1_000n : at);

function jsonOf(type: ValueType, value: Value): string {
  if (value === null) return 'null';
  switch (type.kind) {
    case 'float32':
    case 'float64':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'string':
      return JSON.stringify(value);
    case 'bytes':
      return JSON.stringify(Buffer.from(value as Uint8Array).toString('base64'));
    case 'embedding':
      return `[${[...(value as Float32Array)].map((one) => jsonOf({ kind: 'float32' }, one)).join(' ,')}]`;
    case 'list':
      return `[ ${(value as readonly Value[]).map((one) => jsonOf(type.of, one)).join(',')}]`;
    case 'map':
      return `{${[...(value as ReadonlyMap<string, Value>)].map(([key, one]) => `${JSON.stringify(key)}: ${jsonOf(type.of, one)}`).join()}}`;
    case 'struct': {
      const of = value as { readonly [name: string]: Value };
      return `{${type.fields.map((field) => `"${field.name}":${jsonOf(field.type, of[field.name]!)}`).join()}}`;
    }
    default:
      return String(value as bigint);
  }
}

function jsonMessage(one: Drawn, seed: number): string {
  const at = one.unit === 'rfc3339' ? `"${formatTimestamp(one.at)}"` : String(timeNumber(one));
  const members = [
    `"${AT}" :${at}`,
    ...one.types.map((type, i) => `"f${i}":\n${jsonOf(type, one.values[i]!)}`),
    '"__proto__": {"a": [1, {"b": "}]\\""}]}',
    `"deep": ${'['.repeat(50)}${']'.repeat(50)}`,
  ];
  const from = seed % members.length;
  return ` {${[...members.slice(from), ...members.slice(0, from)].join(', ')}}\t`;
}

test('JSON of any value decodes to it', () => {
  fc.assert(
    fc.property(drawn(true), fc.nat(), (one, seed) => {
      const decode = compileDecoder(sourceOf(one, { kind: 'json' }));
      const message = Buffer.from(jsonMessage(one, seed));
      expect(decode(message)).toEqual(eventOf(one));
      expect(decode(Buffer.concat([Buffer.from('\ufeff'), message]))).toEqual(eventOf(one));
    }),
    { numRuns: rounds(150, 800) },
  );
});

/** What the engine's own reader makes of the text; undefined: it is no JSON, or has a name twice where one is read. */
function engineReading(message: Buffer): Map<string, unknown> | undefined {
  const whole = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });
  try {
    const reviver = (_: string, value: unknown, { source }: { source?: string }): unknown =>
      typeof value === 'number' ? { source } : value;
    const json = JSON.parse(whole.decode(message), reviver as never) as unknown;
    return typeof json === 'object' && json !== null && !Array.isArray(json) && !('source' in json)
      ? new Map(Object.entries(json))
      : undefined;
  } catch {
    return undefined;
  }
}

test('a damaged message of JSON is bad, or means what the engine reads in it', () => {
  const types: ValueType[] = [{ kind: 'int64' }, { kind: 'string' }, { kind: 'bool' }, { kind: 'float64' }];
  const one = fc.tuple(...types.map((type) => valueOf(type, true)));
  let [bad, good] = [0, 0];
  const damage = fc.array(
    fc.tuple(fc.nat(), fc.constantFrom(...Buffer.from('"\\{}[]:,0159.-eE ntuf\u00e9\u0001'))),
    {
      minLength: 1,
      maxLength: 3,
    },
  );
  fc.assert(
    fc.property(one, damage, (values, hits) => {
      const drawnOne: Drawn = { types, values, at: 5_000n, unit: 'us' };
      const message = Buffer.from(jsonMessage(drawnOne, 0));
      for (const [at, byte] of hits) message[at % message.length] = byte;
      const decoded = compileDecoder(sourceOf(drawnOne, { kind: 'json' }))(message);
      if (typeof decoded === 'string') return void (bad += 1);
      good += 1;
      const read = engineReading(message);
      expect(read).toBeDefined();
      const names = [AT, ...types.map((_, i) => `f${i}`)];
      for (const [i, name] of names.entries()) {
        const wanted = read!.get(name) ?? null;
        const got = decoded[0]!.values[i]!;
        const { source } = (wanted ?? {}) as { source?: string };
        if (source === undefined && typeof got !== 'bigint') expect(got).toEqual(wanted);
        else if (typeof got === 'bigint') expect(got).toBe(BigInt(source ?? (wanted as string)));
        else expect(got).toBe(Number(source));
      }
    }),
    { numRuns: rounds(3_000, 12_000) },
  );
  expect(Math.min(bad, good)).toBeGreaterThan(100);
});

const PROTO_KINDS: Readonly<Partial<Record<ValueType['kind'], readonly ProtoField['kind'][]>>> = {
  bool: ['bool'],
  int32: ['int32', 'sint32', 'sfixed32'],
  int64: ['int64', 'sint64', 'sfixed64'],
  float32: ['float'],
  float64: ['double'],
  string: ['string'],
  bytes: ['bytes'],
};

/** A field of a message, with its text in a .proto file. */
function protoField(type: ValueType, id: number, name: string, seed: number): [ProtoField, string] {
  const kindOf = ({ kind }: ValueType): ProtoField['kind'] =>
    PROTO_KINDS[kind]![seed % PROTO_KINDS[kind]!.length]!;
  switch (type.kind) {
    case 'list':
      return [{ id, kind: kindOf(type.of), label: 'many' }, `repeated ${kindOf(type.of)} ${name} = ${id};`];
    case 'embedding':
      return [
        { id, kind: 'float', label: 'many' },
        `repeated float ${name} = ${id} [packed = ${seed % 2 === 0}];`,
      ];
    case 'map':
      return [
        { id, kind: kindOf(type.of), label: 'map' },
        `map<string, ${kindOf(type.of)}> ${name} = ${id};`,
      ];
    case 'struct': {
      const inner = type.fields.map((field, i) => protoField(field.type, i + 1, field.name, seed));
      const body = inner.map(([, line]) => line).join(' ');
      const field: ProtoField = { id, kind: 'message', label: 'present', fields: inner.map(([of]) => of) };
      return [field, `message M${id} { ${body} } M${id} ${name} = ${id};`];
    }
    default:
      return [{ id, kind: kindOf(type), label: 'present' }, `optional ${kindOf(type)} ${name} = ${id};`];
  }
}

function plain(value: Value): unknown {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, one]) => [key, plain(one as Value)]));
  if (value instanceof Float32Array || Array.isArray(value))
    return [...(value as readonly Value[])].map(plain);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one as Value)]));
}

test('a message of Protocol Buffers decodes to what protobufjs wrote; a damaged one never ends the program', () => {
  const hits = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(drawn(false), fc.nat(), hits, (one, seed, damage) => {
      const fields = one.types.map((type, i) => protoField(type, i + 2, `f${i}`, seed));
      const lines = fields.map(([, line]) => line).join('\n');
      const { root } = protobuf.parse(
        `syntax = "proto3"; message M { int64 at = 1; ${lines} string more = 99; }`,
      );
      const schema: ProtoField[] = [
        { id: 1, kind: 'int64', label: 'one' },
        ...fields.map(([field]) => field),
      ];
      const format: StreamFormat = {
        kind: 'protobuf',
        file: 'm.proto',
        message: 'M',
        schema: JSON.stringify(schema),
      };
      const unit = one.unit === 'rfc3339' ? 'us' : one.unit;
      const decode = compileDecoder(sourceOf({ ...one, unit }, format));
      const type = root.lookupType('M');
      const object = Object.fromEntries(one.values.map((value, i) => [`f${i}`, plain(value)]));
      const at = String(timeNumber({ ...one, unit }));
      const bytes = Buffer.from(type.encode(type.fromObject({ ...object, at, more: 'x' })).finish());
      expect(decode(bytes)).toEqual(eventOf(one));
      for (const [place, byte] of damage) bytes[place % bytes.length] = byte;
      decode(bytes);
      decode(bytes.subarray(0, damage[0]![0] % bytes.length));
    }),
    { numRuns: 300 },
  );
});

/** Lossless: avsc has no 64 bits of its own. */
const long = avsc.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    return bytes;
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0),
});

const AVRO_KINDS: Readonly<Partial<Record<ValueType['kind'], string>>> = {
  bool: 'boolean',
  int32: 'int',
  int64: 'long',
  float32: 'float',
  float64: 'double',
  string: 'string',
  bytes: 'bytes',
};

function avroType(type: ValueType, name: string): avsc.Schema {
  switch (type.kind) {
    case 'list':
      return { type: 'array', items: ['null', avroType(type.of, name)] } as avsc.Schema;
    case 'embedding':
      return { type: 'array', items: 'float' };
    case 'map':
      return { type: 'map', values: ['null', avroType(type.of, name)] } as avsc.Schema;
    case 'struct':
      return {
        type: 'record',
        name,
        fields: type.fields.map((field) => avroField(field.name, field.type, name)),
      };
    default:
      return AVRO_KINDS[type.kind]!;
  }
}

function avroField(name: string, type: ValueType, within: string): { name: string; type: avsc.Schema } {
  return { name, type: ['null', avroType(type, `${within}_${name}`)] as avsc.Schema };
}

function avroValue(value: Value): unknown {
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, one]) => [key, avroValue(one as Value)]));
  if (value instanceof Float32Array) return [...value];
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (Array.isArray(value)) return (value as readonly Value[]).map(avroValue);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, avroValue(one as Value)]));
}

test('a record of Avro decodes to what avsc wrote; a damaged one never ends the program', () => {
  const hits = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(drawn(true), hits, (one, damage) => {
      const unit = one.unit === 'rfc3339' ? 'us' : one.unit;
      const schema = {
        type: 'record',
        name: 'M',
        fields: [
          { name: 'more', type: ['null', { type: 'map', values: 'string' }] },
          ...one.types.map((type, i) => avroField(`f${i}`, type, 'M')),
          { name: AT, type: 'long' },
        ],
      };
      const type = avsc.Type.forSchema(
        schema as avsc.Schema,
        { registry: { long }, wrapUnions: 'never' } as never,
      );
      const object = Object.fromEntries(one.values.map((value, i) => [`f${i}`, avroValue(value)]));
      const bytes = type.toBuffer({ ...object, more: { a: 'b' }, [AT]: timeNumber({ ...one, unit }) });
      const format: StreamFormat = { kind: 'avro', file: 'm.avsc', schema: JSON.stringify(schema) };
      const decode = compileDecoder(sourceOf({ ...one, unit }, format));
      expect(decode(bytes)).toEqual(eventOf(one));
      expect(decode(Buffer.concat([Buffer.from([0, 0, 0, 0, 7]), bytes]))).toEqual(eventOf(one));
      for (const [place, byte] of damage) bytes[place % bytes.length] = byte;
      decode(bytes);
      decode(bytes.subarray(0, damage[0]![0] % bytes.length));
    }),
    { numRuns: 300 },
  );
});
