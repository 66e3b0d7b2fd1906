/** The key of a chart: a mark for each kind, with its words, which stay on one line. */
import { html } from './markup.ts';
import type { Markup } from './markup.ts';

/** @param marks  the style's class of a mark, and its words */
export function key(...marks: readonly (readonly [kind: string, words: string])[]): Markup {
  return html`<span class="key">
    ${marks.map(([kind, words]) => html`<span><i class="${kind}"></i>${words}</span> `)}
  </span>`;
}
