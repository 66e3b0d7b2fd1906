/**
 * Causes by the facts that define them. Each case is the least that proves its cause, and beside it stand neighbours:
 * the same facts but for one, which must not be given that cause.
 */
import { describe, expect, test } from 'vitest';
import { CURRENCY_CAUSES } from '../../../../contract/cause.ts';
import { CURRENCY_RULES } from '../../../../monitor/causes/currency.ts';
import {
  decide,
  decideUnjudged,
  evidenceOf as evidenceFor,
  explain,
} from '../../../../monitor/causes/explain.ts';
import type {
  AskedRow,
  ClockReading,
  ReplayedTimes,
  RowFacts,
  RunFacts,
  ServedTimes,
  ValueFacts,
} from '../../../../monitor/causes/facts.ts';
import { isAfter } from '../../../../monitor/causes/row-order.ts';
import { at } from '../../../support/day-time.ts';
import { MISSING, OUTSIDE_TTL, PRESENT, ROW_SOURCES, UNAVAILABLE } from '../../../../contract/status.ts';

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

function run(change: Partial<RunFacts> = {}): RunFacts {
  return { runId: 'r-1', kind: 'ordinary', state: 'complete', finishedUs: at('11:05'), ...change };
}

/** A change of the facts below; `run` and `failed` are those of the replayed row. */
interface Change extends Partial<RowFacts> {
  readonly run?: RunFacts | null;
  readonly failed?: RunFacts | null;
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
  writer: run(),
  fidelity: { answer: 'true', isDuplicated: true },
  alteration: null,
  replayed: replayedAt('11:00'),
  replayedOutsideTtl: false,
  missed: null,
  missedReplayed: null,
  honest: null,
  ofServedDefinition: null,
  clocks: [],
  nextRun: run({ runId: 'r-2', finishedUs: at('12:05') }),
};

/** The replayed row is the oldest that was missed, unless a change says more. */
function rowOf({ run: own = run(), failed = null, ...change }: Change): RowFacts {
  const row = { ...ROW, ...change };
  const { served, replayed } = row;
  const isMissed = replayed !== null && (served === null || isAfter(replayed, served));
  const missed: AskedRow | null = isMissed ? { times: replayed, run: own, failed } : null;
  const fidelity = served === null || row.status !== PRESENT ? null : row.fidelity;
  return { ...row, fidelity, missed, missedReplayed: missed, ...('missed' in change ? change : {}) };
}

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
  alteration: null,
  earlier: null,
  isAnswerAltered: false,
};

function of(row: Change, value: Partial<ValueFacts> = {}): ValueFacts {
  return { ...VALUE, ...value, row: rowOf(row) };
}

function causeOf(row: Change, value: Partial<ValueFacts> = {}): string {
  return decide(of(row, value)).cause;
}

function evidenceOf(row: Change, value: Partial<ValueFacts> = {}): string {
  const facts = of(row, value);
  const { cause, evidence } = explain(facts);
  expect(evidenceFor(facts, cause)).toBe(evidence);
  return evidence;
}

test('the rules stand in the order of the list, and all but the last have one', () => {
  expect([...CURRENCY_RULES.map(([cause]) => cause), 'not proved']).toEqual(CURRENCY_CAUSES);
});

