import { describe, expect, test } from 'vitest';
import { CAUSES } from '../../../../../contract/cause.ts';
import type { Cause } from '../../../../../contract/cause.ts';
import { CAUSE_GUIDE } from '../../../../../project/page/cause-guide.ts';
import { MAX_REPORT_BYTES, renderReport } from '../../../../../monitor/report/html/report.ts';
import { rankedFeatures } from '../../../../../monitor/report/ranking.ts';
import type { Snapshot } from '../../../../../monitor/verdict/snapshot.ts';
import {
  badDay,
  emptyDay,
  exampleSamples,
  featureSample,
  goodDay,
  largeDay,
} from '../../../../support/fixtures/sample-snapshot.ts';
import { incidentDay } from '../../../../support/fixtures/incident-day.ts';

/** The page's text without markup, single spaced. */
function textOf(page: string): string {
  return page
    .replace(/<style>.*?<\/style>/s, '')
    .replaceAll(/<[^>]+>/g, ' ')
    .replaceAll('&amp;', '&')
    .replaceAll(/\s+/g, ' ');
}

/** Fails where an element is closed that is not open, or left open. */
function expectBalanced(page: string): void {
  const open: string[] = [];
  for (const [, close, name, selfClosed] of page
    .replace(/<style>.*?<\/style>/s, '')
    .matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^>]*?(\/?)>/g)) {
    if (close === '/') expect(open.pop()).toBe(name);
    else if (selfClosed !== '/') open.push(name!);
  }
  expect(open).toEqual([]);
}

