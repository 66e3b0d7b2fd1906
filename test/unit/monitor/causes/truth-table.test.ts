/**
 * All combinations of a served row, up to three rows of its entity's history, rows of others, times, statuses, sources
 * and runs over small domains: each falls in exactly one case, and in the one that the tables say, read word for word
 * (test/oracle/naive-causes.ts).
 */
import { expect, test } from 'vitest';
import { MISSING, OUTSIDE_TTL, PRESENT, ROW_SOURCES } from '../../../../contract/status.ts';
import { currency } from '../../../../monitor/causes/currency.ts';
import type { AskedRow, RowFacts, RunFacts } from '../../../../monitor/causes/facts.ts';
import { FIDELITY_ANSWERS, fidelity } from '../../../../monitor/causes/fidelity.ts';
import type { Fidelity, FidelityFacts, HeldRow, OthersRow } from '../../../../monitor/causes/fidelity.ts';
import type { RowTimes } from '../../../../monitor/causes/row-order.ts';
import { oldestMissed } from '../../../../monitor/causes/missed-row.ts';
import { isWithinPromise } from '../../../../monitor/causes/promise.ts';
import { firstThatHolds, naiveAnswers, naiveCurrency, naivePromise } from '../../../oracle/naive-causes.ts';

const [EVENT, CREATED] = [100, 500];
const FEATURES: FidelityFacts['features'] = [
  { type: { kind: 'float64' }, fallback: null },
  { type: { kind: 'int64' }, fallback: 3n },
  { type: { kind: 'string' }, fallback: null },
];
/** Three telling values; then one, beside a zero with a sign and the fallback. */
const SERVED_VALUES = [
  [1.5, 7n, 'x'],
  [-0, 3n, 'x'],
] as const;

/** The served values, with one other, with all others, and a tombstone's. */
function rowsAt(
  events: readonly number[],
  createds: readonly (number | null)[],
  served: readonly unknown[],
): HeldRow[] {
  const values = [served, [0, ...served.slice(1)], [2.5, 8n, 'y']] as HeldRow['values'][];
  return events.flatMap((eventUs) =>
    createds.flatMap((createdUs): HeldRow[] => [
      ...values.map((own) => ({ eventUs, createdUs, values: own })),
      { eventUs, createdUs, deleted: true, values: [null, null, null] },
    ]),
  );
}

/** All sets of up to three of the rows, one row also twice. */
function* histories(rows: readonly HeldRow[]): Generator<HeldRow[]> {
  yield [];
  for (let a = 0; a < rows.length; a++) {
    yield [rows[a]!];
    for (let b = a; b < rows.length; b++) {
      yield [rows[a]!, rows[b]!];
      for (let c = b + 1; c < rows.length; c++) yield [rows[a]!, rows[b]!, rows[c]!];
    }
  }
}

function othersOf(times: Pick<HeldRow, 'eventUs' | 'createdUs'>, values: HeldRow['values']): OthersRow[][] {
  const twin = { ...times, values, entity: 'b' };
  return [
    [],
    [twin],
    [twin, twin],
    [twin, { ...twin, entity: 'c' }],
    [{ ...twin, createdUs: CREATED + 1 }],
    [twin, { ...twin, createdUs: CREATED + 1 }],
    [
      { ...twin, createdUs: CREATED + 1 },
      { ...twin, createdUs: CREATED + 2, entity: 'c' },
    ],
    [{ ...twin, eventUs: times.eventUs + 1 }],
    [{ ...twin, values: [2.5, ...values.slice(1)] }],
  ];
}

