/**
 * The verdict as text for a terminal: its sentence, the incidents with a command each, then the features that are not
 * clean. Fits terminals from 80 columns on; commands are never broken, so that they can be copied.
 */
import { badRowsText } from '../../../project/engine/duckdb/bad-rows.ts';
import { countText } from '../../../contract/std/count-text.ts';
import { renderTable } from '../../../contract/std/text-table.ts';
import { wrapped } from '../../../contract/std/wrapped-text.ts';
import type { Verdict } from '../../../contract/verdict.ts';
import type { FeatureSnapshot, Incident, Snapshot } from '../../verdict/snapshot.ts';
import { spanWords } from '../../judged-span.ts';
import { percentText } from '../../../contract/std/percent-text.ts';
import { likenessOfIncident } from '../likeness-text.ts';
import { causesOf, rankedFeatures } from '../ranking.ts';
import { cutAtEnd, cutInMiddle } from './fitted-text.ts';
import { bareSentence } from '../../../project/page/verdict-words.ts';

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
  /** Width of the terminal; default: 100. */
  readonly columns?: number | undefined;
}

type Paint = (code: string, text: string) => string;

const MOST_INCIDENTS = 10;
const MOST_FEATURES = 40;
const [NARROWEST, USUAL, WIDEST] = [60, 100, 140] as const;

