/** The verdict's sentence names what made its level, and only that opens an alert; and how it says it. */
import { describe, expect, test } from 'vitest';
import { CURRENCY_CAUSES, FIDELITY_CAUSES } from '../../../../contract/cause.ts';
import type { Cause } from '../../../../contract/cause.ts';
import { faultsOf } from '../../../../monitor/verdict/faults.ts';
import type { IncidentCounts } from '../../../../monitor/verdict/judged-view.ts';
import { conclude } from '../../../../monitor/verdict/verdict.ts';
import type { CountedDay } from '../../../../monitor/verdict/verdict.ts';
import { at } from '../../../support/day-time.ts';
import { dayOfCounts, viewSample } from '../../../support/fixtures/counted-day.ts';
import { exampleSamples, featureSample } from '../../../support/fixtures/sample-snapshot.ts';

/** An incident of one feature, from 09:20 to 11:05 unless the change says otherwise. */
function incident(
  feature: string,
  cause: Cause,
  beyondPromise: number,
  change: Partial<IncidentCounts> = {},
): IncidentCounts {
  const counts = { values: beyondPromise, beyondPromise, harm: beyondPromise };
  const evidence = () => 'the row says so';
  const {
    rows = beyondPromise,
    fromUs = at('2026-11-20T09:20:00'),
    toUs = at('2026-11-20T11:05:00'),
  } = change;
  return {
    view: feature.split('__')[0]!,
    cause,
    runs: [],
    pods: [],
    fromUs,
    toUs,
    entities: beyondPromise,
    rows,
    beyond: { rows, fromUs, toUs },
    ...counts,
    features: [{ name: feature, ...counts }],
    slices: [],
    examples: exampleSamples(cause, 2, () => [0, null], evidence).map((one) => ({ ...one, feature })),
    ...change,
  };
}

const concluded = (change: Partial<CountedDay>) => conclude(dayOfCounts(change));

