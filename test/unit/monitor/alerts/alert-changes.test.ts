import { expect, test } from 'vitest';
import { changesOf } from '../../../../monitor/alerts/alert-changes.ts';
import type { AlertDay, AlertLevel, DayFault, OpenAlert } from '../../../../monitor/alerts/alert-fold.ts';

const ALERT = { view: 'stores', cause: 'materialization lag' };
const FAULT: DayFault = { ...ALERT, atOnce: true, isLate: false };
const DAY: AlertDay = { date: '2026-11-20', hour: null, counts: () => true, faults: [FAULT] };
const open = (since: string): OpenAlert => {
  return { ...ALERT, since, level: 'page', last: { day: DAY, fault: FAULT } };
};
const told = (since: string, level: AlertLevel) => {
  return { taken: 1, told: [{ ...ALERT, level, since }], begun: [] };
};

test.each([
  ['still', 'page', '2026-10-11'],
  ['opened', 'note', '2026-10-11'],
] as const)('what is %s after it was told as %s is so since the day that was told', (which, level, since) => {
  const changes = changesOf([open('2026-10-21')], told(since, level));
  expect(changes[which]).toMatchObject([{ ...ALERT, since }]);
});

test('what was not told yet, or closed, is open since the first of its days', () => {
  const begun = [{ ...ALERT, level: 'page', since: '2026-10-01' } as const];
  const changes = changesOf([open('2026-10-21')], { taken: 1, told: [], begun });
  expect(changes.opened).toMatchObject([{ since: '2026-10-21' }]);
});

test('what was told of an alert counts, not what a message may have said of it since', () => {
  const known = { ...ALERT, level: 'page', since: '2026-10-01' } as const;
  const begun = [{ ...ALERT, level: 'note', since: '2026-10-09' } as const];
  expect(changesOf([], { taken: 2, told: [known], begun }).closed).toEqual([known]);
});
