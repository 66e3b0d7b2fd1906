/** Arbitrary types, and arbitrary values of a type: what the codecs must carry without changing a bit. */
import fc from 'fast-check';
import { SCALARS } from '../../contract/value-type.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';

const scalar: fc.Arbitrary<ValueType> = fc.constantFrom(...SCALARS).map((kind) => ({ kind }));

export const anyType: fc.Arbitrary<ValueType> = fc.letrec<{ type: ValueType }>((tie) => ({
  type: fc.oneof(
    { maxDepth: 2, depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.integer({ min: 1, max: 70 }).map((size): ValueType => ({ kind: 'embedding', size })),
    tie('type').map((of): ValueType => ({ kind: 'list', of })),
    tie('type').map((of): ValueType => ({ kind: 'map', of })),
    fc
      .uniqueArray(fc.record({ name: fc.stringMatching(/^[a-z_][a-z0-9_]{0,6}$/), type: tie('type') }), {
        minLength: 1,
        maxLength: 18,
        selector: (field) => field.name,
      })
      .map((fields): ValueType => ({ kind: 'struct', fields })),
  ),
})).type;

const [int32Least, int64Least] = [-(2 ** 31), -(2n ** 63n)];
/** Every border at which the shortest form of an integer changes, and its neighbours. */
const int64 = fc.oneof(
  fc.bigInt({ min: int64Least, max: -int64Least - 1n }),
  fc
    .tuple(
      fc.constantFrom(0, 5, 7, 8, 15, 16, 31, 32, 52, 53, 62, 63),
      fc.integer({ min: -2, max: 2 }),
      fc.boolean(),
    )
    .map(([bits, off, negative]) => (negative ? -(2n ** BigInt(bits)) : 2n ** BigInt(bits)) + BigInt(off))
    .map((n) => (n < int64Least ? int64Least : n > -int64Least - 1n ? -int64Least - 1n : n)),
);

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }).filter((s) => s.isWellFormed()),
  fc.constantFrom('', '__proto__', '\0', '\u{1F600}', 'é', 'x'.repeat(31), 'x'.repeat(32), 'x'.repeat(256)),
);

/** @returns values of the type, null among them */
export function anyValueOf(type: ValueType): fc.Arbitrary<Value> {
  return fc.option(bareValueOf(type), { nil: null, freq: 9 });
}

function bareValueOf(type: ValueType): fc.Arbitrary<Value> {
  switch (type.kind) {
    case 'bool':
      return fc.boolean();
    case 'int32':
      return int64
        .map((n) => Number(BigInt.asIntN(32, n)))
        .map((n) => (n === 0 ? 0 : Math.max(int32Least, n)));
    case 'int64':
    case 'timestamp':
      return int64;
    case 'float32':
      return fc.oneof(fc.float(), fc.constantFrom(-0, NaN, Infinity, -Infinity, 2 ** -149));
    case 'float64':
      return fc.oneof(fc.double(), fc.constantFrom(-0, NaN, 5e-324, 2 ** 53, 0.1));
    case 'string':
      return text;
    case 'bytes':
      return fc.uint8Array({ maxLength: 300, size: 'max' }).map((bytes) => Buffer.from(bytes));
    case 'embedding':
      return fc.float32Array({ minLength: type.size, maxLength: type.size });
    case 'list':
      return fc.array(anyValueOf(type.of), { maxLength: 20 });
    case 'map':
      return fc
        .uniqueArray(fc.tuple(text, anyValueOf(type.of)), { maxLength: 18, selector: ([key]) => key })
        .map((entries) => new Map(entries));
    case 'struct':
      return fc
        .tuple(...type.fields.map((field) => anyValueOf(field.type)))
        .map((values) => Object.fromEntries(type.fields.map((field, i) => [field.name, values[i]!])));
  }
}

/** One to twenty features with their values: past fifteen the array's header is longer. */
export const anyRow: fc.Arbitrary<{ types: ValueType[]; values: Value[] }> = fc
  .array(anyType, { minLength: 1, maxLength: 20 })
  .chain((types) => fc.tuple(...types.map(anyValueOf)).map((values) => ({ types, values })));
