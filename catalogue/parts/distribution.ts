/** A feature in the last training set and in the newest traffic: both distributions in one picture, from sketches. */
import { max } from 'd3-array';
import { scaleLinear } from 'd3-scale';
import type { Measure } from '../../contract/sketch.ts';
import type { SmallSketch } from '../../contract/small-sketch.ts';
import {
  SMALL_PLOT,
  chart,
  linePath,
  px,
  stepCorners,
  xAxis,
  yAxis,
} from '../../project/page/charts/plot.ts';
import type { Point } from '../../project/page/charts/plot.ts';
import { valueAxis } from '../../project/page/charts/value-axis.ts';
import { html } from '../../project/page/markup.ts';
import type { Markup, Part } from '../../project/page/markup.ts';
import { numberText, shareText, shortened } from '../../project/page/value-text.ts';

const BINS = 20;
const MOST_TEXTS = 8;
const MOST_LETTERS = 18;
const ROW = 24;

const MEASURES: Readonly<Record<Measure, string>> = {
  value: 'value',
  age: 'age in seconds',
  length: 'length',
  norm: 'norm',
};

type Ordered = NonNullable<SmallSketch['ordered']>;
type Categories = NonNullable<SmallSketch['categories']>;

/** @returns null: neither side has values that can be drawn */
export function distributionPicture(
  training: SmallSketch | null,
  served: SmallSketch | null,
  type: string,
): Part {
  const [then, now] = [training?.ordered ?? null, served?.ordered ?? null];
  if (then !== null || now !== null) return html`${histogram(then, now, type)}${figures(then, now)}`;
  const [before, after] = [training?.categories ?? null, served?.categories ?? null];
  return before === null && after === null ? null : bars(before, after);
}

/** The share of values up to and including x, to a hundredth. */
function shareUpTo({ quantiles }: Ordered, x: number): number {
  const passed = quantiles.findLastIndex((value) => value <= x);
  return Math.max(0, passed) / (quantiles.length - 1);
}

function histogram(then: Ordered | null, now: Ordered | null, type: string): Part {
  const sides = [then, now].flatMap((side) => side ?? []);
  const low = Math.min(...sides.map(({ quantiles }) => quantiles[1]!));
  const high = Math.max(...sides.map(({ quantiles }) => quantiles.at(-2)!));
  if (!(high > low)) return html`<p class="soft">${`Nearly all values are ${numberText(low)}.`}</p>`;
  const edges = Array.from({ length: BINS + 1 }, (_, i) => low + ((high - low) * i) / BINS);
  const sharesOf = (side: Ordered | null): number[] =>
    side === null
      ? []
      : edges.slice(1).map((edge, i) => {
          const below = i === 0 ? 0 : shareUpTo(side, edges[i]!);
          return (i === BINS - 1 ? 1 : shareUpTo(side, edge)) - below;
        });
  const [trained, served] = [sharesOf(then), sharesOf(now)];
  const plot = SMALL_PLOT;
  const measure = sides[0]!.measure;
  const axis = valueAxis(edges, measure === 'value' ? type : 'float64', plot);
  const y = scaleLinear([0, max([...trained, ...served]) ?? 1], [plot.bottom, plot.top]).nice(3);
  const outline = (shares: readonly number[]): string =>
    shares.length === 0
      ? ''
      : linePath(
          stepCorners([
            [axis.at(edges[0]!), plot.bottom],
            ...shares.map((share, i): Point => [axis.at(edges[i]!), y(share)]),
            [axis.at(edges.at(-1)!), plot.bottom],
          ]),
        );
  return chart(
    plot,
    `Distribution of the ${MEASURES[measure]}`,
    'Share of the values in each of 20 bins; what is beyond a hundredth at an end counts into the outer bins.',
    html`${yAxis(
        plot,
        y.ticks(3).map((share) => ({ at: y(share), text: shareText(share) })),
      )} <path class="served-area" d="${outline(served)}" /><path
        class="replayed-line"
        d="${outline(trained)}"
      />
      ${xAxis(plot, axis.ticks)}`,
  );
}

function figures(then: Ordered | null, now: Ordered | null): Markup {
  const of = (side: Ordered): string =>
    `mean ${numberText(side.mean)}, median ${numberText(side.quantiles[50]!)}, 1 % to 99 %: ${numberText(
      side.quantiles[1]!,
    )} to ${numberText(side.quantiles[99]!)}`;
  const told = [
    ...(then === null ? [] : [`In training ${of(then)}.`]),
    ...(now === null ? [] : [`As served ${of(now)}.`]),
  ];
  return html`<p class="soft">${told.join(' ')}</p>`;
}

function bars(before: Categories | null, after: Categories | null): Markup {
  const shares = (side: Categories | null): Map<string, number> =>
    new Map(side?.top.map(({ value, rows }) => [value, rows / side.rows]) ?? []);
  const [trained, served] = [shares(before), shares(after)];
  const values = [...new Set([...served.keys(), ...trained.keys()])].slice(0, MOST_TEXTS);
  const plot = { ...SMALL_PLOT, left: 122, right: 316, top: 6, height: values.length * ROW + 10 };
  const widest = max([...trained.values(), ...served.values()]) ?? 1;
  const x = scaleLinear([0, widest], [0, plot.right - plot.left]);
  return chart(
    plot,
    'Share of each text',
    'The most frequent texts, served over those of the training set.',
    values.map((value, i) => {
      const top = plot.top + i * ROW;
      const [now, then] = [served.get(value) ?? 0, trained.get(value) ?? 0];
      return html`<text class="tick end" x="${plot.left - 6}" y="${top + 12}"
          >${value === '' ? '(empty)' : shortened(value, MOST_LETTERS)}</text
        >
        <rect class="served-fill" x="${plot.left}" y="${top}" width="${px(x(now))}" height="8" />
        <rect class="replayed-fill" x="${plot.left}" y="${top + 9}" width="${px(x(then))}" height="6" />
        <text class="tick" x="${px(plot.left + x(Math.max(now, then)) + 5)}" y="${top + 12}"
          >${shareText(now)}</text
        >`;
    }),
  );
}