describe('fidelity', () => {
  const altered: Change = { fidelity: { answer: 'altered', row: { ...servedAt('11:00'), values: [2] } } };
  test('an answer that says what the row does not, before all else', () => {
    const facts = of({ fidelity: { answer: 'unknown' } }, { isAnswerAltered: true });
    expect(decide(facts)).toMatchObject({ cause: 'answer altered', withinPromise: false });
    expect(explain(facts).evidence).toMatch(
      /^the row of edge 11:00 gives 1, but the answer that was logged beside it says another value$/,
    );
  });
  test('a foreign row, named with its entity where that is known', () => {
    const foreign: Change = { fidelity: { answer: 'foreign', entity: 'customer_id=c7' } };
    expect(causeOf(foreign)).toBe('foreign row');
    expect(evidenceOf(foreign)).toBe(
      "the row of edge 11:00 has the values and times of another entity's row in the history: that of customer_id=c7",
    );
    expect(causeOf({ fidelity: { answer: 'unknown' } })).toBe('foreign row');
    const ofEvent = (createdUs: number | null): string =>
      evidenceOf({ fidelity: { answer: 'foreign', entity: 'customer_id=c7', createdUs } });
    expect(ofEvent(null)).toMatch(
      /that of customer_id=c7, which bears no created time now, as after a source/,
    );
    expect(ofEvent(0)).toMatch(
      /of this event in the history: .* which bears the created time 1970-01-01 00:00 now/,
    );
  });
  test('an altered value by what became of it, with both values in the evidence', () => {
    const zero = { alteration: 'null or default substituted', held: null, served: 0 } as const;
    expect(causeOf({ ...altered, alteration: zero.alteration }, zero)).toBe('null or default substituted');
    expect(evidenceOf({ ...altered, alteration: zero.alteration }, zero)).toBe(
      'the row of edge 11:00 has 0 online and null in the history, one of which stands for no value (the row online ' +
        'bears the written time 11:00, when run r-1 was at work)',
    );
    expect(causeOf(altered, { alteration: 'precision / type' })).toBe('precision / type');
    expect(causeOf(altered, { alteration: 'unexplained' })).toBe('unexplained');
  });
  test('a value that was changed in the history, by the commits between which it was as it was served', () => {
    const earlier = { version: 3, atUs: at('11:05'), until: { version: 9, atUs: at('14:20') } };
    const changed = { alteration: 'changed in place', held: 2, earlier } as const;
    expect(decide(of({ ...altered, alteration: changed.alteration }, changed))).toEqual({
      cause: 'changed in place',
      also: [],
      withinPromise: false,
    });
    expect(evidenceOf({ ...altered, alteration: changed.alteration }, changed)).toBe(
      "the row of edge 11:00 has 1 online and 2 in the history; entry 3 of the history's log, of 11:05, had what was " +
        'served, until entry 9 of 14:20 took it out',
    );
    const zero = { alteration: 'null or default substituted', held: null, served: 0, earlier } as const;
    expect(decide(of({ ...altered, alteration: zero.alteration }, zero))).toMatchObject({
      cause: 'null or default substituted',
      also: ['changed in place'],
    });
  });
  test('a wrong row that no run wrote says so', () => {
    const zero = { alteration: 'null or default substituted', held: null, served: 0 } as const;
    expect(evidenceOf({ ...altered, alteration: zero.alteration, writer: null }, zero)).toMatch(
      /bears the written time 11:00, when no run of the view was at work\)$/,
    );
  });
  test('a true value of an altered row is counted under what is wrong with the row, and its timing stands beside it', () => {
    const facts = {
      ...altered,
      alteration: 'unexplained',
      served: servedAt('10:00'),
      watermarkUs: at('10:00'),
    } as const;
    expect(decide(of(facts))).toEqual({
      cause: 'unexplained',
      also: ['materialization lag'],
      withinPromise: false,
    });
  });
  test('an entity without any row', () => {
    expect(causeOf({ replayed: null, fidelity: { answer: 'missingInHistory' } })).toBe('missing in history');
  });
  test.each(['foreign', 'unknown', 'missingInHistory', 'altered'] as const)(
    '%s is never within the promise, and the lag beside it is named',
    (answer) => {
      const fidelity = { answer, entity: 'other', row: { ...servedAt('10:00'), values: [] } };
      const lag = { served: servedAt('10:00'), watermarkUs: at('10:00'), alteration: 'unexplained' } as const;
      const decision = decide(of({ ...lag, fidelity }, { alteration: 'unexplained' }));
      expect(decision.withinPromise).toBe(false);
      expect(decision.also).toContain('materialization lag');
      // With a true row the same lag is within it.
      expect(decide(of(lag))).toMatchObject({ cause: 'materialization lag', withinPromise: true });
    },
  );
  test('a row of nobody known claims no more than was looked for', () => {
    const row = { fidelity: { answer: 'unknown' }, served: servedAt('10:00') } as const;
    expect(evidenceOf(row)).toContain(
      'for neither this entity nor exactly one other: whose they are is not known',
    );
    expect(evidenceOf(row)).toContain('rows that others have of other events');
  });
  test('a row that the history does not keep is neither, and never within the promise', () => {
    const lag = { served: servedAt('10:00'), watermarkUs: at('10:00') };
    const notKept = { ...lag, fidelity: { answer: 'notKept', why: 'tombstone' } } as const;
    expect(decide(of(notKept))).toEqual({ cause: 'materialization lag', also: [], withinPromise: false });
  });
  test('a foreign row is asked for the row that an honest store had, by its own times', () => {
    const honest: AskedRow = {
      times: replayedAt('10:00', { createdUs: at('10:50') }),
      run: run({ finishedUs: at('11:50') }),
      failed: null,
    };
    const late = replayedAt('11:00', { createdUs: at('15:00') });
    const facts = {
      fidelity: { answer: 'unknown' },
      honest,
      replayed: late,
      served: servedAt('10:00'),
    } as const;
    expect(decide(of(facts))).toMatchObject({
      cause: 'foreign row',
      also: ['materialization lag', 'late arrival'],
    });
  });
});

