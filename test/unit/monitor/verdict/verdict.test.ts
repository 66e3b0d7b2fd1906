import { describe, expect, test } from 'vitest';
import { proposeDelay } from '../../../../monitor/verdict/delay-proposal.ts';
import { spanText, timeText } from '../../../../monitor/causes/evidence-text.ts';
import { RunIndex } from '../../../../monitor/judge/run-index.ts';
import { SequenceSet } from '../../../../monitor/ingest/sequence-set.ts';
import type { FeatureSnapshot } from '../../../../monitor/verdict/snapshot.ts';
import { exitCodeOf, percent, verdictOf } from '../../../../monitor/verdict/verdict.ts';
import type { RunRecord } from '../../../../contract/run-record.ts';
import { at } from '../../../support/day-time.ts';

const HOUR = 3_600_000_000;
const LOG = { read: 1_000, gaps: 0, openTails: 0 };

function feature(change: Partial<FeatureSnapshot> = {}): FeatureSnapshot {
  return {
    name: 'v__f',
    view: 'v',
    unjudged: 0,
    unavailable: 0,
    bothAbsent: 0,
    present: 1_000,
    beyondPromise: 0,
    exactMatch: 1,
    exactMatchWithinPromise: 1,
    causes: {},
    distributions: null,
    ...change,
  } as FeatureSnapshot;
}

const of = (...features: FeatureSnapshot[]) => verdictOf(features, LOG, []);

describe('the verdict', () => {
  test('passes without a reason', () => {
    expect(of(feature())).toEqual({
      verdict: 'pass',
      sentence: 'Pass: no value is beyond the promise.',
      findings: [],
      notes: [],
    });
  });

  test('alerts below 99 % and alarms below 90 %, each limit itself still being good', () => {
    expect(of(feature({ exactMatchWithinPromise: 0.99 })).verdict).toBe('pass');
    expect(of(feature({ exactMatchWithinPromise: 0.9899 })).verdict).toBe('alert');
    expect(of(feature({ exactMatchWithinPromise: 0.9 })).verdict).toBe('alert');
    expect(of(feature({ exactMatchWithinPromise: 0.8999 })).verdict).toBe('alarm');
    const low = of(
      feature({
        exactMatchWithinPromise: 0.8,
        beyondPromise: 60,
        causes: {
          'cache age': { values: 300, beyondPromise: 10 },
          'missing online': { values: 50, beyondPromise: 50 },
        },
      }),
    );
    expect(low.sentence).toBe(
      'v__f: 80.00 % exact match within the promise, below 90.00 %, mostly missing online (50 of 60).',
    );
  });

  test('alarms with more than 1 % unexplained, even above 99 %', () => {
    expect(of(feature({ causes: { unexplained: { values: 10, beyondPromise: 10 } } })).verdict).toBe('pass');
    expect(of(feature({ causes: { unexplained: { values: 11, beyondPromise: 11 } } })).verdict).toBe('alarm');
  });

  test('more than 1 % unjudged is not enough data, unless what was judged alarms', () => {
    expect(of(feature({ present: 990, unjudged: 10 })).verdict).toBe('pass');
    const short = of(feature({ present: 900, unjudged: 100, exactMatchWithinPromise: 0.5 }));
    expect(short.verdict).toBe('alarm');
    expect(short.findings).toHaveLength(2);
    expect(of(feature({ present: 900, unjudged: 100 })).verdict).toBe('not-enough-data');
    expect(of(feature({ present: 0, unjudged: 0, exactMatchWithinPromise: null })).verdict).toBe(
      'not-enough-data',
    );
  });

  test('a silent source alarms past its freshness, however good the rates are', () => {
    const times = { newestUs: 10 * HOUR, endUs: 14 * HOUR, sourceFreshnessUs: 4 * HOUR };
    const source = { view: 's', path: 'data/s.parquet', ...times };
    expect(verdictOf([feature()], LOG, [source]).verdict).toBe('pass');
    const silent = verdictOf([feature()], LOG, [{ ...source, endUs: 14 * HOUR + 1 }]);
    expect(silent).toMatchObject({
      verdict: 'alarm',
      sentence:
        's: its source data/s.parquet has had no new event for 4h, since 1970-01-01 10:00; its sourceFreshness is 4h. ' +
        'What is served of it may no longer hold.',
    });
    expect(verdictOf([feature()], LOG, [{ ...source, newestUs: null }]).sentence).toMatch(
      /^s: its source data\/s.parquet has no event; its sourceFreshness is 4h/,
    );
  });

  test('a view past its alert age alarms, however good the rates are', () => {
    const view = { view: 's', watermarkUs: 10 * HOUR, endUs: 14 * HOUR, freshnessAlertUs: 4 * HOUR };
    expect(verdictOf([feature()], LOG, [], [view]).verdict).toBe('pass');
    expect(verdictOf([feature()], LOG, [], [{ ...view, endUs: 15 * HOUR }])).toMatchObject({
      verdict: 'alarm',
      sentence:
        's: what is online is 5h old: complete up to 1970-01-01 10:00; its alert age is 4h (freshness.alert).',
    });
  });

  test('what the log lacks and what was unavailable is said, and changes nothing', () => {
    const { verdict, notes } = verdictOf(
      [feature({ unavailable: 3 })],
      { read: 9, gaps: 2, openTails: 1 },
      [],
    );
    expect(verdict).toBe('pass');
    expect(notes).toHaveLength(3);
  });

  test('exit codes', () => {
    expect(exitCodeOf(['pass'])).toBe(0);
    expect(exitCodeOf(['pass', 'alert'])).toBe(1);
    expect(exitCodeOf(['alarm', 'not-enough-data'])).toBe(1);
    expect(exitCodeOf(['pass', 'not-enough-data'])).toBe(3);
  });

  test('percentages never round up to a limit', () => {
    expect(percent(0.98999)).toBe('98.99 %');
    expect(percent(0.99999)).toBe('99.99 %');
    expect(percent(1)).toBe('100.00 %');
    expect(percent(0.29)).toBe('29.00 %');
  });
});

