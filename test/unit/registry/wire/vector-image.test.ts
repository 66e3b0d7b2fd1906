import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeServedVector } from '../../../../registry/wire/served-encoder.ts';
import type { ServedVector } from '../../../../registry/wire/served-record.ts';
import { VectorImage } from '../../../../registry/wire/vector-image.ts';
import { anyRequest } from '../../../support/served-requests.ts';

const anyTime = fc.oneof(fc.constant(0), fc.maxSafeNat());

describe('the image of a vector', () => {
  test('given other times it is what the vector with these times is encoded as, or says that it cannot be', () => {
    fc.assert(
      fc.property(
        anyRequest,
        fc.array(fc.tuple(anyTime, anyTime), { minLength: 1, maxLength: 4 }),
        ({ vectors }, times) => {
          for (const vector of vectors) {
            const image = new VectorImage(vector);
            const rows = vector.rows.map((row, i) => {
              const [fetchedUs, watermarkUs] = times[i % times.length]!;
              return { ...row, fetchedUs, watermarkUs };
            });
            const fits = vector.rows.every((row, i) => hasSameTimes(row, rows[i]!));
            const set = rows.every(({ fetchedUs, watermarkUs }, i) =>
              image.setTimes(i, fetchedUs, watermarkUs),
            );
            expect(set).toBe(fits);
            if (!fits) continue;
            image.settle();
            const anew = encodeServedVector({ ...vector, rows });
            expect(image.ready.bytes.equals(anew.bytes)).toBe(true);
            expect([image.ready.register, image.ready.factor]).toEqual([anew.register, anew.factor]);
          }
        },
      ),
    );
  });
});

/** Whether each time is there in both rows, or in neither. */
function hasSameTimes(a: ServedVector['rows'][number], b: ServedVector['rows'][number]): boolean {
  const isThere = [a.fetchedUs, a.watermarkUs].map((us) => us !== 0);
  return isThere[0] === (b.fetchedUs !== 0) && isThere[1] === (b.watermarkUs !== 0);
}
