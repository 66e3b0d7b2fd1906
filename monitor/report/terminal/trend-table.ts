/** The trend of services as text for a terminal: a line a feature, its days as a small chart of the promise kept. */
import { countText } from '../../../contract/std/count-text.ts';
import { renderTable } from '../../../contract/std/text-table.ts';
import { percentText } from '../../../contract/std/percent-text.ts';
import type { Verdict } from '../../../contract/verdict.ts';

import { cutInMiddle } from './fitted-text.ts';
import type { FeatureTrend, ServiceTrend } from '../trend.ts';

const BARS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;
/** A day without a rate. */
const NO_DAY = '·';
/** The chart reaches down to here, or to the lowest rate of all features where that is lower. */
const LOWEST = 0.95;

const LETTERS: Readonly<Record<Verdict, string>> = {
  pass: '✓',
  alert: '!',
  alarm: '‼',
  'not-enough-data': '–',
};

/** @returns lines without a newline at the end */
export function renderTrends(trends: readonly ServiceTrend[], columns = 140): string {
  if (trends.length === 0) return 'no day was judged yet: `plumb monitor run` judges one';
  return trends.map((trend) => trendText(trend, columns)).join('\n\n');
}

function trendText({ service, dates, verdicts, features }: ServiceTrend, columns: number): string {
  const wrong = features.filter(({ days }) => days.some((day) => (day?.exactMatch ?? 1) !== 1));
  const rates = features.flatMap(({ days }) => days.flatMap((day) => day?.exactMatchWithinPromise ?? []));
  const floor = Math.min(LOWEST, ...rates);
  const letters = verdicts.map((verdict) => (verdict === null ? NO_DAY : LETTERS[verdict])).join('');
  const span = `${dates[0]!.slice(5)} to ${dates.at(-1)!.slice(5)}`;
  const rows = [
    { ...NO_FIGURES, feature: 'verdict', days: letters },
    ...wrong.map((feature) => featureRow(feature, dates, floor)),
  ];
  const clean = features.length - wrong.length;
  return [
    `${service}: values that match, exactly or within the promise (█ 100 %, ▁ ${percentText(floor)})`,
    '',
    ...fittedTable(rows, span, columns - 2).map((line) => `  ${line}`),
    ...(clean > 0
      ? [
          `  ${countText(clean, wrong.length === 0 ? 'feature' : 'more feature')} without a mismatch on any day`,
        ]
      : []),
    '',
    '  ✓ pass, ! alert, ‼ alarm, – not enough data, · not judged',
  ].join('\n');
}

const NO_FIGURES = { last: '', beyond: '', lowest: '', on: '', interval: '' };
type TrendRow = Readonly<Record<'feature' | 'days' | keyof typeof NO_FIGURES, string>>;

/** From the full table to the narrowest: which columns are left out where the terminal has no room for them. */
const LEFT_OUT: readonly (readonly (keyof TrendRow)[])[] = [
  [],
  ['interval'],
  ['interval', 'lowest', 'on'],
  ['interval', 'lowest', 'on', 'beyond'],
];
const LEAST_NAME = 20;

function fittedTable(rows: readonly TrendRow[], span: string, width: number): string[] {
  const table = (without: readonly (keyof TrendRow)[], nameWidth: number): string[] => {
    const shown = (['feature', 'days', 'last', 'beyond', 'lowest', 'on', 'interval'] as const).filter(
      (column) => !without.includes(column),
    );
    const cells = rows.map((row) =>
      shown.map((column) => (column === 'feature' ? cutInMiddle(row.feature, nameWidth) : row[column])),
    );
    const align = shown.map((column) =>
      column === 'last' || column === 'beyond' || column === 'lowest' ? 'right' : 'left',
    );
    return renderTable(
      shown.map((column) => (column === 'days' ? span : column)),
      cells,
      align,
    ).split('\n');
  };
  const widthOf = (lines: readonly string[]): number => Math.max(...lines.map((line) => [...line].length));
  for (const without of LEFT_OUT) {
    const lines = table(without, Infinity);
    if (widthOf(lines) <= width) return lines;
  }
  const narrowest = LEFT_OUT.at(-1)!;
  const names = Math.max(...rows.map(({ feature }) => [...feature].length));
  const over = widthOf(table(narrowest, Infinity)) - width;
  return table(narrowest, Math.max(LEAST_NAME, names - over));
}

function featureRow({ name, days }: FeatureTrend, dates: readonly string[], floor: number): TrendRow {
  const rates = days.map((day) => day?.exactMatchWithinPromise ?? null);
  const known = rates.filter((rate) => rate !== null);
  const lowest = Math.min(...known);
  const last = days.at(-1) ?? null;
  const interval = last?.interval ?? null;
  return {
    feature: name,
    days: rates.map((one) => bar(one, floor)).join(''),
    last: rateText(last?.exactMatchWithinPromise ?? null),
    beyond: last === null ? '–' : String(last.beyondPromise),
    lowest: rateText(known.length === 0 ? null : lowest),
    on: known.length === 0 ? '' : dates[rates.lastIndexOf(lowest)]!.slice(5),
    interval: interval === null ? '' : `${percentText(interval[0])} to ${percentText(interval[1])}`,
  };
}

function rateText(share: number | null): string {
  return percentText(share);
}

/** Only a full match has the full bar. */
function bar(rate: number | null, floor: number): string {
  if (rate === null) return NO_DAY;
  if (rate >= 1) return BARS[7];
  const step = Math.floor(((rate - floor) / (1 - floor)) * 7);
  return BARS[Math.max(0, Math.min(6, step))]!;
}