function run(id: string, edge: string, finished: string, change: Partial<RunRecord> = {}): RunRecord {
  return {
    runId: id,
    view: 'v',
    kind: 'ordinary',
    state: 'complete',
    watermarkUs: at(edge),
    toUs: at(edge),
    newestCreatedUs: null,
    startedUs: at(edge),
    finishedUs: at(finished),
    ...change,
  } as RunRecord;
}

describe('the proposed delay', () => {
  const view = { kind: 'aggregated', hopUs: HOUR } as const;
  const served = { firstUs: at('09:30'), lastUs: at('15:00') };

  test('is the longest from an edge to the end of the run that first covered it', () => {
    const runs = [
      run('a', '09:00', '09:04'),
      run('b', '10:00', '10:06'),
      run('c', '12:00', '13:07'), // covers 11:00 and 12:00
      run('d', '12:00', '13:30'), // covers nothing new
      run('e', '08:00', '20:00', { kind: 'backfill' }),
      run('f', '13:00', '23:00', { state: 'failed' }),
      run('g', '16:00', '23:00'), // 13:00 to 15:00 count, 16:00 no vector could have shown
    ];
    expect(proposeDelay(view, runs, served)).toEqual({
      delayUs: at('23:00') - at('13:00'),
      why: 'run g had edge 13:00 online at 23:00, 10h after it; the other 4 edges took at most 2h7m',
    });
  });

  test('minds no edge after the last vector, and none that the first one had left behind', () => {
    const runs = [run('a', '08:00', '12:00'), run('b', '09:00', '12:30'), run('c', '16:00', '23:00')];
    const early = { firstUs: at('10:10'), lastUs: at('10:20') };
    expect(proposeDelay(view, runs, early).delayUs).toBe(at('23:00') - at('10:00'));
    const late = { firstUs: at('09:10'), lastUs: at('09:20') };
    expect(proposeDelay(view, runs, late).delayUs).toBe(at('12:30') - at('09:00'));
  });

  test('cannot be told without a run of the day, or for a stored view', () => {
    expect(proposeDelay(view, [], served).delayUs).toBeNull();
    expect(
      proposeDelay({ kind: 'stored', hopUs: 0 }, [run('a', '09:00', '09:04')], served).delayUs,
    ).toBeNull();
  });
});

