/**
 * The section on what changed since the last verdict: first the features whose match fell, then those that improved,
 * came or went.
 */
import type { Snapshot } from '../../verdict/snapshot.ts';
import { causeBar, leadingCauses } from './charts/cause-bar.ts';
import { changesOf } from './changes.ts';
import type { Changes, FeatureChange } from './changes.ts';
import { html } from './markup/markup.ts';
import type { Markup, Part } from './markup/markup.ts';
import { causesOf } from './mismatch.ts';
import { table } from './markup/table.ts';
import { dayText, percentText } from './markup/value-text.ts';
import type { FeatureLink } from './feature-table.ts';

const MOST_ROWS = 12;

const NOTHING_BROKE = html`<p>Nothing. No feature matches less than it did then.</p>`;

export function changesSection(snapshot: Snapshot, link: FeatureLink): Markup {
  const changes = changesOf(snapshot);
  if (changes === null) {
    return html`<section>
      <h2>What broke since yesterday</h2>
      <p class="soft">This is the first verdict of this service: there is nothing to compare it with.</p>
    </section>`;
  }
  const day = dayText(changes.since.date);
  return html`<section>
    <h2>${changes.yesterday ? 'What broke since yesterday' : `What broke since ${day}`}</h2>
    ${!changes.yesterday && html`<p class="soft">${`${day} is the last day with a verdict.`}</p>`}
    ${changes.worse.length === 0 ? NOTHING_BROKE : worse(changes.worse, link)} ${aside(changes, link)}
  </section>`;
}

function worse(changes: readonly FeatureChange[], link: FeatureLink): Part {
  const shown = changes.slice(0, MOST_ROWS);
  return [
    table<FeatureChange>(
      'Features that match less than before, the largest fall first',
      [
        { head: 'Feature', cell: ({ feature }) => link(feature.name) },
        {
          head: 'Within the promise',
          number: true,
          cell: (change) => beforeAndNow(change.withinBefore, change.feature.exactMatchWithinPromise),
        },
        {
          head: 'Exact match',
          number: true,
          cell: (change) => beforeAndNow(change.exactBefore, change.feature.exactMatch),
        },
        {
          head: 'Causes',
          cell: ({ feature }) => {
            const causes = causesOf(feature);
            return causes.length > 0 && [causeBar(causes), html`<small>${leadingCauses(causes)}</small>`];
          },
        },
      ],
      shown,
      'changes',
    ),
    changes.length > shown.length &&
      html`<p class="soft">
        ${`And ${changes.length - shown.length} more; all stand in the table of features.`}
      </p>`,
  ];
}

function beforeAndNow(before: number | null, now: number | null): Markup {
  return html`<span class="soft">${percentText(before)}</span> → <b>${percentText(now)}</b>`;
}

function aside(changes: Changes, link: FeatureLink): Part {
  const list = (words: string, names: readonly string[], linked: boolean): Part => {
    const shown = names.slice(0, MOST_ROWS).map((name, i): Part => {
      return [i > 0 && ', ', linked ? link(name) : html`<code>${name}</code>`];
    });
    const others = names.length - shown.length;
    return (
      names.length > 0 &&
      html`<p class="soft">${[words, shown, others > 0 && ` and ${others} more`, '.']}</p>`
    );
  };
  return [
    list(
      'Better than then: ',
      changes.better.map(({ feature }) => feature.name),
      true,
    ),
    list('New since then: ', changes.added, true),
    list('No longer served: ', changes.gone, false),
  ];
}
