/**
 * The hours of a day as an axis that takes the width of the page, on a phone as on paper: shapes are drawn in minutes
 * and stretched, words stand beside them as text, placed by percent.
 */
import { html } from '../../../../project/page/markup.ts';
import type { Markup, Part } from '../../../../project/page/markup.ts';

export const DAY_MINUTES = 1_440;
const HOUR_MINUTES = 60;

/** @returns minutes since the day began, within the day, to a tenth */
export function minuteOfDay(rfc3339: string, date: string): number {
  const minutes = (Date.parse(rfc3339) - Date.parse(date)) / 60_000;
  return Math.round(Math.max(0, Math.min(DAY_MINUTES, minutes)) * 10) / 10;
}

/** A drawing whose width is the day; lines in it keep their width (`vector-effect` in the page's style). */
export function dayDrawing(height: number, title: string, describe: string, content: Part): Markup {
  return html`<svg
    class="day"
    viewBox="0 0 ${DAY_MINUTES} ${height}"
    height="${height}"
    preserveAspectRatio="none"
    role="img"
  >
    <title>${title}</title>
    <desc>${describe}</desc>
    ${content}
  </svg>`;
}

/** Lines at every third hour. */
export function hourLines(height: number): Markup {
  const lines = Array.from({ length: 9 }, (_, i) => `M${i * 3 * HOUR_MINUTES} 0V${height}`);
  return html`<path class="grid" d="${lines.join('')}" />`;
}

/** The hours below a drawing; on a narrow page every second is hidden. */
export function hourLabels(): Markup {
  return html`<div class="hours" aria-hidden="true">
    ${Array.from(
      { length: 9 },
      (_, i) => html`<span style="left:${(i * 12.5).toString()}%">${String(i * 3).padStart(2, '0')}</span>`,
    )}
  </div>`;
}
