/** The page of a feature. */
import { html } from '../../project/page/markup.ts';
import type { Markup, Part } from '../../project/page/markup.ts';
import { key } from '../../project/page/key.ts';
import { table } from '../../project/page/table.ts';
import { countText, counted, durationText, percentText, shareText } from '../../project/page/value-text.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { askSection } from '../parts/ask.ts';
import { distributionPicture } from '../parts/distribution.ts';
import { driftSpark } from '../parts/drift-spark.ts';
import type { Drawn } from '../parts/frame.ts';
import { link, links, reportLink } from '../parts/links.ts';
import { changesSection, incidentsList, lineagePicture } from '../parts/listed.ts';
import { keyFigures, matchSection } from '../parts/match-section.ts';
import { facts, head, section, state } from '../parts/pieces.ts';
import { readFeature } from './feature-data.ts';
import type { FeatureData, ServedIn } from './feature-data.ts';
import { page } from './page.ts';

function drawFeature(data: FeatureData): Drawn {
  const { name, feature, view, matched, age, ask } = data;
  const kind = html`feature of ${link('view', view)}`;
  const newest = age === null ? null : (age.days.at(-1) ?? null);
  return {
    title: name,
    body: html`${head(kind, feature, data.description ?? data.viewDescription)}
    ${deprecatedNote(data.deprecated, 'feature')}
    ${keyFigures(matched, age === null ? null : { newest, promisedUs: age.promisedUs })}
    ${matchSection(matched, age)}${section('Incidents', data.incidents.length > 0 && incidentsList(data.incidents, 5))}
    ${section('What it is', meaning(data))} ${section('Who takes it', consumers(data))}
    ${section('What it looks like', looks(data))}
    ${section(
      'How to ask for it',
      ask !== null &&
        html`<p class="soft">${`With service ${ask.service}, whose other features come along.`}</p>
          ${askSection(ask)}`,
    )}
    ${section('Where it comes from', lineagePicture(data.lineage))}
    ${section('What was changed', changesSection(data.changes))}`,
  };
}

/** @param of  what is deprecated; what stands in for a feature may be a feature, or a view */
export function deprecatedNote(
  deprecated: FeatureData['deprecated'],
  of: 'feature' | 'view' | 'service',
): Part {
  if (deprecated === null) return null;
  const { date, successor } = deprecated;
  return html`<p class="note">
    ${`Deprecated: it is not to be relied on from ${date.slice(0, 10)} on.`}
    ${successor !== null && html`Use ${successorLink(of, successor)} in its place.`}
  </p>`;
}

export function successorLink(of: 'feature' | 'view' | 'service', successor: string): Markup {
  const isFeature = /__|:/.test(successor);
  return link(
    of === 'service' ? 'service' : isFeature ? 'feature' : 'view',
    successor.replace(':', '__'),
    successor,
  );
}

function meaning(data: FeatureData): Markup {
  const { checks, normalization, examples, now, age } = data;
  const range = checks === null ? null : checksText(checks);
  return facts([
    ['Meaning', html`<code>${data.meaning}</code>`, true],
    ['Type', data.type],
    ['Owner', data.owner === null ? 'nobody is named' : link('owner', data.owner)],
    ['Team', data.team],
    ['Entity', data.entity !== null && link('entity', data.entity)],
    ['Source', data.source !== null && link('source', data.source)],
    ['Freshness promised', age === null ? 'computed when asked for' : durationText(age.promisedUs)],
    [
      'Complete up to',
      now !== null &&
        html`${now.watermarkUs === null ? 'no time yet' : formatTimestamp(now.watermarkUs).slice(0, 16).replace('T', ' ')}
        ${state(now.state)}`,
    ],
    [
      'Where it is missing',
      data.missing === null ? 'null' : html`<code>${JSON.stringify(data.missing)}</code>`,
    ],
    ['Tolerance', data.tolerance === null ? 'none: bit for bit' : String(data.tolerance)],
    ['In the vector log', data.log],
    ['Checked by each run', range],
    [
      'Normalization',
      normalization !== null && `mean ${normalization.mean}, standard deviation ${normalization.stddev}`,
    ],
    [
      'Examples',
      examples.length > 0 && html`<code>${examples.map((one) => JSON.stringify(one)).join(', ')}</code>`,
    ],
    [
      'Tags',
      data.tags.length > 0 &&
        html`<span class="tags">${data.tags.map((tag) => html`<span class="chip">${tag}</span>`)}</span>`,
    ],
  ]);
}

export function checksText({ min, max, maxNullShare }: NonNullable<FeatureData['checks']>): string {
  const parts = [
    ...(min === null ? [] : [`at least ${min}`]),
    ...(max === null ? [] : [`at most ${max}`]),
    ...(maxNullShare === null ? [] : [`null in at most ${shareText(maxNullShare)}`]),
  ];
  return parts.join(', ');
}

function consumers({ services, servedBy, models }: FeatureData): Part {
  if (servedBy === 0 && services.length === 0)
    return html`<p class="lead">No service lists it: no model is served it.</p>`;
  return html`<p class="lead">${models.length > 0 && html`Models: ${links('model', models)}.`}</p>
    ${table(
      `${counted(servedBy, 'service')}, the worst match first`,
      [
        { head: 'Service', cell: ({ service }) => link('service', service) },
        {
          head: 'Within the promise',
          number: true,
          cell: ({ judged }) => percentText(judged?.exactMatchWithinPromise ?? null),
        },
        { head: 'Exact', number: true, cell: ({ judged }) => percentText(judged?.exactMatch ?? null) },
        {
          head: 'Values',
          number: true,
          cell: ({ judged }) => (judged === null ? '–' : countText(judged.present)),
        },
        { head: 'Coverage', number: true, cell: ({ judged }) => percentText(judged?.coverage ?? null) },
        { head: 'Judged', cell: ({ judged }) => judgedText(judged) },
      ],
      services,
    )}`;
}

function judgedText(judged: ServedIn | null): Part {
  return judged === null
    ? 'not in 30 days'
    : html`${reportLink(judged.service, judged.date, judged.date)} ${state(judged.level)}`;
}

function looks({ training, served, drift, type }: FeatureData): Part {
  const picture = distributionPicture(training?.sketch ?? null, served?.sketch ?? null, type);
  const spark = driftSpark(drift);
  if (picture === null && spark === null) return null;
  return html`<div class="two">
    ${
      picture !== null &&
      html`<figure>
        <figcaption>Values ${key(['served', 'served'], ['line replayed', 'in training'])}</figcaption>
        ${picture}
        <p class="soft">
          ${training === null ? 'No training set has it.' : html`Training set ${link('training-set', training.set)} of ${training.madeAt.slice(0, 10)}.`}
          ${served !== null && `Served in ${served.service} on ${served.date}.`}
        </p>
      </figure>`
    }
    ${
      spark !== null &&
      html`<figure>
        <figcaption>
          Drift from the training set
          ${drift[0] !== undefined && html`<span class="key">${drift[0].service}</span>`}
        </figcaption>
        ${spark}
      </figure>`
    }
  </div>`;
}

export const FEATURE_PAGE = page({ path: '/features/:name', read: readFeature, draw: drawFeature });
