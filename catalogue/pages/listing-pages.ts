/** Lists of all features, views and services, a page at a time, each with how it stands. */
import { formatType } from '../../contract/value-type.ts';
import type { DayRecord } from '../../contract/verdict-record.ts';
import { html } from '../../project/page/markup.ts';
import type { Part } from '../../project/page/markup.ts';
import { table } from '../../project/page/table.ts';
import { percentText } from '../../project/page/value-text.ts';
import { VERDICT_WORDS } from '../../project/page/verdict-words.ts';
import { isStoredView, viewAges } from '../known/catalogue.ts';
import type { CatalogueNow } from '../known/catalogue.ts';
import { matchOf } from '../known/match.ts';
import type { Drawn } from '../parts/frame.ts';
import { featureLink, link, ownerLink } from '../parts/links.ts';
import { ageText, goes, pageLinks, paged, state } from '../parts/pieces.ts';
import { page } from './page.ts';
import type { Asked } from './page.ts';

async function readFeatures({ bundle, database, servedBy }: CatalogueNow, { query }: Asked) {
  const all = [...bundle.views.values(), ...bundle.onDemand.values()].flatMap((view) =>
    view.features.map((feature) => ({ view, feature })),
  );
  const shown = paged(all, query('page'));
  const date = await database.verdicts.newestDate();
  const views = [...new Set(shown.rows.map(({ view }) => view.id))];
  const records = date === null ? [] : await database.verdicts.features({ views, from: date, to: date });
  const byFeature = Map.groupBy(records, (one) => `${one.view}:${one.feature}`);
  const rows = shown.rows.map(({ view, feature }) => {
    const own = byFeature.get(`${view.id}:${feature.name}`);
    return {
      view: view.id,
      feature: feature.name,
      type: formatType(feature.type),
      description: feature.description,
      owner: view.owner,
      deprecated: feature.deprecated ?? view.deprecated,
      services: servedBy.get(`${view.id}:${feature.name}`)?.length ?? 0,
      match: own === undefined ? null : matchOf(own),
    };
  });
  return { date, ...shown, rows };
}

function drawFeatures(data: Awaited<ReturnType<typeof readFeatures>>): Drawn {
  return {
    title: 'Features',
    body: html`<h1>Features</h1>
      ${table(
        data.date === null ? 'No day was judged yet' : `Matches are of ${data.date}`,
        [
          {
            head: 'Feature',
            cell: ({ view, feature, description, deprecated }) =>
              html`${featureLink(view, feature)}${goes(deprecated)}${description !== null && html` <small>${description}</small>`}`,
          },
          { head: 'Type', cell: ({ type }) => type },
          { head: 'Owner', cell: ({ owner }) => ownerLink(owner) },
          { head: 'Services', number: true, cell: ({ services }) => services },
          {
            head: 'Within the promise',
            number: true,
            cell: ({ match }) =>
              match !== null &&
              html`<i class="level ${match.level}"></i>${percentText(match.exactMatchWithinPromise)}`,
          },
        ],
        data.rows,
      )}
      ${pageLinks(data, '/features?', 'feature')}`,
  };
}

async function readViews(catalogue: CatalogueNow, { query }: Asked) {
  const { bundle } = catalogue;
  const shown = paged([...bundle.views.values(), ...bundle.onDemand.values()], query('page'));
  const ages = await viewAges(catalogue);
  const rows = shown.rows.map((view) => ({
    view: view.id,
    kind: isStoredView(view) ? view.kind : 'on demand',
    entity: isStoredView(view) ? view.entity : null,
    features: view.features.length,
    owner: view.owner,
    deprecated: view.deprecated,
    description: view.description,
    freshness: ages.get(view.id) ?? null,
  }));
  return { ...shown, rows };
}

function drawViews(data: Awaited<ReturnType<typeof readViews>>): Drawn {
  return {
    title: 'Views',
    body: html`<h1>Views</h1>
      ${table(
        'A view holds features that are computed and written together',
        [
          {
            head: 'View',
            cell: ({ view, description, deprecated }) =>
              html`${link('view', view)}${goes(deprecated)}${description !== null && html` <small>${description}</small>`}`,
          },
          { head: 'Kind', cell: ({ kind }) => kind },
          { head: 'Entity', cell: ({ entity }) => entity !== null && link('entity', entity) },
          { head: 'Features', number: true, cell: ({ features }) => features },
          { head: 'Complete up to', cell: ({ freshness }) => freshness !== null && ageText(freshness) },
          { head: 'Owner', cell: ({ owner }) => ownerLink(owner) },
        ],
        data.rows,
      )}
      ${pageLinks(data, '/views?', 'view')}`,
  };
}

async function readServices({ bundle, database }: CatalogueNow, { query }: Asked) {
  const shown = paged([...bundle.services.values()], query('page'));
  const date = await database.verdicts.newestDate();
  const days = date === null ? [] : await database.verdicts.days({ from: date, to: date });
  const byService = new Map(days.map((day) => [day.service, day]));
  const rows = shown.rows.map(({ name, version, features, consumers, owner, description, deprecated }) => ({
    service: name,
    version,
    features: features.length,
    models: consumers.map(({ model }) => model),
    owner,
    deprecated: deprecated ?? null,
    description,
    verdict: byService.get(name)?.verdict ?? null,
    judgedOn: byService.get(name)?.date ?? null,
  }));
  return { date, ...shown, rows };
}

function drawServices(data: Awaited<ReturnType<typeof readServices>>): Drawn {
  return {
    title: 'Services',
    body: html`<h1>Services</h1>
      ${table(
        data.date === null ? 'No day was judged yet' : `Verdicts are of ${data.date}`,
        [
          {
            head: 'Service',
            cell: ({ service, description, deprecated }) =>
              html`${link('service', service)}${goes(deprecated)}${description !== null && html` <small>${description}</small>`}`,
          },
          { head: 'Version', number: true, cell: ({ version }) => version },
          { head: 'Features', number: true, cell: ({ features }) => features },
          {
            head: 'Models',
            cell: ({ models }) => models.map((model, i) => html`${i > 0 && ', '}${link('model', model)}`),
          },
          { head: 'Owner', cell: ({ owner }) => ownerLink(owner) },
          { head: 'Verdict', cell: ({ verdict }) => verdict !== null && verdictText(verdict) },
        ],
        data.rows,
      )}
      ${pageLinks(data, '/services?', 'service')}`,
  };
}

function verdictText(verdict: DayRecord['verdict']): Part {
  const level = verdict === 'pass' ? 'ok' : verdict === 'not-enough-data' ? 'too-few' : verdict;
  return html`<i class="level ${level}"></i>${state(level, VERDICT_WORDS[verdict])}`;
}

export const LISTING_PAGES = [
  page({ path: '/features', read: readFeatures, draw: drawFeatures }),
  page({ path: '/views', read: readViews, draw: drawViews }),
  page({ path: '/services', read: readServices, draw: drawServices }),
];
