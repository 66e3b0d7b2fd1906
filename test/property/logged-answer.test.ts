/**
 * What the monitor reads in a logged answer, against the sidecar's own encoders: every value of every type says what
 * its row says, on each surface, and no other value does.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatType, isNumeric } from '../../contract/value-type.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import { LoggedAnswer } from '../../monitor/answers/logged-answer.ts';
import { MessageWriter } from '../../contract/wire/proto/message-writer.ts';
import { formlessType, writeValue } from '../../sidecar/surface/feast-grpc/value-message.ts';
import { feastText } from '../../sidecar/surface/feast/feast-text.ts';
import { makeImage } from '../../sidecar/surface/oip/tensor-image.ts';
import { nativeText } from '../../sidecar/surface/value-text.ts';
import { anyType, anyValueOf } from '../support/fixtures/any-value.ts';
import { feature, orders } from '../support/fixtures/materialized-project.ts';
import '../support/property-seed.ts';

const typed = anyType.chain((type) => fc.tuple(fc.constant(type), anyValueOf(type), anyValueOf(type)));

/** The second of two rows, after a join key's column on Feast's surface. */
function answerOf(form: 'native' | 'feast', type: ValueType, value: Value): LoggedAnswer {
  const text = form === 'native' ? nativeText(type, value) : feastText(type, value);
  const body =
    form === 'native'
      ? `{"results":[{"entities":{},"features":{"v__f":1}},{"entities":{},"features":{"v__f":${text}}}],"metadata":{}}`
      : `{"results":[{"values":[1,2]},{"values":[null,${text}],"statuses":[]}],"metadata":{"feature_names":["id","f"]}}`;
  return new LoggedAnswer(Buffer.from(body), form, [{ name: 'v__f', type }]);
}

describe.each(['native', 'feast'] as const)('an answer of the %s surface', (form) => {
  test('says the value that its row has', () => {
    fc.assert(
      fc.property(typed, ([type, value]) => {
        expect(answerOf(form, type, value).says(1, { name: 'v__f', type }, value)).toBe(true);
      }),
    );
  });
  test('says no other value, but what has the same text', () => {
    fc.assert(
      fc.property(typed, ([type, value, other]) => {
        // NaN and infinity have one text on the native surface; the order of a map's keys means nothing.
        fc.pre(!formatType(type).includes('map'));
        const text = form === 'native' ? nativeText : feastText;
        fc.pre(text(type, value) !== text(type, other));
        expect(answerOf(form, type, value).says(1, { name: 'v__f', type }, other)).toBe(false);
      }),
    );
  });
});

const writer = new MessageWriter();

/** The message of a value of Feast's, or null where it has none. */
function valueMessage(type: ValueType, value: Value): Buffer | null {
  writer.begin();
  if (formlessType(type) !== null || !writeValue(writer, 1, type, value)) return null;
  return Buffer.from(writer.end());
}

/** The second of two rows over gRPC, after a join key's result. */
function messageOf(type: ValueType, message: Buffer): LoggedAnswer {
  writer.begin();
  for (const values of [
    [null, null],
    [null, message],
  ]) {
    const opened = writer.open(2);
    for (const value of values) {
      // A null is a message without a field.
      if (value === null) writer.bytes(1, Buffer.alloc(0));
      else writer.bytes(1, value.subarray(5));
    }
    writer.close(opened);
  }
  return new LoggedAnswer(Buffer.from(writer.end()), 'feast-grpc', [{ name: 'v__f', type }]);
}

test("an answer of Feast's surface over gRPC says the value that its row has, and no other", () => {
  let compared = 0;
  fc.assert(
    fc.property(typed, ([type, value, other]) => {
      const [message, another] = [valueMessage(type, value), valueMessage(type, other)];
      fc.pre(message !== null && another !== null);
      const answer = messageOf(type, message!);
      expect(answer.says(1, { name: 'v__f', type }, value)).toBe(true);
      if (formatType(type).includes('map') || message!.equals(another!)) return;
      compared += 1;
      expect(answer.says(1, { name: 'v__f', type }, other)).toBe(false);
    }),
  );
  expect(compared).toBeGreaterThan(10);
});

