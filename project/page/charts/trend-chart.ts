/** A feature's match rates over the last days, ending with the day that is shown; also as a small spark line. */
import { min, quantile } from 'd3-array';
import { scaleLinear } from 'd3-scale';
import { area, line } from 'd3-shape';
import { ALERT_BELOW } from '../../../contract/verdict.ts';
import { html } from '../markup.ts';
import type { Markup, Part } from '../markup.ts';
import { SMALL_PLOT, chart, px, xAxis, yAxis } from './plot.ts';
import type { Plot } from './plot.ts';
import { dayText, percentText } from '../value-text.ts';

const DAY_MS = 86_400_000;
/** Days on the axis: the same number in all reports, however long their history is. */
export const TREND_DAYS = 30;
/** The scales reach at least this far below the alert limit, so that its line is inside the chart. */
const BELOW_LIMIT = 0.005;

/** A judged day of a feature; a rate is null where there is none. */
export interface TrendDay {
  readonly date: string;
  readonly provisional: boolean;
  readonly exact: number | null;
  readonly within: number | null;
  readonly interval: readonly [low: number, high: number] | null;
}

/**
 * @param days   in order, the shown day last
 * @param date   that day: the axis ends there
 * @param limit  the share below which the monitor alerts
 */
export function trendChart(days: readonly TrendDay[], date: string, limit = ALERT_BELOW): Markup {
  const plot = SMALL_PLOT;
  const last = days.at(-1)!;
  const lowest = min(days, (day) => Math.min(day.exact ?? 1, day.within ?? 1, day.interval?.[0] ?? 1)) ?? 1;
  const x = dayScale(date, plot);
  const y = scaleLinear([Math.min(lowest, limit - BELOW_LIMIT), 1], [plot.bottom, plot.top]).nice(3);
  const path = (rate: 'exact' | 'within'): string =>
    line<TrendDay>(
      (day) => px(x(day.date)),
      (day) => px(y(day[rate]!)),
    )
      .defined((day) => day[rate] !== null)
      .digits(0)(days) ?? '';
  const judged = days.filter((day) => day.within !== null);
  const decimals = y.domain()[0]! >= 0.97 ? 1 : 0;
  return chart(
    plot,
    `Match over the last ${TREND_DAYS} days`,
    `Last day ${percentText(last.within)} within the promise, ` +
      `${percentText(last.exact)} exact; the monitor alerts below ${limit * 100}\u00a0%.`,
    html`${yAxis(
        plot,
        y.ticks(4).map((share) => ({ at: y(share), text: `${(share * 100).toFixed(decimals)}\u00a0%` })),
      )}
      ${band(days, plot, y)} <path class="interval-area" d="${intervalArea(days, x, y)}" />
      <path class="limit" d="M${plot.left} ${px(y(limit))}H${plot.right}" />
      <path class="exact-line" d="${path('exact')}" />
      <path class="within-line" d="${path('within')}" />
      ${dots(
        judged,
        (day) => px(x(day.date)),
        (day) => px(y(day.within!)),
      )}
      <use href="#days" />`,
  );
}

/** The axis of all trend charts, drawn once: two hundred of them would be a thirtieth of a page. */
export function trendDays(date: string): Markup {
  const x = dayScale(date, SMALL_PLOT);
  const ticks = [29, 21, 14, 7, 0].map((ago) => {
    const day = new Date(Date.parse(date) - ago * DAY_MS).toISOString().slice(0, 10);
    return { at: x(day), text: dayText(day).split(' ').slice(1, 3).join(' ') };
  });
  return html`<svg class="shared" aria-hidden="true">
    <defs><g id="days">${xAxis(SMALL_PLOT, ticks)}</g></defs>
  </svg>`;
}

