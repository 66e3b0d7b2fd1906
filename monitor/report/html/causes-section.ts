/** The section with every cause of the day: how often it occurred, where, what it means, and what to do next. */
import type { Snapshot } from '../../verdict/snapshot.ts';
import { CAUSE_GUIDE } from './cause-guide.ts';
import type { FeatureLink } from './feature-table.ts';
import { html, withCode } from './markup/markup.ts';
import type { Markup } from './markup/markup.ts';
import { causeTotals, mismatches } from './mismatch.ts';
import type { CauseTotal } from './mismatch.ts';
import { countText, counted, shareText } from './markup/value-text.ts';

const MOST_FEATURES = 4;

export function causesSection(snapshot: Snapshot, link: FeatureLink): Markup {
  const totals = causeTotals(snapshot);
  const all = mismatches(totals);
  return html`<section>
    <h2>Causes</h2>
    ${
      totals.length === 0
        ? html`<p>No value differed from its replay, so there is nothing to explain.</p>`
        : html`<div class="causes">${totals.map((total) => causeCard(total, all, link))}</div>`
    }
  </section>`;
}

function causeCard(total: CauseTotal, all: number, link: FeatureLink): Markup {
  const { cause, values, promised, features } = total;
  const guide = CAUSE_GUIDE[cause];
  const shown = features.slice(0, MOST_FEATURES);
  const others = features.length - shown.length;
  const where = shown.map(({ feature, values: rows }, i) => [
    i > 0 && ', ',
    link(feature.name),
    ' ',
    html`<small>${countText(rows)}</small>`,
  ]);
  return html`<article class="cause">
    <div class="cause-size">
      <b>${countText(values)}</b>
      <span>${shareText(values / all)}</span>
      <svg class="cause-bar" aria-hidden="true">
        <rect class="rest" width="100%" />
        <rect class="${guide.family}" width="${((values / all) * 100).toFixed(1)}%" />
      </svg>
    </div>
    <div>
      <h3>${cause}</h3>
      <p>${guide.means}</p>
      <p class="next"><span>Next</span> ${withCode(guide.next)}</p>
      <p class="soft">
        ${promised > 0 && `${promised === values ? 'All' : counted(promised, 'value')} within the promise. `}
        ${['In ', ...where, others > 0 && ` and ${counted(others, 'other feature')}`, '.']}
      </p>
    </div>
  </article>`;
}
