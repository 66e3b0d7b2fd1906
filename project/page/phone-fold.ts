/**
 * What is folded on a narrow screen alone, as that of a phone: on a wider one and on paper it stands as it is. A link
 * into it unfolds it. A browser that does not know how folds it everywhere.
 */
import { html } from './markup.ts';
import type { Markup, Part } from './markup.ts';

/** @param words  what is behind them */
export function foldedOnPhone(words: string, content: Part): Markup {
  return html`<details class="phone">
    <summary>${words}</summary>
    ${content}
  </details>`;
}