test.each([
  ['with created times', [CREATED - 1, CREATED, CREATED + 1]],
  ['without created times', [null]],
] as const)('fidelity: every history %s has one answer, that of the table', (_, createds) => {
  const seen = new Map<string, number>();
  let wrong: unknown = null;
  for (const served of SERVED_VALUES) {
    const times = { eventUs: EVENT, createdUs: createds.length === 1 ? null : CREATED };
    const others = othersOf(times, [...served]);
    for (const own of histories(rowsAt([EVENT - 1, EVENT, EVENT + 1], createds, served))) {
      const isKnown = own.some(({ deleted }) => deleted !== true);
      for (const kind of ['stored', 'aggregated'] as const) {
        for (const [i, rows] of others.entries()) {
          // What is kept matters to few answers: every other history is asked with it.
          const keptFromUs = i % 2 === 0 ? null : EVENT + 1;
          const facts: FidelityFacts = {
            kind,
            features: FEATURES,
            served: { ...times, values: [...served] },
            own,
            isKnown,
            others: rows,
            keptFromUs,
          };
          const { answer } = fidelity(facts);
          if (answer !== firstThatHolds(naiveAnswers(facts))) wrong ??= { facts, answer };
          seen.set(answer, (seen.get(answer) ?? 0) + 1);
        }
      }
    }
  }
  expect(wrong).toBeNull();
  expect([...seen.keys()].toSorted()).toEqual([...FIDELITY_ANSWERS].toSorted());
});

const SERVED_US = 1_000;
const FETCHED_US = 990;

function runOf(finishedUs: number | null, change: Partial<RunFacts> = {}): RunFacts {
  return { runId: 'r', kind: 'ordinary', state: 'complete', finishedUs, ...change };
}

const RUNS: readonly (RunFacts | null)[] = [
  null,
  runOf(FETCHED_US),
  runOf(FETCHED_US + 1),
  runOf(SERVED_US),
  runOf(SERVED_US + 1),
  runOf(null, { state: 'running' }),
  runOf(FETCHED_US, { state: 'failed' }),
  runOf(SERVED_US + 500, { kind: 'backfill' }),
];

const MISSED_TIMES = [700, 800, 801, 950].flatMap((eventUs) =>
  [null, 600, 960, SERVED_US, SERVED_US + 1].map((createdUs) => ({ eventUs, createdUs })),
);

function* askedRows(): Generator<AskedRow | null> {
  yield null;
  for (const times of MISSED_TIMES) {
    for (const run of RUNS) {
      for (const failed of run === null || run === RUNS[4] ? [null, RUNS[6]!] : [null]) {
        yield { times: { ...times, definitionId: 1, runId: 'r' }, run, failed };
      }
    }
  }
}

const FIDELITIES: readonly (Fidelity | null)[] = [
  null,
  { answer: 'true', isDuplicated: false },
  { answer: 'true', isDuplicated: true },
  { answer: 'restamped', row: { eventUs: 800, createdUs: 650 }, isDuplicated: true },
  { answer: 'altered', row: { eventUs: 800, createdUs: 600, values: [] } },
  { answer: 'unknown' },
  { answer: 'notKept', why: 'older' },
];

function* servedRows(): Generator<RowFacts> {
  const header = { eventUs: 800, createdUs: 600, definitionId: 1, writtenUs: 700 };
  for (const kind of ['stored', 'aggregated'] as const) {
    for (const [status, served] of [
      [PRESENT, header],
      [OUTSIDE_TTL, header],
      [MISSING, null],
    ] as const) {
      for (const source of [1, 2, 3]) {
        for (const watermarkUs of [null, 799, 800, 960]) {
          for (const replayedOutsideTtl of [false, true]) {
            for (const delayUs of [0, 201]) {
              for (const given of status === PRESENT ? FIDELITIES : [null]) {
                yield {
                  view: { id: 'v', kind, hopUs: 100, delayUs, ttlUs: null, freshnessUs: 100 },
                  servedUs: SERVED_US,
                  status,
                  source,
                  fetchedUs: FETCHED_US,
                  watermarkUs,
                  served,
                  writer: null,
                  fidelity: given,
                  alteration: null,
                  replayed: null,
                  replayedOutsideTtl,
                  missed: null,
                  missedReplayed: null,
                  honest: null,
                  ofServedDefinition: null,
                  clocks: [],
                  nextRun: null,
                };
              }
            }
          }
        }
      }
    }
  }
}

