/** Search by a form: what fits, the best first, each feature with how it matched yesterday. */
import { html } from '../../project/page/markup.ts';
import type { Part } from '../../project/page/markup.ts';
import { counted, percentText } from '../../project/page/value-text.ts';
import type { ViewFreshness } from '../../project/overview/view-freshness.ts';
import { featureNamed, viewAges } from '../known/catalogue.ts';
import type { CatalogueNow } from '../known/catalogue.ts';
import { matchOf } from '../known/match.ts';
import type { Match } from '../known/match.ts';
import type { Drawn } from '../parts/frame.ts';
import { link } from '../parts/links.ts';
import type { PlaceKind } from '../parts/links.ts';
import { ageText, goes, list } from '../parts/pieces.ts';
import { page } from './page.ts';
import type { Asked } from './page.ts';

type SearchData = Awaited<ReturnType<typeof readSearch>>;

const MOST_FOUND = 50;
const MOST_LETTERS = 200;

async function readSearch(catalogue: CatalogueNow, { query }: Asked) {
  const text = (query('q') ?? '').slice(0, MOST_LETTERS);
  const found = text.trim() === '' ? [] : catalogue.index.find(text, MOST_FOUND);
  const { verdicts } = catalogue.database;
  const date = await verdicts.newestDate();
  const known = found.map(({ kind, name }) => (kind === 'feature' ? featureNamed(catalogue, name) : null));
  const views = [...new Set(known.flatMap((one) => one?.view.id ?? []))];
  const features = [...new Set(known.flatMap((one) => one?.feature.name ?? []))];
  const records =
    date === null || views.length === 0
      ? []
      : await verdicts.features({ views, features, from: date, to: date });
  const ages = found.length === 0 ? null : await viewAges(catalogue);
  const ageOf = (view: string | undefined): ViewFreshness | null => {
    return view === undefined ? null : (ages?.get(view) ?? null);
  };
  const byFeature = Map.groupBy(records, ({ view, feature }) => `${view}:${feature}`);
  return {
    text,
    date,
    found: found.map((one, i) => {
      const own = byFeature.get(one.name);
      const view = one.kind === 'view' ? one.name : known[i]?.view.id;
      return { ...one, match: own === undefined ? null : matchOf(own), freshness: ageOf(view) };
    }),
  };
}

function drawSearch({ text, found }: SearchData): Drawn {
  const shown = JSON.stringify(text);
  return {
    title: text === '' ? 'Search' : `${text}: search`,
    body: html`<h1>Search</h1>
      ${
        text.trim() === ''
          ? html`<p class="lead">
              Names, descriptions, tags, owners, teams, entities, and what is computed over how long: try
              <a href="/search?q=purchases+in+the+last+week">purchases in the last week</a>.
            </p>`
          : found.length === 0
            ? html`<p class="lead">${`Nothing fits ${shown}. `}<a href="/features">All features</a></p>`
            : html`<p class="lead">
                  ${`${counted(found.length, 'thing')} ${found.length === 1 ? 'fits' : 'fit'} ${shown}, the best first.`}
                </p>
                ${list(found, MOST_FOUND, foundLine)}`
      }`,
  };
}

function foundLine({
  kind,
  name,
  note,
  description,
  owner,
  deprecated,
  match,
  freshness,
}: SearchData['found'][number]): Part {
  return html`<span class="chip">${kind}</span>
    <b>${link(kind as PlaceKind, kind === 'feature' ? name.replace(':', '__') : name, name)}</b
    >${goes(deprecated)} ${note !== null && html`<span class="soft">${note}</span>`}
    ${match !== null && matchText(match)} ${freshness !== null && ageText(freshness)}
    <small
      >${description ?? ''}${owner !== null && html`${description === null ? '' : ' · '}owner ${link('owner', owner)}`}</small
    >`;
}

function matchText({ exactMatchWithinPromise, level }: Match): Part {
  return html`<i class="level ${level}"></i>${percentText(exactMatchWithinPromise)}
    <span class="soft">within the promise</span>`;
}

export const SEARCH_PAGE = page({ path: '/search', read: readSearch, draw: drawSearch });