describe('the sentence names what made the level', () => {
  test('and no incident of more harm that did not', () => {
    const day = concluded({
      features: [
        featureSample({ name: 'v__f', rows: 9_000, causes: { 'missing online': 1_500, unexplained: 80 } }),
        featureSample({ name: 'v__g', rows: 100_000, causes: { 'missing online': 900 } }),
      ],
      // What both features lost is the greatest harm; on the first one alone it makes the alarm, too.
      incidents: [
        incident('v__f', 'unexplained', 80, { harm: 80 }),
        incident('v__g', 'late arrival', 900, { harm: 900 }),
        incident('v__f', 'missing online', 1_500, {
          harm: 1,
          features: [
            { name: 'v__g', values: 900, beyondPromise: 900, harm: 900 },
            { name: 'v__f', values: 1_500, beyondPromise: 1_500, harm: 1 },
          ],
        }),
      ],
    });
    expect(day.findings[0]).toMatchObject({ feature: 'v__f', causes: ['missing online'] });
    expect(day.sentence).toMatch(/^Alarm: v__f and 1 more feature were lost online for 1,500 of 109,000 /);
  });

  test('and no incident of the same cause that is of other features', () => {
    const day = concluded({
      features: [
        featureSample({ name: 'v__f', rows: 9_000, causes: { 'missing online': 1_500 } }),
        featureSample({ name: 'v__g', rows: 900_000, causes: { 'missing online': 5_000 } }),
      ],
      incidents: [incident('v__g', 'missing online', 5_000), incident('v__f', 'missing online', 1_500)],
    });
    expect(day.sentence).toMatch(/^Alarm: v__f was lost online for 1,500 of 9,000 values/);
    expect(faultsOf(day)).toMatchObject([{ incident: { features: ['v__f'] } }]);
  });

  test('where few rows that nothing explains are the alarm, these are it', () => {
    const day = concluded({
      features: [
        featureSample({ name: 'v__f', rows: 9_000, causes: { 'missing online': 600, unexplained: 240 } }),
      ],
      incidents: [incident('v__f', 'missing online', 600), incident('v__f', 'unexplained', 240)],
    });
    expect(day).toMatchObject({
      verdict: 'alarm',
      findings: [{ causes: ['unexplained'] }],
      sentence: expect.stringMatching(
        /^Alarm: v__f differs from what training sees, and nothing explains it, for 240/,
      ) as unknown,
    });
  });

  test('of a view, its own cause; of a source, its text', () => {
    const features = [featureSample({ name: 'v__f', rows: 90_000, causes: { 'foreign row': 3 } })];
    const incidents = [incident('v__f', 'foreign row', 3, { rows: 3, values: 9 })];
    const views = [viewSample('v', { foreignEntities: 3 })];
    expect(concluded({ features, incidents, views }).sentence).toBe(
      'Alarm: v__f is of a row that is not its entity’s for 3 of 90,000 values present ' +
        'from 09:20 to 11:05; owner ml-platform; model churn-model.',
    );
    const source = { view: 'v', path: 'v.parquet', newestUs: null, endUs: 0, sourceFreshnessUs: 0 };
    expect(concluded({ features, incidents, sources: [source] }).sentence).toMatch(/^Alarm: v: its source/);
    // Beside what differs more, too: no rate shows it.
    expect(concluded({ features, incidents, views, sources: [source] }).sentence).toMatch(
      /^Alarm: v__f is of a row .*; model churn-model\. Besides, v: its source v\.parquet has no event; /,
    );
  });

  test('an incident that made a finding on its view has the level of that, though its features are fine', () => {
    const features = [featureSample({ name: 'v__f', rows: 90_000, causes: { 'foreign row': 3 } })];
    const incidents = [incident('v__f', 'foreign row', 3), incident('v__f', 'cache age', 1)];
    const views = [viewSample('v', { foreignEntities: 3 })];
    const levels = concluded({ features, incidents, views }).incidents.map(({ cause, level }) => [
      cause,
      level,
    ]);
    expect(levels).toEqual([
      ['foreign row', 'alarm'],
      ['cache age', 'ok'],
    ]);
  });

  test('distributions that are apart are told as that, whatever the incidents are', () => {
    const numeric = { kind: 'numeric', ks: { d: 0.2, location: 5, sign: 1, level: 'alarm' } } as const;
    const feature = featureSample({
      name: 'v__f',
      rows: 9_000,
      causes: { 'cache age': 2_000, 'missing online': 3 },
      promised: { 'cache age': 2_000 },
      distributions: numeric as never,
    });
    const day = concluded({ features: [feature], incidents: [incident('v__f', 'missing online', 3)] });
    expect(day).toMatchObject({ verdict: 'alert', findings: [{ cause: 'distributions apart' }] });
    expect(day.sentence).toBe('Alert: v__f: served and replayed values are apart, D = 0.200 at 5.');
  });
});

test('only of what is unexplained the sentence says that nothing explains it', () => {
  for (const cause of [...FIDELITY_CAUSES, ...CURRENCY_CAUSES]) {
    for (const more of [[], ['v__g']]) {
      const names = ['v__f', ...more];
      const counts = { values: 900, beyondPromise: 900, harm: 900 };
      const { sentence } = concluded({
        features: names.map((name) => featureSample({ name, rows: 2_000, causes: { [cause]: 900 } })),
        incidents: [incident('v__f', cause, 900, { features: names.map((name) => ({ name, ...counts })) })],
      });
      expect(sentence, cause).toMatch(/^Alarm: v__f( and 1 more feature)? \S.* for 900 of [24],000 values/);
      expect(sentence.includes('nothing explains it'), cause).toBe(cause === 'unexplained');
    }
  }
});

test('of values that are unjudged the sentence does not say of how many present', () => {
  const day = concluded({
    features: [featureSample({ name: 'v__f', rows: 0, unjudged: 1 })],
    incidents: [incident('v__f', 'answer altered', 1)],
    views: [viewSample('v', { alteredAnswers: 1 })],
  });
  expect(day.sentence).toMatch(/^Alarm: v__f was answered otherwise than it was logged for 1 value from /);
});

