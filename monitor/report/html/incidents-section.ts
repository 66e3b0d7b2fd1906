/**
 * The incidents of the day as cards, the greatest harm first: what, since when, how much, whose, what to run, and two
 * rows to look at. Those whose values are all within the promise are folded.
 */
import { isRunAtWork } from '../../incidents/origin.ts';
import type { Incident, Snapshot } from '../../verdict/snapshot.ts';
import { CAUSE_GUIDE } from '../../../project/page/cause-guide.ts';
import { incidentBar } from './charts/incident-bar.ts';
import type { FeatureLink } from './feature-table.ts';
import { causeLink, term } from './glossary.ts';
import { html, withCode } from '../../../project/page/markup.ts';
import type { Markup, Part } from '../../../project/page/markup.ts';
import { foldedOnPhone } from '../../../project/page/phone-fold.ts';
import { likenessOfIncident } from '../likeness-text.ts';
import { countText, counted, momentText, numberText } from '../../../project/page/value-text.ts';
import { examplePair } from './row-pair.ts';

const MOST_CARDS = 10;
const MOST_FEATURES = 4;
const MOST_NAMES = 4;
/** Characters of run ids that fit beside other facts. */
const MOST_SHORT = 40;

/** The anchor of an incident's card. */
export function incidentAnchor(snapshot: Snapshot, view: string, cause: string): string | null {
  const at = snapshot.incidents.findIndex((one) => one.view === view && one.cause === cause);
  return at === -1 ? null : `i${at + 1}`;
}

export function incidentsSection(snapshot: Snapshot, link: FeatureLink): Part {
  const { incidents, features } = snapshot;
  if (features.length === 0) return null;
  const beyond = incidents.filter(({ beyondPromise }) => beyondPromise > 0);
  const within = incidents.filter(({ beyondPromise }) => beyondPromise === 0);
  const card = (incident: Incident): Markup => incidentCard(snapshot, incident, link);
  const more = beyond.slice(MOST_CARDS);
  return html`<section>
    <h2>Incidents</h2>
    ${beyond.length === 0 && html`<p>${noneWords(snapshot)}</p>`} ${beyond.slice(0, MOST_CARDS).map(card)}
    ${folded(more.length, 'more incident', more.map(card))}
    ${folded(within.length, 'incident', within.map(card), ' within the promise')}
  </section>`;
}

function noneWords({ incidents, features, vectors }: Snapshot): string {
  if (vectors.read === 0) return 'None: the log of the day has no vector of this service.';
  if (incidents.length > 0) return 'None beyond the promise.';
  const wrong = features.reduce((sum, { present, exact }) => sum + present - exact, 0);
  if (wrong === 0) return 'None: no value differed from its replay.';
  return `The snapshot holds none for its ${counted(wrong, 'value')} that differ: they stand with their features.`;
}

function folded(count: number, noun: string, cards: readonly Markup[], words = ''): Part {
  return (
    count > 0 &&
    html`<details class="fold">
      <summary>${`${counted(count, noun)}${words}`}</summary>
      ${cards}
    </details>`
  );
}

function incidentCard(snapshot: Snapshot, incident: Incident, link: FeatureLink): Markup {
  const { view, cause, beyondPromise, command, examples } = incident;
  const guide = CAUSE_GUIDE[cause];
  const looksLike = likenessOfIncident(snapshot, incident);
  const number = snapshot.incidents.indexOf(incident) + 1;
  return html`<article class="incident ${beyondPromise === 0 && 'kept'}" id="i${number}">
    <header>
      <span class="rank">${number}</span>
      <h3>
        <i class="swatch ${guide.family}"></i>${causeLink(cause)} <small>in</small> <code>${view}</code>
      </h3>
      ${incidentBar(incident, snapshot.date)}
    </header>
    <p class="size">${sizeWords(incident)}</p>
    <p class="soft">${guide.means}</p>
    ${looksLike !== null && html`<p>${looksLike}</p>`}
    <dl class="facts">${factsOf(snapshot, incident, link)}</dl>
    <p class="next"><span>Next</span> ${withCode(guide.next)}</p>
    ${command !== '' && html`<pre class="command"><code>${command}</code></pre>`}
    ${
      examples.length > 0 &&
      foldedOnPhone(
        examples.length === 1 ? 'A row to look at' : `${examples.length} rows to look at`,
        html`<div class="look">${examples.map((example) => examplePair(snapshot, example, link))}</div>`,
      )
    }
  </article>`;
}

function sizeWords({ values, beyondPromise, features, rows, entities, harm }: Incident): Part {
  const promise =
    beyondPromise === 0
      ? [', all ', term('promise', 'within the promise')]
      : beyondPromise === values
        ? [', all beyond ', term('promise', 'the promise')]
        : [`, ${countText(beyondPromise)} of them beyond `, term('promise', 'the promise')];
  return [
    html`<b>${counted(values, 'value')}</b>`,
    ` of ${counted(features.length, 'feature')}`,
    ...promise,
    ': ',
    term('row', counted(rows, 'row')),
    ` of ${counted(entities, 'entity').replace(/entitys$/, 'entities')}`,
    ...(harm > 0 ? [', ', term('harm', 'harm'), ` ${numberText(harm)}`] : []),
    '.',
  ];
}

function factsOf(snapshot: Snapshot, incident: Incident, link: FeatureLink): Part {
  const { from, to, features, models, owners, services, pods, slice } = incident;
  const { date, service } = snapshot;
  const others = services.filter((name) => name !== service);
  const known = new Set(snapshot.features.map(({ name }) => name));
  const featureNames = features.slice(0, MOST_FEATURES).map((name, i): Part => {
    return [i > 0 && ', ', known.has(name) ? link(name) : name];
  });
  const rest = features.length - MOST_FEATURES;
  return [
    fact('Since', html`<b>${momentText(from, date)}</b>, last ${momentText(to, date)}`),
    fact('Models', named(models)),
    fact('Owners', named(owners)),
    slice !== undefined &&
      fact('Where', [`nearly all in ${SLICE_WORDS[slice.by]} `, html`<b>${slice.value}</b>`]),
    runFact(incident),
    fact(pods.length > 1 ? 'Pods' : 'Pod', slice?.by === 'pod' ? null : named(pods)),
    fact('Services too', named(others)),
    fact('Features', [...featureNames, rest > 0 && ` and ${rest} more`], 'wide'),
  ];
}

/** Nobody else writes by the design, but a row is wrong because somebody did what the design does not know of. */
function runFact({ cause, runs }: Incident): Part {
  const isAtWork = isRunAtWork(cause);
  const name = `${runs.length > 1 ? 'Runs' : 'Run'}${isAtWork ? ' at work' : ''}`;
  const names = named(runs);
  const value =
    names !== null && isAtWork ? [names, ', when the row came online; it need not have written it'] : names;
  return fact(name, value, isAtWork || runs.join().length > MOST_SHORT ? 'wide' : '');
}

const SLICE_WORDS = {
  hour: 'hour',
  pod: 'pod',
  bundle: 'bundle',
  serviceVersion: 'service version',
  surface: 'surface',
  source: 'rows from the',
  entityIsNew: 'entities that are',
} as const;

function named(names: readonly string[]): Part {
  if (names.length === 0) return null;
  const rest = names.length - MOST_NAMES;
  return `${names.slice(0, MOST_NAMES).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

function fact(name: string, value: Part, kind: 'wide' | '' = ''): Part {
  return (
    value !== null &&
    html`<div class="${kind}">
      <dt>${name}</dt>
      <dd>${value}</dd>
    </div>`
  );
}
