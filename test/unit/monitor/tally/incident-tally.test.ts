/** What belongs to an incident, and what of it is beyond the promise. */
import { expect, test } from 'vitest';
import type { Cause } from '../../../../contract/cause.ts';
import type { Decided } from '../../../../monitor/tally/decided.ts';
import { IncidentTally, countedIncidents } from '../../../../monitor/tally/incident-tally.ts';
import type { RoleIncident } from '../../../../monitor/tally/incident-tally.ts';
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

/** The mismatches that one run brought, with examples of these harms; none is within the promise but of harm 0. */
function ofRun(run: string, hour: number, harms: readonly number[]): RoleIncident {
  const cause: Cause = 'late arrival';
  const times = { fromUs: hour * 100, toUs: hour * 100 + 10 };
  const worst = harms.map((harm, i) => {
    return { requestId: `${run} ${i}`, feature: 'v__f', harm, withinPromise: harm === 0 };
  }) as unknown as RoleIncident['worst'];
  const none = { entities: new Uint32Array(), rows: new Uint32Array(), slices: [] };
  const beyond = { ...times, rows: none.rows };
  const features = new Map([['v__f', { values: harms.length, beyondPromise: harms.length, harm: 1 }]]);
  return { role: 0, key: { view: 'v', cause, run, pod: null }, ...times, ...none, beyond, features, worst };
}

test('of two runs that are one incident both are named, and the worst row of each is shown first', () => {
  const examples = (...roles: readonly (readonly RoleIncident[])[]): unknown[] =>
    countedIncidents(roles, () => 100).map((one) => [
      one.runs,
      one.examples.map(({ requestId }) => requestId),
    ]);
  const [first, second] = [ofRun('r-1', 1, [9, 8, 7]), ofRun('r-2', 2, [3, 2])];
  expect(examples([first, second])).toEqual([
    [
      ['r-1', 'r-2'],
      ['r-1 0', 'r-2 0', 'r-1 1', 'r-1 2', 'r-2 1'],
    ],
  ]);
  // Of one run in two roles there is one worst row.
  expect(examples([first], [ofRun('r-1', 1, [8.5]), second])).toEqual([
    [
      ['r-1', 'r-2'],
      ['r-1 0', 'r-2 0', 'r-1 0', 'r-1 1', 'r-1 2', 'r-2 1'],
    ],
  ]);
  // What is within the promise comes last, whoever brought it.
  expect(examples([first, ofRun('r-2', 2, [0])])).toEqual([
    [
      ['r-1', 'r-2'],
      ['r-1 0', 'r-1 1', 'r-1 2', 'r-2 0'],
    ],
  ]);
  expect(examples([first, ofRun('r-9', 9, [3])])).toHaveLength(2);
  // Two roles may each have mismatches of one run: they are one incident, however far apart.
  expect(examples([first], [ofRun('r-1', 9, [3])])).toHaveLength(1);
});

test('the worst rows are of distinct entities: of one that is wrong often its worst alone', () => {
  const tally = new IncidentTally(0, 'v');
  const offered = [
    [1, 5],
    [1, 9],
    [2, 4],
    [1, 8],
    [3, 6],
    [4, 3],
    [5, 7],
  ] as const;
  const mismatch = { feature: 'v__f', place: 0, decided: BROKEN };
  tally.partsOf([{ ...mismatch, harm: 1 }]);
  for (const [vid, [entity, harm]] of offered.entries()) {
    tally.offer({ ...mismatch, vid, entity, harm } as Parameters<IncidentTally['offer']>[0]);
  }
  const told = tally.chosen().map(({ entity, harm }) => [entity, harm]);
  expect(told).toEqual([
    [1, 9],
    [5, 7],
    [3, 6],
    [2, 4],
  ]);
});
