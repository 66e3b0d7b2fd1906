/**
 * Causes by the facts that define them. Each case is the least that proves its cause, and beside it stand neighbours:
 * the same facts but for one, which must not be given that cause.
 */
import { describe, expect, test } from 'vitest';
import { CAUSES } from '../../../../monitor/causes/cause.ts';
import { RULES } from '../../../../monitor/causes/cause-rules.ts';
import { explain } from '../../../../monitor/causes/explain.ts';
import type { ReplayedTimes, RowFacts, ServedTimes, ValueFacts } from '../../../../monitor/causes/facts.ts';
import { at } from '../../../support/day-time.ts';
import { MISSING, OUTSIDE_TTL, PRESENT, ROW_SOURCES, UNAVAILABLE } from '../../../../contract/status.ts';
import type { RunRecord } from '../../../../contract/run-record.ts';

const HOUR = 3_600_000_000;
const AGGREGATED = { id: 'orders', kind: 'aggregated', hopUs: HOUR, delayUs: 0, ttlUs: null } as const;
const STORED = { id: 'stats', kind: 'stored', hopUs: 0, delayUs: 0, ttlUs: 24 * HOUR } as const;
const source = (name: (typeof ROW_SOURCES)[number]): number => ROW_SOURCES.indexOf(name);

function servedAt(event: string, change: Partial<ServedTimes> = {}): ServedTimes {
  return { eventUs: at(event), createdUs: at(event), definitionId: 1, writtenUs: at(event), ...change };
}

function replayedAt(event: string, change: Partial<ReplayedTimes> = {}): ReplayedTimes {
  return { eventUs: at(event), createdUs: at(event), definitionId: 1, runId: 'r-1', ...change };
}

function run(change: Partial<RunRecord>): RunRecord {
  return {
    runId: 'r-1',
    kind: 'ordinary',
    state: 'complete',
    startedUs: 0,
    finishedUs: 0,
    ...change,
  } as RunRecord;
}

/** The same row of 11:00 on both sides, served at 11:42 from the store, its view complete up to 11:00: no cause. */
const ROW: RowFacts = {
  view: { ...AGGREGATED, freshnessUs: 2 * HOUR },
  servedUs: at('11:42'),
  status: PRESENT,
  source: source('store'),
  fetchedUs: at('11:42'),
  watermarkUs: at('11:00'),
  served: servedAt('11:00'),
  replayed: replayedAt('11:00'),
  replayedOutsideTtl: false,
  available: null,
  oldestMissedUs: null,
  inHistory: true,
  run: run({ startedUs: at('11:00'), finishedUs: at('11:05') }),
  nextRun: run({ runId: 'r-2', finishedUs: at('12:05') }),
};

const VALUE: ValueFacts = {
  row: ROW,
  feature: 'orders_1d',
  type: { kind: 'float64' },
  fallback: null,
  served: 1,
  replayed: 2,
  servedState: 'value',
  replayedState: 'value',
  available: undefined,
};

function causeOf(row: Partial<RowFacts>, value: Partial<ValueFacts> = {}): string {
  return explain({ ...VALUE, ...value, row: { ...ROW, ...row } }).cause;
}

test('the rules stand in the order of the list, and what the list has more is known', () => {
  const ruled = RULES.map(([cause]) => cause);
  expect(CAUSES.filter((cause) => ruled.includes(cause))).toEqual(ruled);
  const without = CAUSES.filter((cause) => !ruled.includes(cause));
  expect(without).toEqual(['answer altered', 'inherited', 'on-demand differs', 'unexplained']);
});

test('the same row with another value is unexplained', () => {
  const { cause, evidence, withinPromise } = explain(VALUE);
  expect({ cause, withinPromise }).toEqual({ cause: 'unexplained', withinPromise: false });
  expect(evidence).toBe('the same row on both sides (event 11:00), and yet served 1, replayed 2');
});

