/** Home: what broke since yesterday, what is late, what is deprecated; then how much there is. */
import type { CauseCount } from '../../contract/cause.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { Verdict } from '../../contract/verdict.ts';
import type { DayRecord } from '../../contract/verdict-record.ts';
import { html } from '../../project/page/markup.ts';
import type { Markup, Part } from '../../project/page/markup.ts';
import { countText, counted, dayText, durationText } from '../../project/page/value-text.ts';
import { verdictIcon } from '../../project/page/verdict-icon.ts';
import { VERDICT_WORDS, bareSentence } from '../../project/page/verdict-words.ts';
import { featureName, viewAges } from '../known/catalogue.ts';
import type { CatalogueNow } from '../known/catalogue.ts';
import type { Drawn } from '../parts/frame.ts';
import { link, links, reportLink } from '../parts/links.ts';
import { incidentsList } from '../parts/listed.ts';
import { list, section, state } from '../parts/pieces.ts';
import { successorLink } from './feature-page.ts';
import { page } from './page.ts';

type HomeData = Awaited<ReturnType<typeof readHome>>;

/** A view and cause, over the services that it hits. */
interface Broken {
  readonly view: string;
  readonly cause: CauseCount['cause'];
  readonly change: 'new' | 'worse' | 'gone';
  readonly beyondPromise: number;
  readonly before: number;
  readonly services: readonly string[];
}

const MOST_LISTED = 20;
const MOST_INCIDENTS = 100;
const DAY_MS = 86_400_000;

async function readHome(catalogue: CatalogueNow) {
  const { database, bundle, nowUs, appliedUs, sequence } = catalogue;
  const { verdicts } = database;
  const date = await verdicts.newestDate();
  const days = date === null ? [] : await verdicts.days({ from: date, to: date });
  const incidents =
    date === null ? [] : await verdicts.incidents({ from: date, to: date, most: MOST_INCIDENTS });
  const ages = await viewAges(catalogue);
  const late = [...ages].flatMap(([view, age]) =>
    age.state === 'fresh' ? [] : [{ view, ...age, ...hitBy(catalogue, view) }],
  );
  const views = [...bundle.views.values(), ...bundle.onDemand.values()];
  const yesterday = new Date(nowUs / 1_000 - DAY_MS).toISOString().slice(0, 10);
  return {
    project: bundle.project,
    date,
    yesterday,
    services: countBy(days),
    bad: days.filter(({ verdict }) => verdict === 'alert' || verdict === 'alarm').toSorted(byVerdict),
    broken: brokenOf(days),
    incidents,
    late: late.toSorted((a, b) => (b.ageUs ?? Infinity) - (a.ageUs ?? Infinity)),
    deprecated: deprecatedOf(catalogue),
    counts: {
      entities: bundle.entities.size,
      views: views.length,
      features: views.reduce((sum, view) => sum + view.features.length, 0),
      services: bundle.services.size,
    },
    applied: { sequence, at: formatTimestamp(appliedUs), bundle: bundle.hash },
  };
}

function byVerdict(a: DayRecord, b: DayRecord): number {
  return Number(b.verdict === 'alarm') - Number(a.verdict === 'alarm');
}

function countBy(days: readonly DayRecord[]): Record<Verdict, number> {
  const of = (verdict: Verdict): number => days.filter((day) => day.verdict === verdict).length;
  return {
    pass: of('pass'),
    alert: of('alert'),
    alarm: of('alarm'),
    'not-enough-data': of('not-enough-data'),
  };
}

function brokenOf(days: readonly DayRecord[]): Broken[] {
  const found = days.flatMap(({ service, broke }) =>
    (['new', 'worse', 'gone'] as const).flatMap((change) =>
      (broke?.[change] ?? []).map((one) => ({ ...one, change, service })),
    ),
  );
  const alike = Map.groupBy(found, ({ view, cause, change }) => `${change} ${view} ${cause}`);
  return [...alike.values()].map((own) => ({
    ...own[0]!,
    beyondPromise: own.reduce((sum, one) => sum + one.beyondPromise, 0),
    before: own.reduce((sum, one) => sum + one.before, 0),
    services: own.map(({ service }) => service),
  }));
}

/** What is deprecated, and who takes it all the same; of a service nobody is told. */
interface Deprecated {
  readonly kind: 'view' | 'feature' | 'service';
  readonly name: string;
  readonly date: string;
  readonly successor: string | null;
  readonly services: readonly string[];
}

/** The nearest date first. */
function deprecatedOf(catalogue: CatalogueNow): Deprecated[] {
  const { bundle, servedBy } = catalogue;
  const views = [...bundle.views.values(), ...bundle.onDemand.values()];
  const ofViews = views.flatMap(({ id, deprecated }): Deprecated[] =>
    deprecated === null
      ? []
      : [{ kind: 'view', name: id, ...deprecated, services: hitBy(catalogue, id).services }],
  );
  const ofFeatures = views.flatMap((view) =>
    view.features.flatMap(({ name, deprecated }): Deprecated[] => {
      const services = servedBy.get(`${view.id}:${name}`) ?? [];
      if (deprecated === undefined) return [];
      return [{ kind: 'feature', name: featureName(view.id, name), ...deprecated, services }];
    }),
  );
  const ofServices = [...bundle.services.values()].flatMap(({ name, deprecated }): Deprecated[] =>
    deprecated === undefined ? [] : [{ kind: 'service', name, ...deprecated, services: [] }],
  );
  return [...ofServices, ...ofViews, ...ofFeatures].toSorted((a, b) =>
    a.date < b.date ? -1 : a.date > b.date ? 1 : 0,
  );
}

