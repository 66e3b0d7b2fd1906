/**
 * The horizontal axis that histogram and ECDF share, made from the histogram's edges. Even bins give a linear axis.
 * Uneven bins (decades, tails) are all drawn equally wide, so that each can be seen; the labels give their edges.
 */
import { scaleLinear, scaleUtc } from 'd3-scale';
import { DAY_US } from '../../../contract/std/timestamp.ts';
import type { Plot, Tick } from './plot.ts';
import { compactText, dayText } from '../value-text.ts';

const wholeDigits = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 15 });

interface ValueAxis {
  /** Position of a value in view box units; a value beyond the edges is placed at the end of the axis. */
  at(value: number): number;
  readonly ticks: readonly Tick[];
  readonly even: boolean;
}

/** @param type  the feature's type; numbers of a `timestamp` are microseconds */
export function valueAxis(edges: readonly number[], type: string, plot: Plot): ValueAxis {
  const even = isEven(edges);
  const at = even ? evenPlace(edges, plot) : stretchedPlace(edges, plot);
  let ticks: Tick[];
  if (type === 'timestamp' && edges.every(isTime)) ticks = timeTicks(edges, at);
  else if (even && isWide(edges)) ticks = evenTicks(edges, at, type.startsWith('int'));
  else ticks = roundEdges(edges, at);
  return { at, ticks, even };
}

/** Whether a Date can hold a time in microseconds. */
export function isTime(us: number): boolean {
  return Math.abs(us) <= 8.64e18;
}

/**
 * Whether there are distinct round numbers between the edges: at the limits of doubles d3 gives no ticks, or endlessly
 * many.
 */
function isWide(edges: readonly number[]): boolean {
  const span = edges.at(-1)! - edges[0]!;
  const size = Math.max(Math.abs(edges[0]!), Math.abs(edges.at(-1)!));
  return span > 1e-290 && span > size * 1e-12;
}

function isEven(edges: readonly number[]): boolean {
  const width = (edges.at(-1)! - edges[0]!) / (edges.length - 1);
  if (!Number.isFinite(width)) return false;
  return edges.every((edge, i) => i === 0 || Math.abs(edge - edges[i - 1]! - width) <= width * 1e-6);
}

function evenPlace(edges: readonly number[], plot: Plot): (value: number) => number {
  return scaleLinear([edges[0]!, edges.at(-1)!], [plot.left, plot.right]).clamp(true);
}

function stretchedPlace(edges: readonly number[], plot: Plot): (value: number) => number {
  const binWidth = (plot.right - plot.left) / (edges.length - 1);
  return scaleLinear(
    edges,
    edges.map((_, i) => plot.left + i * binWidth),
  ).clamp(true);
}

function evenTicks(edges: readonly number[], at: (value: number) => number, whole: boolean): Tick[] {
  const scale = scaleLinear().domain([edges[0]!, edges.at(-1)!]);
  const values = scale.ticks(6).filter((value) => !whole || Number.isInteger(value));
  const texts = new Set(values.map(compactText));
  // Close values far from zero look alike when shortened; such labels then show every digit.
  const text = texts.size === values.length ? compactText : wholeDigits.format;
  return spaced(values.map((value) => ({ at: at(value), text: text(value) })));
}

function timeTicks(edges: readonly number[], at: (value: number) => number): Tick[] {
  const scale = scaleUtc().domain([edges[0]! / 1_000, edges.at(-1)! / 1_000]);
  const format = scale.tickFormat(5);
  const spanUs = edges.at(-1)! - edges[0]!;
  return spaced(
    scale.ticks(5).map((time) => {
      const [, day, month, year] = dayText(time.toISOString().slice(0, 10)).split(' ');
      const text =
        spanUs > 300 * DAY_US ? `${month} ${year}` : spanUs > 3 * DAY_US ? `${day} ${month}` : format(time);
      return { at: at(time.getTime() * 1_000), text };
    }),
  );
}

/**
 * Ticks at the roundest edges (fewest digits; then 1 before 5 before others), as many as have room for their labels.
 */
function roundEdges(edges: readonly number[], at: (value: number) => number): Tick[] {
  const chosen: Tick[] = [];
  const byRoundness = edges.toSorted((a, b) => roundness(a) - roundness(b) || Math.abs(a) - Math.abs(b));
  for (const edge of byRoundness) {
    const tick = { at: at(edge), text: compactText(edge) };
    if (chosen.every((other) => apart(tick, other))) chosen.push(tick);
  }
  return chosen.toSorted((a, b) => a.at - b.at);
}

function roundness(edge: number): number {
  if (edge === 0) return 0;
  const mantissa = edge.toExponential().replace(/e.*$/, '').replace('-', '');
  return mantissa.length * 10 + (mantissa === '1' ? 0 : mantissa === '5' ? 1 : 2);
}

function spaced(ticks: readonly Tick[]): Tick[] {
  const kept: Tick[] = [];
  for (const tick of ticks) if (kept.length === 0 || apart(tick, kept.at(-1)!)) kept.push(tick);
  return kept;
}

function apart(a: Tick, b: Tick): boolean {
  return Math.abs(a.at - b.at) >= ((a.text.length + b.text.length) / 2) * 6.2 + 10;
}