describe('unavailable', () => {
  test('by status, and by a stale source', () => {
    expect(causeOf({ status: UNAVAILABLE, served: null })).toBe('unavailable');
    expect(causeOf({ source: source('stale'), fetchedUs: at('11:41') })).toBe('unavailable');
  });
  test('not by a row from the cache', () => {
    expect(causeOf({ source: source('cache') })).toBe('unexplained');
  });
});

describe('definition changed', () => {
  test('by two ids', () => {
    expect(causeOf({ served: servedAt('11:00', { definitionId: 2 }) })).toBe('definition changed');
  });
  test('not without a row on both sides', () => {
    expect(
      causeOf({ served: servedAt('11:00', { definitionId: 2 }), replayed: null, inHistory: false }),
    ).toBe('missing in history');
  });
});

/** An older row served at 11:42:02, the newer one of 11:00 in the history. */
const OLDER: Partial<RowFacts> = {
  servedUs: at('11:42:02'),
  fetchedUs: at('11:41:58'),
  source: source('cache'),
  served: servedAt('10:00'),
  oldestMissedUs: at('11:00'),
};

function finished(time: string, change: Partial<RunRecord> = {}): RunRecord {
  return run({ startedUs: at('11:00'), finishedUs: at(time), ...change });
}

describe('cache age', () => {
  test('by a run that ended between fetching and serving, both ends told apart', () => {
    expect(causeOf({ ...OLDER, run: finished('11:42') })).toBe('cache age');
    expect(causeOf({ ...OLDER, run: finished('11:42:02') })).toBe('cache age');
    expect(causeOf({ ...OLDER, run: finished('11:41:58') })).toBe('missing online');
    expect(causeOf({ ...OLDER, run: finished('11:42:03') })).toBe('materialization lag');
  });
  test('before lag, also when the cached watermark is behind', () => {
    expect(causeOf({ ...OLDER, run: finished('11:42'), watermarkUs: at('10:00') })).toBe('cache age');
  });
  test('not by a row read from the store, by a run that failed, or without a newer row', () => {
    expect(causeOf({ ...OLDER, source: source('store'), run: finished('11:42') })).toBe(
      'materialization lag',
    );
    expect(causeOf({ ...OLDER, run: finished('11:42', { state: 'failed' }) })).toBe('materialization lag');
    expect(causeOf({ ...OLDER, served: servedAt('11:00'), run: finished('11:42') })).toBe('unexplained');
  });
  test('an absent row is cached too', () => {
    expect(causeOf({ ...OLDER, status: MISSING, served: null, run: finished('11:42') })).toBe('cache age');
  });
});

function created(time: string): ReplayedTimes {
  return replayedAt('10:30', { createdUs: at(time) });
}

describe('materialization lag', () => {
  const behind: Partial<RowFacts> = { ...OLDER, source: source('store'), watermarkUs: at('09:00') };
  test('aggregated: the edge lies past the watermark', () => {
    const late = run({ runId: 'r-12', startedUs: at('13:00'), finishedUs: at('13:07') });
    const { cause, evidence } = explain({ ...VALUE, row: { ...ROW, ...behind, run: late } });
    expect(cause).toBe('materialization lag');
    expect(evidence).toBe(
      'the row of edge 11:00 was due at 11:00 but the view was complete online only up to 09:00 when served at ' +
        '11:42:02; run r-12 finished at 13:07',
    );
  });
  test('not when the watermark is the edge', () => {
    expect(causeOf({ ...behind, watermarkUs: at('11:00') })).not.toBe('materialization lag');
    expect(causeOf({ ...behind, watermarkUs: at('11:00') - 1 })).toBe('materialization lag');
  });
  test('without any watermark, and without a run record', () => {
    expect(causeOf({ ...behind, watermarkUs: null, run: null })).toBe('materialization lag');
  });
  test('its run had not finished writing', () => {
    const writing = { startedUs: at('11:40'), finishedUs: at('11:45') };
    const corrected = replayedAt('10:00', { createdUs: at('11:40') });
    const facts = { ...behind, watermarkUs: at('11:00'), replayed: corrected };
    expect(causeOf({ ...facts, run: run(writing) })).toBe('materialization lag');
    expect(causeOf({ ...facts, run: run({ ...writing, finishedUs: null, state: 'running' }) })).toBe(
      'materialization lag',
    );
    expect(causeOf({ ...facts, run: run({ ...writing, finishedUs: at('11:41') }) })).toBe('missing online');
  });
  test('stored: created before serving but after the watermark', () => {
    const stored: Partial<RowFacts> = {
      ...behind,
      view: { ...STORED, freshnessUs: HOUR },
      watermarkUs: at('11:00'),
      run: null,
    };
    expect(causeOf({ ...stored, replayed: created('11:01') })).toBe('materialization lag');
    expect(causeOf({ ...stored, replayed: created('11:00') })).toBe('unexplained');
    expect(causeOf({ ...stored, replayed: created('12:00') })).toBe('late arrival');
  });
});

