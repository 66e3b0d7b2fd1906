/** A view: how what it served matched, how old it was, its runs with what they found of the data, its features. */
import { formatDuration } from '../../contract/std/duration.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { FeatureView, OnDemandView } from '../../contract/model.ts';
import type { DaySums } from '../../contract/verdict-record.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import { formatType } from '../../contract/value-type.ts';
import { definitionName } from '../../contract/wire/online/row-header.ts';
import { html } from '../../project/page/markup.ts';
import type { Part } from '../../project/page/markup.ts';
import { table } from '../../project/page/table.ts';
import { counted, durationText, percentText } from '../../project/page/value-text.ts';
import { isStoredView, viewAges, viewNamed } from '../known/catalogue.ts';
import type { CatalogueNow } from '../known/catalogue.ts';
import { changesOf } from '../known/changes.ts';
import { matchedOf, matchOf } from '../known/match.ts';
import type { Drawn } from '../parts/frame.ts';
import { featureLink, link, links } from '../parts/links.ts';
import { changesSection, incidentsList, lineagePicture } from '../parts/listed.ts';
import { keyFigures, matchSection } from '../parts/match-section.ts';
import { facts, head, section, state } from '../parts/pieces.ts';
import { checksText, deprecatedNote } from './feature-page.ts';
import { lineageOf } from './lineage-of.ts';
import { firstDay, page } from './page.ts';
import type { Asked } from './page.ts';
import { runsTable } from './run-pages.ts';

const MOST_RUNS = 15;
const MOST_INCIDENTS = 50;

type ViewData = NonNullable<Awaited<ReturnType<typeof readView>>>;

async function readView(catalogue: CatalogueNow, { name }: Asked) {
  const { database, bundle, nowUs, servedBy } = catalogue;
  const view = viewNamed(bundle, name);
  if (view === null) return null;
  const { verdicts } = database;
  const newest = await verdicts.newestDate();
  const from = firstDay(newest, nowUs);
  const matched = await matchedOf(verdicts, { view: view.id, from });
  const date = matched.last?.date;
  const last =
    date === undefined
      ? new Map<string, DaySums>()
      : await verdicts.sumsOfFeatures({ view: view.id, from: date, to: date });
  const stored = isStoredView(view) ? view : null;
  const services = [...new Set(view.features.flatMap((one) => servedBy.get(`${view.id}:${one.name}`) ?? []))];
  return {
    view: view.id,
    kind: stored?.kind ?? 'on demand',
    description: view.description,
    owner: view.owner,
    team: view.team,
    tags: view.tags,
    deprecated: view.deprecated,
    definition: definitionName(view.definitionId),
    entity: stored?.entity ?? null,
    source: stored?.source.name ?? null,
    where: stored?.where ?? null,
    promises: stored === null ? null : promisesOf(stored),
    onDemand: isStoredView(view) ? null : functionOf(view),
    matched,
    age:
      stored === null
        ? null
        : { days: await verdicts.ages({ view: view.id, from }), promisedUs: stored.freshnessUs },
    now: stored === null ? null : ((await viewAges(catalogue)).get(view.id) ?? null),
    features: view.features.map((feature) => {
      const own = last.get(feature.name);
      return {
        feature: feature.name,
        type: formatType(feature.type),
        description: feature.description,
        checks: feature.checks,
        match: own === undefined ? null : matchOf([own]),
      };
    }),
    services,
    runs: stored === null ? [] : await database.reads.newestRuns({ view: view.id, most: MOST_RUNS }),
    incidents: await verdicts.incidents({ view: view.id, from, most: MOST_INCIDENTS }),
    changes: await changesOf(database, 'view', view.id),
    lineage: lineageOf(catalogue, `view:${view.id}`),
  };
}

function promisesOf({
  freshnessUs,
  sourceFreshnessUs,
  latenessUs,
  delayUs,
  ttlUs,
  hopUs,
  kind,
}: FeatureView) {
  const hop = kind === 'aggregated' ? hopUs : null;
  return { freshnessUs, sourceFreshnessUs, latenessUs, delayUs, ttlUs, hopUs: hop };
}

function functionOf({ code, inputs, uses, isolated }: OnDemandView) {
  return {
    file: code.file,
    inputs: inputs.map(({ name, type, optional }) => ({ name, type: formatType(type), optional })),
    uses: uses.map(({ role, view }) => ({ role, view })),
    isolated,
  };
}

