/** The reader and the writer of messages against protobufjs, and the reader against bytes that are no message. */
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { expect, test } from 'vitest';
import { MessageReader } from '../../../../../contract/wire/proto/message-reader.ts';
import { MessageWriter } from '../../../../../contract/wire/proto/message-writer.ts';
import '../../../../support/property-seed.ts';

const { root } = protobuf.parse(`
  syntax = "proto3";
  message Every {
    string text = 1; bytes blob = 2; uint32 number = 3; int64 whole = 4; bool flag = 5; float single = 6; double wide = 7;
    repeated int64 wholes = 8; repeated float singles = 9; repeated double wides = 10; Every inner = 16;
    repeated string texts = 2047; int32 small = 536870911;
  }
  message Loose { repeated int64 wholes = 8 [packed = false]; repeated double wides = 10 [packed = false]; }`);
const every = root.lookupType('Every');
const loose = root.lookupType('Loose');

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const float = fc.oneof(fc.float({ noNaN: true }), fc.constantFrom(-0, Infinity));
const leaf = fc.record({
  text: fc.string({ unit: 'binary' }),
  blob: fc.uint8Array({ maxLength: 300 }),
  number: fc.nat({ max: 2 ** 32 - 1 }),
  whole: int64,
  flag: fc.boolean(),
  single: float,
  wide: fc.oneof(fc.double({ noNaN: true }), fc.constant(-0)),
  wholes: fc.array(int64),
  singles: fc.array(float),
  wides: fc.array(fc.double({ noNaN: true })),
  texts: fc.array(fc.string()),
  small: fc.integer(),
});
type Leaf = typeof leaf extends fc.Arbitrary<infer Value> ? Value : never;

const writer = new MessageWriter();

function write(leafValue: Leaf, inner: Leaf | null): void {
  writer.text(1, leafValue.text);
  writer.bytes(2, leafValue.blob);
  writer.uint(3, leafValue.number);
  writer.int(4, leafValue.whole);
  writer.bool(5, leafValue.flag);
  writer.float(6, leafValue.single);
  writer.double(7, leafValue.wide);
  writer.ints(8, leafValue.wholes);
  writer.floats(9, leafValue.singles);
  writer.doubles(10, leafValue.wides);
  if (inner !== null) {
    const opened = writer.open(16);
    write(inner, null);
    writer.close(opened);
  }
  for (const text of leafValue.texts) writer.text(2047, text);
  writer.int(536_870_911, leafValue.small);
}

function plain(value: Leaf, inner: Leaf | null): object {
  return {
    ...value,
    blob: Buffer.from(value.blob),
    whole: String(value.whole),
    wholes: value.wholes.map(String),
    ...(inner === null ? {} : { inner: plain(inner, null) }),
  };
}

function read(reader: MessageReader): object {
  const message: Record<string, unknown> = { wholes: [], singles: [], wides: [], texts: [] };
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) message['text'] = reader.text();
    else if (field === 2) message['blob'] = Buffer.from(reader.bytes());
    else if (field === 3) message['number'] = Number(reader.uint());
    else if (field === 4) message['whole'] = String(reader.int64());
    else if (field === 5) message['flag'] = reader.bool();
    else if (field === 6) message['single'] = reader.float();
    else if (field === 7) message['wide'] = reader.double();
    else if (field === 8)
      add(
        message['wholes'],
        reader.varints().map((item) => String(BigInt.asIntN(64, BigInt(item)))),
      );
    else if (field === 9)
      add(message['singles'], [...new Float32Array(Uint8Array.from(reader.fixed(4)).buffer)]);
    else if (field === 10)
      add(message['wides'], [...new Float64Array(Uint8Array.from(reader.fixed(8)).buffer)]);
    else if (field === 16) message['inner'] = read(reader.message());
    else if (field === 2047) add(message['texts'], [reader.text()]);
    else if (field === 536_870_911) message['small'] = Number(BigInt.asIntN(32, BigInt(reader.uint())));
    else reader.skip();
  }
  return message;
}

function add(list: unknown, items: readonly unknown[]): void {
  (list as unknown[]).push(...items);
}

const FORM = { longs: String, bytes: Buffer, arrays: true } as const;
const DEFAULTS = {
  text: '',
  blob: Buffer.alloc(0),
  number: 0,
  whole: '0',
  flag: false,
  single: 0,
  wide: 0,
  small: 0,
};

/** proto3 leaves out what has its default. */
function whole(seen: { readonly inner?: object }): object {
  const all = { ...DEFAULTS, ...seen };
  return seen.inner === undefined ? all : { ...all, inner: { ...DEFAULTS, ...seen.inner } };
}

test('protobufjs reads what the writer wrote, and the reader what protobufjs wrote', () => {
  fc.assert(
    fc.property(leaf, fc.option(leaf), (outer, inner) => {
      fc.pre(outer.text.isWellFormed() && (inner === null || inner.text.isWellFormed()));
      writer.begin();
      write(outer, inner);
      const written = Buffer.from(writer.end());
      const expected = plain(outer, inner);
      expect(whole(every.toObject(every.decode(written), FORM))).toEqual(expected);
      expect(whole(read(new MessageReader(written)))).toEqual(expected);
      const theirs = Buffer.from(every.encode(every.fromObject(expected)).finish());
      expect(whole(read(new MessageReader(theirs)))).toEqual(expected);
    }),
  );
});

test('lists come packed and one by one', () => {
  const bytes = Buffer.from(
    loose.encode(loose.fromObject({ wholes: [1, -1, 300], wides: [1.5, -0] })).finish(),
  );
  expect(read(new MessageReader(bytes))).toMatchObject({ wholes: ['1', '-1', '300'], wides: [1.5, -0] });
});

test('bytes that are no message are an Error with a clause, and nothing worse', () => {
  const message = Buffer.from(
    every
      .encode(every.fromObject({ text: 'abc', whole: '-5', wides: [1, 2], inner: { text: 'x' } }))
      .finish(),
  );
  const damaged = fc.tuple(fc.nat(message.length - 1), fc.nat(255)).map(([at, byte]) => {
    const copy = Buffer.from(message);
    copy[at] = byte;
    return copy;
  });
  const cut = fc.nat(message.length).map((end) => message.subarray(0, end));
  const any = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));
  let refused = 0;
  fc.assert(
    fc.property(fc.oneof(damaged, cut, any), (bytes) => {
      try {
        read(new MessageReader(bytes));
      } catch (fault) {
        refused += 1;
        expect((fault as Error).constructor).toBe(Error);
        expect((fault as Error).message).toMatch(/^(a field|field|a number) /);
      }
    }),
    { numRuns: 2_000 },
  );
  expect(refused).toBeGreaterThan(200);
});

test.each([
  ['a length past the end', [0x0a, 5, 1], /field 1 takes 5 bytes, and 1 are left/],
  ['a number without an end', [0x18, ...Array<number>(10).fill(255)], /a number has no end/],
  ['text that is not UTF-8', [0x0a, 1, 255], /field 1 is not UTF-8/],
  ['another wire type', [0x08, 1], /field 1 has the wire type 0, not 2/],
  ['a group', [0x63], /field 12 has the wire type 3/],
  ['the field 0', [0x02, 0], /a field has the number 0/],
  ['numbers that do not fill their bytes', [0x52, 9, ...Array<number>(9).fill(0)], /field 10 has 9 bytes/],
] as const)('%s is refused', (_, bytes, clause) => {
  expect(() => read(new MessageReader(Buffer.from(bytes)))).toThrow(clause);
});
