/**
 * The table of features, the most harmed first: how well each matches, why it does not, and its last 30 days. Features
 * without a mismatch are one line a view.
 */
import { matchLevel } from '../../limits.ts';
import type { FeatureSnapshot, Snapshot } from '../../verdict/snapshot.ts';
import { causeBar, leadingCauses } from '../../../project/page/charts/cause-bar.ts';
import { lowestMatch, trendOf } from './feature-trend.ts';
import { sparkLine } from '../../../project/page/charts/trend-chart.ts';
import { html } from '../../../project/page/markup.ts';
import type { Markup, Part } from '../../../project/page/markup.ts';
import { table } from '../../../project/page/table.ts';
import { countText, counted, percentText } from '../../../project/page/value-text.ts';
import { mismatches } from '../../../contract/cause.ts';
import { causesOf } from '../ranking.ts';
import type { RankedFeatures } from '../ranking.ts';

/** A feature's name as a link to its details. */
export type FeatureLink = (name: string) => Markup;

/** Links use the feature's number, since a name may hold any character. */
export function featureLinks(snapshot: Snapshot): FeatureLink {
  const places = new Map(snapshot.features.map((feature, i) => [feature.name, i]));
  return (name) => {
    const place = places.get(name);
    return place === undefined
      ? html`<code>${breakable(name)}</code>`
      : html`<a href="#f${place}">${breakable(name)}</a>`;
  };
}

/** A name that does not fit on a line breaks after the view first. */
export function breakable(name: string): Part {
  return name.split(/(?<=__)(?=[^_])/).map((piece, i) => [i > 0 && html`<wbr />`, piece]);
}

export function featureTable(
  snapshot: Snapshot,
  { broken, kept, clean }: RankedFeatures,
  link: FeatureLink,
): Markup {
  const lowest = lowestMatch(snapshot);
  const rows = [...broken, ...kept];
  return html`${
    rows.length > 0 &&
    table<FeatureSnapshot>(
      'Features with a mismatch, the most beyond the promise first',
      [
        { head: 'Feature', cell: (feature) => [link(feature.name), html` <small>${feature.type}</small>`] },
        { head: 'Values present', number: true, cell: ({ present }) => countText(present) },
        { head: 'Beyond the promise', number: true, cell: beyondCell },
        { head: 'Within the promise', number: true, cell: rateCell },
        { head: 'Exact', number: true, cell: ({ exactMatch }) => percentText(exactMatch) },
        { head: 'Mismatches', cell: mismatchCell },
        {
          head: 'Last 30 days',
          cell: (feature) => sparkLine(trendOf(snapshot, feature), snapshot.date, lowest),
        },
      ],
      rows,
      'features',
    )
  }
  ${[...clean].map(([view, features]) => cleanLine(view, features, link))}`;
}

function beyondCell({ beyondPromise }: FeatureSnapshot): Markup {
  return html`<span class="${beyondPromise > 0 ? '' : 'soft'}">${countText(beyondPromise)}</span>`;
}

const LEVEL_CLASSES = { ok: '', alert: 'warn', alarm: 'alarm' };

function rateCell({ exactMatchWithinPromise: share, interval }: FeatureSnapshot): Part {
  const level = share === null ? '' : LEVEL_CLASSES[matchLevel(share)];
  return [
    html`<span class="${level}">${percentText(share)}</span>`,
    interval !== null &&
      share !== null &&
      share < 1 &&
      html` <small>${`${percentText(interval[0])} to ${percentText(interval[1])}`}</small>`,
  ];
}

function mismatchCell(feature: FeatureSnapshot): Part {
  const causes = causesOf(feature);
  if (causes.length > 0) {
    return [
      causeBar(causes),
      html`<small>${`${countText(mismatches(causes))}: ${leadingCauses(causes)}`}</small>`,
    ];
  }
  if (feature.unavailable > 0)
    return html`<span class="soft">${countText(feature.unavailable)} unavailable</span>`;
  return html`<span class="soft">${feature.present === 0 ? 'not compared' : 'none'}</span>`;
}

/** One line for the features of a view that match in full: their names unfold. */
function cleanLine(view: string, features: readonly FeatureSnapshot[], link: FeatureLink): Markup {
  const compared = features.filter(({ present }) => present > 0);
  const values = compared.reduce((sum, { present }) => sum + present, 0);
  const words =
    compared.length === 0
      ? 'nothing to compare'
      : `${counted(features.length, 'feature')} without a mismatch over ${counted(values, 'value')}`;
  return html`<details class="fold clean">
    <summary><b>${view}</b> <span class="soft">${words}</span></summary>
    <ul class="names">
      ${features.map(
        (feature) =>
          html`<li>${link(feature.name)}${feature.present === 0 && html` <small>not compared</small>`}</li>`,
      )}
    </ul>
  </details>`;
}
