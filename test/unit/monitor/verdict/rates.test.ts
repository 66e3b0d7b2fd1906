import { describe, expect, test } from 'vitest';
import { isUnavailable, levelOfRates, rowInterval } from '../../../../monitor/verdict/rates.ts';
import type { RateCounts } from '../../../../monitor/verdict/rates.ts';

/** Every row served equally often; `wrong` rows of them wrong. */
function rows(count: number, wrong: number, vectorsEach = 1, unexplained = 0): RateCounts {
  return {
    bothAbsent: 0,
    present: count * vectorsEach,
    beyondPromise: wrong * vectorsEach,
    rowsJudged: count,
    rowsWithinPromise: count - wrong,
    rowsUnexplained: unexplained,
  };
}

const level = (...days: RateCounts[]): string => levelOfRates(days[0]!, days.slice(1)).level;

describe('the level of a feature', () => {
  test('needs evidence over rows: 1 wrong of 50 is none, 1 of 1 neither', () => {
    expect(level(rows(50, 1))).toBe('ok');
    expect(level(rows(50, 1, 1, 1))).toBe('ok');
    expect(level(rows(1, 1))).toBe('too-few');
    // The upper end of 2 of 50 is 98.9 %, of 1 of 50 it is 99.6 %.
    expect(level(rows(50, 2))).toBe('alert');
  });

  test('one row that is served often is one observation, and an alarm from a tenth of the vectors on', () => {
    const hot = (share: number): RateCounts => ({
      bothAbsent: 0,
      present: 10_000,
      beyondPromise: 10_000 * share,
      rowsJudged: 2_000,
      rowsWithinPromise: 1_999,
      rowsUnexplained: 0,
    });
    expect(level(hot(0.05))).toBe('ok');
    expect(level(hot(0.1))).toBe('ok');
    expect(levelOfRates(hot(0.12))).toMatchObject({ level: 'alarm', by: 'values' });
  });

  test('many wrong rows that are hardly served harm nobody yet', () => {
    expect(level({ ...rows(1_000, 50, 10), beyondPromise: 50 })).toBe('ok');
  });

  test('alerts where both rates are below 99 %, each limit itself still being good', () => {
    expect(level(rows(100_000, 1_000))).toBe('ok');
    expect(level(rows(100_000, 1_100))).toBe('alert');
    expect(level(rows(100_000, 10_000))).toBe('alert');
    expect(levelOfRates(rows(100_000, 10_500))).toMatchObject({ level: 'alarm', by: 'rate' });
  });

  test('alarms where surely more than 1 % of the rows is unexplained', () => {
    expect(level(rows(10_000, 100, 1, 100))).toBe('ok');
    expect(levelOfRates(rows(10_000, 130, 1, 130))).toMatchObject({ level: 'alarm', by: 'unexplained' });
  });

  test('one row alone is no evidence, in however few rows; two are', () => {
    for (const count of [2, 5, 17, 29]) {
      const often = Math.ceil(30 / count);
      expect(level({ ...rows(count, 1, often, 1), beyondPromise: 1 }), `unexplained 1 of ${count}`).toBe(
        'ok',
      );
      expect(levelOfRates(rows(count, 2, often, 2))).toMatchObject({ level: 'alarm', by: 'unexplained' });
    }
    // One row of 17 is 6 % of the values: known, and shown, and no alert.
    expect(level(rows(17, 1, 10))).toBe('ok');
    expect(level(rows(17, 2, 10))).toBe('alarm');
    expect(level({ ...rows(17, 2, 10), beyondPromise: 4 })).toBe('alert');
    // Half a row each: four rows are two.
    const halves = { ...rows(20, 0, 10), beyondPromise: 20, rowsWithinPromise: 18 };
    expect(level(halves)).toBe('alert');
    expect(level({ ...halves, rowsWithinPromise: 18.5 })).toBe('ok');
  });

  test('few values among many vectors are judged by the evidence of their rows, and are no alarm', () => {
    const rare = (present: number, wrong: number): RateCounts => {
      return { ...rows(present, wrong), bothAbsent: 1_000 - present };
    };
    expect(level(rare(29, 29))).toBe('alert');
    expect(level(rare(2, 2))).toBe('alert');
    expect(level(rare(1, 1))).toBe('too-few');
    expect(level(rare(29, 1))).toBe('too-few');
    expect(level(rare(30, 30))).toBe('alarm');
    expect(level({ ...rare(3, 2), rowsUnexplained: 2 })).toBe('alarm');
    // The same without any other vector is too few.
    expect(level(rows(29, 29))).toBe('too-few');
  });

  test('days before are taken for what is under 30: rows, too', () => {
    const day = { ...rows(10, 1, 100), beyondPromise: 40 };
    expect(levelOfRates(day)).toMatchObject({ level: 'ok', days: 1 });
    const before = { ...rows(10, 1, 100), beyondPromise: 40 };
    expect(levelOfRates(day, [before, before, before])).toMatchObject({
      level: 'alert',
      days: 3,
      counts: { rowsJudged: 30, rowsWithinPromise: 27, present: 3_000 },
    });
    expect(
      levelOfRates(
        day,
        Array.from({ length: 9 }, () => rows(10, 0, 100)),
      ),
    ).toMatchObject({
      level: 'ok',
    });
  });

  test('under 30 values the days before are taken, as few as are needed, at most six', () => {
    const day = rows(10, 1);
    expect(levelOfRates(day)).toMatchObject({ level: 'too-few', days: 1 });
    expect(levelOfRates(day, [rows(5, 0), rows(20, 1), rows(9, 9)])).toMatchObject({
      level: 'alert',
      days: 3,
      counts: { present: 35, beyondPromise: 2, rowsJudged: 35, rowsWithinPromise: 33 },
    });
    expect(levelOfRates(day, [rows(5, 3), rows(20, 2)])).toMatchObject({ level: 'alarm', days: 3 });
    const few = Array.from({ length: 9 }, () => rows(2, 0));
    expect(levelOfRates(day, few)).toMatchObject({ level: 'too-few', days: 7, counts: { present: 22 } });
    expect(levelOfRates(rows(30, 0), few)).toMatchObject({ level: 'ok', days: 1 });
  });

  test('a good day does not alert for a bad one before it', () => {
    expect(level(rows(20, 0), rows(20, 20))).toBe('ok');
    expect(level(rows(20, 1), rows(20, 20))).toBe('alarm');
  });

  test('a day whose rows are all explained is no alarm for unexplained ones before it', () => {
    const lost = { ...rows(20, 1, 2), rowsUnexplained: 0 };
    expect(levelOfRates(lost, [rows(20, 20, 2, 20)])).toMatchObject({ level: 'alert', by: 'rate' });
    expect(levelOfRates(rows(20, 1, 2, 1), [rows(20, 20, 2, 20)])).toMatchObject({
      level: 'alarm',
      by: 'unexplained',
    });
  });

  test('has an interval only over rows', () => {
    expect(rowInterval(rows(0, 0))).toBeNull();
    expect(rowInterval(rows(50, 1))!.map((end) => end.toFixed(3))).toEqual(['0.895', '0.996']);
  });
});