/** @returns lines without a newline at the end */
export function renderVerdict(
  snapshot: Snapshot,
  { color = false, columns = USUAL }: RenderOptions = {},
): string {
  const paint: Paint = (code, text) => (color ? code + text + PLAIN : text);
  const width = Math.max(NARROWEST, Math.min(WIDEST, columns));
  const until = snapshot.hour === undefined ? minute(snapshot.settlesAt) : 'the day is judged';
  const settled = snapshot.provisional ? `, provisional until ${until}` : '';
  const verdict = paint(BOLD + COLOURS[snapshot.verdict], snapshot.verdict.toUpperCase());
  const blocks = [
    [
      `${snapshot.service}  ${spanWords(snapshot)}  ${verdict}${settled}`,
      ...wrapped(bareSentence(snapshot.sentence, snapshot.verdict), width, { first: '  ' }),
    ],
    wrapped(countsLine(snapshot), width, { first: '  ', rest: '    ' }),
    incidentLines(snapshot, width, paint),
    featureLines(snapshot, width, paint),
    noteLines(snapshot, width),
  ];
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
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

function incidentLines(snapshot: Snapshot, width: number, paint: Paint): string[] {
  const { incidents, date } = snapshot;
  const beyond = incidents.filter(({ beyondPromise }) => beyondPromise > 0);
  const shown = beyond.slice(0, MOST_INCIDENTS);
  const lines = shown.flatMap((incident, i) => {
    const { cause, view, from, to, command } = incident;
    const number = `${i + 1}`.padStart(4);
    const title = `${number}  ${paint(BOLD, cause)} in ${view}, ${clock(from, date)} to ${clock(to, date)}`;
    const size = wrapped(sizeText(incident), width, { first: '      ' });
    const looksLike = likenessOfIncident(snapshot, incident);
    if (looksLike !== null) size.push(...wrapped(looksLike, width, { first: '      ' }));
    return [title, ...size, ...(command === '' ? [] : [paint(DIM, `      ${command}`)])];
  });
  const rest = [
    ...(beyond.length > shown.length ? [`${beyond.length - shown.length} more beyond it`] : []),
    ...(incidents.length > beyond.length ? [`${incidents.length - beyond.length} within the promise`] : []),
  ];
  if (rest.length > 0) lines.push(`      ${rest.join(', ')}: see the report`);
  return lines.length === 0 ? [] : [`  ${countText(beyond.length, 'incident')} beyond the promise`, ...lines];
}

function sizeText({ values, beyondPromise, features, rows, slice, models, owners }: Incident): string {
  const kept = values - beyondPromise;
  const parts = [
    `${countText(beyondPromise, 'value')} of ${countText(features.length, 'feature')}${kept > 0 ? ` and ${kept} within the promise` : ''}, ${countText(rows, 'row')}`,
  ];
  if (slice !== undefined) parts.push(`nearly all in ${slice.by} ${slice.value}`);
  if (models.length > 0) parts.push(`${models.length === 1 ? 'model' : 'models'} ${models.join(', ')}`);
  if (owners.length > 0) parts.push(`${owners.length === 1 ? 'owner' : 'owners'} ${owners.join(', ')}`);
  return parts.join('; ');
}

/** What the columns of figures need, with the spaces between. */
const FIGURES_WIDTH = 42;
const LEAST_CAUSES_WIDTH = 20;

/** Names that would not fit are cut; causes go where they have no room, since incidents say them. */
function featureLines(snapshot: Snapshot, width: number, paint: Paint): string[] {
  if (snapshot.vectors.read === 0) return [];
  const { broken, kept, clean } = rankedFeatures(snapshot);
  const features = [...broken, ...kept];
  const shown = features.slice(0, MOST_FEATURES);
  const names = Math.max(0, ...shown.map(({ name }) => [...name].length));
  const nameWidth = Math.min(names, width - FIGURES_WIDTH);
  const causesWidth = width - FIGURES_WIDTH - nameWidth - 2;
  const hasCauses = causesWidth >= LEAST_CAUSES_WIDTH;
  const rows = shown.map((feature) => [
    cutInMiddle(feature.name, nameWidth),
    String(feature.present),
    String(feature.beyondPromise),
    rate(feature.exactMatchWithinPromise),
    rate(feature.exactMatch),
    ...(hasCauses ? [cutAtEnd(causesText(feature), causesWidth)] : []),
  ]);
  const head = ['feature', 'values', 'beyond', 'in promise', 'exact', ...(hasCauses ? ['causes'] : [])];
  const table =
    rows.length === 0 ? '' : renderTable(head, rows, ['left', 'right', 'right', 'right', 'right']);
  const lines = table === '' ? [] : table.split('\n').map((line) => `  ${line}`);
  if (features.length > shown.length) lines.push(`  ${features.length - shown.length} more: see the report`);
  const cleanCount = [...clean.values()].reduce((sum, own) => sum + own.length, 0);
  if (cleanCount > 0) {
    const of = clean.size > 1 ? ` of ${clean.size} views` : '';
    lines.push(
      paint(
        DIM,
        `  ${countText(cleanCount, lines.length === 0 ? 'feature' : 'more feature')}${of} without a mismatch`,
      ),
    );
  }
  return lines;
}

function rate(share: number | null): string {
  return percentText(share);
}

function causesText(feature: FeatureSnapshot): string {
  if (feature.present === 0 && feature.unavailable > 0) return `${feature.unavailable} unavailable`;
  return causesOf(feature)
    .map(({ cause, values }) => `${cause} ${values}`)
    .join(', ');
}

/** The sentence says the first finding; those behind it, and what changes no verdict, stand here. */
function noteLines({ sentence, findings, notes, views }: Snapshot, width: number): string[] {
  const bad = views.flatMap(({ view, badRows }) =>
    badRows === undefined ? [] : (badRowsText({ id: view }, badRows) ?? []),
  );
  const unsaid = findings
    .filter(({ feature, text }) => feature === null && !sentence.endsWith(text))
    .map(({ text }) => text);
  return [...unsaid, ...notes, ...bad].flatMap((note) => wrapped(note, width, { first: '  ', rest: '    ' }));
}

function clock(time: string, date: string): string {
  return time.startsWith(date) ? time.slice(11, 16) : `${time.slice(0, 10)} ${time.slice(11, 16)}`;
}

function minute(time: string | null): string {
  return time === null ? 'later' : `${time.slice(0, 10)} ${time.slice(11, 16)} UTC`;
}
