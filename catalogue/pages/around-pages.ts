/** What stands around views and services: entities, sources, models, owners. */
import { html } from '../../project/page/markup.ts';
import type { Part } from '../../project/page/markup.ts';
import { table } from '../../project/page/table.ts';
import { counted } from '../../project/page/value-text.ts';
import { VERDICT_WORDS } from '../../project/page/verdict-words.ts';
import { isStoredView } from '../known/catalogue.ts';
import type { CatalogueNow } from '../known/catalogue.ts';
import { changesOf } from '../known/changes.ts';
import type { Drawn } from '../parts/frame.ts';
import { link, links, reportLink } from '../parts/links.ts';
import { changesSection, lineagePicture } from '../parts/listed.ts';
import { facts, head, section } from '../parts/pieces.ts';
import { lineageOf } from './lineage-of.ts';
import { page } from './page.ts';
import type { Asked } from './page.ts';

const MOST_VIEWS = 200;

async function readEntity({ bundle, database }: CatalogueNow, { name }: Asked) {
  const entity = bundle.entities.get(name);
  if (entity === undefined) return null;
  const views = [...bundle.views.values()].filter((view) => view.entity === name);
  return {
    entity: name,
    description: entity.description,
    owner: entity.owner,
    tags: entity.tags,
    joinKeys: entity.joinKeys,
    log: entity.log,
    views: views.map(({ id, kind, features, description }) => ({
      view: id,
      kind,
      features: features.length,
      description,
    })),
    changes: await changesOf(database, 'entity', name),
  };
}

function drawEntity(data: NonNullable<Awaited<ReturnType<typeof readEntity>>>): Drawn {
  return {
    title: data.entity,
    body: html`${head('entity', data.entity, data.description)}
    ${facts([
      ['Join keys', data.joinKeys.map(({ name, type }) => `${name} ${type}`).join(', ')],
      ['Owner', data.owner === null ? 'nobody is named' : link('owner', data.owner)],
      ['Ids in the vector log', data.log],
      ['Tags', data.tags.join(', ')],
    ])}
    ${section('Views of it', viewsTable(data.views))}
    ${section('What was changed', changesSection(data.changes))}`,
  };
}

function viewsTable(
  views: readonly { view: string; kind: string; features: number; description: string | null }[],
): Part {
  if (views.length === 0) return null;
  return html`${table(
    counted(views.length, 'view'),
    [
      {
        head: 'View',
        cell: ({ view, description }) =>
          html`${link('view', view)}${description !== null && html` <small>${description}</small>`}`,
      },
      { head: 'Kind', cell: ({ kind }) => kind },
      { head: 'Features', number: true, cell: ({ features }) => features },
    ],
    views.slice(0, MOST_VIEWS),
  )}${views.length > MOST_VIEWS && html`<p class="soft">${`and ${views.length - MOST_VIEWS} more`}</p>`}`;
}

/** What a source is, and what breaks if it goes. */
async function readSource(catalogue: CatalogueNow, { name }: Asked) {
  const { bundle, graph } = catalogue;
  const views = [...bundle.views.values()].filter((view) => view.source.name === name);
  const [first] = views;
  if (first === undefined) return null;
  const { path, table: format, eventTime, createdTime, stream } = first.source;
  const below = graph.reached(`source:${name}`, (one) => graph.below(one)).map((one) => graph.node(one));
  const names = (kind: string): string[] => below.filter((one) => one.kind === kind).map((one) => one.name);
  return {
    source: name,
    path,
    format: stream === undefined ? (format ?? 'Parquet files') : 'stream',
    topic: stream?.topic ?? null,
    eventTime,
    createdTime,
    columns: names('column').map((one) => one.slice(name.length + 1)),
    views: views.map(({ id, kind, features, description }) => ({
      view: id,
      kind,
      features: features.length,
      description,
    })),
    features: names('feature').length,
    services: names('service'),
    models: names('model'),
    lineage: lineageOf(catalogue, `source:${name}`),
  };
}