describe('the availability of a view', () => {
  const outage = (minutes: number, of = 1_440): Parameters<typeof isUnavailable>[0] => ({
    vectors: of * 10,
    unavailable: minutes * 10,
    minutes: of,
    availableMinutes: of - minutes,
  });

  test('is judged by minutes: three of a day are no evidence, five are', () => {
    expect([0, 1, 3, 4, 5, 1_440].map((minutes) => isUnavailable(outage(minutes)))).toEqual([
      false,
      false,
      false,
      true,
      true,
      true,
    ]);
  });

  test('is not lost by one vector that failed in a quiet minute', () => {
    const quiet = { vectors: 251, unavailable: 1, minutes: 3, availableMinutes: 2 };
    expect(isUnavailable(quiet)).toBe(false);
    expect(isUnavailable({ ...quiet, unavailable: 3 })).toBe(true);
  });

  test('needs vectors', () => {
    expect(isUnavailable({ vectors: 29, unavailable: 29, minutes: 29, availableMinutes: 0 })).toBe(false);
    expect(isUnavailable({ vectors: 30, unavailable: 30, minutes: 1, availableMinutes: 0 })).toBe(true);
    expect(isUnavailable({ vectors: 0, unavailable: 0, minutes: 0, availableMinutes: 0 })).toBe(false);
  });
});