function drawView(data: ViewData): Drawn {
  const { view, kind, entity, matched, age, runs } = data;
  const newest = age?.days.at(-1) ?? null;
  return {
    title: view,
    body: html`${head(html`${kind} view${entity !== null && html` of ${link('entity', entity)}`}`, view, data.description)}
    ${deprecatedNote(data.deprecated, 'view')}
    ${keyFigures(matched, age === null ? null : { newest, promisedUs: age.promisedUs })}
    ${matchSection(matched, age)}
    ${section('Incidents', data.incidents.length > 0 && incidentsList(data.incidents, 5))}
    ${section('Features', featuresTable(data))} ${section('What it is', aboutView(data))}
    ${section('Runs, and what they found of the data', runs.length > 0 && html`${qualityText(runs)}${runsTable(runs, false)}`)}
    ${section('Where it comes from', lineagePicture(data.lineage))}
    ${section('What was changed', changesSection(data.changes))}`,
  };
}

function featuresTable({ view, features }: ViewData): Part {
  return table(
    counted(features.length, 'feature'),
    [
      {
        head: 'Feature',
        cell: ({ feature, description }) =>
          html`${featureLink(view, feature)}${description !== null && html` <small>${description}</small>`}`,
      },
      { head: 'Type', cell: ({ type }) => type },
      { head: 'Checked by each run', cell: ({ checks }) => checks !== null && checksText(checks) },
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

function aboutView({ promises, now, onDemand, ...data }: ViewData): Part {
  return facts([
    ['Owner', data.owner === null ? 'nobody is named' : link('owner', data.owner)],
    ['Team', data.team],
    ['Source', data.source !== null && link('source', data.source)],
    ['Counts rows where', data.where !== null && html`<code>${data.where}</code>`],
    ['Freshness promised', promises !== null && formatDuration(promises.freshnessUs)],
    [
      'Complete up to',
      now !== null &&
        html`${now.watermarkUs === null ? 'no time yet' : formatTimestamp(now.watermarkUs).slice(0, 16).replace('T', ' ')}
        ${state(now.state)}`,
    ],
    ['Age now', now !== null && now.ageUs !== null && durationText(Math.floor(now.ageUs / 1e6) * 1e6)],
    ['Its source may be', promises !== null && `${formatDuration(promises.sourceFreshnessUs)} old`],
    ['Late events count for', promises !== null && formatDuration(promises.latenessUs)],
    ['Visible after', promises !== null && promises.delayUs > 0 && formatDuration(promises.delayUs)],
    ['A row each', promises !== null && promises.hopUs !== null && formatDuration(promises.hopUs)],
    ['Rows are kept for', promises !== null && promises.ttlUs !== null && formatDuration(promises.ttlUs)],
    [
      'Function',
      onDemand !== null && html`<code>${onDemand.file}</code>${onDemand.isolated && ', isolated'}`,
    ],
    [
      'Inputs of requests',
      onDemand !== null &&
        onDemand.inputs
          .map(({ name, type, optional }) => `${name} ${type}${optional ? ', optional' : ''}`)
          .join('; '),
    ],
    [
      'Uses',
      onDemand !== null &&
        onDemand.uses.length > 0 &&
        links('view', [...new Set(onDemand.uses.map((one) => one.view))]),
    ],
    ['Definition', html`<code>${data.definition}</code>`],
    ['Services', data.services.length > 0 && links('service', data.services.slice(0, MOST_SERVICES)), true],
    ['Tags', data.tags.join(', ')],
  ]);
}

const MOST_SERVICES = 30;

/** What the newest run found, in a sentence. */
function qualityText([newest]: readonly RunRecord[]): Part {
  if (newest === undefined) return null;
  const { read, rejected, lateEvents, rejectReasons } = newest;
  const reasons = Object.entries(rejectReasons).map(([why, rows]) => `${rows} since ${why}`);
  return html`<p class="lead">
    ${
      rejected === 0 && lateEvents === 0
        ? `The newest run read ${counted(read, 'row')} and refused none.`
        : `Of the ${counted(read, 'row')} of the newest run ${rejected} were rejected${reasons.length === 0 ? '' : ` (${reasons.join('; ')})`} and ${lateEvents} came too late.`
    }
  </p>`;
}

export const VIEW_PAGE = page({ path: '/views/:name', read: readView, draw: drawView });
