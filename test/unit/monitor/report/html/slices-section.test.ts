import { expect, test } from 'vitest';
import { slicesSection } from '../../../../../monitor/report/html/slices-section.ts';
import type { Slice, SliceBy } from '../../../../../monitor/verdict/snapshot.ts';

const slice = (by: SliceBy, value: string, values: number, beyondPromise: number): Slice => ({
  by,
  value,
  values,
  mismatches: beyondPromise + 10,
  beyondPromise,
});

function textOf(slices: readonly Slice[]): string {
  const section = slicesSection({ slices });
  return section === null ? '' : String((section as { text: string }).text);
}

/** The cells of each row, as they read. */
function rowsOf(page: string): string[] {
  const rows = page.split('<tbody>')[1]?.match(/<tr>[^]*?<\/tr>/g) ?? [];
  return rows.map((row) =>
    row
      .replaceAll(/<[^>]*>/g, ' ')
      .replaceAll(/\s+/g, ' ')
      .trim(),
  );
}

test('what the traffic has several of stands in the table, what it has one of in a line, hours in neither', () => {
  const page = textOf([
    slice('hour', '10', 50, 40),
    slice('hour', '11', 50, 0),
    slice('pod', 'pod-b', 300, 190),
    slice('pod', 'pod-a', 700, 10),
    slice('bundle', '0123456789abcdef', 1_000, 200),
  ]);
  expect(rowsOf(page)).toEqual([
    'pod pod-b 300 30 % 200 91 % 190 95 % 36.66 %',
    'pod pod-a 700 70 % 20 9.1 % 10 5 % 98.57 %',
  ]);
  expect(page).toContain('All of the traffic: bundle 01234567.');
  // It has 95 % of what is beyond the promise, and 30 % of the traffic.
  expect(page.match(/class="alarm"/g)).toHaveLength(1);
});

test('of many parts the first six stand there, and the others together', () => {
  const pods = Array.from({ length: 20 }, (_, i) => slice('pod', `pod-${i}`, 100, 20 - i));
  const rows = rowsOf(textOf(pods));
  expect(rows).toHaveLength(7);
  expect(rows.at(-1)).toBe('pod all others 1,400 70 % 245 60 % 105 50 % 92.50 %');
});

test('a day without a mismatch has no such section', () => {
  const clean = [slice('pod', 'a', 10, 0), slice('pod', 'b', 10, 0)].map((one) => ({
    ...one,
    mismatches: 0,
  }));
  expect(textOf(clean)).toBe('');
  expect(textOf([])).toBe('');
});
