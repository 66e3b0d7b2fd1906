/** The frame of every page: way past the head, the search, where things are; no script, and nothing of another host. */
import { createHash } from 'node:crypto';
import { CHART_STYLE } from '../../project/page/chart-style.ts';
import { html } from '../../project/page/markup.ts';
import type { Markup, Part } from '../../project/page/markup.ts';
import { PAGE_STYLE } from '../../project/page/page-style.ts';
import { CATALOGUE_STYLE } from './catalogue-style.ts';

/** What a page shows. */
export interface Drawn {
  readonly title: string;
  readonly body: Part;
}

export const STYLE = PAGE_STYLE + CHART_STYLE + CATALOGUE_STYLE;
/** Its name changes with it, so that browsers may keep it. */
export const STYLE_PATH = `/style.${createHash('sha256').update(STYLE).digest('hex').slice(0, 12)}.css`;

const PLACES = [
  ['/features', 'Features'],
  ['/views', 'Views'],
  ['/services', 'Services'],
  ['/incidents', 'Incidents'],
  ['/runs', 'Runs'],
  ['/training-sets', 'Training sets'],
] as const;

interface Framed {
  readonly project: string;
  readonly path: string;
  readonly search?: string;
  readonly asked?: string;
  /** Who has logged in with this browser; absent: nobody has. */
  readonly who?: { readonly name: string; readonly formToken: string };
}

/**
 * @param path   of the page, so that its place is marked
 * @param search  the query behind it, with its question mark
 * @param asked   what the search holds
 */
export function frame(
  { title, body }: Drawn,
  { project, path, search = '', asked = '', who }: Framed,
): string {
  const api = path === '/' ? '/api' : `/api${path}${search}`;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="${STYLE_PATH}" />
        <title>${`${title} · ${project}`}</title>
      </head>
      <body class="catalogue">
        <a class="skip" href="#page">Skip to the page</a>
        <header class="bar">
          <a class="home" href="/" ${path === '/' && current()}>${project}</a>
          <form role="search" action="/search">
            <input
              type="search"
              name="q"
              value="${asked}"
              aria-label="Search features, views, services, owners"
              placeholder="purchases in the last week"
            /><button>Search</button>
          </form>
          <nav aria-label="Catalogue">
            ${PLACES.map(([to, words]) => html`<a href="${to}" ${path.startsWith(to) && current()}>${words}</a> `)}
          </nav>
          ${who === undefined ? '' : whoForm(who)}
        </header>
        <main id="page" tabindex="-1">${body}</main>
        <footer>
          <p>
            All times are UTC. Every page is JSON under <a href="${api}">${api}</a>. How values are judged is
            told at the foot of each <a href="/reports/index.html">report</a>.
          </p>
        </footer>
      </body>
    </html> `.text;
}

function whoForm({ name, formToken }: NonNullable<Framed['who']>): Markup {
  return html`<form class="who" method="post" action="/logout">
    <input type="hidden" name="token" value="${formToken}" />${name} <button>Log out</button>
  </form>`;
}

function current(): Markup {
  return html`aria-current="page"`;
}
