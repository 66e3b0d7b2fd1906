/**
 * The day's materialization runs, with one lane per view: each run is a bar from start to finish, and above the bars a
 * line shows the age of the data online. The age grows until a run finishes, then falls to that run's own lag. A late
 * run therefore stands out as a tooth above the line of the promised freshness.
 */
import { scaleLinear } from 'd3-scale';
import type { RunSnapshot, Snapshot } from '../../../verdict/snapshot.ts';
import { html } from '../markup/markup.ts';
import type { Markup } from '../markup/markup.ts';
import { chart, px } from './plot.ts';
import { durationText, momentText, timeText } from '../markup/value-text.ts';

const HOUR_MS = 3_600_000;
const WIDTH = 1_080;
const LEFT = 12;
const RIGHT = WIDTH - 12;
const LANE_HEIGHT = 92;
const TEXT_HEIGHT = 24;
const AGE_HEIGHT = 42;
const BAR_HEIGHT = 8;
const AXIS_HEIGHT = 24;

interface Day {
  readonly date: string;
  readonly startMs: number;
  readonly endMs: number;
  /** The age is drawn up to here: the end of the day, or the time of judging if that was earlier. */
  readonly knownUntilMs: number;
  x(ms: number): number;
}

/** The age from one run's finish to the next: it grows with the clock. */
interface Tooth {
  readonly fromMs: number;
  readonly toMs: number;
  readonly watermarkMs: number;
}

export function runTimeline(snapshot: Snapshot): Markup | null {
  if (snapshot.runs.length === 0) return null;
  const startMs = Date.parse(snapshot.date);
  const endMs = startMs + 24 * HOUR_MS;
  const x = scaleLinear([startMs, endMs], [LEFT, RIGHT]).clamp(true);
  const knownUntilMs = Math.min(endMs, Date.parse(snapshot.judgedAt));
  const day: Day = { date: snapshot.date, startMs, endMs, knownUntilMs, x };
  const names = [
    ...new Set([...snapshot.views.map((view) => view.view), ...snapshot.runs.map((run) => run.view)]),
  ];
  const lanes = names.filter((name) => snapshot.runs.some((run) => run.view === name));
  const height = lanes.length * LANE_HEIGHT + AXIS_HEIGHT;
  const bottom = lanes.length * LANE_HEIGHT;
  const hours = Array.from({ length: 9 }, (_, i) => startMs + i * 3 * HOUR_MS);
  const plot = { width: WIDTH, height, left: LEFT, right: RIGHT, top: 0, bottom };
  return chart(
    plot,
    'Materialization runs of the day',
    `${snapshot.runs.length} runs of ${lanes.length} views, with the age of the data online between them.`,
    html`<path class="grid" d="${hours.map((ms) => `M${px(x(ms))} 0V${bottom}`).join('')}" />
      <g class="tick mid">
        ${hours.map(
          (ms, i) =>
            html`<text class="${i === 0 && 'start'}${i === 8 && 'end'}" x="${px(x(ms))}" y="${bottom + 17}">
              ${`${String(i * 3).padStart(2, '0')}:00`}
            </text>`,
        )}
      </g>
      ${lanes.map((name, i) => lane(snapshot, name, day, i * LANE_HEIGHT))}`,
  );
}

