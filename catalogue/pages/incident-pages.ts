/** Incidents: the list of the last 30 days, and one with what proves it, whom it hits and what to do. */
import type { IncidentRecord } from '../../contract/verdict-record.ts';
import { CAUSE_GUIDE } from '../../project/page/cause-guide.ts';
import { html, withCode } from '../../project/page/markup.ts';
import type { Markup, Part } from '../../project/page/markup.ts';
import { table } from '../../project/page/table.ts';
import {
  countText,
  counted,
  dayText,
  durationText,
  momentText,
  numberText,
} from '../../project/page/value-text.ts';
import type { CatalogueNow } from '../known/catalogue.ts';
import type { Drawn } from '../parts/frame.ts';
import { link, links, reportLink } from '../parts/links.ts';
import { incidentsList } from '../parts/listed.ts';
import { command, facts, head, pageLinks, paged, ROWS_A_PAGE, section, state } from '../parts/pieces.ts';
import { firstDay, page } from './page.ts';
import type { Asked } from './page.ts';

const MOST_INCIDENTS = 5_000;

async function readIncidents({ database, nowUs }: CatalogueNow, { query }: Asked) {
  const from = firstDay(await database.verdicts.newestDate(), nowUs);
  return { from, ...paged(await database.verdicts.incidents({ from, most: MOST_INCIDENTS }), query('page')) };
}

function drawIncidents(data: Awaited<ReturnType<typeof readIncidents>>): Drawn {
  return {
    title: 'Incidents',
    body: html`<h1>Incidents</h1>
      <p class="lead">Since ${dayText(data.from)}, the newest day first, in a day the greatest harm first.</p>
      ${incidentsList(data.rows, ROWS_A_PAGE)} ${pageLinks(data, '/incidents?', 'incident')}`,
  };
}

async function readIncident({ database, servedBy }: CatalogueNow, { name }: Asked) {
  const incident = await database.verdicts.incident(name);
  if (incident === null) return null;
  const records = await database.verdicts.features({
    service: incident.service,
    from: incident.date,
    to: incident.date,
  });
  const named = new Map(records.map((one) => [one.name, one]));
  const features = incident.features.map((one) => {
    const record = named.get(one);
    const isThere = record !== undefined && servedBy.has(`${record.view}:${record.feature}`);
    return { name: one, page: isThere ? `${record.view}__${record.feature}` : null };
  });
  return { ...incident, features };
}

type IncidentData = NonNullable<Awaited<ReturnType<typeof readIncident>>>;

function drawIncident(data: IncidentData): Drawn {
  const { date, cause, view, service, from, to, beyondPromise, values, harm } = data;
  const guide = CAUSE_GUIDE[cause];
  const lasted = durationText((Date.parse(to) - Date.parse(from)) * 1_000);
  return {
    title: `${cause} in ${view}, ${date}`,
    body: html`${head(html`incident of ${dayText(date)} in ${link('service', service)}`, `${cause} in ${view}`, null)}
      <p class="lead">
        <i class="level ${data.level}"></i
        >${`${counted(beyondPromise, 'value')} beyond the promise, ${momentText(from, date)} to ${momentText(to, date)} (${lasted}). `}${guide.means}
      </p>
      <p class="next"><span>next</span>${withCode(guide.next)}</p>
      ${data.command !== '' && command(data.command)}
      ${facts([
        ['View', link('view', view)],
        ['Owners', links('owner', data.owners)],
        ['Models', data.models.length > 0 && links('model', data.models)],
        ['Level', state(data.level)],
        ['Values that differ', countText(values)],
        ['Distinct rows', countText(data.rows)],
        ['Entities', countText(data.entities)],
        ['Harm', numberText(harm)],
        ['Mostly in', data.slice !== null && `${data.slice.by} ${data.slice.value}`],
        ['Runs', data.runs.length > 0 && links('run', data.runs.slice(0, FEW)), true],
        ['Pods', data.pods.slice(0, FEW).join(', ')],
        ['Report', reportLink(service, date, `${service}, ${date}`)],
      ])}
      ${section('Features that it hits, the most harmed first', featuresOf(data))}
      ${section('Rows to look at', examplesOf(data))}`,
  };
}

const FEW = 5;
const MOST_FEATURES = 60;

function featuresOf({ features }: IncidentData): Part {
  return features.length === 0
    ? null
    : html`<p>
        ${features
          .slice(0, MOST_FEATURES)
          .map(
            ({ name, page: of }, i) =>
              html`${i > 0 && ', '}${of === null ? name : link('feature', of, name)}`,
          )}${features.length > MOST_FEATURES && ` and ${features.length - MOST_FEATURES} more`}
      </p>`;
}

function examplesOf({ examples, date }: IncidentData): Part {
  if (examples.length === 0) return null;
  const entity = ({ entities }: IncidentRecord['examples'][number]): Markup[] =>
    Object.entries(entities).map(([key, value]) => html`<code>${`${key}=${value ?? 'null'}`}</code> `);
  return html`${table(
    'Served beside what training sees',
    [
      { head: 'Feature', cell: ({ feature }) => feature },
      { head: 'Entity', cell: entity },
      { head: 'Served at', cell: ({ servedAt }) => momentText(servedAt, date) },
      { head: 'Served', cell: ({ served }) => served },
      { head: 'Replayed', cell: ({ replayed }) => replayed },
      { head: 'Evidence', cell: ({ evidence }) => evidence },
    ],
    examples,
  )}
  ${examples.slice(0, 1).map(({ requestId }) => command(`plumb explain --request ${requestId}`))}`;
}

export const INCIDENT_PAGES = [
  page({ path: '/incidents', read: readIncidents, draw: drawIncidents }),
  page({ path: '/incidents/:name', read: readIncident, draw: drawIncident }),
];
