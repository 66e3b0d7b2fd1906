/**
 * A view's day in two bands over one axis of hours: above, the mismatches of each hour (beyond the promise full, within
 * it pale), with outages; below, how old the data online was, with the runs that made it younger. Deploys are lines
 * through both. The age grows with the clock until a run ends, then falls to that run's own lag: a late run stands out
 * as a tooth above the line of the promised freshness. A source that stopped makes nobody's data older: a line along
 * the top shows for how long it has had no event.
 */
import { scaleLinear } from 'd3-scale';
import type { RunSnapshot } from '../../../verdict/runs-of-day.ts';
import type { HourOfView, Snapshot, ViewSnapshot } from '../../../verdict/snapshot.ts';
import { html } from '../../../../project/page/markup.ts';
import type { Markup, Part } from '../../../../project/page/markup.ts';
import {
  countText,
  counted,
  durationText,
  momentText,
  timeText,
} from '../../../../project/page/value-text.ts';
import { DAY_MINUTES, dayDrawing, hourLabels, hourLines, minuteOfDay } from './day-axis.ts';
import { px } from '../../../../project/page/charts/plot.ts';

const HOUR = 60;
const COUNT_HEIGHT = 46;
const AGE_HEIGHT = 40;
const RUN_HEIGHT = 8;

/** The age from one run's end to the next, in minutes of the day. */
interface Tooth {
  readonly from: number;
  readonly to: number;
  /** May lie before the day. */
  readonly watermark: number;
}

/** A view of the service; of one that is computed on demand no freshness is promised, and no run renews it. */
export type DrawnView = Pick<ViewSnapshot, 'role' | 'view' | 'hours'> &
  Partial<Pick<ViewSnapshot, 'freshnessUs' | 'newestSourceRow'>>;

export function hourStrip(snapshot: Snapshot, view: DrawnView): Markup {
  const { date } = snapshot;
  const runs = snapshot.runs.filter((run) => run.view === view.view);
  const teeth = teethOf(runs, snapshot);
  const deploys = snapshot.deploys.slice(1).map(({ at }) => minuteOfDay(at, date));
  const name = view.role === view.view ? view.role : `${view.role} (view ${view.view})`;
  const stopped = hasStopped(snapshot, view) ? stoppedWords(view, date) : null;
  return html`<figure class="strip">
    <figcaption>
      <b>${name}</b> <span class="soft">${mismatchWords(view.hours)}</span> ${ageWords(view, teeth)}
      ${stopped !== null && html`<span class="alarm">${`source stopped: ${stopped}`}</span>`}
    </figcaption>
    ${mismatchBand(view, deploys, stopped !== null && stoppedLine(snapshot, view, stopped))}
    ${ageBand({ view, runs, teeth, deploys, date })}${hourLabels()}
  </figure>`;
}

/** Whether the verdict says that the view's source has stopped. */
export function hasStopped(
  { findings }: Pick<Snapshot, 'findings'>,
  { view }: Pick<ViewSnapshot, 'view'>,
): boolean {
  return findings.some((finding) => finding.view === view && finding.cause === 'source stopped');
}

function stoppedWords({ newestSourceRow = null }: DrawnView, date: string): string {
  return newestSourceRow === null ? 'it has no event' : `no event since ${momentText(newestSourceRow, date)}`;
}

/** From the newest event on, over the bars, which do not reach so high. */
function stoppedLine(snapshot: Snapshot, { newestSourceRow = null }: DrawnView, words: string): Markup {
  const from = newestSourceRow === null ? 0 : minuteOfDay(newestSourceRow, snapshot.date);
  return html`<path class="stopped" d="M${from} 1.5H${knownUntil(snapshot)}"
    ><title>${`Its source: ${words}`}</title></path
  >`;
}

function mismatchWords(hours: readonly HourOfView[]): string {
  const sum = (of: (hour: HourOfView) => number): number => hours.reduce((all, hour) => all + of(hour), 0);
  const [all, beyond, lost] = [
    sum((h) => h.mismatches),
    sum((h) => h.beyondPromise),
    sum((h) => h.unavailable),
  ];
  const unavailable = lost === 0 ? '' : `, ${countText(lost)} unavailable`;
  if (hours.length === 0) return 'no vectors';
  if (all === 0) return `no mismatch${unavailable}`;
  return `${counted(all, 'mismatch').replace(/mismatchs$/, 'mismatches')}, ${countText(beyond)} beyond the promise${unavailable}`;
}

