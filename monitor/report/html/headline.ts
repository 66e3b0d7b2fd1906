/** The top of the page: the verdict with its reasons, the key figures, and what was not compared. */
import type { FeatureSnapshot, Snapshot, Verdict, VectorCounts } from '../../verdict/snapshot.ts';
import { html } from './markup/markup.ts';
import type { Markup } from './markup/markup.ts';
import { causeTotals, mismatches, overallMatch, worstFirst } from './mismatch.ts';
import { countText, counted, dayText, momentText, percentText, shareText } from './markup/value-text.ts';

const MOST_REASONS = 5;

const VERDICTS: Readonly<
  Record<Verdict, { readonly word: string; readonly calm: string; readonly icon: string }>
> = {
  pass: { word: 'Pass', calm: 'Nothing needs doing.', icon: 'M4.5 8.5l2.5 2.5 4.5-5.5' },
  alert: { word: 'Alert', calm: 'A check did not hold.', icon: 'M8 4.2v4.8M8 11.4v.4' },
  alarm: { word: 'Alarm', calm: 'A check failed badly.', icon: 'M8 4.2v4.8M8 11.4v.4' },
  'not-enough-data': {
    word: 'Not enough data',
    calm: 'Too little could be judged for a verdict.',
    icon: 'M5 8h6',
  },
};

export function headline(snapshot: Snapshot): Markup {
  const { word, calm } = VERDICTS[snapshot.verdict];
  const reasons = [...snapshot.findings.map(({ text }) => text), ...snapshot.notes];
  return html`<header class="top ${snapshot.verdict}">
    <p class="over">${snapshot.project} · skew report</p>
    <h1>${snapshot.service} <span class="day">${dayText(snapshot.date)}</span></h1>
    <p class="verdict">
      ${verdictIcon(snapshot.verdict)}<strong>${word}</strong>${snapshot.provisional && provisional(snapshot)}
    </p>
    ${reasons.length === 0 ? html`<p class="reason">${calm}</p>` : reasonsList(reasons)}
    <p class="fine">
      ${`Judged ${momentText(snapshot.judgedAt, snapshot.date)} against bundle `}<code>${snapshot.bundle}</code>.
      All times are UTC.
    </p>
  </header>`;
}

/** Shows the worst reasons; the others are folded. */
function reasonsList(reasons: readonly string[]): Markup {
  // Folding away a single line would save nothing.
  const shown = reasons.length <= MOST_REASONS + 1 ? reasons : reasons.slice(0, MOST_REASONS);
  const rest = reasons.slice(shown.length);
  return html`<div class="reasons">
    ${lines(shown)}
    ${
      rest.length > 0 &&
      html`<details class="more">
        <summary>${`${rest.length} more reasons`}</summary>
        ${lines(rest)}
      </details>`
    }
  </div>`;
}

function lines(texts: readonly string[]): Markup {
  return html`<ul>
    ${texts.map((text) => html`<li>${text}</li>`)}
  </ul>`;
}

const OCTAGON = html`<path d="M5 .8h6L15.2 5v6L11 15.2H5L.8 11V5z" />`;
const DISC = html`<circle cx="8" cy="8" r="7.4" />`;

function verdictIcon(verdict: Verdict): Markup {
  return html`<svg class="icon ${verdict}" viewBox="0 0 16 16" aria-hidden="true">
    ${verdict === 'alarm' ? OCTAGON : DISC}
    <path class="sign" d="${VERDICTS[verdict].icon}" />
  </svg>`;
}

function provisional(snapshot: Snapshot): Markup {
  const until =
    snapshot.settlesAt === null ? 'later' : `after ${momentText(snapshot.settlesAt, snapshot.date)}`;
  return html` <span class="chip">provisional</span>
    <span class="soft">rows may still arrive; judged once more ${until}</span>`;
}

