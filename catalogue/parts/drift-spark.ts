/** How far the served values of each day were from those of the training set: a line over 30 days. */
import { scaleLinear } from 'd3-scale';
import { line } from 'd3-shape';
import { px } from '../../project/page/charts/plot.ts';
import { TREND_DAYS } from '../../project/page/charts/trend-chart.ts';
import { html } from '../../project/page/markup.ts';
import type { Part } from '../../project/page/markup.ts';
import { counted, dayText, numberText } from '../../project/page/value-text.ts';

interface DriftDay {
  readonly date: string;
  readonly distance: number;
  readonly level: string;
  /** Served rows of the day. */
  readonly rows: number;
}

const DAY_MS = 86_400_000;
const SIZE = { width: 360, height: 60, left: 4, right: 354, top: 6, bottom: 54 } as const;
/** The scale reaches at least so far, so that a quiet feature looks quiet. */
const LEAST_TOP = 0.1;

/** @param days  in order */
export function driftSpark(days: readonly DriftDay[]): Part {
  const last = days.at(-1);
  if (last === undefined) return null;
  const end = Date.parse(last.date);
  const x = scaleLinear([end - (TREND_DAYS - 1) * DAY_MS, end], [SIZE.left, SIZE.right]).clamp(true);
  const most = Math.max(LEAST_TOP, ...days.map(({ distance }) => distance));
  const y = scaleLinear([0, most], [SIZE.bottom, SIZE.top]);
  const path =
    line<DriftDay>(
      (day) => x(Date.parse(day.date)),
      (day) => y(day.distance),
    ).digits(0)(days) ?? '';
  const words = `${dayText(last.date)}: distance ${numberText(last.distance)}, ${levelText(last)}`;
  return html`<svg class="spark wide" viewBox="0 0 ${SIZE.width} ${SIZE.height}" role="img">
      <title>${`Distance from the training set over ${days.length} days. ${words}`}</title>
      <path class="base" d="M${SIZE.left} ${SIZE.bottom}H${SIZE.right}" />
      <path class="within-line" d="${path}" />
      <circle class="within-dot" cx="${px(x(end))}" cy="${px(y(last.distance))}" r="3" />
    </svg>
    <p class="soft">${words}. The scale ends at ${numberText(most)}.</p>`;
}

/** From this distance on one is flagged, if it is hardly chance (monitor/statistics/drift-level.ts). */
const FLAGGED_DISTANCE = 0.03;

function levelText({ level, distance, rows }: DriftDay): string {
  if (level !== 'none') return level;
  return distance < FLAGGED_DISTANCE ? 'as in training' : `too few rows to tell (${counted(rows, 'row')})`;
}