function ageWords({ freshnessUs }: DrawnView, teeth: readonly Tooth[]): Part {
  if (freshnessUs === undefined) return html`<span class="soft">computed on demand</span>`;
  if (teeth.length === 0) return html`<span class="soft">no run that ended is recorded</span>`;
  const oldestUs = oldestOf(teeth) * 60_000_000;
  const promised = freshnessUs > 0 ? `, promised ${durationText(freshnessUs)}` : '';
  const isLate = freshnessUs > 0 && oldestUs > freshnessUs;
  return html`<span class="${isLate ? 'alarm' : 'soft'}"
    >${`oldest ${durationText(oldestUs)}${promised}`}</span
  >`;
}

function mismatchBand({ hours, role }: DrawnView, deploys: readonly number[], stopped: Part): Markup {
  const most = Math.max(1, ...hours.map(({ mismatches }) => mismatches));
  const y = scaleLinear([0, most], [0, COUNT_HEIGHT - 4]);
  const served = new Map(
    hours.filter(({ values, unavailable }) => values + unavailable > 0).map((h) => [h.hour, h]),
  );
  const quiet = Array.from({ length: 24 }, (_, hour) => hour).filter((hour) => !served.has(hour));
  const bar = (kind: string, hour: number, count: number): Part => {
    if (count === 0) return null;
    const height = Math.max(2, px(y(count)));
    return html`<rect
      class="${kind}"
      x="${hour * HOUR + 6}"
      y="${px(COUNT_HEIGHT - height)}"
      width="${HOUR - 12}"
      height="${height}"
    />`;
  };
  return dayDrawing(
    COUNT_HEIGHT,
    `Mismatches of ${role} by hour`,
    `At most ${countText(most)} in an hour. Grey: no vectors in that hour. Striped: values served as UNAVAILABLE.`,
    html`${hourLines(COUNT_HEIGHT)}
      ${quiet.map((hour) => html`<rect class="quiet" x="${hour * HOUR}" width="${HOUR}" height="${COUNT_HEIGHT}" />`)}
      ${[...served.values()].map((hour) => [
        hour.unavailable > 0 && outage(hour),
        html`<g>
          <title>${hourWords(hour)}</title>
          <rect class="catch" x="${hour.hour * HOUR}" width="${HOUR}" height="${COUNT_HEIGHT}" />
          ${bar('hour-kept', hour.hour, hour.mismatches)} ${bar('hour-beyond', hour.hour, hour.beyondPromise)}
        </g>`,
      ])} <path class="base" d="M0 ${COUNT_HEIGHT - 0.5}H${DAY_MINUTES}" /> ${stopped}
      ${deployLines(deploys, COUNT_HEIGHT)}`,
  );
}

/** Stripes across the hour, as wide as the share of its values that were not available. */
function outage({ hour, unavailable, values }: HourOfView): Markup {
  const width = Math.max(6, (HOUR * unavailable) / (unavailable + values));
  const stripes: string[] = [];
  for (let x = hour * HOUR; x < hour * HOUR + width; x += 5)
    stripes.push(`M${px(x)} ${COUNT_HEIGHT}l8 -${COUNT_HEIGHT}`);
  return html`<path class="outage" d="${stripes.join('')}" />`;
}

function hourWords({ hour, values, mismatches, beyondPromise, unavailable, dataAgeUs }: HourOfView): string {
  const age = dataAgeUs === null ? '' : `; data up to ${durationText(dataAgeUs)} old`;
  const lost = unavailable === 0 ? '' : `, ${countText(unavailable)} unavailable`;
  const of = `${countText(mismatches)} of ${counted(values, 'value')} differ, ${countText(beyondPromise)} beyond the promise`;
  return `${String(hour).padStart(2, '0')}:00 to ${String(hour + 1).padStart(2, '0')}:00: ${of}${lost}${age}`;
}

interface AgeOfDay {
  readonly view: DrawnView;
  readonly runs: readonly RunSnapshot[];
  readonly teeth: readonly Tooth[];
  readonly deploys: readonly number[];
  readonly date: string;
}

