/** An explanation as text for a terminal: the answer of each feature first, then what it stands on. */
import type { Json } from '../../contract/std/canonical-json.ts';
import { renderTable } from '../../contract/std/text-table.ts';
import { wrapped } from '../../contract/std/wrapped-text.ts';
import type {
  ExplainedComputed,
  ExplainedFeature,
  ExplainedRun,
  ExplainedVector,
  ExplainedView,
  HistoryRow,
  Side,
} from './explanation.ts';

const MOST_VALUE_CHARACTERS = 24;
/** A time is shown whole: what it is cut to is another one. */
const TIME = /^\d{4}-\d\d-\d\dT[\d:.]{8,15}Z$/;
/** Width of sentences; tables take what they need. */
const LINE = 100;
const INDENT = { first: '  ', rest: '    ' };

/** @returns lines without a newline at the end */
export function renderExplanation(vectors: readonly ExplainedVector[], color = false): string {
  const bold = (text: string): string => (color ? `\u001b[1m${text}\u001b[0m` : text);
  const texts = vectors.map((vector) => vectorText(vector, vectors, bold));
  return [...texts, ...otherRequestsText(vectors)].join('\n\n');
}

/** @returns a line where not all requests of the id are told */
function otherRequestsText(vectors: readonly ExplainedVector[]): string[] {
  const asked = vectors.flatMap(({ request }) => request ?? []);
  const told = new Set(asked.map(({ pod, epoch, sequence }) => `${pod} ${epoch} ${sequence}`)).size;
  const others = (asked[0]?.requests ?? 0) - told;
  if (others <= 0) return [];
  const have = others === 1 ? '1 more request has' : `${others} more requests have`;
  return [
    `${have} this id and ${others === 1 ? 'is' : 'are'} not shown: give one by --pod, --epoch and --sequence`,
  ];
}

type Bold = (text: string) => string;

function vectorText(vector: ExplainedVector, all: readonly ExplainedVector[], bold: Bold): string {
  const { request, service, at, bundle, entities } = vector;
  const ids = Object.entries(entities)
    .map(([key, id]) => `${key} ${id ?? 'null'}`)
    .join(', ');
  const forWhom = ids === '' ? '' : ` for ${ids}`;
  const when = `${at.slice(0, 10)} ${clock(at, at)}`;
  const lines =
    request === null
      ? [bold(`${service}${forWhom}, ${when}`), `under bundle ${bundle}, as if it had been asked then`]
      : [
          bold(`${service} v${request.serviceVersion}${forWhom}, served ${when}`),
          `request ${request.requestId}, row ${request.row} of ${request.rows}, on ${request.surface}; ` +
            `pod ${request.pod}, epoch ${request.epoch}, sequence ${request.sequence}; bundle ${bundle}` +
            (request.isAnswerLogged ? '; held against the logged answer' : ''),
        ];
  const shown = all.filter((one) => one.request !== null && isOf(one, vector)).length;
  const isLast = request !== null && all.findLast((one) => isOf(one, vector)) === vector;
  for (const view of vector.views) lines.push('', ...viewLines(view, at, bold));
  for (const view of vector.computed) lines.push('', ...computedLines(view, bold));
  if (isLast && shown < request.rows && shown > 1) {
    lines.push('', `${request.rows - shown} more rows of this request: give one with --row`);
  }
  return lines.join('\n');
}

function isOf(one: ExplainedVector, other: ExplainedVector): boolean {
  const [a, b] = [one.request, other.request];
  return a?.pod === b?.pod && a?.epoch === b?.epoch && a?.sequence === b?.sequence;
}

function viewLines(view: ExplainedView, at: string, bold: Bold): string[] {
  const name = view.role === view.view ? view.view : `${view.role} (view ${view.view})`;
  const lines = [bold(name), ...indent(featureTable(view.features))];
  for (const sentence of evidenceSentences(view.features)) lines.push(...inLines(sentence));
  lines.push('');
  if (view.served !== null) lines.push(...inLines(servedText(view.served, at)));
  for (const sentence of view.rule) lines.push(...inLines(sentence));
  if (view.history.length > 0) lines.push('', ...indent(historyTable(view.history, at)));
  if (view.runs.length > 0) lines.push('', ...indent(runTable(view.runs, at)));
  for (const run of view.runs) {
    if (run.error !== null) lines.push(...inLines(`Run ${run.runId} failed: ${run.error}`));
  }
  if (view.unknown.length > 0) lines.push('');
  for (const sentence of view.unknown) lines.push(...inLines(`Not known: ${sentence}`));
  return lines;
}

function computedLines({ view, features, again, inputs, uses }: ExplainedComputed, bold: Bold): string[] {
  const lines = [bold(`${view} (computed on demand)`), ...indent(featureTable(features))];
  for (const sentence of evidenceSentences(features)) lines.push(...inLines(sentence));
  lines.push('', ...inLines(again));
  const given = Object.entries(inputs).map(([name, value]) => `${name} ${valueText(value)}`);
  const who = features.some(({ served }) => served !== null) ? 'The request brought' : 'It was given';
  if (given.length > 0) lines.push(...inLines(`${who} ${given.join(', ')}.`));
  if (uses.length > 0) lines.push(...inLines(`It uses ${uses.join(', ')}.`));
  return lines;
}