test('an UNAVAILABLE row is a class of its own; a stale one is none', () => {
  expect(causeOf({ status: UNAVAILABLE, served: null })).toBe('unavailable');
  expect(causeOf({ source: source('stale'), fetchedUs: at('11:41') })).toBe('duplicate');
});

describe('definition changed', () => {
  const changed: Change = { served: servedAt('11:00', { definitionId: 2 }) };
  test('by two ids, where the rows of the served one give the served row', () => {
    expect(causeOf({ ...changed, ofServedDefinition: servedAt('11:00') })).toBe('definition changed');
    const older = { served: servedAt('10:00', { definitionId: 2 }), watermarkUs: at('10:00') };
    expect(causeOf({ ...older, ofServedDefinition: servedAt('10:00') })).toBe('definition changed');
  });
  test('not where they give another row, or none: the definition changed too, and explains nothing', () => {
    const older = { served: servedAt('10:00', { definitionId: 2 }), watermarkUs: at('10:00') };
    expect(causeOf({ ...older, ofServedDefinition: servedAt('11:00') })).toBe('materialization lag');
    expect(causeOf({ ...older, ofServedDefinition: null })).toBe('materialization lag');
  });
});

test('what is wrong with the row stands beside an altered answer', () => {
  const foreign: Change = { fidelity: { answer: 'foreign', entity: 'customer_id=b' } };
  const decided = decide(of(foreign, { isAnswerAltered: true }));
  expect(decided).toEqual({ cause: 'answer altered', also: ['foreign row'], withinPromise: false });
  const row = { eventUs: at('11:00'), createdUs: at('11:00'), values: [1] };
  const altered: Change = { fidelity: { answer: 'altered', row }, alteration: 'precision / type' };
  const zero = { isAnswerAltered: true, alteration: 'null or default substituted' } as const;
  expect(decide(of(altered, zero)).also).toEqual(['null or default substituted']);
});

test('a stored row that is as its source has it is the same under any definition', () => {
  const stored: Change = {
    view: { ...STORED, freshnessUs: HOUR },
    served: servedAt('11:00', { definitionId: 2 }),
    ofServedDefinition: servedAt('11:00'),
  };
  expect(causeOf(stored)).toBe('duplicate');
  expect(causeOf({ ...stored, status: OUTSIDE_TTL })).toBe('TTL boundary');
});

