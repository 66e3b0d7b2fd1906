/** What many pages are put together of: the head, facts, states, lists that are cut, pages of a list. */
import type { Deprecation } from '../../contract/model.ts';
import { deprecationText } from '../../project/overview/deprecation-text.ts';
import type { ViewFreshness } from '../../project/overview/view-freshness.ts';
import { counted, durationText } from '../../project/page/value-text.ts';
import { html } from '../../project/page/markup.ts';
import type { Markup, Part } from '../../project/page/markup.ts';

/** @param kind  what it is, above its name */
export function head(kind: Part, name: string, description: string | null): Markup {
  return html`<p class="kind">${kind}</p>
    <h1>${name}</h1>
    ${description !== null && html`<p class="lead">${description}</p>`}`;
}

/** A name and what it is; facts of null are left out. */
type Fact = readonly [name: string, value: Part, wide?: boolean];

export function facts(all: readonly Fact[]): Markup {
  const told = all.filter(([, value]) => value !== null && value !== false && value !== '');
  return html`<dl class="about">
    ${told.map(
      ([name, value, wide]) =>
        html`<div ${wide === true && html`class="wide"`}>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}

/** A state with its colour, which the word says too. */
export function state(name: string, words: string = name): Markup {
  return html`<span class="state ${name}">${words}</span>`;
}

/** Up to when a view is complete, and whether that is as fresh as promised. */
export function ageText({ ageUs, state: of }: Pick<ViewFreshness, 'ageUs' | 'state'>): Part {
  return ageUs === null ? state(of) : html`${durationText(Math.floor(ageUs / 1e6) * 1e6)} ago ${state(of)}`;
}

/** Beside a name: that it will go; nothing where it stays. */
export function goes(deprecated: Deprecation | null): Part {
  if (deprecated === null) return null;
  return html` <span class="state late" title="${deprecationText(deprecated)}">deprecated</span>`;
}

/** A section that is left out where it holds nothing. */
export function section(title: string, content: Part): Part {
  if (content === null || content === false || (Array.isArray(content) && content.length === 0)) return null;
  return html`<section>
    <h2>${title}</h2>
    ${content}
  </section>`;
}

/** The first of a list, and how many more there are. */
export function list<T>(all: readonly T[], most: number, item: (one: T) => Part): Markup {
  return html`<ul class="list">
      ${all.slice(0, most).map((one) => html`<li>${item(one)}</li>`)}
    </ul>
    ${all.length > most && html`<p class="soft">${`and ${counted(all.length - most, 'more')}`.replace(/s$/, '')}</p>`}`;
}

export function command(text: string): Markup {
  return html`<pre class="command"><code>${text}</code></pre>`;
}

/** Part of a list: so many a page, from 1 on. */
interface Paged<T> {
  readonly total: number;
  readonly page: number;
  readonly pages: number;
  readonly rows: readonly T[];
}

export const ROWS_A_PAGE = 100;

/** @param asked  the number of the page as the address has it; none, or no number, is the first */
export function paged<T>(all: readonly T[], asked: string | undefined): Paged<T> {
  const pages = Math.max(1, Math.ceil(all.length / ROWS_A_PAGE));
  const wanted = /^\d{1,6}$/.test(asked ?? '') ? Number(asked) : 1;
  const page = Math.min(Math.max(1, wanted), pages);
  const rows = all.slice((page - 1) * ROWS_A_PAGE, page * ROWS_A_PAGE);
  return { total: all.length, page, pages, rows };
}

/** @param path  with whatever else the address says, ending in `?` or `&` */
export function pageLinks({ page, pages, total }: Paged<unknown>, path: string, noun: string): Markup {
  if (pages === 1) return html`<p class="soft">${counted(total, noun)}</p>`;
  const to = (n: number, words: string): Part =>
    n >= 1 && n <= pages && html`<a href="${`${path}page=${n}`}">${words}</a>`;
  return html`<nav class="pages" aria-label="Pages">
    ${to(page - 1, '← before')}<span class="soft">${`page ${page} of ${pages}, ${counted(total, noun)}`}</span
    >${to(page + 1, 'next →')}
  </nav>`;
}