function lane(snapshot: Snapshot, name: string, day: Day, top: number): Markup {
  const runs = snapshot.runs.filter((run) => run.view === name);
  const freshnessMs = (snapshot.views.find((view) => view.view === name)?.freshnessUs ?? 0) / 1_000;
  const teeth = teethOf(runs, day);
  const oldestMs = Math.max(0, ...teeth.map((tooth) => tooth.toMs - tooth.watermarkMs));
  const base = top + TEXT_HEIGHT + AGE_HEIGHT;
  const y = scaleLinear([0, Math.max(oldestMs, freshnessMs) * 1.08 || 1], [base, base - AGE_HEIGHT]);
  const late = freshnessMs > 0 && oldestMs > freshnessMs;
  const promised = freshnessMs > 0 ? `, promised ${durationText(freshnessMs * 1_000)}` : '';
  const words =
    teeth.length === 0 ? 'no complete run' : `oldest ${durationText(oldestMs * 1_000)}${promised}`;
  return html`<text class="lane-name" x="${LEFT}" y="${top + 16}">
      ${name}<tspan class="${late ? 'lane-late' : 'lane-age'}" dx="12">${words}</tspan>
    </text>
    <path class="age-area" d="${teeth.map((tooth) => area(tooth, day, y)).join('')}" />
    ${
      freshnessMs > 0 &&
      html`<path
          class="age-over"
          d="${teeth.map((tooth) => areaOver(tooth, freshnessMs, day, y)).join('')}"
        />
        <path class="limit" d="M${LEFT} ${px(y(freshnessMs))}H${RIGHT}" />`
    }
    <path class="base" d="M${LEFT} ${base}H${RIGHT}" />
    ${runs.map((run) => bar(run, day, base + 4))}`;
}

function teethOf(runs: readonly RunSnapshot[], day: Day): Tooth[] {
  const finished = runs
    .filter((run) => run.state === 'complete' && run.finishedAt !== null)
    .map((run) => ({ atMs: Date.parse(run.finishedAt!), watermarkMs: Date.parse(run.watermark) }))
    .toSorted((a, b) => a.atMs - b.atMs);
  const teeth: Tooth[] = [];
  let watermarkMs = -Infinity;
  for (const [i, run] of finished.entries()) {
    watermarkMs = Math.max(watermarkMs, run.watermarkMs);
    const fromMs = Math.max(run.atMs, day.startMs);
    const toMs = Math.min(finished[i + 1]?.atMs ?? Infinity, day.knownUntilMs);
    if (toMs > fromMs) teeth.push({ fromMs, toMs, watermarkMs });
  }
  return teeth;
}

function area({ fromMs, toMs, watermarkMs }: Tooth, day: Day, y: (ageMs: number) => number): string {
  const [left, right] = [px(day.x(fromMs)), px(day.x(toMs))];
  return `M${left} ${px(y(0))}V${px(y(fromMs - watermarkMs))}L${right} ${px(y(toMs - watermarkMs))}V${px(y(0))}Z`;
}

/** The part of a tooth that is above the promised freshness. */
function areaOver(tooth: Tooth, freshnessMs: number, day: Day, y: (ageMs: number) => number): string {
  const fromMs = Math.max(tooth.fromMs, tooth.watermarkMs + freshnessMs);
  if (fromMs >= tooth.toMs) return '';
  const line = px(y(freshnessMs));
  const [left, right] = [px(day.x(fromMs)), px(day.x(tooth.toMs))];
  const ages = [fromMs - tooth.watermarkMs, tooth.toMs - tooth.watermarkMs] as const;
  return `M${left} ${line}V${px(y(ages[0]))}L${right} ${px(y(ages[1]))}V${line}Z`;
}

function bar(run: RunSnapshot, day: Day, y: number): Markup | null {
  const fromMs = Date.parse(run.startedAt);
  const toMs = run.finishedAt === null ? day.knownUntilMs : Date.parse(run.finishedAt);
  if (toMs < day.startMs || fromMs > day.endMs) return null;
  const left = day.x(fromMs);
  const finished = run.finishedAt === null ? 'not finished' : `to ${timeText(run.finishedAt, day.date)}`;
  return html`<rect
    class="${run.state === 'complete' ? (run.kind === 'ordinary' ? 'run' : 'run other') : 'run broken'}"
    x="${px(left)}"
    y="${y}"
    width="${px(Math.max(2.5, day.x(toMs) - left))}"
    height="${BAR_HEIGHT}"
  >
    <title>
      ${
        `${run.kind} run, ${run.state}: ${timeText(run.startedAt, day.date)} ${finished}, ` +
        `watermark ${momentText(run.watermark, day.date)}`
      }
    </title>
  </rect>`;
}