describe('clock skew', () => {
  const behind: Change = { served: servedAt('10:00') };
  const before = (row: ClockReading['row']): ClockReading[] => [
    { correctionUs: -HOUR, stands: 'before', row },
  ];
  test('the rule gives the served row at the time of the clock as it stood before', () => {
    const clocks = before(servedAt('10:00'));
    expect(causeOf({ ...behind, clocks })).toBe('clock skew');
    expect(evidenceOf({ ...behind, clocks })).toBe(
      "the pod's clock was stepped by 1h: served at 11:42 by it, which is 10:42 by the clock as it stood before that, " +
        'when training sees what was served',
    );
    expect(causeOf({ served: null, status: MISSING, clocks: before(null) })).toBe('clock skew');
  });
  test('or as it stood later, once it was put right', () => {
    const ahead: Change = { served: servedAt('12:00'), watermarkUs: at('12:00') };
    expect(causeOf(ahead)).toBe('served ahead');
    const later: ClockReading = { correctionUs: HOUR, stands: 'after', row: servedAt('12:00') };
    expect(evidenceOf({ ...ahead, clocks: [later] })).toMatch(
      'which is 12:42 by the clock as it stood after that',
    );
  });
  test('not where it gives another row', () => {
    expect(causeOf({ ...behind, clocks: before(servedAt('09:00')) })).toBe('missing online');
    expect(causeOf({ ...behind, clocks: before(null) })).toBe('missing online');
  });
  test('nor where the clock as it was gives the same row', () => {
    const clocks = before(servedAt('11:00'));
    expect(causeOf({ clocks })).toBe('duplicate');
    expect(causeOf({ status: OUTSIDE_TTL, clocks })).toBe('TTL boundary');
    const taken = replayedAt('11:00', { deleted: true });
    expect(causeOf({ served: null, replayed: taken, status: MISSING, clocks: before(null) })).not.toBe(
      'clock skew',
    );
  });
});

/** An older row served at 11:42:02, the newer one of 11:00 in the history. */
const OLDER: Change = {
  servedUs: at('11:42:02'),
  fetchedUs: at('11:41:58'),
  source: source('cache'),
  served: servedAt('10:00'),
};

function finished(time: string, change: Partial<RunFacts> = {}): RunFacts {
  return run({ finishedUs: at(time), ...change });
}

describe('cache age', () => {
  test('by a run that ended between fetching and serving, both ends told apart', () => {
    expect(causeOf({ ...OLDER, run: finished('11:42') })).toBe('cache age');
    expect(causeOf({ ...OLDER, run: finished('11:42:02') })).toBe('cache age');
    expect(causeOf({ ...OLDER, run: finished('11:41:58') })).toBe('missing online');
    expect(causeOf({ ...OLDER, run: finished('11:42:03') })).toBe('materialization lag');
  });
  test('of a stale row too, which says that the store had failed', () => {
    const stale = { ...OLDER, source: source('stale'), run: finished('11:42') };
    expect(causeOf(stale)).toBe('cache age');
    expect(evidenceOf(stale)).toMatch(
      /^the store failed, and so the row fetched at 11:41:58 was served from the cache/,
    );
  });
  test('before lag, also when the cached watermark is behind', () => {
    expect(causeOf({ ...OLDER, run: finished('11:42'), watermarkUs: at('10:00') })).toBe('cache age');
  });
  test('not by a row read from the store, by a run that failed, or without a newer row', () => {
    expect(causeOf({ ...OLDER, source: source('store'), run: finished('11:42') })).toBe(
      'materialization lag',
    );
    expect(causeOf({ ...OLDER, run: finished('11:42', { state: 'failed' }) })).toBe('materialization lag');
    expect(causeOf({ ...OLDER, served: servedAt('11:00'), run: finished('11:42') })).toBe('duplicate');
  });
  test('an absent row is cached too', () => {
    expect(causeOf({ ...OLDER, status: MISSING, served: null, run: finished('11:42') })).toBe('cache age');
  });
});