test('currency and promise: every row that may be missed has one cause, that of the table, and one promise', () => {
  const seen = new Map<string, number>();
  let wrong: unknown = null;
  const asked = [...askedRows()];
  for (const base of servedRows()) {
    for (const missed of asked) {
      const replayed = missed?.times ?? { eventUs: 800, createdUs: 600, definitionId: 1, runId: 'r' };
      const row: RowFacts = { ...base, replayed, missed };
      const cause = currency(row, missed);
      const within = isWithinPromise(row, cause);
      if (cause !== firstThatHolds(naiveCurrency(row, missed))) wrong ??= { row, cause };
      if (within !== naivePromise(row, cause)) wrong ??= { row, cause, within };
      seen.set(cause, (seen.get(cause) ?? 0) + 1);
    }
  }
  expect(wrong).toBeNull();
  expect(ROW_SOURCES.slice(1)).toEqual(['cache', 'store', 'stale']);
  expect([...seen.keys()].toSorted()).toEqual([
    'TTL boundary',
    'cache age',
    'duplicate',
    'late arrival',
    'materialization lag',
    'missing online',
    'not proved',
    'rewritten history',
    'served ahead',
  ]);
});

const SEEN: readonly (RowTimes | null)[] = [
  null,
  { eventUs: 800, createdUs: 600 },
  { eventUs: 800, createdUs: 601 },
  { eventUs: 800, createdUs: 650 },
  { eventUs: 800, createdUs: null },
  { eventUs: 700, createdUs: 600 },
];

function* clocksOfPods(): Generator<RowFacts['clocks']> {
  const readings = SEEN.map((row) => ({ correctionUs: 1, stands: 'after' as const, row }));
  yield [];
  for (const [i, one] of readings.entries()) {
    yield [one];
    for (const other of readings.slice(i + 1)) yield [one, { ...other, correctionUs: -1, stands: 'before' }];
  }
}

/** One that was missed, the one that was served, and a tombstone. */
function replayedRows({ times }: AskedRow): AskedRow['times'][] {
  const served = { ...times, eventUs: 800, createdUs: 600 };
  return [times, served, { ...served, deleted: true }];
}

test('clock skew and a changed definition go before what times alone tell, where they give the served row', () => {
  const seen = new Map<string, number>();
  const missed: AskedRow = {
    times: { eventUs: 900, createdUs: 910, definitionId: 1, runId: 'r' },
    run: RUNS[4]!,
    failed: null,
  };
  let wrong: unknown = null;
  for (const base of servedRows()) {
    if (base.watermarkUs !== 800 || base.view.delayUs !== 0 || base.replayedOutsideTtl) continue;
    for (const clocks of clocksOfPods()) {
      for (const ofServedDefinition of SEEN) {
        for (const times of replayedRows(missed)) {
          const asked = times === missed.times ? missed : null;
          for (const definitionId of [1, 2]) {
            const replayed = { ...times, definitionId };
            const row: RowFacts = { ...base, clocks, ofServedDefinition, replayed, missed: asked };
            const cause = currency(row, asked);
            if (cause !== firstThatHolds(naiveCurrency(row, asked))) wrong ??= { row, cause };
            if (isWithinPromise(row, cause) !== naivePromise(row, cause)) wrong ??= { row, cause };
            seen.set(cause, (seen.get(cause) ?? 0) + 1);
          }
        }
      }
    }
  }
  expect(wrong).toBeNull();
  expect([...seen.keys()].toSorted()).toEqual([
    'TTL boundary',
    'clock skew',
    'definition changed',
    'duplicate',
    'materialization lag',
    'not proved',
  ]);
});

test('the oldest missed row: the first after the served pair that the replay sees', () => {
  const rows = rowsAt([1, 2, 3], [5, 6], [1, 1n, 'x']).filter((_, i) => i % 4 === 0 || i % 4 === 3);
  for (const own of histories(rows)) {
    for (const served of [null, ...rows]) {
      for (const ttlUs of [null, 0, 1]) {
        const visible = own.filter(({ eventUs }) => eventUs <= 2 && (ttlUs === null || eventUs >= 2 - ttlUs));
        const pair = ({ eventUs, createdUs }: HeldRow): number => eventUs * 10 + createdUs!;
        const gone = Math.max(-1, ...visible.filter(({ deleted }) => deleted === true).map(pair));
        const from = served === null ? gone : pair(served);
        const after = visible.map(pair).filter((one) => one > from);
        const found = oldestMissed(own, served, 2, { delayUs: 0, ttlUs });
        expect(found === null ? null : pair(found)).toBe(after.length === 0 ? null : Math.min(...after));
      }
    }
  }
});