describe('TTL boundary', () => {
  const stored = { view: { ...STORED, freshnessUs: HOUR }, watermarkUs: at('11:30') };
  test('one side outside its TTL', () => {
    expect(causeOf({ ...stored, status: OUTSIDE_TTL })).toBe('TTL boundary');
    expect(causeOf({ ...stored, replayedOutsideTtl: true })).toBe('TTL boundary');
  });
  test('not with both outside, nor with a row on one side only', () => {
    expect(causeOf({ ...stored, status: OUTSIDE_TTL, replayedOutsideTtl: true })).toBe('unexplained');
    expect(causeOf({ ...stored, replayed: null, status: OUTSIDE_TTL, inHistory: false })).toBe(
      'missing in history',
    );
  });
  test('not where the served row was visible by the rule and is gone: the TTL played no part', () => {
    const gone = { ...stored, served: servedAt('11:00'), replayed: replayedAt('09:00') };
    const { cause, evidence } = explain({ ...VALUE, row: { ...ROW, ...gone, replayedOutsideTtl: true } });
    expect(cause).toBe('unexplained');
    expect(evidence).toMatch('the history no longer holds the served row of 11:00');
    // One that the rule shows later only is newer and not gone.
    const ahead = { ...gone, served: servedAt('12:00'), replayedOutsideTtl: true };
    expect(causeOf(ahead)).toBe('TTL boundary');
  });
  test('an aggregated view withheld since it is long behind', () => {
    const { cause, evidence } = explain({ ...VALUE, row: { ...ROW, status: OUTSIDE_TTL } });
    expect(cause).toBe('TTL boundary');
    expect(evidence).toBe(
      'the value was withheld at 11:42: the view was complete online up to 11:00, longer ago than twice its ' +
        'freshness of 2h; the next run to end, r-2, did so at 12:05',
    );
  });
});

describe('missing online', () => {
  const lost: Partial<RowFacts> = { ...OLDER, source: source('store') };
  test('the run had finished before the fetch, and the store had an older row or none', () => {
    expect(causeOf(lost)).toBe('missing online');
    expect(causeOf({ ...lost, status: MISSING, served: null })).toBe('missing online');
  });
  test('not without a run record, or where the source tells no created time', () => {
    expect(causeOf({ ...lost, run: null })).toBe('unexplained');
    expect(causeOf({ ...lost, replayed: replayedAt('11:00', { createdUs: null }) })).toBe('unexplained');
  });
});

test('missing in history: the entity has no row there at all', () => {
  expect(causeOf({ replayed: null, inHistory: false })).toBe('missing in history');
  expect(causeOf({ replayed: null, inHistory: true })).toBe('unexplained');
});