export function keyFigures(snapshot: Snapshot): Markup {
  const { vectors, features } = snapshot;
  const values = features.reduce((sum, feature) => sum + feature.present, 0);
  const worst = worstFirst(features.filter((feature) => feature.exactMatchWithinPromise !== null))[0];
  const totals = causeTotals(snapshot);
  const unexplained = totals.find(({ cause }) => cause === 'unexplained')?.values ?? 0;
  const wrong = mismatches(totals);
  const lowest = worst === undefined ? 'nothing was compared' : `lowest ${percentText(lowestOf(snapshot))}`;
  const within = overallMatch(features, 'exactMatchWithinPromise');
  const differ =
    values === 0 ? 'nothing was compared' : `${counted(wrong, 'value')} of ${countText(values)} differ`;
  return html`<dl class="figures">
    ${figure('Exact match within the promise', percentText(within), lowest)}
    ${figure('Exact match', percentText(overallMatch(features, 'exactMatch')), differ)}
    ${figure('Vectors judged', countText(vectors.judged), `of ${countText(vectors.read)} in the log`)}
    ${figure(
      'Unexplained',
      countText(unexplained),
      values === 0
        ? 'nothing was compared'
        : wrong === 0
          ? 'no mismatch at all'
          : `${shareText(unexplained / wrong)} of the mismatches`,
      unexplained > 0,
    )}
  </dl>`;
}

function lowestOf(snapshot: Snapshot): number {
  return Math.min(...snapshot.features.map((feature) => feature.exactMatchWithinPromise ?? 1));
}

function figure(name: string, value: string, note: string, bad = false): Markup {
  return html`<div class="${bad && 'bad'}">
    <dt>${name}</dt>
    <dd><b>${value}</b><span>${note}</span></dd>
  </div>`;
}

const NOT_COMPARED: readonly {
  readonly count: keyof VectorCounts;
  readonly noun: string;
  readonly means: string;
}[] = [
  {
    count: 'unjudged',
    noun: 'unjudged value',
    means: 'the history did not yet reach the edge that was due; never counted as a match',
  },
  {
    count: 'unavailable',
    noun: 'unavailable value',
    means: 'served as UNAVAILABLE, with null or the fallback',
  },
  {
    count: 'withheld',
    noun: 'withheld value',
    means: 'not in the log: dropped by its definition, or hashed with a secret that is not known here',
  },
  { count: 'duplicates', noun: 'duplicate', means: 'logged more than once, compared once' },
  {
    count: 'gaps',
    noun: 'gap',
    means: 'missing from the log by its sequence numbers: served, then lost',
  },
  {
    count: 'openTails',
    noun: 'open tail',
    means: 'a sidecar stopped without its last record; what came after its last heartbeat may be lost',
  },
];

/** Says in plain words which values the match rates leave out, and which kinds of these the day did not have. */
export function notCompared({ vectors, features }: Snapshot): Markup {
  const valuesOf = (count: keyof VectorCounts): number => vectors[count] ?? 0;
  const some = NOT_COMPARED.filter(({ count }) => valuesOf(count) > 0);
  const none = NOT_COMPARED.filter(({ count }) => valuesOf(count) === 0).map(({ noun }) => `${noun}s`);
  return html`<section class="left-out">
    <h2>Not compared</h2>
    ${
      some.length > 0 &&
      html`<ul>
        ${some.map(({ count, noun, means }) => html`<li><b>${counted(valuesOf(count), noun)}</b>: ${means}</li>`)}
      </ul>`
    }
    ${none.length > 0 && html`<p class="soft">${`None of these: ${none.join(', ')}.`}</p>`}
    ${hashedNote(features)}
  </section>`;
}

function hashedNote(features: readonly FeatureSnapshot[]): Markup | null {
  const own = features.filter(({ hashed = 0 }) => hashed > 0);
  if (own.length === 0) return null;
  const values = own.reduce((sum, { hashed = 0 }) => sum + hashed, 0);
  return html`<p class="soft">
    ${`${counted(values, 'value')} of ${counted(own.length, 'feature')} stood in the log as HMACs and ${values === 1 ? 'was' : 'were'} compared as such: equal or not, and no more.`}
  </p>`;
}