describe('materialization lag', () => {
  const behind: Change = { ...OLDER, source: source('store'), watermarkUs: at('09:00') };
  test('aggregated: the edge lies past the watermark', () => {
    const facts = { ...behind, run: run({ runId: 'r-12', finishedUs: at('13:07') }) };
    expect(causeOf(facts)).toBe('materialization lag');
    expect(evidenceOf(facts)).toBe(
      'the row of edge 11:00 was due at 11:00 but the view was complete online only up to 09:00 when it was served at ' +
        '11:42:02; run r-12 finished at 13:07',
    );
  });
  test('a run that failed over the row is named', () => {
    const failed = run({ runId: 'r-11', state: 'failed', finishedUs: at('11:09') });
    expect(evidenceOf({ ...behind, run: finished('13:07'), failed })).toMatch(
      /; run r-11 failed at 11:09, run r-1 finished at 13:07$/,
    );
    expect(evidenceOf({ ...behind, run: null, failed })).toMatch(
      /; run r-11 failed at 11:09, and none has ended since$/,
    );
    expect(evidenceOf({ ...behind, run: failed, failed })).toMatch(/; run r-11 failed at 11:09$/);
  });
  test('a run that had ended before the read while the watermark was behind: a doubt, not a proof', () => {
    expect(evidenceOf({ ...behind, run: finished('11:05') })).toMatch(
      /run r-1 finished at 11:05, before it was read at 11:41:58: either the watermark was read earlier or a clock is off$/,
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
    const corrected = replayedAt('10:00', { createdUs: at('11:40') });
    const facts = { ...behind, watermarkUs: at('11:00'), replayed: corrected };
    expect(causeOf({ ...facts, run: finished('11:45') })).toBe('materialization lag');
    expect(causeOf({ ...facts, run: run({ finishedUs: null, state: 'running' }) })).toBe(
      'materialization lag',
    );
    expect(causeOf({ ...facts, run: finished('11:41') })).toBe('missing online');
  });
  test('stored: created before serving but after the watermark', () => {
    const created = (time: string): ReplayedTimes => replayedAt('10:30', { createdUs: at(time) });
    const stored: Change = {
      ...behind,
      view: { ...STORED, freshnessUs: HOUR },
      watermarkUs: at('11:00'),
      run: null,
    };
    expect(causeOf({ ...stored, replayed: created('11:01') })).toBe('materialization lag');
    expect(causeOf({ ...stored, replayed: created('11:00') })).toBe('not proved');
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
    expect(causeOf({ ...stored, status: OUTSIDE_TTL, replayedOutsideTtl: true })).toBe('not proved');
    expect(causeOf({ ...stored, replayed: null, fidelity: { answer: 'missingInHistory' } })).toBe(
      'missing in history',
    );
  });
  test('not where the served row was visible by the rule and is gone: the TTL played no part', () => {
    const gone = { ...stored, served: servedAt('11:00'), replayed: replayedAt('09:00') };
    const notKept = { answer: 'notKept', why: 'older' } as const;
    expect(causeOf({ ...gone, replayedOutsideTtl: true, fidelity: notKept })).toBe('not proved');
    // One that the rule shows later only is newer and not gone.
    expect(causeOf({ ...gone, replayedOutsideTtl: true, served: servedAt('12:00') })).toBe('TTL boundary');
  });
  test('an aggregated view withheld since it is long behind', () => {
    const facts = { status: OUTSIDE_TTL };
    expect(causeOf(facts)).toBe('TTL boundary');
    expect(evidenceOf(facts)).toBe(
      'the value was withheld at 11:42: the view was complete online up to 11:00, longer ago than twice its ' +
        'freshness of 2h; the next run to end, r-2, did so at 12:05',
    );
  });
});

describe('missing online', () => {
  const lost: Change = { ...OLDER, source: source('store') };
  test('the run had finished before the fetch, and the store had an older row or none', () => {
    expect(causeOf(lost)).toBe('missing online');
    expect(evidenceOf(lost)).toMatch(
      /, yet the store had only the row of edge 10:00 when read at 11:41:58: a write was lost$/,
    );
    expect(causeOf({ ...lost, status: MISSING, served: null })).toBe('missing online');
  });
  test('of a stored view the evidence leaves open that the file landed late', () => {
    const stored = { ...lost, view: { ...STORED, freshnessUs: HOUR } };
    expect(evidenceOf(stored)).toMatch(
      /: a write was lost, or the file landed after the run had read the source$/,
    );
  });
  test('not without a run record, or where the source tells no created time', () => {
    expect(causeOf({ ...lost, run: null })).toBe('not proved');
    expect(evidenceOf({ ...lost, run: null })).toMatch(/no run record tells when it was written \(run r-1\)/);
    expect(causeOf({ ...lost, replayed: replayedAt('11:00', { createdUs: null }) })).toBe('not proved');
  });
});

describe('late arrival and rewritten history', () => {
  const late: Change = { replayed: replayedAt('11:00', { createdUs: at('15:00') }) };
  test('aggregated: by an ordinary run late arrival, by a backfill rewritten history', () => {
    expect(causeOf({ ...late, run: finished('15:05') })).toBe('late arrival');
    expect(causeOf({ ...late, run: finished('15:05', { kind: 'stream' }) })).toBe('late arrival');
    expect(causeOf({ ...late, run: finished('15:05', { kind: 'backfill' }) })).toBe('rewritten history');
    expect(causeOf({ ...late, run: null })).toBe('not proved');
    expect(evidenceOf({ ...late, run: null })).toMatch(
      /run r-1 has no record, so nothing tells whether it was a backfill/,
    );
  });
  test('aggregated: an edge past the watermark is lag, whenever it was created', () => {
    const past = { ...late, watermarkUs: at('10:00'), run: finished('15:05') };
    expect(causeOf(past)).toBe('materialization lag');
  });
  test('stored: newer than the served row late arrival, at its event time rewritten history', () => {
    const stored: Change = { ...late, view: { ...STORED, freshnessUs: HOUR }, run: null };
    expect(causeOf({ ...stored, served: servedAt('10:00') })).toBe('late arrival');
    expect(causeOf({ ...stored, served: null, status: MISSING })).toBe('late arrival');
    expect(causeOf(stored)).toBe('rewritten history');
    expect(evidenceOf({ ...stored, served: servedAt('10:00') })).not.toMatch(/although/);
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
    const servedOf = (eventUs: number): Change => ({ ...delayed, served: { ...servedAt('11:00'), eventUs } });
    expect(causeOf(servedOf(edgeUs + 1))).toBe('served ahead');
    expect(causeOf(servedOf(edgeUs))).toBe('not proved');
  });
  test('names the clocks where the row was written after it was served, and the delay where it was not', () => {
    expect(evidenceOf(delayed)).toMatch('the delay of 1h is longer than serving needed here');
    expect(evidenceOf({ ...delayed, served: servedAt('11:00', { writtenUs: at('12:00') }) })).toMatch(
      /bears the written time 12:00: the clocks of the sidecar and of the materializer differ by at least 18m/,
    );
    const early = { served: servedAt('11:50', { writtenUs: at('11:40') }), replayed: replayedAt('10:00') };
    expect(evidenceOf(early)).toMatch('before its event time: the clock of whoever wrote that time is ahead');
  });
});

test('duplicate: a true row of the replayed times, and yet another value', () => {
  expect(causeOf({})).toBe('duplicate');
  expect(causeOf({ fidelity: { answer: 'notKept', why: 'older' } })).toBe('not proved');
});

test('the replayed row’s own cause stands beside that of the oldest missed one', () => {
  const missed: AskedRow = { times: replayedAt('10:30'), run: finished('13:05'), failed: null };
  const replayed = replayedAt('10:30', { createdUs: at('15:00') });
  const late: AskedRow = { times: replayed, run: finished('15:05', { runId: 'r-15' }), failed: null };
  const facts = { ...OLDER, source: source('store'), replayed, missed, missedReplayed: late };
  expect(decide(of(facts))).toMatchObject({ cause: 'materialization lag', also: ['late arrival'] });
});

function keeps(row: Change): boolean {
  return decide(of(row)).withinPromise;
}

describe('the promise', () => {
  const lag: Change = { ...OLDER, source: source('store'), watermarkUs: at('09:00') };
  const missed = (us: number, createdUs = us): Change => ({
    missed: { times: { ...replayedAt('11:00'), eventUs: us, createdUs }, run: run(), failed: null },
  });
  test('is kept while the oldest missed row is younger than the freshness', () => {
    expect(keeps(lag)).toBe(true);
    expect(keeps({ ...lag, ...missed(at('09:42:02') + 1) })).toBe(true);
    expect(keeps({ ...lag, ...missed(at('09:42:02')) })).toBe(false);
  });
  test('is not kept by a younger row’s cause where nothing proves why the oldest one was missed', () => {
    const late = replayedAt('10:30', { createdUs: at('15:00') });
    const oldest: AskedRow = { times: late, run: null, failed: null };
    const facts = { ...lag, watermarkUs: at('10:30'), missed: oldest };
    const replayed: AskedRow = { times: replayedAt('11:00'), run: run(), failed: null };
    expect(decide(of({ ...facts, missedReplayed: replayed }))).toMatchObject({
      cause: 'materialization lag',
      withinPromise: false,
    });
    const proved = { ...oldest, run: finished('15:05') };
    expect(keeps({ ...facts, missed: proved, missedReplayed: replayed })).toBe(true);
  });
  test('is not kept by a view that is stuck, although the newest row is young', () => {
    const stuck = { ...lag, served: servedAt('05:00'), watermarkUs: at('05:00'), ...missed(at('06:00')) };
    expect(keeps(stuck)).toBe(false);
    expect(evidenceOf(stuck)).toMatch(
      /; it was 5h42m old by then, over the freshness of 2h; it is older than the replayed row of 11:00$/,
    );
  });
  test('counts a stored row from when it could be had, and one created after serving from its event', () => {
    const stored = { ...lag, view: { ...STORED, freshnessUs: HOUR }, watermarkUs: at('09:00') };
    expect(keeps({ ...stored, ...missed(at('05:00'), at('11:00')) })).toBe(true);
    expect(keeps({ ...stored, ...missed(at('11:00'), at('11:00')) })).toBe(true);
    expect(keeps({ ...stored, ...missed(at('05:00'), at('10:00')) })).toBe(false);
    const late = { ...stored, watermarkUs: at('11:30') };
    expect(keeps({ ...late, ...missed(at('11:20'), at('15:00')) })).toBe(true);
    expect(keeps({ ...late, ...missed(at('05:20'), at('15:00')) })).toBe(false);
  });
  test('is kept by cache age, late arrival and a stale row, as far as they are young', () => {
    expect(keeps({ ...OLDER, run: finished('11:42') })).toBe(true);
    expect(keeps({ ...OLDER, source: source('stale'), run: finished('11:42') })).toBe(true);
    expect(keeps({ replayed: replayedAt('11:00', { createdUs: at('15:00') }) })).toBe(true);
  });
  test('is not kept by an aggregated view that withheld its values, and is by the TTL of a stored one', () => {
    expect(keeps({ ...lag, status: OUTSIDE_TTL })).toBe(false);
    const stored = { ...lag, view: { ...STORED, freshnessUs: 2 * HOUR }, status: OUTSIDE_TTL };
    expect(keeps({ ...stored, run: null })).toBe(true);
    const boundary = { ...stored, watermarkUs: at('11:30'), run: null };
    expect(causeOf(boundary)).toBe('TTL boundary');
    expect(keeps(boundary)).toBe(true);
  });
  test('is never kept by a lost write, an outage, or a row that was not read', () => {
    expect(keeps({ ...OLDER, source: source('store') })).toBe(false);
    expect(keeps({ ...OLDER, status: UNAVAILABLE, served: null })).toBe(false);
    expect(keeps({})).toBe(false);
    expect(keeps({ ...lag, fidelity: null })).toBe(false);
  });
});

describe('a value whose currency cannot be judged yet', () => {
  const altered: Change = { fidelity: { answer: 'altered', row: { ...servedAt('11:00'), values: [2] } } };
  const earlier = { version: 3, atUs: at('11:05'), until: { version: 9, atUs: at('14:20') } };
  test('has no cause where the row and the answer are right', () => {
    expect(decideUnjudged(of({}))).toBeNull();
    expect(decideUnjudged(of(altered))).toBeNull();
  });
  test('has what is wrong with its row beside an answer that was altered', () => {
    const answer = { isAnswerAltered: true };
    const named = (row: Change, value: Partial<ValueFacts> = {}) => {
      const { cause, also } = decideUnjudged(of(row, { ...answer, ...value }))!;
      return [cause, ...also];
    };
    expect(named({})).toEqual(['answer altered']);
    expect(named({ fidelity: { answer: 'unknown' } })).toEqual(['answer altered', 'foreign row']);
    expect(named(altered, { alteration: 'precision / type', earlier })).toEqual([
      'answer altered',
      'precision / type',
      'changed in place',
    ]);
    expect(named({ ...altered, alteration: 'unexplained' })).toEqual(['answer altered', 'unexplained']);
    expect(named(altered, { alteration: 'changed in place', earlier })).toEqual([
      'answer altered',
      'changed in place',
    ]);
  });
});
