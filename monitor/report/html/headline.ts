/** The top of the page: where it stands among its days, the verdict's sentence with what made it, the key figures. */
import type { Snapshot } from '../../verdict/snapshot.ts';
import { spanWords } from '../../judged-span.ts';
import { term } from './glossary.ts';
import { html } from '../../../project/page/markup.ts';
import type { Markup, Part } from '../../../project/page/markup.ts';
import { overallMatch } from '../ranking.ts';
import { countText, counted, dayText, momentText, percentText } from '../../../project/page/value-text.ts';
import { verdictIcon } from '../../../project/page/verdict-icon.ts';
import { VERDICT_WORDS, bareSentence } from '../../../project/page/verdict-words.ts';

/** The days with a page before and after this one, as `2026-11-19`; null: there is none. */
export interface Neighbours {
  readonly previous: string | null;
  readonly next: string | null;
}

export function headline(snapshot: Snapshot, neighbours: Neighbours | null): Markup {
  const { project, service, date, verdict, sentence } = snapshot;
  return html`<header class="top ${verdict}">
    <div class="over">
      <span>${project} · skew report</span>${neighbours !== null && navigation(neighbours)}
    </div>
    <h1>${service} <span class="day">${spanOfDayText(snapshot)}</span></h1>
    <div class="verdict">
      ${verdictIcon(verdict)}
      <p>
        <strong>${VERDICT_WORDS[verdict]}</strong>${snapshot.provisional && provisional(snapshot)}
        <span class="sentence">${bareSentence(sentence, verdict)}</span>
      </p>
    </div>
    ${findings(snapshot)}
    <p class="fine">
      ${`Judged ${momentText(snapshot.judgedAt, date)} against bundle `}<code>${snapshot.bundle}</code>.
      ${modelsText(snapshot)} All times are UTC. <a href="#method">Words and method</a>
    </p>
  </header>`;
}

function navigation({ previous, next }: Neighbours): Markup {
  const day = (date: string | null, words: (text: string) => string): Part =>
    date !== null &&
    html`<a href="${date}.html">${words(dayText(date).split(' ').slice(1, 3).join(' '))}</a>`;
  return html`<nav aria-label="Days">
    ${day(previous, (text) => `← ${text}`)}<a href="../index.html">all days</a
    >${day(next, (text) => `${text} →`)}
  </nav>`;
}

/** `Sat 21 November 2026`, with the hour where it is one. */
export function spanOfDayText({ date, hour }: Pick<Snapshot, 'date' | 'hour'>): string {
  return hour === undefined
    ? dayText(date)
    : `${dayText(date)}${spanWords({ date, hour }).slice(date.length)}`;
}

/** What made the verdict, when it is more than the sentence says. */
function findings({ findings: all, features }: Snapshot): Part {
  if (all.length < 2) return null;
  const places = new Map(features.map(({ name }, i) => [name, i]));
  const line = ({ text, feature }: Snapshot['findings'][number]): Markup => {
    const place = feature === null ? undefined : places.get(feature);
    return html`<li>${text}${place !== undefined && html` <a href="#f${place}">details</a>`}</li>`;
  };
  return html`<details class="fold findings">
    <summary>${`All ${all.length} findings`}</summary>
    <ul>
      ${all.map(line)}
    </ul>
  </details>`;
}

function modelsText({ consumers }: Snapshot): string {
  if (consumers.length === 0) return '';
  const models = consumers.map(({ model, owner }) => `${model} (${owner})`).join(', ');
  return `The service feeds ${models}.`;
}

function provisional(snapshot: Snapshot): Markup {
  if (snapshot.hour !== undefined) {
    return html` ${term('unjudged', 'provisional')}
      <span class="soft">one hour alone; the verdict on the day counts</span>`;
  }
  const until =
    snapshot.settlesAt === null ? 'later' : `after ${momentText(snapshot.settlesAt, snapshot.date)}`;
  return html` ${term('unjudged', 'provisional')}
    <span class="soft">rows may still arrive; judged once more ${until}</span>`;
}

export function keyFigures(snapshot: Snapshot): Markup {
  const { vectors, features } = snapshot;
  const sum = (of: (feature: Snapshot['features'][number]) => number): number =>
    features.reduce((all, feature) => all + of(feature), 0);
  const present = sum((feature) => feature.present);
  const beyond = sum((feature) => feature.beyondPromise);
  const wrong = present - sum((feature) => feature.exact);
  const rates = features.flatMap(({ exactMatchWithinPromise: rate }) => rate ?? []);
  const lowest =
    rates.length === 0 ? 'nothing was compared' : `lowest feature ${percentText(Math.min(...rates))}`;
  const of = present === 0 ? 'nothing was compared' : `of ${counted(present, 'value')} present`;
  return html`<dl class="figures">
    ${figure(['Exact or ', term('promise', 'within the promise')], percentText(overallMatch(features, 'exactMatchWithinPromise')), lowest)}
    ${figure('Beyond the promise', countText(beyond), of, beyond > 0 && snapshot.verdict !== 'pass')}
    ${figure(
      [term('exact', 'Exact match')],
      percentText(overallMatch(features, 'exactMatch')),
      present === 0 ? 'nothing was compared' : `${countText(wrong)} differ`,
    )}
    ${figure('Vectors judged', countText(vectors.judged), `of ${countText(vectors.read)} in the log`)}
  </dl>`;
}

function figure(name: Part, value: string, note: string, bad = false): Markup {
  return html`<div class="${bad && 'bad'}">
    <dt>${name}</dt>
    <dd><b>${value}</b><span>${note}</span></dd>
  </div>`;
}