/** Services that a view feeds, and how many models. */
function hitBy({ graph }: CatalogueNow, view: string): { services: string[]; models: number } {
  const below = graph.reached(`view:${view}`, (one) => graph.below(one)).map((one) => graph.node(one));
  return {
    services: below.filter(({ kind }) => kind === 'service').map(({ name }) => name),
    models: below.filter(({ kind }) => kind === 'model').length,
  };
}

function drawHome(data: HomeData): Drawn {
  const { project, applied, counts } = data;
  return {
    title: 'Catalogue',
    body: html`<h1>
        ${project} ${data.date !== null && html`<span class="day">${dayText(data.date)}</span>`}
      </h1>
      ${verdictOfDay(data)} ${staleNote(data)}
      ${section('Broke since the day before', brokenList(data.broken))}
      ${section('Incidents', data.incidents.length > 0 && incidentsList(data.incidents, MOST_LISTED))}
      ${section('Late', lateList(data.late))} ${section('Deprecated', deprecatedList(data.deprecated))}
      ${section(
        'All there is',
        html`<p class="lead">
            ${html`<a href="/features">${counted(counts.features, 'feature')}</a>`} in
            <a href="/views">${counted(counts.views, 'view')}</a> of ${counted(counts.entities, 'kind')} of
            entities; <a href="/services">${counted(counts.services, 'service')}</a>.
          </p>
          <p class="fine">
            ${`Apply ${applied.sequence} of ${applied.at.slice(0, 16).replace('T', ' ')}, bundle `}<code>${applied.bundle}</code>.
          </p>`,
      )}`,
  };
}

function verdictOfDay({ date, services, bad }: HomeData): Part {
  if (date === null)
    return html`<p class="note">
      No day was judged yet. <code>plumb monitor run</code> judges yesterday and writes it here.
    </p>`;
  const worst: Verdict =
    services.alarm > 0
      ? 'alarm'
      : services.alert > 0
        ? 'alert'
        : services.pass > 0
          ? 'pass'
          : 'not-enough-data';
  const judged = (['alarm', 'alert', 'pass', 'not-enough-data'] as const).filter((one) => services[one] > 0);
  const told = judged.map(
    (one, i) => `${i === 0 ? counted(services[one], 'service') : services[one]} ${SAID[one]}`,
  );
  return html`<div class="verdict ${worst}">
      ${verdictIcon(worst)}
      <p><strong>${VERDICT_WORDS[worst]}</strong><span class="sentence">${`${told.join(', ')}.`}</span></p>
    </div>
    ${
      bad.length > 0 &&
      list(
        bad,
        MOST_LISTED,
        ({ service, sentence, verdict, date: of }) =>
          html`<i class="level ${verdict}"></i
            ><b>${link('service', service)}</b> ${bareSentence(sentence, verdict)}
            ${reportLink(service, of, 'report')}`,
      )
    }`;
}

const SAID: Readonly<Record<Verdict, string>> = {
  alarm: 'in alarm',
  alert: 'in alert',
  pass: 'passed',
  'not-enough-data': 'with too little data to judge',
};

/** A verdict that did not come is no good news. */
function staleNote({ date, yesterday }: HomeData): Part {
  return (
    date !== null &&
    date < yesterday &&
    html`<p class="note">
      ${`The newest verdict is of ${dayText(date)}: no day since was judged. Look for why the monitor did not run.`}
    </p>`
  );
}

function brokenList(broken: readonly Broken[]): Part {
  if (broken.length === 0) return null;
  return html`<ul class="broke">
    ${broken.slice(0, MOST_LISTED).map(
      ({ view, cause, change, beyondPromise, before, services }) =>
        html`<li>
          <span class="chip ${change}">${change}</span> ${cause} in ${link('view', view)}
          <span class="soft"
            >${`${countText(beyondPromise)} values beyond the promise, ${countText(before)} before; `}${someLinks(services)}</span
          >
        </li>`,
    )}
  </ul>`;
}

const FEW = 3;

function someLinks(services: readonly string[]): Part {
  const more = services.length - FEW;
  return html`${links('service', services.slice(0, FEW))}${more > 0 && ` and ${more} more`}`;
}

function lateList(late: HomeData['late']): Part {
  if (late.length === 0) return null;
  return list(
    late,
    MOST_LISTED,
    ({ view, ageUs, state: of, services, models }) =>
      html`<b>${link('view', view)}</b> ${state(of)}
        <small
          >${ageUs === null ? 'never materialized' : `complete up to ${durationText(Math.floor(ageUs / 1e6) * 1e6)} ago`}${services.length > 0 && html`; feeds ${someLinks(services)}`}${models > 0 && `, ${counted(models, 'model')}`}</small
        >`,
  );
}

function deprecatedList(deprecated: readonly Deprecated[]): Part {
  if (deprecated.length === 0) return null;
  return list(
    deprecated,
    MOST_LISTED,
    ({ kind, name, date, successor, services }): Markup =>
      html`<b>${link(kind, name)}</b>
        ${`${kind}, not to be relied on from ${date.slice(0, 10)} on`}${successor !== null && html`, use ${successorLink(kind, successor)}`}
        ${kind !== 'service' && html`<small>${services.length === 0 ? 'no service takes it any more' : html`still taken by ${someLinks(services)}`}</small>`}`,
  );
}

export const HOME_PAGE = page({ path: '/', read: readHome, draw: drawHome });
