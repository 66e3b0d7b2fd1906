/**
 * The verdict as text for a terminal: what is wrong first, then one line per feature, then each cause with an example.
 */
import { badRowsText } from '../../../project/engine/duckdb/bad-rows.ts';
import { countText } from '../../../contract/std/count-text.ts';
import { formatDuration } from '../../../contract/std/duration.ts';
import { renderTable } from '../../../contract/std/text-table.ts';
import { CAUSES } from '../../causes/cause.ts';
import type { Cause } from '../../causes/cause.ts';
import { spanText } from '../../causes/evidence-text.ts';
import type { Example, FeatureSnapshot, Snapshot, Verdict } from '../../verdict/snapshot.ts';
import { percent } from '../../verdict/verdict.ts';

const RED = '\u001b[31m';
const YELLOW = '\u001b[33m';
const GREEN = '\u001b[32m';
const BOLD = '\u001b[1m';
const DIM = '\u001b[2m';
const PLAIN = '\u001b[0m';

const COLOURS: Readonly<Record<Verdict, string>> = {
  pass: GREEN,
  alert: YELLOW,
  alarm: RED,
  'not-enough-data': YELLOW,
};

interface RenderOptions {
  /** Whether to use colours; default: plain text. */
  readonly color?: boolean;
}

/** @returns lines without a newline at the end */
export function renderVerdict(snapshot: Snapshot, options: RenderOptions = {}): string {
  const paint = (code: string, text: string): string => (options.color === true ? code + text + PLAIN : text);
  const settled = snapshot.provisional ? `, provisional until ${minute(snapshot.settlesAt)}` : '';
  const verdict = paint(BOLD + COLOURS[snapshot.verdict], snapshot.verdict.toUpperCase());
  const blocks = [
    `${snapshot.service}  ${snapshot.date}  ${verdict}${settled}`,
    ...reasonLines([...snapshot.findings.map(({ text }) => text), ...snapshot.notes]),
    '',
    `  ${countsLine(snapshot)}`,
    '',
    indent(featureTable(snapshot.features)),
  ];
  const causes = causeLines(snapshot, paint);
  if (causes.length > 0) blocks.push('', ...causes);
  for (const { view, badRows } of snapshot.views) {
    const text = badRows === undefined ? null : badRowsText({ id: view }, badRows);
    if (text !== null) blocks.push('', `  ${text}`);
  }
  for (const view of snapshot.views) {
    if (view.proposedDelayUs === null) continue;
    const proposed = spanText(view.proposedDelayUs);
    const delay = formatDuration(view.delayUs);
    blocks.push(
      '',
      paint(DIM, `  ${view.view}: delay is ${delay}, serving needed ${proposed}: ${view.proposedDelayWhy}`),
    );
  }
  return blocks.join('\n');
}

const MOST_REASONS = 8;

function reasonLines(reasons: readonly string[]): string[] {
  const lines = reasons.slice(0, MOST_REASONS).map((reason) => `  ${reason}`);
  const more = reasons.length - MOST_REASONS;
  return more > 0 ? [...lines, `  and ${more} more, see the report`] : lines;
}

function countsLine({ vectors }: Snapshot): string {
  const parts = [`${countText(vectors.read, 'vector')} read, ${vectors.judged} judged`];
  const rest: readonly (readonly [number, string, string])[] = [
    [vectors.unjudged, 'value', ' unjudged'],
    [vectors.unavailable, 'value', ' unavailable'],
    [vectors.withheld ?? 0, 'value', ' withheld from the log'],
    [vectors.duplicates, 'duplicate', ''],
    [vectors.gaps, 'record', ' missing'],
    [vectors.openTails, 'open tail', ''],
  ];
  for (const [count, noun, what] of rest) if (count > 0) parts.push(`${countText(count, noun)}${what}`);
  return parts.join(', ');
}

function featureTable(features: readonly FeatureSnapshot[]): string {
  const rows = features.map((feature) => [
    feature.name,
    String(feature.present),
    rate(feature.exactMatch),
    rate(feature.exactMatchWithinPromise),
    feature.distributions?.kind === 'numeric' ? feature.distributions.ks.d.toFixed(3) : '',
    causesText(feature),
  ]);
  return renderTable(['feature', 'values', 'exact', 'in promise', 'D', 'causes'], rows, [
    'left',
    'right',
    'right',
    'right',
    'right',
    'left',
  ]);
}

function rate(share: number | null): string {
  return share === null ? '–' : percent(share);
}

const CAUSES_PER_LINE = 2;

/** A feature's causes, unexplained first, then the most frequent; what has no room here is listed below the table. */
function causesText(feature: FeatureSnapshot): string {
  const causes = Object.entries(feature.causes)
    .map(([cause, { values }]) => [cause, values] as const)
    .toSorted(([a, m], [b, n]) => Number(b === 'unexplained') - Number(a === 'unexplained') || n - m);
  const shown = causes.slice(0, CAUSES_PER_LINE).map(([cause, count]) => `${cause} ${count}`);
  if (causes.length > CAUSES_PER_LINE) shown.push(`${causes.length - CAUSES_PER_LINE} more`);
  return shown.join(', ');
}

/** Each cause with its count and one example (one that broke the promise, if there is any); unexplained first. */
function causeLines(snapshot: Snapshot, paint: (code: string, text: string) => string): string[] {
  const lines: string[] = [];
  const order = (['unexplained', ...CAUSES] as const).filter((cause, i, all) => all.indexOf(cause) === i);
  for (const cause of order) {
    const examples = snapshot.features.flatMap((feature) =>
      feature.examples.filter((e) => e.causes[0] === cause).map((example) => ({ feature, example })),
    );
    const shown = examples.find(({ example }) => !example.withinPromise) ?? examples[0];
    if (shown === undefined) continue;
    const { feature, example } = shown;
    lines.push(
      `  ${paint(BOLD, cause)}: ${causeCounts(snapshot.features, cause)}`,
      `    ${feature.name} of ${entityText(example)}: served ${sideText(example.served)}, ` +
        `replayed ${sideText(example.replayed)}`,
      `    ${example.evidence}`,
      paint(DIM, `    request ${example.requestId} at ${example.servedAt}`),
    );
  }
  return lines;
}

function causeCounts(features: readonly FeatureSnapshot[], cause: Cause): string {
  let values = 0;
  let promised = 0;
  let touched = 0;
  for (const { causes } of features) {
    const counts = causes[cause];
    if (counts === undefined) continue;
    values += counts.values;
    promised += counts.values - counts.beyondPromise;
    touched += 1;
  }
  const within = promised === 0 ? '' : `, ${promised} of them within the promise`;
  return `${values} ${plural(values, 'value')} of ${touched} ${plural(touched, 'feature')}${within}`;
}

function plural(count: number, noun: string): string {
  return count === 1 ? noun : `${noun}s`;
}

function entityText({ entities }: Example): string {
  return Object.entries(entities)
    .map(([key, value]) => `${key} ${value ?? 'null'}`)
    .join(', ');
}

function sideText({ state, value }: Example['served']): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return state === 'value' || state === 'zero' || state === 'NaN' || state === 'null'
    ? text
    : `${text} (${state})`;
}

function minute(time: string | null): string {
  return time === null ? '' : `${time.slice(0, 10)} ${time.slice(11, 16)} UTC`;
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
}
