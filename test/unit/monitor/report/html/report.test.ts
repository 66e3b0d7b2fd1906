import { describe, expect, test } from 'vitest';
import { CAUSES } from '../../../../../monitor/causes/cause.ts';
import type { Cause } from '../../../../../monitor/causes/cause.ts';
import { changesOf } from '../../../../../monitor/report/html/changes.ts';
import { CAUSE_GUIDE } from '../../../../../monitor/report/html/cause-guide.ts';
import { MAX_REPORT_BYTES, renderReport } from '../../../../../monitor/report/html/report.ts';
import type { Snapshot } from '../../../../../monitor/verdict/snapshot.ts';
import {
  badDay,
  emptyDay,
  exampleSamples,
  featureSample,
  goodDay,
  largeDay,
} from '../../../../support/fixtures/sample-snapshot.ts';

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
      findings: [{ verdict: 'alert', text: evil, view: evil, feature: evil }],
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

  test('unexplained mismatches come first, then what broke', () => {
    const text = textOf(renderReport(badDay()));
    const order = [
      'need a person',
      'What broke since yesterday',
      'Next Start here',
      'Not compared',
      'Each feature',
    ];
    const places = order.map((words) => text.indexOf(words));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places[0]).toBeGreaterThan(0);
  });

  test('provisional, unjudged, duplicates, gaps and open tails are said in words', () => {
    const text = textOf(renderReport(badDay()));
    expect(text).toContain('judged once more after 23 Nov 00:00');
    for (const words of [
      '8,449 unjudged values',
      '12 unavailable values',
      '5 duplicates',
      '2 gaps',
      '1 open tail',
    ]) {
      expect(text).toContain(words);
    }
    expect(textOf(renderReport(goodDay()))).toContain('None of these: unjudged values');
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

describe('changesOf', () => {
  test('names what fell, the largest fall first, what rose, came and went', () => {
    const snapshot: Snapshot = {
      ...goodDay(),
      features: [
        featureSample({ name: 'v__same', rows: 1_000 }),
        featureSample({ name: 'v__little', rows: 1_000, causes: { 'late arrival': 5 } }),
        featureSample({ name: 'v__much', rows: 1_000, causes: { 'late arrival': 100 } }),
        featureSample({
          name: 'v__promised',
          rows: 1_000,
          causes: { 'cache age': 9 },
          promised: { 'cache age': 9 },
        }),
        featureSample({ name: 'v__new', rows: 1_000 }),
        featureSample({ name: 'v__healed', rows: 1_000 }),
      ],
      trend: [
        {
          date: '2026-11-17',
          verdict: 'pass',
          provisional: false,
          exactMatch: { v__same: 1, v__little: 1, v__much: 1, v__promised: 1, v__healed: 0.9, v__gone: 1 },
          exactMatchWithinPromise: { v__same: 1, v__little: 1, v__much: 1, v__promised: 1, v__healed: 0.9 },
          interval: {},
        },
      ],
    };
    const changes = changesOf(snapshot)!;
    expect(changes.yesterday).toBe(false);
    expect(changes.worse.map(({ feature }) => feature.name)).toEqual(['v__much', 'v__little', 'v__promised']);
    expect(changes.better.map(({ feature }) => feature.name)).toEqual(['v__healed']);
    expect(changes.added).toEqual(['v__new']);
    expect(changes.gone).toEqual(['v__gone']);
    expect(textOf(renderReport(snapshot))).toContain('What broke since Tue 17 Nov 2026');
  });

  test('there is nothing to compare a first verdict with', () => {
    expect(changesOf(emptyDay())).toBeNull();
  });
});