describe('null or default substituted', () => {
  const nulled = { replayed: null, replayedState: 'null' } as const;
  test('zero or the fallback where the other side is null, both ways', () => {
    expect(causeOf({}, { ...nulled, served: 0, servedState: 'zero' })).toBe('null or default substituted');
    expect(causeOf({}, { ...nulled, served: -1, fallback: -1 })).toBe('null or default substituted');
    const other = { served: null, servedState: 'null', replayed: 0n, replayedState: 'zero' } as const;
    expect(causeOf({}, { ...other, type: { kind: 'int64' } })).toBe('null or default substituted');
  });
  test('not with another value, nor with another event time', () => {
    expect(causeOf({}, { ...nulled, served: 3 })).toBe('unexplained');
    const newer = { served: servedAt('11:30'), watermarkUs: at('11:30') };
    expect(causeOf(newer, { ...nulled, served: 0, servedState: 'zero' })).toBe('unexplained');
  });
  test('not where the history itself had what was served, and was corrected later', () => {
    const corrected: Partial<RowFacts> = {
      replayed: replayedAt('11:00', { createdUs: at('15:00') }),
      available: replayedAt('11:00'),
    };
    const zero = { ...nulled, served: 0, servedState: 'zero' } as const;
    expect(causeOf(corrected, { ...zero, available: 0 })).toBe('late arrival');
    expect(causeOf(corrected, { ...zero, available: null })).toBe('null or default substituted');
  });
});

describe('precision / type', () => {
  test('equal after rounding to float32, or as doubles', () => {
    expect(causeOf({}, { served: Math.fround(0.1), replayed: 0.1 })).toBe('precision / type');
    const wide = { type: { kind: 'int64' }, served: 2n ** 53n, replayed: 2n ** 53n + 1n } as const;
    expect(causeOf({}, wide)).toBe('precision / type');
  });
  test('not between rows of different times, and not for nearly equal values', () => {
    expect(causeOf({ served: servedAt('11:30') }, { served: Math.fround(0.1), replayed: 0.1 })).toBe(
      'unexplained',
    );
    expect(causeOf({}, { served: 0.1001, replayed: 0.1 })).toBe('unexplained');
  });
  test('not for long texts that begin alike', () => {
    const [served, replayed] = ['x', 'y'].map((end) => 'a'.repeat(80) + end) as [string, string];
    expect(causeOf({}, { type: { kind: 'string' }, served, replayed })).toBe('unexplained');
  });
});

describe('late arrival and rewritten history', () => {
  const late: Partial<RowFacts> = { replayed: replayedAt('11:00', { createdUs: at('15:00') }) };
  test('aggregated: by an ordinary run late arrival, by a backfill rewritten history', () => {
    expect(causeOf({ ...late, run: run({ finishedUs: at('15:05') }) })).toBe('late arrival');
    expect(causeOf({ ...late, run: run({ kind: 'stream', finishedUs: at('15:05') }) })).toBe('late arrival');
    expect(causeOf({ ...late, run: run({ kind: 'backfill', finishedUs: at('15:05') }) })).toBe(
      'rewritten history',
    );
    expect(causeOf({ ...late, run: null })).toBe('unexplained');
  });
  test('aggregated: an edge past the watermark is lag, whenever it was created', () => {
    expect(causeOf({ ...late, run: run({ finishedUs: at('15:05') }), watermarkUs: at('10:00') })).toBe(
      'materialization lag',
    );
  });
  test('stored: newer than the served row late arrival, at its event time rewritten history', () => {
    const stored: Partial<RowFacts> = { ...late, view: { ...STORED, freshnessUs: HOUR }, run: null };
    expect(causeOf({ ...stored, served: servedAt('10:00') })).toBe('late arrival');
    expect(causeOf({ ...stored, served: null, status: MISSING })).toBe('late arrival');
    expect(causeOf(stored)).toBe('rewritten history');
  });
});

