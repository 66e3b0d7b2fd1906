/** The greatest age of a view's data as it was served, day by day, beside the promise. */
import { max } from 'd3-array';
import { scaleLinear } from 'd3-scale';
import { area } from 'd3-shape';
import { SMALL_PLOT, chart, px, yAxis } from '../../project/page/charts/plot.ts';
import { TREND_DAYS } from '../../project/page/charts/trend-chart.ts';
import { html } from '../../project/page/markup.ts';
import type { Markup, Part } from '../../project/page/markup.ts';
import { durationText } from '../../project/page/value-text.ts';
import type { AgeDay } from '../../project/database/verdict-table.ts';

const DAY_MS = 86_400_000;
/** Steps that people count time in, in microseconds; an axis has at most five of one. */
const STEPS = [1, 5, 15, 60, 300, 900, 3_600, 10_800, 21_600, 43_200, 86_400, 604_800, 2_592_000].map(
  (seconds) => seconds * 1e6,
);

/**
 * @param days  in order
 * @param date  the axis ends there; it is that of the trend beside it, which is drawn once (`#days`)
 */
export function ageChart(days: readonly AgeDay[], promisedUs: number, date: string): Markup {
  const plot = SMALL_PLOT;
  const known = days.filter(({ ageUs }) => ageUs !== null);
  const most = Math.max(max(known, ({ ageUs }) => ageUs!) ?? 0, promisedUs * 1.2, 1e6);
  const end = Date.parse(date);
  const x = scaleLinear([end - (TREND_DAYS - 1) * DAY_MS, end], [plot.left + 6, plot.right - 8]).clamp(true);
  const y = scaleLinear([0, most], [plot.bottom, plot.top]);
  const at = (day: AgeDay): number => px(x(Date.parse(day.date)));
  const shape =
    area<AgeDay>(at, plot.bottom, (day) => px(y(day.ageUs ?? 0)))
      .defined(({ ageUs }) => ageUs !== null)
      .digits(0)(days) ?? '';
  const step = STEPS.find((one) => most / one <= 5) ?? STEPS.at(-1)!;
  const ticks = Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => i * step);
  const newest = known.at(-1)?.ageUs ?? null;
  return chart(
    plot,
    'Oldest data as served, by day',
    `Last day ${newest === null ? 'unknown' : durationText(newest)}; promised ${durationText(promisedUs)}.`,
    html`${yAxis(
        plot,
        ticks.map((us) => ({ at: y(us), text: us === 0 ? '0' : durationText(us) })),
      )}
      <path class="age-area" d="${shape}" />
      ${dot(known.at(-1), at, y)}
      <path class="limit" d="M${plot.left} ${px(y(promisedUs))}H${plot.right}" />
      ${days
        .filter(({ hoursBeyond }) => hoursBeyond > 0)
        .map(
          (day) =>
            html`<circle class="age-dot" cx="${at(day)}" cy="${px(y(day.ageUs!))}" r="3">
              <title>
                ${`${day.date}: up to ${durationText(day.ageUs!)}, past the promise in ${day.hoursBeyond} of ${day.hours} hours`}
              </title>
            </circle>`,
        )}
      <use href="#days" />`,
  );
}

/** The last day, as in the trend beside it: one day alone would be an area without width. */
function dot(day: AgeDay | undefined, x: (day: AgeDay) => number, y: (ageUs: number) => number): Part {
  if (day === undefined) return null;
  return html`<circle class="within-dot" cx="${x(day)}" cy="${px(y(day.ageUs!))}" r="3" />`;
}
