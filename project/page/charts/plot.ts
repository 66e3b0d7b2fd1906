/** What all charts share: size, rounding of coordinates, axes, and the frame with title and description. */
import { html } from '../markup.ts';
import type { Markup, Part } from '../markup.ts';

/** The drawing area of a chart, in units of its view box, which are CSS pixels at the usual width. */
export interface Plot {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export const SMALL_PLOT: Plot = { width: 360, height: 176, left: 42, right: 350, top: 14, bottom: 150 };

export interface Tick {
  readonly at: number;
  readonly text: string;
}

/** A coordinate rounded to one decimal, a tenth of a pixel. */
export function px(value: number): number {
  return Math.round(value * 10) / 10;
}

/** The whole chart; `describe` is read by screen readers and shown on hovering. */
export function chart(plot: Plot, title: string, describe: string, content: Part): Markup {
  return html`<svg viewBox="0 0 ${plot.width} ${plot.height}" role="img">
    <title>${title}</title>
    <desc>${describe}</desc>
    ${content}
  </svg>`;
}

/** Grid lines with their labels to the left. */
export function yAxis(plot: Plot, ticks: readonly Tick[]): Markup {
  const lines = ticks.map(({ at }) => `M${plot.left} ${px(at)}H${plot.right}`).join('');
  return html`<path class="grid" d="${lines}" />
    <g class="tick end" transform="translate(${plot.left - 6} 3.5)">
      ${ticks.map(({ at, text }) => html`<text y="${px(at)}">${text}</text>`)}
    </g>`;
}

/** The base line with its labels below; labels at both ends are kept inside the chart. */
export function xAxis(plot: Plot, ticks: readonly Tick[]): Markup {
  const marks = ticks.map(({ at }) => `M${px(at)} ${plot.bottom}v4`).join('');
  return html`<path class="base" d="M${plot.left} ${plot.bottom}H${plot.right}${marks}" />
    <g class="tick mid" transform="translate(0 ${plot.bottom + 16})">
      ${ticks.map(({ at, text }) => html`<text x="${px(inside(plot, at, text))}">${text}</text>`)}
    </g>`;
}

function inside(plot: Plot, at: number, text: string): number {
  const half = text.length * 3.1;
  return Math.max(half, Math.min(at, plot.width - half));
}

export type Point = readonly [x: number, y: number];

/** The corners of the line of a function that keeps each value until the next point. */
export function stepCorners(points: readonly Point[]): Point[] {
  return points.flatMap(([x, y], i): Point[] =>
    i === 0
      ? [[x, y]]
      : [
          [x, points[i - 1]![1]],
          [x, y],
        ],
  );
}

/** The path of a line through the points, in short relative commands; rounding errors do not add up along it. */
export function linePath(points: readonly Point[]): string {
  let path = '';
  let lastX = 0;
  let lastY = 0;
  for (const [exactX, exactY] of points) {
    const x = px(exactX);
    const y = px(exactY);
    if (path === '') path = `M${x} ${y}`;
    else if (x === lastX && y === lastY) continue;
    else if (y === lastY) path += `h${short(x - lastX)}`;
    else if (x === lastX) path += `v${short(y - lastY)}`;
    else path += `l${short(x - lastX)} ${short(y - lastY)}`.replace(' -', '-');
    lastX = x;
    lastY = y;
  }
  return path;
}

/**
 * Drops points so that no dropped point is further than `tolerance` from the remaining line.
 * Source: Douglas and Peucker 1973, Cartographica 10:112.
 */
export function simplified(points: readonly Point[], tolerance: number): Point[] {
  const kept = new Set([0, points.length - 1]);
  const open: [from: number, to: number][] = [[0, points.length - 1]];
  for (let span = open.pop(); span !== undefined; span = open.pop()) {
    const [from, to] = span;
    let furthest = tolerance;
    let at = -1;
    for (let i = from + 1; i < to; i++) {
      const distance = distanceToLine(points[i]!, points[from]!, points[to]!);
      if (distance > furthest) {
        furthest = distance;
        at = i;
      }
    }
    if (at !== -1) {
      kept.add(at);
      open.push([from, at], [at, to]);
    }
  }
  return points.filter((_, i) => kept.has(i));
}

function distanceToLine([x, y]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const length = Math.hypot(bx - ax, by - ay);
  if (length === 0) return Math.hypot(x - ax, y - ay);
  return Math.abs((bx - ax) * (ay - y) - (ax - x) * (by - ay)) / length;
}

/** A number in as few characters as SVG allows, such as `-.7`. */
function short(value: number): string {
  return String(px(value)).replace(/^(-?)0\./, '$1.');
}
