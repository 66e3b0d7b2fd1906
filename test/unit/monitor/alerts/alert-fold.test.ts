/** Which alerts are open after which days, by examples and against a model that knows only rows of letters. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openAlerts } from '../../../../monitor/alerts/alert-fold.ts';
import type { DayFault, AlertDay } from '../../../../monitor/alerts/alert-fold.ts';

const LAG = { view: 'stores', cause: 'materialization lag' };

/**
 * A day a letter:
 *   g good   b bad   a bad, at once   l bad, shown by the settled verdict only   - too little data
 *   h (at once) and n (not at once): a bad hour of the next day
 */
function daysOf(letters: string, of = LAG): AlertDay[] {
  let day = 0;
  let hour = 0;
  return [...letters].map((letter) => {
    const isHour = letter === 'h' || letter === 'n';
    const fault: DayFault = { ...of, atOnce: letter === 'a' || letter === 'h', isLate: letter === 'l' };
    const judged = {
      date: new Date(Date.UTC(2026, 10, 1 + day)).toISOString().slice(0, 10),
      hour: isHour ? hour++ : null,
      counts: () => letter !== '-',
      faults: 'bahnl'.includes(letter) ? [fault] : [],
    };
    if (!isHour) [day, hour] = [day + 1, 0];
    return judged;
  });
}

const stateOf = (letters: string): string => openAlerts(daysOf(letters))[0]?.level ?? 'closed';

describe('an alert', () => {
  test.each([
    ['opens after two bad days', 'ggb', 'closed'],
    ['opens after two bad days', 'ggbb', 'page'],
    ['does not open where a good day lies between', 'bgb', 'closed'],
    ['does not mind days without enough data between', 'b--b', 'page'],
    ['opens at once where that is asked for', 'ga', 'page'],
    ['stays open for two good days', 'bbgg', 'page'],
    ['closes after three', 'bbggg', 'closed'],
    ['does not close by days without enough data', 'bbgg---', 'page'],
    ['counts good days anew after a bad one', 'bbggbgg', 'page'],
    ['opens again as it opened first', 'bbgggb', 'closed'],
    ['opens by an hour that is at once', 'gh', 'page'],
    ['does not open by hours that are not, however many', 'gnnnnn', 'closed'],
    ['is not counted bad by an hour', 'bn', 'closed'],
    ['closes though an hour opened it', 'hggg', 'closed'],
    ['is only told where the settled verdict alone shows it', 'bl', 'note'],
    ['is only told where the settled verdict alone shows it', 'gll', 'note'],
    ['pages once another day shows it before it is settled', 'blb', 'page'],
  ])('%s: %s is %s', (_, letters, state) => {
    expect(stateOf(letters)).toBe(state);
  });

  test('begins with the first of its bad days, and shows the newest', () => {
    const [alert] = openAlerts(daysOf('gbb-bg'));
    expect(alert).toMatchObject({ ...LAG, since: '2026-11-02', last: { day: { date: '2026-11-05' } } });
  });

  test('of a view does not close by days that say nothing of that view', () => {
    const bad = daysOf('bbgggg');
    const blind = bad.map((day) => ({ ...day, counts: (view: string) => view !== LAG.view }));
    expect(openAlerts(blind)).toMatchObject([LAG]);
    expect(openAlerts(bad)).toEqual([]);
  });

  test('is apart from those of other views and causes', () => {
    const [first, second] = daysOf('bb') as [AlertDay, AlertDay];
    const other = { view: 'customers', cause: LAG.cause, atOnce: false, isLate: false };
    expect(openAlerts([{ ...first, faults: [other] }, second])).toEqual([]);
    const otherCause = { ...first, faults: [{ ...first.faults[0]!, cause: 'late arrival' }] };
    expect(openAlerts([otherCause, second])).toEqual([]);
  });
});

/**
 * The model: an alert is open where something opened it with no three good days in a row behind it. Letters of hours
 * open, and end a row of good days, and are no days.
 */
function modelOf(letters: string): string {
  const known = letters.replaceAll(/[-n]/g, '');
  let opened = -1;
  for (let at = 0; at < known.length; at++) {
    const before = known.slice(0, at).replaceAll('h', '');
    const opens = 'ah'.includes(known[at]!) || ('bl'.includes(known[at]!) && /[bal]$/.test(before));
    if (opens && !known.slice(at).includes('ggg')) {
      opened = at;
      break;
    }
  }
  if (opened === -1) return 'closed';
  return /[bah]/.test(known.slice(opened)) ? 'page' : 'note';
}

test('any row of days is as the model has it, in whatever order the days are given', () => {
  const letters = fc.array(fc.constantFrom(...'gggbbal-hn'), { maxLength: 25 }).map((row) => row.join(''));
  fc.assert(
    fc.property(letters, fc.infiniteStream(fc.nat()), (row, order) => {
      const days = daysOf(row).map((day) => ({ day, at: order.next().value as number }));
      const shuffled = days.toSorted((a, b) => a.at - b.at).map(({ day }) => day);
      const [alert] = openAlerts(shuffled);
      expect(alert?.level ?? 'closed').toBe(modelOf(row));
    }),
    { numRuns: 2_000 },
  );
});