describe('served ahead', () => {
  const delayed = {
    view: { ...AGGREGATED, delayUs: HOUR, freshnessUs: 3 * HOUR },
    replayed: replayedAt('10:00'),
  };
  test('the served row is newer than training would see', () => {
    expect(causeOf(delayed)).toBe('served ahead');
    expect(causeOf({ ...delayed, replayed: null })).toBe('served ahead');
  });
  test('ends with the delay: a microsecond before it is ahead, from then on training sees the row', () => {
    const edgeUs = ROW.servedUs - HOUR;
    const servedOf = (eventUs: number): Partial<RowFacts> => ({
      ...delayed,
      served: { ...servedAt('11:00'), eventUs },
    });
    expect(causeOf(servedOf(edgeUs + 1))).toBe('served ahead');
    expect(causeOf(servedOf(edgeUs))).toBe('unexplained');
  });
  test('names the clocks where the row was written after it was served, and the delay where it was not', () => {
    const evidence = (row: Partial<RowFacts>): string =>
      explain({ ...VALUE, row: { ...ROW, ...row } }).evidence;
    expect(evidence(delayed)).toMatch('the delay of 1h is longer than serving needs');
    expect(evidence({ ...delayed, served: servedAt('11:00', { writtenUs: at('12:00') }) })).toMatch(
      /bears the written time 12:00: the clocks of the sidecar and of the materializer differ by at least 18m/,
    );
    const undelayed = {
      served: servedAt('11:50', { writtenUs: at('11:40') }),
      replayed: replayedAt('10:00'),
    };
    expect(evidence(undelayed)).toMatch(
      'before its event time: the clock of whoever wrote that time is ahead',
    );
  });
  test('not where the rule would show the served row: then the history lost it', () => {
    const facts = { ...VALUE, row: { ...ROW, replayed: replayedAt('10:00') } };
    expect(explain(facts).cause).toBe('unexplained');
    expect(explain(facts).evidence).toMatch('the history no longer holds the served row of 11:00');
  });
});

function keeps(row: Partial<RowFacts>): boolean {
  return explain({ ...VALUE, row: { ...ROW, ...row } }).withinPromise;
}

describe('the promise', () => {
  const lag: Partial<RowFacts> = { ...OLDER, source: source('store'), watermarkUs: at('09:00') };
  test('is kept while the oldest missed row is younger than the freshness', () => {
    expect(keeps({ ...lag, oldestMissedUs: at('11:00') })).toBe(true);
    expect(keeps({ ...lag, oldestMissedUs: at('09:42:02') + 1 })).toBe(true);
    expect(keeps({ ...lag, oldestMissedUs: at('09:42:02') })).toBe(false);
  });
  test('is not kept by a view that is stuck, although the newest row is young', () => {
    const stuck = { ...lag, served: servedAt('05:00'), oldestMissedUs: at('06:00') };
    expect(keeps(stuck)).toBe(false);
    expect(explain({ ...VALUE, row: { ...ROW, ...stuck } }).evidence).toMatch(
      /; serving lacked the row of 06:00 too, 5h42m old by then$/,
    );
  });
  test('is kept by cache age, late arrival and a stale row, as far as they are young', () => {
    expect(keeps({ ...OLDER, run: run({ finishedUs: at('11:42') }) })).toBe(true);
    expect(keeps({ replayed: replayedAt('11:00', { createdUs: at('15:00') }), run: run({}) })).toBe(true);
    expect(keeps({ ...OLDER, source: source('stale') })).toBe(true);
  });
  test('is not kept by an aggregated view that withheld its values, and may be by a stored one', () => {
    expect(keeps({ ...lag, status: OUTSIDE_TTL })).toBe(false);
    const stored = { ...lag, view: { ...STORED, freshnessUs: 2 * HOUR }, status: OUTSIDE_TTL };
    expect(keeps({ ...stored, run: null })).toBe(true);
  });
  test('is never kept by a lost write, a substitution or an outage', () => {
    expect(keeps({ ...OLDER, source: source('store') })).toBe(false);
    expect(keeps({ ...OLDER, status: UNAVAILABLE, served: null })).toBe(false);
    expect(keeps({})).toBe(false);
  });
});