const NUMBERS = orders({
  features: [feature('a', 'float64'), feature('b', 'int64'), feature('c', 'string'), feature('d', 'float32')],
});
const NAMED = NUMBERS.features.map(({ name, type }) => ({ name: `v__${name}`, type }));

/** A tensor of two rows with texts in it that hold braces and quotes, as bytes or as JSON. */
function tensorOf(datatype: 'FP32' | 'FP64', rows: readonly (readonly Value[])[], binary: boolean): Buffer {
  const features = [0, 1, 3];
  const size = datatype === 'FP32' ? 4 : 8;
  const images = rows.map((values) =>
    makeImage(
      { datatype, features, definitions: features.map((i) => NUMBERS.features[i]!) },
      values,
    ).subarray(0, 3 * size),
  );
  const bytes = Buffer.concat(images);
  const numbers = Array.from({ length: bytes.length / size }, (_, i) =>
    size === 4 ? bytes.readFloatLE(i * size) : bytes.readDoubleLE(i * size),
  );
  const shown = numbers.map((n) => (Number.isFinite(n) ? (Object.is(n, -0) ? '-0.0' : String(n)) : 'null'));
  const data = binary ? `"parameters":{"binary_data_size":${bytes.length}}` : `"data":[${shown.join(',')}]`;
  const head = `{"model_name":"a\\"}{","id":"}","outputs":[{"name":"status","datatype":"UINT8","shape":[2,3],"parameters":{"binary_data_size":6}},`;
  const text = `${head}{"name":"features","datatype":"${datatype}","shape":[2,3],${data}}]}`;
  return Buffer.concat([Buffer.from(text), Buffer.alloc(6, 0x7d), binary ? bytes : Buffer.alloc(0)]);
}

test('a tensor says the numbers of each row in its own type, and nothing of what is no number', () => {
  const float = fc.oneof(fc.double(), fc.constantFrom(-0, Number.NaN, null));
  const row = fc.tuple(
    float,
    fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
    fc.constant('x'),
    float,
  );
  fc.assert(
    fc.property(
      row,
      row,
      fc.constantFrom('FP32' as const, 'FP64' as const),
      fc.boolean(),
      (one, two, datatype, binary) => {
        const rows = [one, two];
        const answer = new LoggedAnswer(tensorOf(datatype, rows, binary), 'oip', NAMED);
        for (const [r, values] of rows.entries()) {
          for (const [i, named] of NAMED.entries()) {
            expect(answer.says(r, named, values[i]!)).toBe(isNumeric(named.type) ? true : null);
            if (isNumeric(named.type))
              expect(answer.says(r, named, 123)).toBe(Number(values[i] ?? Number.NaN) === 123);
          }
        }
      },
    ),
  );
});

test('an answer tells nothing of a feature that its service did not have', () => {
  const type: ValueType = { kind: 'int64' };
  for (const form of ['native', 'feast'] as const)
    expect(answerOf(form, type, 1n).says(1, { name: 'v__new', type }, 1n)).toBe(null);
});

test.each(['', '{', '[]', 'null', '{"results":3}', '{"results":[]}', '\xff\xfe'])(
  'an answer that cannot be read says nothing: %s',
  (text) => {
    for (const surface of ['native', 'feast']) {
      const answer = new LoggedAnswer(Buffer.from(text, 'latin1'), surface, NAMED);
      expect(answer.says(0, NAMED[0]!, 1)).toBe(false);
    }
    for (const surface of ['oip', 'oip-grpc', 'feast-grpc']) {
      const answer = new LoggedAnswer(Buffer.from(text, 'latin1'), surface, NAMED);
      expect(answer.says(0, NAMED[0]!, 1), surface).not.toBe(true);
    }
  },
);
