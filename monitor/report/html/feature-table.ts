/**
 * The table of all features, worst first: how well each matches, why it does not, and a small chart of its last 30
 * days.
 */
import { matchLevel } from '../../limits.ts';
import type { FeatureSnapshot, Snapshot } from '../../verdict/snapshot.ts';
import { causeBar, leadingCauses } from './charts/cause-bar.ts';
import { html } from './markup/markup.ts';
import type { Markup, Part } from './markup/markup.ts';
import { causesOf, mismatches, worstFirst } from './mismatch.ts';
import { table } from './markup/table.ts';
import { lowestMatch, sparkLine } from './charts/trend-chart.ts';
import { countText, percentText } from './markup/value-text.ts';

/** A feature's name as a link to its details. */
export type FeatureLink = (name: string) => Markup;

/** Links use the feature's number, since a name may hold any character. */
export function featureLinks(snapshot: Snapshot): FeatureLink {
  const places = new Map(snapshot.features.map((feature, i) => [feature.name, i]));
  return (name) => html`<a href="#f${places.get(name) ?? ''}">${breakable(name)}</a>`;
}

/** A name that does not fit on a line breaks after the view first. */
export function breakable(name: string): Part {
  return name.split(/(?<=__)(?=[^_])/).map((piece, i) => [i > 0 && html`<wbr />`, piece]);
}

export function featureTable(snapshot: Snapshot, link: FeatureLink): Markup {
  const lowest = lowestMatch(snapshot);
  return table<FeatureSnapshot>(
    'Match of each feature, the worst first',
    [
      { head: 'Feature', cell: (feature) => [link(feature.name), html` <small>${feature.type}</small>`] },
      { head: 'Values', number: true, cell: (feature) => countText(feature.present) },
      { head: 'Exact', number: true, cell: (feature) => rate(feature.exactMatch) },
      {
        head: 'Within promise',
        number: true,
        cell: (feature) => rate(feature.exactMatchWithinPromise, true),
      },
      { head: 'Within tolerance', number: true, cell: (feature) => rate(feature.toleranceMatch) },
      { head: 'Mismatches', cell: mismatchCell },
      { head: 'Last 30 days', cell: (feature) => sparkLine(snapshot, feature, lowest) },
    ],
    worstFirst(snapshot.features),
    'features',
  );
}

const LEVEL_CLASSES = { ok: '', alert: 'warn', alarm: 'alarm' };

function rate(share: number | null, judged = false): Markup {
  const level = judged && share !== null ? LEVEL_CLASSES[matchLevel(share)] : '';
  return html`<span class="${level}">${percentText(share)}</span>`;
}

function mismatchCell(feature: FeatureSnapshot): Part {
  const causes = causesOf(feature);
  if (causes.length === 0)
    return html`<span class="soft">${feature.present === 0 ? 'not compared' : 'none'}</span>`;
  return [
    causeBar(causes),
    html`<small>${`${countText(mismatches(causes))}: ${leadingCauses(causes)}`}</small>`,
  ];
}