describe('the sentence says', () => {
  const features = [
    featureSample({ name: 'v__f', rows: 500, causes: { 'null or default substituted': 103 } }),
  ];
  const said = (change: Partial<IncidentCounts>, day: Partial<CountedDay> = {}): string => {
    const counts = incident('v__f', 'null or default substituted', 103, change);
    return concluded({ features, incidents: [counts], ...day }).sentence;
  };

  test('what is wrong, since when, how much, whose it is and which model takes it', () => {
    expect(said({})).toBe(
      'Alarm: v__f is 0 where it should be null for 103 of 500 values present from 09:20 to 11:05; ' +
        'owner risk; model churn-model.',
    );
    expect(said({}, { views: [viewSample('v')] })).toMatch(/; owner ml-platform; model churn-model\.$/);
  });

  test('that it goes on, where it lasted to the last hour of the traffic', () => {
    expect(said({ toUs: at('2026-11-20T23:10:00') })).toMatch(/ values present since 09:20; /);
    expect(said({ toUs: at('2026-11-20T22:49:00') })).toMatch(/ values present from 09:20 to 22:49; /);
    expect(said({ toUs: at('2026-11-20T09:20:31') })).toMatch(/ values present at 09:20; /);
  });

  test('how few rows it is, where they are under ten and were served often', () => {
    expect(said({ rows: 9 })).toContain('103 of 500 values present (9 rows)');
    expect(said({ rows: 10 })).not.toContain('rows)');
    expect(said({ rows: 1 })).toContain('(1 row)');
  });

  test('when and on how many rows it was beyond the promise, not when and where else it was within it', () => {
    const beyond = { rows: 4, fromUs: at('2026-11-20T10:00:00'), toUs: at('2026-11-20T10:30:00') };
    expect(said({ values: 900, rows: 300, beyond })).toContain(
      '103 of 500 values present (4 rows) from 10:00 to 10:30;',
    );
  });

  test('where, if one slice holds it', () => {
    const traffic = (['a', 'b', 'c'] as const).map((value) => {
      return { view: 'v', by: 'pod', value, values: 200, mismatches: 40, beyondPromise: 40 } as const;
    });
    const slices = [{ by: 'pod', value: 'b', mismatches: 100 }] as const;
    expect(said({ slices }, { traffic })).toContain(', nearly all where pod is b; ');
  });

  test('the models of a service that has many', () => {
    const consumers = ['a', 'b', 'c', 'd', 'e'].map((model) => ({ model, owner: 'risk' }));
    const service = { name: 'churn', consumers } as unknown as CountedDay['service'];
    expect(said({}, { service })).toMatch(/; owner risk; models a, b, c and 2 more\.$/);
    const nobody = { name: 'churn', consumers: [] } as unknown as CountedDay['service'];
    expect(said({}, { service: nobody })).toMatch(/from 09:20 to 11:05\.$/);
  });
});

describe('alerts are opened', () => {
  const fault = (cause: Cause, values: number, of = 9_000) => {
    const causes = { 'missing online': 200, [cause]: values };
    const day = concluded({
      features: [featureSample({ name: 'v__f', rows: of, causes })],
      incidents: [incident('v__f', 'missing online', 200), incident('v__f', cause, values)],
    });
    return faultsOf(day).map((one) => [one.cause, one.incident?.cause ?? null]);
  };

  test('by the causes that made a level, and by none of few values', () => {
    expect(fault('cache age', 90)).toEqual([['missing online', 'missing online']]);
    expect(fault('cache age', 91)).toEqual([
      ['missing online', 'missing online'],
      ['cache age', 'cache age'],
    ]);
    expect(fault('cache age', 1_000)).toEqual([
      ['cache age', 'cache age'],
      ['missing online', 'missing online'],
    ]);
  });

  test('once for a view and cause, at once where any of its findings is', () => {
    const day = concluded({
      features: [
        featureSample({ name: 'v__f', rows: 1_000, causes: { 'missing online': 200 } }),
        featureSample({ name: 'v__g', rows: 1_000, causes: { 'missing online': 50 } }),
      ],
      incidents: [],
    });
    expect(faultsOf(day)).toMatchObject([
      { view: 'v', cause: 'missing online', atOnce: true, incident: null },
    ]);
  });
});
