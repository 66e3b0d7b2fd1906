import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ExampleBounds } from '../../../../monitor/tally/example-bounds.ts';
import { ListsOfCause } from '../../../../monitor/tally/example-pool.ts';
import type { Candidate } from '../../../../monitor/tally/example-pool.ts';

const WORST_OF_INCIDENT = 4;
const FEATURES = 3;

const vector = fc.record({
  hour: fc.integer({ min: 0, max: 1 }),
  hash: fc.integer({ min: 0, max: 1_000 }),
  entity: fc.integer({ min: 0, max: 60 }),
  harms: fc.array(fc.constantFrom(0.5, 1, 1), { minLength: FEATURES, maxLength: FEATURES }),
});

test('what the bounds leave out is taken by none of the lists, and most is left out', () => {
  let [asked, leftOut] = [0, 0];
  fc.assert(
    fc.property(fc.array(vector, { minLength: 1, maxLength: 300, size: 'max' }), (vectors) => {
      const lists = Array.from({ length: FEATURES }, () => new ListsOfCause());
      const worst: Pick<Candidate, 'harm' | 'vid'>[] = [];
      const count = { offers: 0 };
      const lastOfIncidents = () => [worst[WORST_OF_INCIDENT - 1]];
      const bounds = new ExampleBounds({ lists, lastOfIncidents }, count);
      for (const [vid, { hour, hash, entity, harms }] of vectors.entries()) {
        const isWanted = bounds.mayWant(hour, Math.max(...harms), hash, vid);
        asked += 1;
        if (!isWanted) leftOut += 1;
        for (const [i, harm] of harms.entries()) {
          const last = lastOfIncidents()[0];
          const isAmongWorst =
            last === undefined || harm > last.harm || (harm === last.harm && vid <= last.vid);
          if (!lists[i]!.wants(hour, harm, hash) && !isAmongWorst) continue;
          expect(isWanted).toBe(true);
          count.offers += 1;
          lists[i]!.offer({ harm, hour, vid, request: vid, entity, hash } as unknown as Candidate);
          worst.push({ harm, vid });
          worst.sort((a, b) => b.harm - a.harm || a.vid - b.vid);
          worst.length = Math.min(worst.length, WORST_OF_INCIDENT);
        }
      }
    }),
    { numRuns: 60 },
  );
  expect(leftOut / asked).toBeGreaterThan(0.4);
});