describe('renderReport', () => {
  test.each([
    ['good', goodDay],
    ['bad', badDay],
    ['empty', emptyDay],
    ['full', incidentDay],
  ])('the page of a %s day is whole, and holds no script and no address', (_, makeSnapshot) => {
    const page = renderReport(makeSnapshot());
    expectBalanced(page);
    expect(page).not.toMatch(/<script|javascript:|https?:|@import|url\(/i);
    expect(page).not.toMatch(/undefined|\[object|NaN%|Infinity/);
  });

  test('two hundred full features stay below two megabytes, and still show examples', () => {
    const page = renderReport(largeDay(200));
    expect(Buffer.byteLength(page)).toBeLessThanOrEqual(MAX_REPORT_BYTES);
    expect(page.includes('Examples of materialization lag')).toBe(true);
    expect(page.includes('1 of 402 values')).toBe(true);
    expectBalanced(page);
  });

  test('text of the project cannot become markup', () => {
    const evil = '"><img src=x onerror=alert(1)>\u202e';
    const feature = featureSample({
      name: evil,
      type: evil,
      description: evil,
      causes: { unexplained: 1 },
      examples: exampleSamples(
        'unexplained',
        1,
        () => [evil, evil],
        () => evil,
      ),
    });
    const snapshot: Snapshot = {
      ...goodDay(),
      project: evil,
      service: evil,
      bundle: evil,
      sentence: evil,
      findings: [{ verdict: 'alert', text: evil, view: evil, feature: evil, cause: evil }],
      notes: [evil],
      views: [{ ...goodDay().views[0]!, view: evil, owner: evil, proposedDelayWhy: evil }],
      runs: [{ ...goodDay().runs[1]!, view: evil, kind: evil, state: evil }],
      features: [feature],
    };
    const page = renderReport(snapshot);
    expect(page).not.toContain('<img');
    expect(page).not.toContain('\u202e');
    expectBalanced(page);
  });

  test('the same snapshot gives the same page, after a turn through JSON too', () => {
    const snapshot = badDay();
    expect(renderReport(JSON.parse(JSON.stringify(snapshot)) as Snapshot)).toBe(renderReport(snapshot));
  });

  test('the verdict comes first, then incidents, what broke, the day, what was compared, and features', () => {
    const text = textOf(renderReport(incidentDay()));
    const order = [
      'is 0 where it should be null for 1,317 of 7,900 values present since 09:20',
      'All 4 findings',
      'plumb explain --request',
      'What broke since yesterday',
      'The day, hour by hour',
      'What was compared',
      'Each feature',
      'What the causes mean',
      'Words and method',
    ];
    const places = order.map((words) => text.indexOf(words, words === 'Words and method' ? 10_000 : 0));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places[0]).toBeGreaterThan(0);
  });

  test('an incident says what, since when, how much, whose, which models, where, and shows two rows', () => {
    const text = textOf(renderReport(incidentDay()));
    for (const words of [
      'null or default substituted in customer_features',
      '1,317 values of 1 feature, all beyond the promise : 402 rows of 398 entities, harm 1,317.',
      'Since 09:20 , last 23:51',
      'Models basket-value, churn Owners ml-platform, growth Where nearly all in pod basket-7f9c4',
      'Value 0 null ≠',
      '1 incident within the promise',
    ]) {
      expect(text).toContain(words);
    }
  });

  test('whatever no rate counts is said, in vectors and in values, and the values add up', () => {
    const snapshot = incidentDay();
    const text = textOf(renderReport(snapshot));
    for (const words of [
      '8,412 vectors in the log of the day',
      'duplicates logged more than once, compared once 5',
      'left out of requests for single features 17',
      'missing records served, then lost, by their numbers 2',
      'open tails a sidecar stopped without its last record, or still runs 1',
      'unavailable served as UNAVAILABLE, with null or the fallback 8,000',
      'The archive lacks the hour of 03:00.',
      '7,000 values of 1 feature stood in the log as HMACs',
      'judged once more after 23 Nov 00:00',
    ]) {
      expect(text).toContain(words);
    }
    for (const f of snapshot.features) {
      expect(f.dropped + f.undecoded + f.unavailable + f.unjudged + f.bothAbsent + f.present).toBe(f.rows);
      expect(f.exact + f.withinPromise + f.beyondPromise).toBe(f.present);
    }
  });

  test('sizes of differences stand beside the rates: relative, in what became what, and what is no number', () => {
    const day = incidentDay();
    const [zeroed] = day.features;
    const { distributions } = zeroed!;
    if (distributions?.kind !== 'numeric') throw new Error('a feature of numbers');
    const notNumbers = {
      served: { nulls: 0, nan: 2, infinite: 0 },
      replayed: { nulls: 512, nan: 0, infinite: 0 },
    };
    const features = [
      { ...zeroed!, symmetricRelativeError: 0.1234, distributions: { ...distributions, notNumbers } },
      ...day.features.slice(1),
    ];
    const text = textOf(renderReport({ ...day, features })).replaceAll('\u00a0', ' ');
    for (const words of [
      'Mean relative difference 12.34 %',
      'Wasserstein’s distance',
      'PSI',
      'In no figure over numbers: null 0 served, 512 replayed; NaN 2 served, 0 replayed.',
      'Served in place of another: “ultraviolet” for null 9 times',
    ]) {
      expect(text).toContain(words);
    }
  });

  test('drift has a line where it has a level, and is told to move no verdict', () => {
    const text = textOf(renderReport(incidentDay()));
    for (const words of [
      '1 feature drifted from what models were trained on or from the weekday before, which moves no verdict: customer_features__ revenue_30d',
      'Against training set basket-2026-10 of Sat 31 Oct 2026: D = 0.123 at 312.5, ranks moved by -0.140; nulls 3 % then, 9 % served drift alarm',
      'Its mean, 361, lies outside 380 to 420, where 6 training sets make the next one likely',
    ]) {
      expect(text.replaceAll('\u00a0', ' ')).toContain(words);
    }
    expect(textOf(renderReport(goodDay()))).not.toContain('drifted');
  });

  test('every link within a page leads to a place of it, and those to other days are of days that are there', () => {
    const page = renderReport(incidentDay(), { previous: '2026-11-19', next: null });
    const ids = new Set([...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
    const links = [...page.matchAll(/ href="([^"]+)"/g)].map(([, href]) => href!);
    expect(links.length).toBeGreaterThan(100);
    expect(links.filter((href) => href.startsWith('#') && !ids.has(href.slice(1)))).toEqual([]);
    const outside = new Set(links.filter((href) => !href.startsWith('#') && !href.startsWith('data:')));
    expect([...outside].toSorted()).toEqual(['../index.html', '2026-11-19.html']);
    expect(renderReport(incidentDay())).not.toContain('all days');
  });

  test('one incident of forty features, a hundred incidents, and two hundred features without one stay readable', () => {
    const day = incidentDay();
    const [first] = day.incidents;
    const many = { ...first!, features: day.features.slice(0, 40).map(({ name }) => name) };
    expect(textOf(renderReport({ ...day, incidents: [many] }))).toContain('and 36 more');
    const page = renderReport({ ...day, incidents: Array.from({ length: 100 }, () => first!) });
    expect(textOf(page)).toContain('90 more incidents');
    expectBalanced(page);
    const clean = day.features.find(({ beyondPromise, present }) => present > 0 && beyondPromise === 0)!;
    const features = Array.from({ length: 200 }, (_, i) => ({
      ...clean,
      name: `calm__f_${i}`,
      view: 'calm',
      exact: clean.present,
      withinPromise: 0,
      causes: {},
    }));
    const calm = textOf(renderReport({ ...day, incidents: [], findings: [], features }));
    expect(calm).toContain('None: no value differed from its replay.');
    expect(textOf(renderReport({ ...day, incidents: [] }))).toContain(
      'holds none for its 3,335 values that differ',
    );
    expect(calm).toContain('200 features without a mismatch');
  });

  test('every cause is told with its meaning and what to do next', () => {
    const causes = Object.fromEntries(CAUSES.map((cause, i) => [cause, i + 1])) as Record<Cause, number>;
    const snapshot = { ...goodDay(), features: [featureSample({ name: 'v__f', causes })] };
    const text = textOf(renderReport(snapshot));
    for (const cause of CAUSES) {
      expect(text).toContain(CAUSE_GUIDE[cause].means);
      expect(text).toContain(
        CAUSE_GUIDE[cause].next.replaceAll(/`([^`]*)`/g, ' $1 ').replaceAll(/\s+/g, ' '),
      );
    }
  });

  test('a late run is named by the age it let the data come to', () => {
    expect(textOf(renderReport(badDay()))).toContain('oldest 3 h 6 min, promised 2 h');
    expect(textOf(renderReport(incidentDay()))).toContain(
      '2,648 mismatches, 1,858 beyond the promise oldest 3 h 4 min',
    );
  });

  test('a source that stopped stands on the strip of its view, also where nothing differs and views are many', () => {
    const day = goodDay();
    const calm = Array.from({ length: 6 }, (_, i) => {
      return { ...day.views[1]!, role: `calm_${i}`, view: `calm_${i}` };
    });
    const about = { view: 'product_features', feature: null, cause: 'source stopped' };
    const drawn = (newestSourceRow: string | null): string => {
      const views = [...calm, { ...day.views[1]!, newestSourceRow }];
      return renderReport({ ...day, findings: [{ verdict: 'alarm', text: '', ...about }], views });
    };
    const page = drawn('2026-11-20T06:12:00.000000Z');
    expect(textOf(page)).toContain('source stopped: no event since 06:12');
    expect(textOf(page)).toContain('6 views without a mismatch');
    expect(page.match(/class="stopped" d="[^"]*"/g)).toEqual(['class="stopped" d="M372 1.5H1440"']);
    expect(drawn('2026-11-18T06:12:00.000000Z')).toContain('class="stopped" d="M0 1.5H1440"');
    expect(textOf(drawn(null))).toContain('source stopped: it has no event');
    expect(renderReport(day)).not.toContain('class="stopped"');
    const early = { ...day, judgedAt: '2026-11-20T10:00:00.000000Z' };
    const stopped = { ...day.views[1]!, newestSourceRow: '2026-11-20T06:12:00.000000Z' };
    const findings = [{ verdict: 'alarm', text: '', ...about }] as const;
    // What comes after the verdict is not known.
    expect(renderReport({ ...early, findings, views: [stopped] })).toContain('"M372 1.5H600"');
    expectBalanced(page);
  });

  test('a feature with one row, one value, no trend and no view can be drawn', () => {
    const snapshot: Snapshot = {
      ...goodDay(),
      features: [featureSample({ name: 'v__f', rows: 1, causes: {}, states: [] })],
      trend: [],
      views: [],
      runs: [],
    };
    const text = textOf(renderReport(snapshot));
    expect(text).toContain('This is the first verdict of this service');
    expect(text).toContain('Match over 1 value present');
  });
});

describe('rankedFeatures', () => {
  test('what the verdict names comes first, then by values beyond the promise; clean ones go by their view', () => {
    const sample = (
      name: string,
      causes: Partial<Record<Cause, number>>,
      promised: Partial<Record<Cause, number>> = {},
    ) => featureSample({ name, causes, promised });
    const features = [
      sample('a__clean', {}),
      sample('b__clean', {}),
      sample('a__kept', { 'cache age': 9 }, { 'cache age': 9 }),
      sample('a__few', { 'late arrival': 5 }),
      sample('a__many', { 'late arrival': 50 }),
      sample('a__mostly_kept', { 'cache age': 100 }, { 'cache age': 97 }),
      sample('a__named', { unexplained: 1 }),
    ];
    const findings = [{ verdict: 'alert', text: '', view: 'a', feature: 'a__named', cause: null }] as const;
    const { broken, kept, clean } = rankedFeatures({ features, findings });
    expect(broken.map(({ name }) => name)).toEqual(['a__named', 'a__many', 'a__few', 'a__mostly_kept']);
    expect(kept.map(({ name }) => name)).toEqual(['a__kept']);
    expect([...clean].map(([view, own]) => [view, own.map(({ name }) => name)])).toEqual([
      ['a', ['a__clean']],
      ['b', ['b__clean']],
    ]);
  });
});
