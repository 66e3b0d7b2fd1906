/** A service: its verdict and why, its days, what it serves, who takes it, how to ask for it. */
import { formatType } from '../../contract/value-type.ts';
import { html } from '../../project/page/markup.ts';
import type { Markup, Part } from '../../project/page/markup.ts';
import { table } from '../../project/page/table.ts';
import { counted, dayText, percentText } from '../../project/page/value-text.ts';
import { verdictIcon } from '../../project/page/verdict-icon.ts';
import { VERDICT_WORDS, bareSentence } from '../../project/page/verdict-words.ts';
import { viewNamed } from '../known/catalogue.ts';
import type { CatalogueNow } from '../known/catalogue.ts';
import { changesOf } from '../known/changes.ts';
import { matchedOf, matchOf } from '../known/match.ts';
import { askFor, askSection } from '../parts/ask.ts';
import type { Drawn } from '../parts/frame.ts';
import { featureLink, link, reportLink } from '../parts/links.ts';
import { changesSection, incidentsList, lineagePicture } from '../parts/listed.ts';
import { keyFigures, matchSection } from '../parts/match-section.ts';
import { facts, goes, head, section } from '../parts/pieces.ts';
import { lineageOf } from './lineage-of.ts';
import { deprecatedNote } from './feature-page.ts';
import { firstDay, page } from './page.ts';
import type { Asked } from './page.ts';

const MOST_INCIDENTS = 50;

type ServiceData = NonNullable<Awaited<ReturnType<typeof readService>>>;

async function readService(catalogue: CatalogueNow, { name }: Asked) {
  const { database, bundle, nowUs, sidecar } = catalogue;
  const service = bundle.services.get(name);
  if (service === undefined) return null;
  const { verdicts } = database;
  const newest = await verdicts.newestDate();
  const from = firstDay(newest, nowUs);
  const days = await verdicts.days({ service: name, from });
  const matched = await matchedOf(verdicts, { service: name, from });
  const date = matched.last?.date;
  const last = date === undefined ? [] : await verdicts.features({ service: name, from: date, to: date });
  const byName = Map.groupBy(last, (one) => one.name);
  return {
    service: name,
    version: service.version,
    description: service.description,
    deprecated: service.deprecated ?? null,
    owner: service.owner,
    tags: service.tags,
    consumers: service.consumers,
    tensor: service.tensor,
    keys: service.requestKeys,
    inputs: service.inputs.map((one) => ({
      name: one.name,
      type: formatType(one.type),
      optional: one.optional,
    })),
    days,
    matched,
    features: service.features.map(({ fullName, view, feature }) => {
      const listed = viewNamed(bundle, view)!;
      const of = listed.features.find((one) => one.name === feature)!;
      const own = byName.get(fullName);
      return {
        name: fullName,
        view,
        feature,
        type: formatType(of.type),
        deprecated: of.deprecated ?? listed.deprecated,
        normalization: of.normalization,
        match: own === undefined ? null : matchOf(own),
      };
    }),
    incidents: await verdicts.incidents({ service: name, from, most: MOST_INCIDENTS }),
    trainedWith: (await database.trainingSets({ service: name, most: 1 })).map((one) => one.name)[0] ?? null,
    changes: await changesOf(database, 'service', name),
    lineage: lineageOf(catalogue, `service:${name}`),
    ask: askFor(service, sidecar),
  };
}

function drawService(data: ServiceData): Drawn {
  const { service, version, consumers, days, matched } = data;
  return {
    title: service,
    body: html`${head(`service, version ${version}`, service, data.description)}
    ${deprecatedNote(data.deprecated, 'service')} ${verdictOf(data)}
    ${days.length === 0 ? keyFigures(matched, null) : matchSection(matched, null)}
    ${section('Incidents', data.incidents.length > 0 && incidentsList(data.incidents, 5))}
    ${section('What it serves, in this order', featuresTable(data))}
    ${section(
      'What it is',
      facts([
        [
          'Models',
          consumers.length > 0 &&
            consumers.map(
              ({ model, owner }, i) =>
                html`${i > 0 && ', '}${link('model', model)} (${link('owner', owner)})`,
            ),
        ],
        ['Owner', data.owner === null ? 'nobody is named' : link('owner', data.owner)],
        ['Asked with', data.keys.map(({ name, type }) => `${name} ${type}`).join(', ')],
        [
          'Inputs',
          data.inputs
            .map(({ name, type, optional }) => `${name} ${type}${optional ? ', optional' : ''}`)
            .join(', '),
        ],
        ['Tensors', data.tensor],
        ['Newest training set', data.trainedWith !== null && link('training-set', data.trainedWith)],
        ['Tags', data.tags.join(', ')],
      ]),
    )}
    ${section('How to ask for it', askSection(data.ask))} ${section('Its days', daysTable(data))}
    ${section('Where it comes from', lineagePicture(data.lineage))}
    ${section('What was changed', changesSection(data.changes))}`,
  };
}

function verdictOf({ days: [newest] }: ServiceData): Part {
  if (newest === undefined) return null;
  const { verdict, sentence, date, service, provisional } = newest;
  return html`<div class="verdict ${verdict}">
    ${verdictIcon(verdict)}
    <p>
      <strong>${VERDICT_WORDS[verdict]}</strong
      ><span class="soft">${`${dayText(date)}${provisional ? ', provisional' : ''}`}</span>
      <span class="sentence">${bareSentence(sentence, verdict)}</span>
      ${reportLink(service, date, 'the report of the day')}
    </p>
  </div>`;
}

function featuresTable({ features }: ServiceData): Markup {
  return table(
    counted(features.length, 'feature'),
    [
      {
        head: 'Feature',
        cell: ({ name, view, feature, deprecated }) =>
          html`${featureLink(view, feature)}${goes(deprecated)}${name !== `${view}__${feature}` && html` <small>${`as ${name}`}</small>`}`,
      },
      { head: 'Type', cell: ({ type }) => type },
      {
        head: 'Normalization',
        cell: ({ normalization }) =>
          normalization !== null && `mean ${normalization.mean}, deviation ${normalization.stddev}`,
      },
      { head: 'Exact', number: true, cell: ({ match }) => percentText(match?.exactMatch ?? null) },
      {
        head: 'Within the promise',
        number: true,
        cell: ({ match }) =>
          match !== null &&
          html`<i class="level ${match.level}"></i>${percentText(match.exactMatchWithinPromise)}`,
      },
    ],
    features,
  );
}

function daysTable({ days, service }: ServiceData): Part {
  if (days.length === 0) return null;
  return html`<table class="days">
    <caption>
      ${`The last ${counted(days.length, 'judged day')}`}
    </caption>
    <tbody>
      ${days.map(
        ({ date, verdict, sentence }) =>
          html`<tr>
            <th scope="row">${reportLink(service, date, dayText(date))}</th>
            <td class="${verdict}">
              <span class="verdict-cell">${verdictIcon(verdict)}${VERDICT_WORDS[verdict]}</span>
            </td>
            <td>${bareSentence(sentence, verdict)}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}

export const SERVICE_PAGE = page({ path: '/services/:name', read: readService, draw: drawService });
