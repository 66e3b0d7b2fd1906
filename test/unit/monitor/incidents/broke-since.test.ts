/** What is new, worse or gone since the last verdict. */
import { expect, test } from 'vitest';
import { brokeSince } from '../../../../monitor/incidents/broke-since.ts';
import type { Cause } from '../../../../contract/cause.ts';
import type { EarlierDay } from '../../../../monitor/verdict/earlier-day.ts';

interface Broken {
  readonly cause: Cause;
  readonly rows: number;
  readonly beyondPromise?: number;
  readonly view?: string;
}

/** A day of 1,000 rows a view, each with one value. */
function dayOf(date: string, broken: readonly Broken[], provisional = false): EarlierDay {
  const incidents = broken.map(({ view = 'v', cause, rows, beyondPromise = rows }) => {
    return { view, cause, rows, values: rows, beyondPromise };
  });
  const features = ['v', 'w'].map((view) => ({ view, rowsJudged: 1_000 }) as EarlierDay['features'][number]);
  return { date, verdict: 'alert', provisional, incidents, features };
}

const LAG = 'materialization lag';
const told = (today: EarlierDay, ...earlier: EarlierDay[]) => {
  const found = brokeSince(today, earlier);
  const names = (list: readonly { view: string; cause: Cause }[]) =>
    list.map((one) => `${one.view} ${one.cause}`);
  return (
    found && { date: found.date, new: names(found.new), worse: names(found.worse), gone: names(found.gone) }
  );
};

test('a day on which nothing was judged is passed over, and of its own there is nothing to say', () => {
  const quiet = (date: string): EarlierDay => {
    const features = ['v', 'w'].map((view) => ({ view, rowsJudged: 0 }) as EarlierDay['features'][number]);
    return { date, verdict: 'not-enough-data', provisional: false, incidents: [], features };
  };
  const bad = dayOf('2026-01-01', [{ cause: LAG, rows: 20 }]);
  const today = dayOf('2026-01-03', [{ cause: LAG, rows: 21 }]);
  expect(told(today, bad, quiet('2026-01-02'))).toEqual({ date: '2026-01-01', new: [], worse: [], gone: [] });
  expect(told(quiet('2026-01-02'), bad)).toBeNull();
});

test('a cause of a view is new, worse, the same or gone', () => {
  const before = dayOf('2026-01-01', [
    { cause: LAG, rows: 20 },
    { cause: 'missing online', rows: 20 },
    { cause: 'late arrival', rows: 20 },
  ]);
  const today = dayOf('2026-01-02', [
    { cause: LAG, rows: 80 },
    { cause: 'missing online', rows: 25 },
    { view: 'w', cause: 'late arrival', rows: 90 },
    { cause: 'cache age', rows: 100 },
  ]);
  expect(told(today, before)).toEqual({
    date: '2026-01-01',
    // The most values beyond the promise first.
    new: ['v cache age', 'w late arrival'],
    worse: [`v ${LAG}`],
    gone: ['v late arrival'],
  });
  expect(brokeSince(today, [before])!.worse).toEqual([
    { view: 'v', cause: LAG, beyondPromise: 80, before: 20 },
  ]);
});

test('worse is what surely hit a greater share of the rows', () => {
  const worse = (then: number, now: number) =>
    told(dayOf('2026-01-02', [{ cause: LAG, rows: now }]), dayOf('2026-01-01', [{ cause: LAG, rows: then }]))!
      .worse;
  // Wilson's interval of 20 of 1,000 ends at 3.1 %, that of 45 begins at 3.4 %, of 40 at 3.0 %.
  expect(worse(20, 40)).toEqual([]);
  expect(worse(20, 45)).toEqual([`v ${LAG}`]);
});

test('several incidents of a cause count together; what is within the promise counts for nothing', () => {
  const before = dayOf('2026-01-01', [{ cause: LAG, rows: 20 }]);
  const halves = [23, 22].map((rows) => ({ cause: LAG, rows }) as const);
  expect(told(dayOf('2026-01-02', halves), before)!.worse).toEqual([`v ${LAG}`]);
  const kept = dayOf('2026-01-02', [{ cause: LAG, rows: 500, beyondPromise: 0 }]);
  expect(told(kept, before)).toMatchObject({ new: [], worse: [], gone: [`v ${LAG}`] });
  // Of 500 rows a tenth of the values is beyond it, as of 50 rows.
  const tenth = dayOf('2026-01-02', [{ cause: LAG, rows: 200, beyondPromise: 20 }]);
  expect(told(tenth, before)!.worse).toEqual([]);
});

test('the newest settled verdict is compared with, else the newest; without one there is nothing to say', () => {
  const today = dayOf('2026-01-04', []);
  const settled = dayOf('2026-01-01', []);
  const provisional = [dayOf('2026-01-02', [], true), dayOf('2026-01-03', [], true)];
  expect(told(today, settled, ...provisional)!.date).toBe('2026-01-01');
  expect(told(today, ...provisional)!.date).toBe('2026-01-03');
  expect(told(today)).toBeNull();
});