function ageBand({ view, runs, teeth, deploys, date }: AgeOfDay): Part {
  if (runs.length === 0) return null;
  const freshness = (view.freshnessUs ?? 0) / 60_000_000;
  const y = scaleLinear([0, Math.max(oldestOf(teeth), freshness) * 1.08 || 1], [AGE_HEIGHT, 2]);
  const height = AGE_HEIGHT + RUN_HEIGHT + 4;
  return dayDrawing(
    height,
    `Age of the data of ${view.role}, and its runs`,
    `${counted(runs.length, 'run')}; the dashed line is the freshness that was promised.`,
    html`${hourLines(AGE_HEIGHT)}
      <path class="age-area" d="${teeth.map((tooth) => area(tooth, y)).join('')}" />
      ${
        freshness > 0 &&
        html`<path class="age-over" d="${teeth.map((tooth) => areaOver(tooth, freshness, y)).join('')}" />
          <path class="limit" d="M0 ${px(y(freshness))}H${DAY_MINUTES}" />`
      }
      <path class="base" d="M0 ${AGE_HEIGHT}H${DAY_MINUTES}" /> ${runs.map((run) => runBar(run, date))}
      ${deployLines(deploys, height)}`,
  );
}

function deployLines(deploys: readonly number[], height: number): Part {
  return (
    deploys.length > 0 &&
    html`<path class="deploy" d="${deploys.map((x) => `M${x} 0V${height}`).join('')}" />`
  );
}

/** The minute of the day up to which the verdict knows it. */
function knownUntil({ date, judgedAt }: Snapshot): number {
  return minuteOfDay(judgedAt, date);
}

function teethOf(runs: readonly RunSnapshot[], snapshot: Snapshot): Tooth[] {
  const minutes = (time: string): number => (Date.parse(time) - Date.parse(snapshot.date)) / 60_000;
  const until = knownUntil(snapshot);
  const finished = runs
    .filter((run) => run.state === 'complete' && run.finishedAt !== null)
    .map((run) => ({ at: minutes(run.finishedAt!), watermark: minutes(run.watermark) }))
    .toSorted((a, b) => a.at - b.at);
  const teeth: Tooth[] = [];
  let watermark = -Infinity;
  for (const [i, run] of finished.entries()) {
    watermark = Math.max(watermark, run.watermark);
    const from = Math.max(run.at, 0);
    const to = Math.min(finished[i + 1]?.at ?? Infinity, until);
    if (to > from) teeth.push({ from, to, watermark });
  }
  return teeth;
}

function oldestOf(teeth: readonly Tooth[]): number {
  return Math.max(0, ...teeth.map(({ to, watermark }) => to - watermark));
}

function area({ from, to, watermark }: Tooth, y: (age: number) => number): string {
  return `M${px(from)} ${px(y(0))}V${px(y(from - watermark))}L${px(to)} ${px(y(to - watermark))}V${px(y(0))}Z`;
}

/** The part of a tooth that is above the promised freshness. */
function areaOver(tooth: Tooth, freshness: number, y: (age: number) => number): string {
  const from = Math.max(tooth.from, tooth.watermark + freshness);
  if (from >= tooth.to) return '';
  const line = px(y(freshness));
  const [start, end] = [px(y(from - tooth.watermark)), px(y(tooth.to - tooth.watermark))];
  return `M${px(from)} ${line}V${start}L${px(tooth.to)} ${end}V${line}Z`;
}

function runBar(run: RunSnapshot, date: string): Part {
  const start = Date.parse(date);
  const end = run.finishedAt === null ? Infinity : Date.parse(run.finishedAt);
  if (end < start || Date.parse(run.startedAt) > start + 86_400_000) return null;
  const from = minuteOfDay(run.startedAt, date);
  const to = run.finishedAt === null ? DAY_MINUTES : minuteOfDay(run.finishedAt, date);
  const finished = run.finishedAt === null ? 'not finished' : `to ${timeText(run.finishedAt, date)}`;
  const kind = run.state === 'complete' ? (run.kind === 'ordinary' ? 'run' : 'run other') : 'run broken';
  return html`<rect
    class="${kind}"
    x="${from}"
    y="${AGE_HEIGHT + 4}"
    width="${px(Math.max(4, to - from))}"
    height="${RUN_HEIGHT}"
  >
    <title>
      ${`${run.kind} run ${run.runId}, ${run.state}: ${timeText(run.startedAt, date)} ${finished}, watermark ${momentText(run.watermark, date)}`}
    </title>
  </rect>`;
}