describe('the run that brought a row online', () => {
  const row = { eventUs: at('09:00'), createdUs: at('09:30'), definitionId: 1, runId: 'b' };
  test('an aggregated row names it', () => {
    const index = new RunIndex([run('a', '09:00', '09:04'), run('b', '10:00', '10:04')]);
    expect(index.bringing({ kind: 'aggregated' }, row)?.runId).toBe('b');
    expect(index.bringing({ kind: 'aggregated' }, { ...row, runId: 'x' })).toBeNull();
  });
  test('a run whose source had no row as new cannot have brought it: its file landed later', () => {
    const seen = { newestCreatedUs: at('08:30') };
    const runs = [
      run('a', '09:00', '09:05', seen),
      run('b', '10:00', '10:05', seen),
      run('c', '11:00', '11:05'),
    ];
    const landed = { eventUs: at('08:00'), createdUs: at('08:40'), definitionId: 1, runId: null };
    expect(new RunIndex(runs).bringing({ kind: 'stored' }, landed)?.runId).toBe('c');
    expect(
      new RunIndex(runs).bringing({ kind: 'stored' }, { ...landed, createdUs: at('08:30') })?.runId,
    ).toBe('a');
  });

  test('a failed run is told of that should have brought the row before it was missed', () => {
    const failed = { state: 'failed' } as const;
    const runs = [
      run('a', '09:00', '09:05', failed),
      run('b', '10:00', '10:05', failed),
      run('c', '12:00', '12:05', failed),
    ];
    const index = new RunIndex(runs);
    const edge = { eventUs: at('09:00'), createdUs: at('09:00'), definitionId: 1, runId: 'd' };
    expect(index.failedOver({ kind: 'aggregated' }, edge, at('11:00'))?.runId).toBe('b');
    expect(
      index.failedOver({ kind: 'aggregated' }, { ...edge, eventUs: at('10:30') }, at('11:00')),
    ).toBeNull();
  });

  test('a stored row came with the first run to end whose cut-off it is within', () => {
    const runs = [run('late', '12:00', '12:04'), run('a', '09:00', '09:04'), run('b', '10:00', '10:04')];
    expect(new RunIndex(runs).bringing({ kind: 'stored' }, row)?.runId).toBe('b');
    expect(new RunIndex(runs).bringing({ kind: 'stored' }, { ...row, createdUs: null })?.runId).toBe('a');
    expect(new RunIndex([]).bringing({ kind: 'stored' }, row)).toBeNull();
  });
  test('the next run to end is the first after a time', () => {
    const index = new RunIndex([
      run('late', '12:00', '12:04'),
      run('a', '09:00', '09:04'),
      run('b', '10:00', '10:04'),
    ]);
    expect(index.nextToEnd(at('08:00'))?.runId).toBe('a');
    expect(index.nextToEnd(at('09:04'))?.runId).toBe('b');
    expect(index.nextToEnd(at('12:03'))?.runId).toBe('late');
    expect(index.nextToEnd(at('12:04'))).toBeNull();
  });
});

test('a sequence set takes each number once, in any order', () => {
  const set = new SequenceSet();
  const seen = new Set<number>();
  let state = 7;
  for (let i = 0; i < 5_000; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const number = (state >>> 8) % 1_500;
    expect(set.add(number, 0)).toBe(!seen.has(number));
    seen.add(number);
  }
});

test('times and spans in evidence are as short as they can be', () => {
  const served = at('11:42');
  expect(timeText(at('09:00'), served)).toBe('09:00');
  expect(timeText(at('09:00:07'), served)).toBe('09:00:07');
  expect(timeText(at('09:00:07.250000'), served)).toBe('09:00:07.250000');
  expect(timeText(at('2026-01-01T23:00:00'), served)).toBe('2026-01-01 23:00');
  expect([7_620_000_000, 72_400_000, 4_210_000, 350_400, 80].map(spanText)).toEqual([
    '2h7m',
    '1m12s',
    '4.2s',
    '350ms',
    '80us',
  ]);
});
