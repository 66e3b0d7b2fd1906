/** Training sets: their names, and what the newest of a name was made of. */
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { smallSketch } from '../../contract/small-sketch.ts';
import { html } from '../../project/page/markup.ts';
import type { Part } from '../../project/page/markup.ts';
import { table } from '../../project/page/table.ts';
import { countText, counted, numberText } from '../../project/page/value-text.ts';
import type { CatalogueNow } from '../known/catalogue.ts';
import type { Drawn } from '../parts/frame.ts';
import { link } from '../parts/links.ts';
import { command, facts, head, pageLinks, paged, section } from '../parts/pieces.ts';
import { page } from './page.ts';
import type { Asked } from './page.ts';

const MOST_SETS = 5_000;
/** Sets of one name that are listed. */
const MOST_OF_NAME = 20;

async function readSets({ database }: CatalogueNow, { query }: Asked) {
  return paged(await database.reads.trainingSetNames(MOST_SETS), query('page'));
}

function drawSets(data: Awaited<ReturnType<typeof readSets>>): Drawn {
  return {
    title: 'Training sets',
    body: html`<h1>Training sets</h1>
      ${
        data.total === 0
          ? html`<p class="lead">None was made yet: <code>plumb train</code> makes one.</p>`
          : table(
              'The newest first',
              [
                { head: 'Set', cell: ({ name }) => link('training-set', name) },
                { head: 'Service', cell: ({ service }) => link('service', service) },
              ],
              data.rows,
            )
      }
      ${pageLinks(data, '/training-sets?', 'set')}`,
  };
}

async function readSet({ database, bundle }: CatalogueNow, { name }: Asked) {
  const sets = await database.trainingSets({ name, most: MOST_OF_NAME });
  const [newest] = sets;
  if (newest === undefined) return null;
  const listed = new Map(
    bundle.services.get(newest.service)?.features.map((one) => [one.fullName, one] as const) ?? [],
  );
  return {
    name,
    service: newest.service,
    serviceVersion: newest.serviceVersion,
    madeAt: formatTimestamp(newest.madeUs),
    bundle: newest.bundle,
    as: newest.as,
    labels: newest.labels,
    out: newest.out,
    made: newest.made,
    views: newest.views.map(({ role, view, commit, watermarkUs }) => ({
      role,
      view,
      commit,
      watermark: watermarkUs === null ? null : formatTimestamp(watermarkUs),
    })),
    features: newest.features.map(({ sketch, ...counts }) => {
      const of = listed.get(counts.name);
      return {
        ...counts,
        page: of === undefined ? null : `${of.view}__${of.feature}`,
        sketch: sketch === null ? null : smallSketch(sketch),
      };
    }),
    earlier: sets.slice(1).map((one) => ({ madeAt: formatTimestamp(one.madeUs), rows: one.out.rows })),
  };
}

type SetData = NonNullable<Awaited<ReturnType<typeof readSet>>>;

function drawSet(data: SetData): Drawn {
  const { labels, out, made } = data;
  return {
    title: data.name,
    body: html`${head('training set', data.name, null)}
      <p class="lead">
        ${`${counted(out.rows, 'row')} for `}${link('service', data.service)}${` version ${data.serviceVersion}, made ${data.madeAt.slice(0, 16).replace('T', ' ')}.`}
      </p>
      ${facts([
        ['Values', data.as === 'logged' ? 'as they were answered' : `as ${data.as}`],
        ['Labels', `${labels.file}, ${counted(labels.rows, 'row')}`],
        ['File', out.file],
        ['Bundle', html`<code>${data.bundle}</code>`],
        ['SHA-256 of the file', out.sha256 !== undefined && html`<code>${out.sha256}</code>`, true],
        ['Made by', `plumb ${made.plumbline}, Node ${made.node}, DuckDB ${made.duckdb}`, true],
      ])}
      ${section('Made again to the byte', command(`plumb train --again ${data.name} --out again.parquet`))}
      ${section('Its features', featuresTable(data))}
      ${section(
        'Histories that it read',
        table(
          'One a role',
          [
            { head: 'Role', cell: ({ role }) => role },
            { head: 'View', cell: ({ view }) => link('view', view) },
            { head: 'Commit', number: true, cell: ({ commit }) => (commit === null ? '–' : String(commit)) },
            {
              head: 'Complete up to',
              cell: ({ watermark }) => watermark?.slice(0, 16).replace('T', ' ') ?? '–',
            },
          ],
          data.views,
        ),
      )}
      ${section(
        'Earlier sets of this name',
        data.earlier.length > 0 &&
          html`<p>
            ${data.earlier.map(({ madeAt, rows }) => `${madeAt.slice(0, 16).replace('T', ' ')} (${counted(rows, 'row')})`).join(', ')}
          </p>`,
      )}`,
  };
}

function featuresTable({ features }: SetData): Part {
  return table(
    counted(features.length, 'feature'),
    [
      { head: 'Feature', cell: ({ name, page: of }) => (of === null ? name : link('feature', of, name)) },
      { head: 'Type', cell: ({ type }) => type },
      { head: 'Present', number: true, cell: ({ present }) => countText(present) },
      { head: 'Null', number: true, cell: ({ nulls }) => countText(nulls) },
      { head: 'Missing', number: true, cell: ({ missing, outsideTtl }) => countText(missing + outsideTtl) },
      { head: 'Unjudged', number: true, cell: ({ unjudged }) => countText(unjudged) },
      {
        head: 'Mean',
        number: true,
        cell: ({ sketch }) => (sketch?.ordered == null ? '' : numberText(sketch.ordered.mean)),
      },
      {
        head: 'Median',
        number: true,
        cell: ({ sketch }) => (sketch?.ordered == null ? '' : numberText(sketch.ordered.quantiles[50]!)),
      },
    ],
    features,
  );
}

export const TRAINING_PAGES = [
  page({ path: '/training-sets', read: readSets, draw: drawSets }),
  page({ path: '/training-sets/:name', read: readSet, draw: drawSet }),
];
