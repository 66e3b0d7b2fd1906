import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeServedVector } from '../../../../../contract/wire/log/served-image.ts';
import { vectorTimes } from '../../../../../contract/wire/log/vector-times.ts';
import { anyRequest } from '../../../../support/fixtures/served-requests.ts';

test('times written over where they stand make the message of the vector with these times', () => {
  const times = fc.array(fc.tuple(fc.maxSafeNat(), fc.maxSafeNat()), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(anyRequest, times, ({ vectors }, others) => {
      for (const vector of vectors) {
        const { buffer } = encodeServedVector(vector);
        const found = vectorTimes(buffer);
        expect(found).toHaveLength(vector.rows.length);
        const rows = vector.rows.map((row, i) => {
          const [fetchedUs, watermarkUs] = others[i % others.length]!.map((us) => us + 1);
          const { fetched, watermark } = found[i]!;
          expect([fetched === 0, watermark === 0]).toEqual([row.fetchedUs === 0, row.watermarkUs === 0]);
          if (fetched !== 0) buffer.writeBigUInt64LE(BigInt(fetchedUs!), fetched);
          if (watermark !== 0) buffer.writeBigUInt64LE(BigInt(watermarkUs!), watermark);
          return {
            ...row,
            fetchedUs: fetched === 0 ? 0 : fetchedUs!,
            watermarkUs: watermark === 0 ? 0 : watermarkUs!,
          };
        });
        expect(buffer.equals(encodeServedVector({ ...vector, rows }).buffer)).toBe(true);
      }
    }),
  );
});