function drawSource(data: NonNullable<Awaited<ReturnType<typeof readSource>>>): Drawn {
  const { services, models } = data;
  return {
    title: data.source,
    body: html`${head('source', data.source, null)}
      <p class="lead">
        ${`If it goes, ${counted(data.views.length, 'view')} with ${counted(data.features, 'feature')} go with it`}${services.length === 0 ? '.' : html`, which feed ${counted(services.length, 'service')}${models.length > 0 && html` and the models ${links('model', models.slice(0, MOST_VIEWS))}`}.`}
      </p>
      ${facts([
        ['Lies at', html`<code>${data.path}</code>`, true],
        ['Is', data.format],
        ['Topic', data.topic],
        ['Event time', html`<code>${data.eventTime}</code>`],
        [
          'Created time',
          data.createdTime === null ? 'none: read in full each time' : html`<code>${data.createdTime}</code>`,
        ],
        ['Columns that are read', data.columns.join(', '), true],
        ['Services', services.length > 0 && links('service', services.slice(0, MOST_VIEWS)), true],
      ])}
      ${section('Views of it', viewsTable(data.views))}
      ${section('What comes of it', lineagePicture(data.lineage))}`,
  };
}

async function readModel(catalogue: CatalogueNow, { name }: Asked) {
  const { bundle, database } = catalogue;
  const services = [...bundle.services.values()].filter(({ consumers }) =>
    consumers.some(({ model }) => model === name),
  );
  if (services.length === 0) return null;
  const date = await database.verdicts.newestDate();
  const days = date === null ? [] : await database.verdicts.days({ from: date, to: date });
  const owners = services.flatMap(({ consumers }) =>
    consumers.filter(({ model }) => model === name).map(({ owner }) => owner),
  );
  return {
    model: name,
    owners: [...new Set(owners)],
    services: services.map((service) => ({
      service: service.name,
      version: service.version,
      features: service.features.length,
      day: days.find((one) => one.service === service.name) ?? null,
    })),
    lineage: lineageOf(catalogue, `model:${name}`),
  };
}

function drawModel(data: NonNullable<Awaited<ReturnType<typeof readModel>>>): Drawn {
  return {
    title: data.model,
    body: html`${head('model', data.model, null)} ${facts([['Owner', links('owner', data.owners)]])}
    ${section(
      'Services that it consumes',
      table(
        counted(data.services.length, 'service'),
        [
          { head: 'Service', cell: ({ service }) => link('service', service) },
          { head: 'Version', number: true, cell: ({ version }) => version },
          { head: 'Features', number: true, cell: ({ features }) => features },
          {
            head: 'Verdict',
            cell: ({ day, service }) =>
              day !== null &&
              html`${VERDICT_WORDS[day.verdict]}
                <small>${day.sentence} ${reportLink(service, day.date, 'report')}</small>`,
          },
        ],
        data.services,
      ),
    )}
    ${section('Where it comes from', lineagePicture(data.lineage))}`,
  };
}

/** What somebody, or a team, is asked about. Nobody has to be known: owners are texts. */
async function readOwner({ bundle }: CatalogueNow, { name }: Asked) {
  const isOwn = (one: { readonly owner: string | null; readonly team?: string | null }): boolean =>
    one.owner === name || one.team === name;
  const views = [...bundle.views.values(), ...bundle.onDemand.values()].filter(isOwn);
  const services = [...bundle.services.values()];
  return {
    owner: name,
    entities: [...bundle.entities.values()].filter(isOwn).map((one) => one.name),
    views: views.map((view) => ({
      view: view.id,
      kind: isStoredView(view) ? view.kind : 'on demand',
      features: view.features.length,
      description: view.description,
    })),
    services: services.filter(isOwn).map((one) => one.name),
    models: [
      ...new Set(
        services.flatMap(({ consumers }) =>
          consumers.filter(({ owner }) => owner === name).map(({ model }) => model),
        ),
      ),
    ],
  };
}

function drawOwner(data: Awaited<ReturnType<typeof readOwner>>): Drawn {
  const { owner, entities, views, services, models } = data;
  const isNothing = [entities, views, services, models].every(({ length }) => length === 0);
  return {
    title: owner,
    body: html`${head('owner', owner, isNothing ? 'Nothing that is in force names this owner or team.' : null)}
    ${facts([
      ['Entities', entities.length > 0 && links('entity', entities)],
      ['Services', services.length > 0 && links('service', services.slice(0, MOST_VIEWS)), true],
      ['Models', models.length > 0 && links('model', models.slice(0, MOST_VIEWS)), true],
    ])}
    ${section('Views', viewsTable(views))}`,
  };
}

export const AROUND_PAGES = [
  page({ path: '/entities/:name', read: readEntity, draw: drawEntity }),
  page({ path: '/sources/:name', read: readSource, draw: drawSource }),
  page({ path: '/models/:name', read: readModel, draw: drawModel }),
  page({ path: '/owners/:name', read: readOwner, draw: drawOwner }),
];