/** The interval of each day, joined to one area; days without one leave a hole. */
function intervalArea(
  days: readonly TrendDay[],
  x: (day: string) => number,
  y: (share: number) => number,
): string {
  const known = days.filter(({ interval }) => interval !== null);
  // One day alone would be an area without width: it gets that of its dot.
  if (known.length === 1) return intervalBar(known[0]!, x, y);
  return (
    area<TrendDay>(
      (day) => px(x(day.date)),
      (day) => px(y(day.interval![0])),
      (day) => px(y(day.interval![1])),
    )
      .defined((day) => day.interval !== null)
      .digits(0)(days) ?? ''
  );
}

function intervalBar(
  { date, interval }: TrendDay,
  x: (day: string) => number,
  y: (share: number) => number,
): string {
  const [low, high] = interval!;
  return `M${px(x(date) - BAR / 2)} ${px(y(high))}h${BAR}V${px(y(low))}h${-BAR}Z`;
}

const BAR = 7;

/** Days that a band needs: of fewer it would say nothing. */
const LEAST_DAYS = 7;

/** Where the match within the promise usually was: all but the lowest and the highest tenth of the earlier days. */
function band(days: readonly TrendDay[], plot: Plot, y: (share: number) => number): Markup | null {
  const before = days.slice(0, -1).flatMap(({ within }) => within ?? []);
  if (before.length < LEAST_DAYS) return null;
  const [low, high] = [quantile(before, 0.1)!, quantile(before, 0.9)!];
  const top = px(y(high));
  return html`<rect
    class="band"
    x="${plot.left}"
    y="${top}"
    width="${plot.right - plot.left}"
    height="${Math.max(1, px(y(low) - top))}"
  >
    <title>${`On most of the last days ${percentText(low)} to ${percentText(high)}`}</title>
  </rect>`;
}

/** Dots for provisional days (hollow) and the last day (filled): a reader looks for these. */
function dots(days: readonly TrendDay[], x: (day: TrendDay) => number, y: (day: TrendDay) => number): Part {
  return days
    .filter((day, i) => day.provisional || i === days.length - 1)
    .map(
      (day) =>
        html`<circle
          class="${day.provisional ? 'within-dot open' : 'within-dot'}"
          cx="${x(day)}"
          cy="${y(day)}"
          r="${day === days.at(-1) ? 3.5 : 2}"
        />`,
    );
}

function dayScale(date: string, plot: Plot): (day: string) => number {
  const end = Date.parse(date);
  const scale = scaleLinear([end - (TREND_DAYS - 1) * DAY_MS, end], [plot.left + 6, plot.right - 8]).clamp(
    true,
  );
  return (day) => scale(Date.parse(day));
}

const SPARK: Plot = { width: 96, height: 22, left: 2, right: 94, top: 3, bottom: 19 };

/**
 * The match within the promise alone, without axes, for the summary. All features share one scale, which ends at 95 %,
 * so that one bad feature does not flatten the others.
 */
export function sparkLine(all: readonly TrendDay[], date: string, lowest: number): Markup | null {
  const days = all.filter((day) => day.within !== null);
  if (days.length < 2) return null;
  const x = dayScale(date, SPARK);
  const y = scaleLinear(
    [Math.max(0.95, Math.min(lowest, ALERT_BELOW - BELOW_LIMIT)), 1],
    [SPARK.bottom, SPARK.top],
  ).clamp(true);
  const path =
    line<TrendDay>(
      (day) => x(day.date),
      (day) => y(day.within!),
    ).digits(0)(days) ?? '';
  const last = days.at(-1)!;
  return html`<svg class="spark" viewBox="0 0 ${SPARK.width} ${SPARK.height}" role="img">
    <title>
      ${`Within the promise on ${days.length} days, lowest ${percentText(min(days, (d) => d.within!)!)}`}
    </title>
    <path class="within-line" d="${path}" />
    <circle class="within-dot" cx="${px(x(last.date))}" cy="${px(y(last.within!))}" r="2.2" />
  </svg>`;
}
