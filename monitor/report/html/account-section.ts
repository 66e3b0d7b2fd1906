/** Where every vector and every value of the day went: what was compared, and what no rate counts. */
import type { FeatureSnapshot, Snapshot } from '../../verdict/snapshot.ts';
import { term } from './glossary.ts';
import { html } from '../../../project/page/markup.ts';
import type { Markup, Part } from '../../../project/page/markup.ts';
import { foldedOnPhone } from '../../../project/page/phone-fold.ts';
import { countText, counted, shareText } from '../../../project/page/value-text.ts';

interface Line {
  readonly name: Part;
  readonly count: number;
  readonly means: Part;
  /** The part of the bar; null: it is no part of the whole. */
  readonly kind: string | null;
}

export function accountSection(snapshot: Snapshot): Markup {
  const { vectors, leftOut, notes, features } = snapshot;
  const vectorLines: Line[] = [
    { name: 'judged', count: vectors.judged, means: 'with at least one value compared', kind: null },
    {
      name: 'duplicates',
      count: vectors.duplicates,
      means: 'logged more than once, compared once',
      kind: null,
    },
    ...leftOut.map(({ what, vectors: count }) => ({ name: 'left out', count, means: what, kind: null })),
    {
      name: term('tail', 'missing records'),
      count: vectors.gaps,
      means: 'served, then lost, by their numbers',
      kind: null,
    },
    {
      name: term('tail', 'open tails'),
      count: vectors.openTails,
      means: 'a sidecar stopped without its last record, or still runs',
      kind: null,
    },
  ];
  return html`<section class="account">
    <h2>What was compared</h2>
    ${foldedOnPhone(
      `${counted(vectors.read, 'vector')} in the log of the day, ${countText(vectors.judged)} judged`,
      html`<div class="pair">
        <div>${lines(`${counted(vectors.read, 'vector')} in the log of the day`, vectorLines)}</div>
        <div>${valueAccount(features)}</div>
      </div>`,
    )}
    ${
      notes.length > 0 &&
      html`<ul class="notes">
        ${notes.map((note) => html`<li>${note}</li>`)}
      </ul>`
    }
    ${hashedNote(features)}
  </section>`;
}

function valueAccount(features: readonly FeatureSnapshot[]): Part {
  const sum = (of: (feature: FeatureSnapshot) => number): number =>
    features.reduce((all, feature) => all + of(feature), 0);
  const all = sum(({ rows }) => rows);
  if (all === 0) return html`<p class="soft">No value of a feature was served.</p>`;
  const parts: Line[] = [
    {
      name: term('present', 'present'),
      count: sum((f) => f.present),
      means: 'compared: all rates are of these',
      kind: 'present',
    },
    {
      name: 'absent on both sides',
      count: sum((f) => f.bothAbsent),
      means: 'right, but no match',
      kind: 'absent',
    },
    {
      name: term('unjudged', 'unjudged'),
      count: sum((f) => f.unjudged),
      means: 'the history did not reach their time yet',
      kind: 'unjudged',
    },
    {
      name: 'unavailable',
      count: sum((f) => f.unavailable),
      means: 'served as UNAVAILABLE, with null or the fallback',
      kind: 'lost',
    },
    {
      name: 'undecoded',
      count: sum((f) => f.undecoded),
      means: 'in rows that cannot be read',
      kind: 'undecoded',
    },
    {
      name: 'not in the log',
      count: sum((f) => f.dropped),
      means: 'dropped, or hashed with a secret not known here',
      kind: 'dropped',
    },
  ];
  return [bar(parts, all), lines(`${counted(all, 'value')} in these`, parts, all)];
}

function bar(parts: readonly Line[], all: number): Markup {
  let from = 0;
  const rects = parts.map(({ kind, count }) => {
    const x = from;
    from += (count / all) * 100;
    return (
      count > 0 &&
      html`<rect
        class="${kind ?? ''}"
        x="${x.toFixed(2)}%"
        width="${((count / all) * 100).toFixed(2)}%"
        height="10"
      />`
    );
  });
  return html`<svg class="account-bar" aria-hidden="true">${rects}</svg>`;
}

function lines(caption: string, all: readonly Line[], whole?: number): Markup {
  return html`<table class="plain">
    <caption>
      ${caption}
    </caption>
    <tbody>
      ${all.map(
        ({ name, count, means, kind }) =>
          html`<tr class="${count === 0 && 'zero'}">
            <th scope="row">
              ${kind !== null && html`<i class="swatch ${kind}"></i>`}${name} <small>${means}</small>
            </th>
            <td>${countText(count)}</td>
            ${whole !== undefined && html`<td>${shareText(count / whole)}</td>`}
          </tr>`,
      )}
    </tbody>
  </table>`;
}

function hashedNote(features: readonly FeatureSnapshot[]): Markup | null {
  const own = features.filter(({ hashed = 0 }) => hashed > 0);
  if (own.length === 0) return null;
  const values = own.reduce((sum, { hashed = 0 }) => sum + hashed, 0);
  return html`<p class="soft">
    ${`${counted(values, 'value')} of ${counted(own.length, 'feature')} stood in the log as HMACs and ${values === 1 ? 'was' : 'were'} compared as such: equal or not, and no more.`}
  </p>`;
}