/** Features that differ for one reason share a sentence. */
function evidenceSentences(features: readonly ExplainedFeature[]): string[] {
  const differing = features.filter(({ evidence }) => evidence !== null);
  const groups = Map.groupBy(differing, ({ cause, evidence, withinPromise }) =>
    [cause, evidence, withinPromise].join(' '),
  );
  return [...groups.values()].map((own) => {
    const { cause, evidence, withinPromise } = own[0]!;
    const promise = withinPromise === true ? 'within the promise' : 'beyond the promise';
    return `${own.map(({ name }) => name).join(', ')}: ${cause}, ${promise}: ${evidence}.`;
  });
}

function servedText(served: NonNullable<ExplainedView['served']>, at: string): string {
  const { status, source, fetchedAt, watermark, eventTime, createdTime, writtenTime, definitionId } = served;
  const row =
    eventTime === null
      ? 'no row'
      : `the row of ${clock(eventTime, at)}${createdTime === null ? '' : `, created ${clock(createdTime, at)}`}, ` +
        `written online ${clock(writtenTime!, at)}, definition ${definitionId}`;
  const fetched = fetchedAt === null ? '' : `, fetched ${clock(fetchedAt, at)}`;
  const mark =
    watermark === null
      ? 'no watermark was known'
      : `the view was complete online up to ${clock(watermark, at)}`;
  return `Served: ${status} from ${source}${fetched}: ${row}; ${mark}.`;
}

function featureTable(features: readonly ExplainedFeature[]): string {
  const hasServed = features.some(({ served }) => served !== null);
  const hasAvailable = features.some(({ available }) => available !== null);
  const head = [
    'feature',
    ...(hasServed ? ['served'] : []),
    'as trained',
    ...(hasAvailable ? ['as available'] : []),
    ...(hasServed ? [''] : []),
  ];
  const rows = features.map((feature) => [
    feature.name,
    ...(hasServed ? [sideText(feature.served!)] : []),
    sideText(feature.trained),
    ...(hasAvailable ? [feature.available === null ? '–' : sideText(feature.available)] : []),
    ...(hasServed ? [outcome(feature)] : []),
  ]);
  return renderTable(head, rows);
}

function outcome({ same, cause, withheld, served, trained }: ExplainedFeature): string {
  if (withheld !== null) return withheld;
  if (served?.state === 'undecoded') return 'cannot be decoded';
  if (trained.state === 'unknown') return 'cannot be judged';
  if (same === null) return 'cannot be judged yet';
  return same ? 'same' : `differs: ${cause}`;
}

function sideText({ state, value }: Side): string {
  if (state === 'value' || state === 'zero' || state === 'NaN') return valueText(value);
  return value === null ? state : `${valueText(value)} (${state})`;
}

function valueText(value: Json): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const characters = [...text];
  return TIME.test(text) || characters.length <= MOST_VALUE_CHARACTERS
    ? text
    : `${characters.slice(0, MOST_VALUE_CHARACTERS - 1).join('')}…`;
}

function historyTable(rows: readonly HistoryRow[], at: string): string {
  const names = Object.keys(rows[0]!.values);
  return renderTable(
    ['history: event time', 'created', 'run', ...names, ''],
    rows.map((row) => [
      clock(row.eventTime, at),
      row.createdTime === null ? '–' : clock(row.createdTime, at),
      row.runId ?? '–',
      ...names.map((name) => (row.deleted ? 'taken back' : valueText(row.values[name]!))),
      row.is.length === 0 ? '' : `← ${row.is.join(', ')}`,
    ]),
  );
}

function runTable(runs: readonly ExplainedRun[], at: string): string {
  return renderTable(
    ['run', 'kind', 'state', 'started', 'finished', 'complete to', 'read', 'counted', 'late', 'rejected', ''],
    runs.map((run) => [
      run.runId,
      run.kind,
      run.state,
      clock(run.startedAt, at),
      run.finishedAt === null ? '–' : clock(run.finishedAt, at),
      run.watermark === null ? '–' : clock(run.watermark, at),
      ...[run.read, run.counted, run.late, run.rejected].map(String),
      run.is.length === 0 ? '' : `← ${run.is.join(', ')}`,
    ]),
    ['left', 'left', 'left', 'left', 'left', 'left', 'right', 'right', 'right', 'right'],
  );
}

/** `11:42`, `11:42:07.5` on the day of `at`, else with the date before it. */
function clock(time: string, at: string): string {
  const text = time
    .slice(11, 26)
    .replace(/\.?0+$/, '')
    .replace(/^(\d\d:\d\d)(:00?)?$/, '$1');
  const whole = /^\d\d:\d\d/.test(text) ? text : time.slice(11, 16);
  return time.slice(0, 10) === at.slice(0, 10) ? whole : `${time.slice(0, 10)} ${whole}`;
}

/** A sentence in lines, set in by two. */
function inLines(text: string): string[] {
  return wrapped(text, LINE, INDENT);
}

function indent(text: string): string[] {
  return text.split('\n').map((line) => `  ${line}`.trimEnd());
}
