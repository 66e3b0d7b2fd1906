import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { proposeDelay } from '../../../../monitor/verdict/delay-proposal.ts';
import { spanText, timeText } from '../../../../monitor/causes/evidence-text.ts';
import { RunIndex } from '../../../../monitor/judge/run-index.ts';
import { SequenceSet } from '../../../../project/archive/sequence-set.ts';
import { percentText } from '../../../../contract/std/percent-text.ts';
import { conclude, exitCodeOf } from '../../../../monitor/verdict/verdict.ts';
import type { CountedDay } from '../../../../monitor/verdict/verdict.ts';
import type { RunRecord } from '../../../../contract/run-record.ts';
import { at } from '../../../support/day-time.ts';
import { featureSample } from '../../../support/fixtures/sample-snapshot.ts';
import { dayOfCounts, viewSample } from '../../../support/fixtures/counted-day.ts';

const HOUR = 3_600_000_000;

const of = (...features: CountedDay['features']) => conclude(dayOfCounts({ features }));

describe('the verdict', () => {
  test('passes without a finding, and says how many values are beyond the promise', () => {
    expect(of(featureSample({ name: 'v__f', rows: 1_000 }))).toMatchObject({
      verdict: 'pass',
      sentence: 'Pass: all 1,000 values present match.',
      findings: [],
      notes: [],
    });
    const kept = featureSample({
      name: 'v__f',
      rows: 1_000,
      causes: { 'cache age': 5 },
      promised: { 'cache age': 5 },
    });
    expect(of(kept).sentence).toBe('Pass: 5 of 1,000 values present differ, all within the promise.');
    const broken = featureSample({ name: 'v__f', rows: 50_000, causes: { 'missing online': 137 } });
    expect(of(broken).sentence).toBe(
      'Pass: 137 of 50,000 values present are beyond the promise; no feature is surely below 99.00 %.',
    );
  });

  test('is that of the worst feature, whose level it tells', () => {
    const low = of(
      featureSample({ name: 'v__good', rows: 1_000 }),
      featureSample({ name: 'v__bad', rows: 10_000, causes: { 'missing online': 300 } }),
      featureSample({ name: 'v__worse', rows: 10_000, causes: { 'missing online': 2_000 } }),
    );
    expect(low.verdict).toBe('alarm');
    expect(low.features.map(({ level }) => level)).toEqual(['ok', 'alert', 'alarm']);
    expect(low.findings.map(({ feature, text }) => [feature, text])).toEqual([
      [
        'v__worse',
        'v__worse: 80.00 % of 10,000 values present match within the promise, below 90.00 % (of 3,334 rows between 78.60 % and 81.32 %).',
      ],
      [
        'v__bad',
        'v__bad: 97.00 % of 10,000 values present match within the promise, below 99.00 % (of 3,334 rows between 96.36 % and 97.52 %).',
      ],
    ]);
  });

  test('is an alarm with surely more than 1 % unexplained', () => {
    const unexplained = (values: number) =>
      of(featureSample({ name: 'v__f', rows: 30_000, causes: { unexplained: values } }));
    expect(unexplained(300).verdict).toBe('pass');
    expect(unexplained(420)).toMatchObject({
      verdict: 'alarm',
      sentence: 'Alarm: v__f: nothing explains what differs in 1.40 % of 10,000 rows.',
    });
  });

  test('of rows that are none of their entity’s it does not say that nothing explains them', () => {
    const textOf = (causes: Parameters<typeof featureSample>[0]['causes']): string =>
      of(featureSample({ name: 'v__f', rows: 30_000, causes })).findings[0]!.text;
    expect(textOf({ 'foreign row': 420 })).toBe('v__f: 1.40 % of 10,000 rows are not their entity’s.');
    expect(textOf({ 'foreign row': 400, unexplained: 20 })).toBe(
      'v__f: 1.40 % of 10,000 rows are unexplained or not their entity’s.',
    );
  });

  test('more than 1 % unjudged is not enough data, unless what was judged alarms', () => {
    const unjudged = (values: number, causes = {}) =>
      of(featureSample({ name: 'v__f', rows: 1_000 - values, unjudged: values, causes }));
    expect(unjudged(10).verdict).toBe('pass');
    expect(unjudged(10).notes[0]).toMatch(/^1.00 % of the values \(10\) cannot be judged/);
    expect(unjudged(100)).toMatchObject({
      verdict: 'not-enough-data',
      notes: [],
      sentence: expect.stringMatching(
        /^Not enough data: 10.00 % of the values \(100\) cannot be judged/,
      ) as unknown,
    });
    const short = unjudged(100, { 'missing online': 450 });
    expect(short.verdict).toBe('alarm');
    expect(short.findings).toHaveLength(2);
    expect(unjudged(1_000).sentence).toBe('Not enough data: None of the 1,000 vectors could be judged.');
  });

  test('where nothing was judged, it says all that kept it from that', () => {
    const findings = (unjudged: number, lostFiles: CountedDay['lostFiles'] = []) => {
      const features = [featureSample({ name: 'v__f', rows: 0, unjudged })];
      return conclude(dayOfCounts({ features, lostFiles })).findings.map(({ text }) => text);
    };
    const none = 'None of the 1,000 vectors could be judged.';
    const unjudged = expect.stringMatching(/^100 % of the values \(1000\) cannot be judged/) as unknown;
    const lost = expect.stringMatching(/^The archive lacks 1 file/) as unknown;
    expect(findings(0)).toEqual([none]);
    expect(findings(1_000)).toEqual([none, unjudged]);
    expect(findings(1_000, [{ hour: 7, files: 1, vectors: null }])).toEqual([none, lost, unjudged]);
  });

  test('lost files are told with their hours and their vectors, those that are there with their names', () => {
    const told = (lostFiles: CountedDay['lostFiles']): string =>
      conclude(dayOfCounts({ lostFiles })).findings.find(({ text }) => text.startsWith('The archive'))!.text;
    const again = 'ingest the log anew where it still has those vectors.';
    expect(told([{ hour: 6, files: 1, vectors: 48 }])).toBe(
      'The archive lacks 1 file with 48 vectors of all services, of the hour from 06:00 to 07:00: what was served then ' +
        `is not judged. Put it back from a copy, or ${again}`,
    );
    const damaged = (hour: number, ...names: string[]): CountedDay['lostFiles'][number] => {
      return { hour, files: names.length, vectors: null, damaged: names };
    };
    expect(told([damaged(9, 'a'), { hour: 23, files: 2, vectors: 3 }])).toBe(
      'The archive lacks 3 files, of the hours from 09:00 to 10:00, 23:00 to 24:00: what was served then is not judged. ' +
        `a is there, but cannot be read. Put them back from a copy, or ${again}`,
    );
    expect(told([damaged(9, 'a', 'b'), damaged(10, 'c')])).toContain(
      'a, b, c are there, but cannot be read.',
    );
    expect(told([damaged(9, 'a', 'b', 'c'), damaged(10, 'd')])).toContain(
      'a, b, c and 1 more file are there,',
    );
  });

  test('nobody was served: it says so and no more, whatever the views are like', () => {
    const vectors = { ...dayOfCounts({}).vectors, read: 0, judged: 0 };
    const source = { view: 'v', path: 'v.parquet', newestUs: null, endUs: 0, sourceFreshnessUs: 0 };
    const age = { view: 'v', watermarkUs: 0, endUs: 9e15, freshnessAlertUs: 1 };
    const features = [featureSample({ name: 'v__f', rows: 0 })];
    const quiet = { vectors, features, sources: [source], ages: [age] };
    const day = conclude(dayOfCounts(quiet));
    expect(day.verdict).toBe('not-enough-data');
    expect(day.findings.map(({ text }) => text)).toEqual([
      'No vector of churn is in the log of 2026-11-20: nobody asked for one, or none was logged that can be judged.',
    ]);
    const lost = [{ hour: 7, files: 1, vectors: null }];
    const damaged = conclude(dayOfCounts({ ...quiet, hasRecords: false, lostFiles: lost }));
    expect(damaged.sentence).toMatch(/^Not enough data: The archive lacks 1 file/);
    // What was lost was logged.
    expect(damaged.findings[1]!.text).toMatch(/: they may have been in files that are lost\.$/);
    const silent = conclude(dayOfCounts({ ...quiet, hasRecords: false }));
    expect(silent.findings[0]!.text).toMatch(/^The log has no record of 2026-11-20/);
  });

  test('under 30 vectors in 7 days is too few, neither good nor bad', () => {
    const few = featureSample({ name: 'v__f', rows: 20, causes: { 'missing online': 20 } });
    const before = featureSample({ name: 'v__f', rows: 10 });
    const earlier = (date: string): CountedDay['earlier'] => [
      { date, verdict: 'pass', provisional: false, incidents: [], features: [before] },
    ];
    expect(of(few)).toMatchObject({
      verdict: 'not-enough-data',
      sentence:
        'Not enough data: Too few vectors of v__f could be judged in 7 days: under 30; ' +
        '20 of 20 values present are beyond the promise.',
    });
    expect(conclude(dayOfCounts({ features: [few], earlier: earlier('2026-11-13') })).verdict).toBe(
      'not-enough-data',
    );
    const pooled = conclude(dayOfCounts({ features: [few], earlier: earlier('2026-11-14') }));
    expect(pooled.verdict).toBe('alarm');
    expect(pooled.sentence).toContain('33.33 % of 30 values present of the last 2 days match');
    expect(pooled.features[0]!.level).toBe('alarm');
  });

  test('few present values among many vectors need no level; wrong ones of several rows alert', () => {
    const rare = (present: number) => ({
      ...featureSample({ name: 'v__rare', rows: present, causes: { 'missing online': present } }),
      rows: 1_000,
      bothAbsent: 1_000 - present,
    });
    const day = (present: number) => of(rare(present), featureSample({ name: 'v__f', rows: 1_000 }));
    expect(day(3)).toMatchObject({
      verdict: 'pass',
      sentence: 'Pass: 3 of 1,003 values present are beyond the promise; no feature is surely below 99.00 %.',
      features: [{ level: 'too-few' }, { level: 'ok' }],
    });
    expect(day(29)).toMatchObject({ verdict: 'alert', features: [{ level: 'alert' }, { level: 'ok' }] });
    expect(day(30).verdict).toBe('alarm');
  });

  test('a feature that its definition drops from the log needs no vector', () => {
    const dropped = {
      ...featureSample({ name: 'v__f', rows: 0 }),
      rows: 500,
      dropped: 500,
      withheld: { 'dropped (log: drop)': 500 },
    };
    expect(of(dropped, featureSample({ name: 'v__g', rows: 500 })).verdict).toBe('pass');
    const lost = { ...dropped, withheld: { 'marked hmac, and log.hmacKey is not set': 500 } };
    expect(of(lost, featureSample({ name: 'v__g', rows: 500 }))).toMatchObject({
      verdict: 'not-enough-data',
      notes: ['500 values of v__f cannot be compared: marked hmac, and log.hmacKey is not set.'],
    });
  });

  test('a view that was UNAVAILABLE all day is an alert, however good the rest is', () => {
    const away = { vectors: 1_000, unavailable: 1_000, minutes: 500, availableMinutes: 0 };
    const feature = { ...featureSample({ name: 'v__f', rows: 0 }), rows: 1_000, unavailable: 1_000 };
    const good = featureSample({ name: 'w__g', rows: 1_000 });
    const day = conclude(
      dayOfCounts({ features: [feature, good], views: [viewSample('v', { availability: away })] }),
    );
    expect(day.verdict).toBe('alert');
    expect(day.sentence).toBe(
      'Alert: v was UNAVAILABLE for 1,000 of 1,000 vectors: 0.00 % available over 500 minutes, below 99.90 %.',
    );
    expect(day.findings[0]).toMatchObject({ view: 'v', cause: 'unavailable', feature: null });
    expect(day.notes[0]).toBe(
      '50.00 % of the values (1000) were served as UNAVAILABLE; they are in no rate.',
    );
  });

  test('foreign rows of three entities and an altered answer are alarms', () => {
    const features = [featureSample({ name: 'v__f', rows: 1_000 })];
    const verdictWith = (change: Parameters<typeof viewSample>[1]) =>
      conclude(dayOfCounts({ features, views: [viewSample('v', change)] }));
    expect(verdictWith({ foreignEntities: 2 }).verdict).toBe('pass');
    expect(verdictWith({ foreignEntities: 3 })).toMatchObject({
      verdict: 'alarm',
      sentence: 'Alarm: v: 3 entities were answered with the row of another.',
    });
    expect(verdictWith({ alteredAnswers: 1 }).verdict).toBe('alarm');
  });

  test('a silent source alarms past its freshness, however good the rates are', () => {
    const features = [featureSample({ name: 's__f', rows: 1_000 })];
    const times = { newestUs: 10 * HOUR, endUs: 14 * HOUR, sourceFreshnessUs: 4 * HOUR };
    const source = { view: 's', path: 'data/s.parquet', ...times };
    const verdictWith = (change: Partial<typeof source> | { newestUs: null }) =>
      conclude(dayOfCounts({ features, sources: [{ ...source, ...change }] }));
    expect(verdictWith({}).verdict).toBe('pass');
    expect(verdictWith({ endUs: 14 * HOUR + 1 })).toMatchObject({
      verdict: 'alarm',
      sentence:
        'Alarm: s: its source data/s.parquet has had no new event for 4h, since 1970-01-01 10:00; its sourceFreshness is 4h. ' +
        'What is served of it may no longer hold.',
      findings: [{ cause: 'source stopped' }],
    });
    expect(verdictWith({ newestUs: null }).sentence).toMatch(
      /^Alarm: s: its source data\/s.parquet has no event; its sourceFreshness is 4h/,
    );
  });

  test('a view past its alert age alarms, however good the rates are', () => {
    const features = [featureSample({ name: 's__f', rows: 1_000 })];
    const age = { view: 's', watermarkUs: 10 * HOUR, endUs: 14 * HOUR, freshnessAlertUs: 4 * HOUR };
    expect(conclude(dayOfCounts({ features, ages: [age] })).verdict).toBe('pass');
    expect(conclude(dayOfCounts({ features, ages: [{ ...age, endUs: 15 * HOUR }] })).findings).toEqual([
      {
        verdict: 'alarm',
        text: 's: what is online is 5h old: complete up to 1970-01-01 10:00; its alert age is 4h (freshness.alert).',
        view: 's',
        feature: null,
        cause: 'past its alert age',
        causes: [],
      },
    ]);
  });

  test('what the log lacks is told, and changes nothing', () => {
    const feature = featureSample({ name: 'v__f', rows: 1_000 });
    const vectors = { ...dayOfCounts({}).vectors, gaps: 2, openTails: 1 };
    const leftOut = [{ what: 'of the unknown service x', vectors: 1 }];
    expect(
      conclude(dayOfCounts({ features: [{ ...feature, undecoded: 1 }], vectors, leftOut })),
    ).toMatchObject({
      verdict: 'pass',
      notes: [
        '1 value is in rows that cannot be decoded; they are in no rate.',
        '1 vector of the unknown service x is not judged.',
        '2 records are missing in the vector log; what they served was not judged.',
        '1 start of a sidecar ended without a last record, or still run: what came after their last one is not known.',
      ],
    });
  });

  test('exit codes', () => {
    expect(exitCodeOf(['pass'])).toBe(0);
    expect(exitCodeOf(['pass', 'alert'])).toBe(1);
    expect(exitCodeOf(['alarm', 'not-enough-data'])).toBe(1);
    expect(exitCodeOf(['pass', 'not-enough-data'])).toBe(3);
  });

  test('percentages never round up to a limit', () => {
    expect(percentText(0.98999)).toBe('98.99 %');
    expect(percentText(0.99999)).toBe('99.99 %');
    expect(percentText(1)).toBe('100 %');
    expect(percentText(0.29)).toBe('29.00 %');
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

  test('counts from an edge to the end of the run that first covered it', () => {
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
      delayUs: at('13:07') - at('11:00'),
      why: 'of 7 edges 4 were online within 2h7m; run g took 10h over edge 13:00',
    });
    expect(proposeDelay(view, runs.slice(0, 1), { firstUs: at('09:30'), lastUs: at('09:40') }).why).toBe(
      'its one edge was online within 4m, which run a took over edge 09:00',
    );
  });

  /** Hourly runs of a day, of 4 to 9 minutes; that of 10:00 comes later, with the edges of 11:00 in it. */
  const hourly = (late: string, edges = 24): RunRecord[] =>
    Array.from({ length: edges }, (_, i) => {
      const edge = `${String(i).padStart(2, '0')}:00`;
      if (edge === '11:00') return run('lost', edge, '11:30', { state: 'failed' });
      if (edge === '10:00') return run('late', '11:00', late);
      return run(`r${i}`, edge, `${edge.slice(0, 3)}${String(4 + (i % 6)).padStart(2, '0')}`);
    });
  const allDay = { firstUs: at('00:01'), lastUs: at('23:59') };

  test('is not moved by one late run, and names it', () => {
    expect(proposeDelay(view, hourly('12:02'), allDay)).toEqual({
      delayUs: 6 * 60_000_000,
      why: 'of 24 edges 12 were online within 6m; run late took 2h2m over edge 10:00',
    });
    const usual = (ended: string) =>
      hourly(ended).map((one) => (one.runId === 'late' ? { ...one, watermarkUs: at('10:00') } : one));
    for (const ended of ['10:10', '10:18', '10:21']) {
      const runs = [...usual(ended), run('r11', '11:00', '11:05')];
      expect(proposeDelay(view, runs, allDay).delayUs).toBe(6 * 60_000_000);
    }
    expect(proposeDelay(view, hourly('12:02', 12).slice(1), allDay).delayUs).toBe(7 * 60_000_000);
  });

  test('lets serving and training see the same edge for longer than any other does, second by second', () => {
    const minutes = { kind: 'aggregated', hopUs: HOUR / 60 } as const;
    const second = 1_000_000;
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 59 }), { minLength: 1, maxLength: 60 }), (took) => {
        const edges = took.map((_, i) => at('01:00') / second + i * 60);
        const runs = took.map((seconds, i) => {
          const finishedUs = (edges[i]! + seconds) * second;
          return run(`r${i}`, '01:00', '01:00', { watermarkUs: edges[i]! * second, finishedUs });
        });
        const span = { firstUs: at('01:00'), lastUs: edges.at(-1)! * second };
        const proposed = proposeDelay(minutes, runs, span).delayUs! / second;
        /** For how many seconds after each edge one side shows it, and the other one does not. */
        const apart = (delay: number): number =>
          took.reduce((sum, seconds) => {
            let own = 0;
            for (let s = 0; s < 60; s++) own += s >= seconds === s >= delay ? 0 : 1;
            return sum + own;
          }, 0);
        const best = Math.min(...Array.from({ length: 61 }, (_, delay) => apart(delay)));
        expect(apart(proposed)).toBe(best);
      }),
      { numRuns: 200 },
    );
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

  test('a run that failed over a row did so before the one that brought it', () => {
    const failed = { state: 'failed' } as const;
    const edge = { eventUs: at('09:00'), createdUs: at('09:00'), definitionId: 1, runId: 'b' };
    const [a, b, c] = [
      run('a', '09:00', '09:05', failed),
      run('b', '10:00', '10:05'),
      run('c', '11:00', '11:05', failed),
    ];
    const runs = [a!, b!, c!].map((one, i) => ({ ...one, startedUs: at(`${9 + i}:00`.padStart(5, '0')) }));
    const asked = (all: typeof runs): (string | undefined)[] => {
      const found = new RunIndex(all).asked({ kind: 'aggregated' }, edge, at('11:30'));
      return [found.run?.runId, found.failed?.runId];
    };
    expect(asked(runs)).toEqual(['b', 'a']);
    expect(asked(runs.slice(1))).toEqual(['b', undefined]);
    expect(asked([runs[0]!, runs[2]!])).toEqual([undefined, 'c']);
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
