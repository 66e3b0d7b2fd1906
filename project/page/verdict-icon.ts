/** The verdict as a shape with a sign in it: its colour says nothing that these do not say. */
import type { Verdict } from '../../contract/verdict.ts';
import { html } from './markup.ts';
import type { Markup } from './markup.ts';

const SHAPES: Readonly<Record<Verdict, Markup>> = {
  pass: html`<circle cx="8" cy="8" r="7.4" />`,
  alert: html`<path d="M8 .9l7.4 13.6H.6z" />`,
  alarm: html`<path d="M5 .8h6L15.2 5v6L11 15.2H5L.8 11V5z" />`,
  'not-enough-data': html`<rect x="1" y="1" width="14" height="14" rx="4" />`,
};

const SIGNS: Readonly<Record<Verdict, string>> = {
  pass: 'M4.5 8.5l2.5 2.5 4.5-5.5',
  alert: 'M8 5.6v4.2M8 12v.3',
  alarm: 'M8 4.2v4.8M8 11.4v.4',
  'not-enough-data': 'M5 8h6',
};

export function verdictIcon(verdict: Verdict): Markup {
  return html`<svg class="icon ${verdict}" viewBox="0 0 16 16" aria-hidden="true">
    ${SHAPES[verdict]}
    <path class="sign" d="${SIGNS[verdict]}" />
  </svg>`;
}
