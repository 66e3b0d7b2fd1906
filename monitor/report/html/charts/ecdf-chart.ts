/** Both empirical distribution functions, with D drawn where the gap between them is widest. */
import { scaleLinear } from 'd3-scale';
import type { Distributions } from '../../../statistics/distributions.ts';
import { html } from '../../../../project/page/markup.ts';
import type { Markup } from '../../../../project/page/markup.ts';
import {
  SMALL_PLOT,
  chart,
  linePath,
  px,
  simplified,
  stepCorners,
  xAxis,
  yAxis,
} from '../../../../project/page/charts/plot.ts';
import type { Point } from '../../../../project/page/charts/plot.ts';
import { compactText, timeText } from '../../../../project/page/value-text.ts';
import { isTime, valueAxis } from '../../../../project/page/charts/value-axis.ts';

type Numeric = Extract<Distributions, { readonly kind: 'numeric' }>;
type WithFunctions = Numeric & Required<Pick<Numeric, 'ecdf'>>;

/**
 * How far a simplified curve may be off: half the line's width, so nobody sees it, and the curve takes a sixth of the
 * bytes.
 */
const TOLERANCE = 0.85;

/** @returns whether the snapshot has the functions: it leaves out those of features of which nothing is to see */
export function hasFunctions(distributions: Numeric): distributions is WithFunctions {
  return distributions.ecdf !== undefined;
}

export function ecdfChart(distributions: WithFunctions, type: string): Markup {
  const plot = SMALL_PLOT;
  const { ecdf, ks } = distributions;
  const axis = valueAxis(distributions.histogram.edges, type, plot);
  const y = scaleLinear([0, 1], [plot.bottom, plot.top]);
  const steps = (shares: readonly number[]): string =>
    linePath(
      simplified(
        stepCorners([
          [plot.left, plot.bottom],
          ...ecdf.x.map((value, i): Point => [axis.at(value), y(shares[i]!)]),
          [plot.right, plot.top],
        ]),
        TOLERANCE,
      ),
    );
  const where = type === 'timestamp' && isTime(ks.location) ? atTime(ks.location) : compactText(ks.location);
  return chart(
    plot,
    'Cumulative distribution',
    ks.d === 0
      ? 'Share of values up to x. Both sides are the same.'
      : `Share of values up to x. The widest gap, D = ${ks.d.toFixed(4)}, lies at ${where}.`,
    html`${yAxis(
        plot,
        [0, 0.5, 1].map((share) => ({ at: y(share), text: `${share * 100}\u00a0%` })),
      )}
      <path class="served-line" d="${steps(ecdf.served)}" />
      ${ks.d > 0 && html`<path class="replayed-line" d="${steps(ecdf.replayed)}" />`}
      ${gapMark(distributions, axis.at(ks.location), y, where)} ${xAxis(plot, axis.ticks)}`,
  );
}

/** Draws the gap D as a bracket with its size. */
function gapMark(
  { ecdf, ks }: WithFunctions,
  x: number,
  y: (share: number) => number,
  where: string,
): Markup | null {
  const index = ecdf.x.indexOf(ks.location);
  if (ks.d === 0 || index === -1) return null;
  const top = px(y(Math.max(ecdf.served[index]!, ecdf.replayed[index]!)));
  const bottom = px(y(Math.min(ecdf.served[index]!, ecdf.replayed[index]!)));
  const at = px(x);
  const label = `D ${ks.d.toFixed(3)} at ${where}`;
  // Both functions rise, so the free space is to the right below them and to the left above them.
  const toLeft = at + 12 + label.length * 6.4 > SMALL_PLOT.right;
  const labelY = toLeft
    ? Math.max(top - 4, SMALL_PLOT.top + 10)
    : Math.min(bottom + 12, SMALL_PLOT.bottom - 5);
  return html`<path class="gap" d="M${at - 4} ${top}h8M${at} ${top}V${bottom}M${at - 4} ${bottom}h8" />
    <text class="gap-label${toLeft && ' end'}" x="${px(toLeft ? at - 9 : at + 9)}" y="${px(labelY)}">
      ${label}
    </text>`;
}

function atTime(us: number): string {
  return timeText(new Date(us / 1_000).toISOString(), '');
}
