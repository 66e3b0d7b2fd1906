/** Both histograms in one chart: served values filled, replayed values as an outline. */
import { max } from 'd3-array';
import { scaleLinear } from 'd3-scale';
import type { Distributions } from '../../../statistics/distributions.ts';
import type { Markup } from '../../../../project/page/markup.ts';
import { html } from '../../../../project/page/markup.ts';
import {
  SMALL_PLOT,
  chart,
  linePath,
  px,
  stepCorners,
  xAxis,
  yAxis,
} from '../../../../project/page/charts/plot.ts';
import type { Point, Tick } from '../../../../project/page/charts/plot.ts';
import { countText, shareText } from '../../../../project/page/value-text.ts';
import { valueAxis } from '../../../../project/page/charts/value-axis.ts';

type Numeric = Extract<Distributions, { readonly kind: 'numeric' }>;
type Categorical = Extract<Distributions, { readonly kind: 'categorical' }>;

export function histogramChart(distributions: Numeric, type: string): Markup {
  const plot = SMALL_PLOT;
  const { edges, served, replayed } = distributions.histogram;
  const axis = valueAxis(edges, type, plot);
  const servedShares = served.map((rows) => rows / distributions.servedRows);
  const replayedShares = replayed.map((rows) => rows / distributions.replayedRows);
  const y = scaleLinear([0, max([...servedShares, ...replayedShares])!], [plot.bottom, plot.top]).nice(3);
  const outline = (shares: readonly number[]): string =>
    linePath(
      stepCorners([
        [axis.at(edges[0]!), plot.bottom],
        ...shares.map((share, i): Point => [axis.at(edges[i]!), y(share)]),
        [axis.at(edges.at(-1)!), plot.bottom],
      ]),
    );
  const ticks: Tick[] = y.ticks(3).map((share) => ({ at: y(share), text: shareText(share) }));
  return chart(
    plot,
    'Distribution of the values',
    `Share of values in each of ${served.length} bins, served (${countText(distributions.servedRows)} values) ` +
      `over replayed (${countText(distributions.replayedRows)} values).`,
    html`${yAxis(plot, ticks)}
      <path class="served-area" d="${outline(servedShares)}" />
      <path class="replayed-line" d="${outline(replayedShares)}" />
      ${xAxis(plot, axis.ticks)}`,
  );
}

const ROW_HEIGHT = 24;
const MOST_LABEL_CHARACTERS = 18;

/** A pair of bars for each category. */
export function categoryChart(distributions: Categorical): Markup {
  const { values, servedRows, replayedRows } = distributions;
  const plot = {
    ...SMALL_PLOT,
    left: 122,
    right: 316,
    top: 6,
    height: values.length * ROW_HEIGHT + 10,
    bottom: values.length * ROW_HEIGHT + 6,
  };
  const widest =
    max(values, (value) => Math.max(value.served / servedRows, value.replayed / replayedRows)) ?? 0;
  const x = scaleLinear([0, widest || 1], [0, plot.right - plot.left]);
  return chart(
    plot,
    'Share of each value',
    `Share of each value, served (${countText(servedRows)} values) over replayed (${countText(replayedRows)} values).`,
    values.map(({ value, served, replayed }, i) => {
      const y = plot.top + i * ROW_HEIGHT;
      const label =
        value.length > MOST_LABEL_CHARACTERS ? `${value.slice(0, MOST_LABEL_CHARACTERS - 1)}…` : value;
      const end = plot.left + x(Math.max(served / servedRows, replayed / replayedRows));
      return html`<text class="tick end" x="${plot.left - 6}" y="${y + 12}"
          >${label === '' ? '(empty)' : label}</text
        >
        <rect
          class="served-fill"
          x="${plot.left}"
          y="${y}"
          width="${px(x(served / servedRows))}"
          height="8"
        />
        <rect
          class="replayed-fill"
          x="${plot.left}"
          y="${y + 9}"
          width="${px(x(replayed / replayedRows))}"
          height="6"
        />
        <text class="tick" x="${px(end + 5)}" y="${y + 12}">${shareText(served / servedRows)}</text>`;
    }),
  );
}
