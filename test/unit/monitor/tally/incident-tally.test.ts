/** What belongs to an incident, and what of it is beyond the promise. */
import { expect, test } from 'vitest';
import type { Decided } from '../../../../monitor/tally/decided.ts';
import { IncidentTally, countedIncidents } from '../../../../monitor/tally/incident-tally.ts';
import type { GroupPlace, VectorColumns } from '../../../../monitor/tally/served-place.ts';

const LATE: Omit<Decided, 'withinPromise'> = {
  cause: 'materialization lag',
  also: [],
  origin: { run: 'r-1', pod: null },
};
const KEPT: Decided = { ...LATE, withinPromise: true };
const BROKEN: Decided = { ...LATE, withinPromise: false };
const PLACE = {
  role: 0,
  agreed: 0,
  bundle: 'b',
  serviceVersion: 1,
  surface: 'native',
  entityIsNew: false,
  isUnavailable: false,
};

/** One vector a row, served at these times. */
function columns(servedUs: readonly number[]): VectorColumns {
  const zeros = new Float64Array(servedUs.length);
  const vid = Float64Array.from(servedUs.keys());
  const rest = {
    fetchedUs: zeros,
    watermarkUs: zeros,
    source: zeros,
    pod: zeros,
    request: zeros,
    hash: zeros,
  };
  return { vid, servedUs: Float64Array.from(servedUs), ...rest, pods: ['pod-1'] };
}

test('rows and times of the values beyond the promise are told apart from those of all', () => {
  const tally = new IncidentTally(0, 'v');
  // Of the third row one value is within the promise, and one beyond it.
  const rows: readonly (readonly Decided[])[] = [[KEPT], [BROKEN], [KEPT, BROKEN], [BROKEN], [KEPT]];
  const vectors = columns([10, 20, 30, 40, 50]);
  for (const [row, decided] of rows.entries()) {
    const mismatches = decided.map((one, place) => ({
      feature: `v__f${place}`,
      place,
      decided: one,
      harm: one.withinPromise ? 0 : 1,
    }));
    const place: GroupPlace = { ...PLACE, entity: 0, row };
    const parts = tally.partsOf(mismatches);
    tally.addVector(parts, vectors, row);
    tally.addGroup(parts, mismatches, place, 1);
  }
  const incidents = tally.incidents(['pod-1'], () => {
    throw new Error('no example was offered');
  });
  expect(countedIncidents([incidents], () => 100)).toMatchObject([
    {
      fromUs: 10,
      toUs: 50,
      rows: 5,
      values: 6,
      beyondPromise: 3,
      beyond: { fromUs: 20, toUs: 40, rows: 3 },
    },
  ]);
});
