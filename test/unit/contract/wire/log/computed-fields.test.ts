import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ComputedFields } from '../../../../../contract/wire/log/computed-fields.ts';

const FLOAT = { kind: 'float64' } as const;

test('doubles of a row in one go are the bytes of the same one by one, nulls among them', () => {
  const number = fc.oneof(fc.double(), fc.constantFrom(null, Number.NaN, -0, 7));
  const rows = fc.tuple(fc.array(number, { minLength: 40, maxLength: 60 }), fc.nat(20), fc.array(fc.nat(19)));
  const [one, all] = [new ComputedFields(), new ComputedFields()];
  fc.assert(
    fc.property(rows, ([values, from, columns]) => {
      for (const fields of [one, all]) {
        fields.clear();
        fields.open('outputs', columns.length);
      }
      for (const column of columns) one.add(FLOAT, values[from + column]!);
      all.doubles(values, from, columns);
      for (const fields of [one, all]) fields.close();
      expect(all.written.subarray(0, all.length)).toEqual(one.written.subarray(0, one.length));
    }),
  );
});
