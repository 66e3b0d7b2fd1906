/** A feature's figures: the three match rates, the sizes of the differences, and the table of states. */
import { STATES } from '../../../causes/value-state.ts';
import type { CategoryChange, NotNumbersOfSides } from '../../../statistics/distributions.ts';
import type { FeatureSnapshot } from '../../../verdict/snapshot.ts';
import type { State } from '../../../causes/value-state.ts';
import { term } from '../glossary.ts';
import { html } from '../../../../project/page/markup.ts';
import type { Markup, Part } from '../../../../project/page/markup.ts';
import {
  countText,
  counted,
  durationText,
  numberText,
  percentText,
  shortened,
} from '../../../../project/page/value-text.ts';

const ONE_ANSWER = html`<p class="soft">
  The history has no created times: as trained and as available are one answer.
</p>`;

export function matchTable(feature: FeatureSnapshot): Markup {
  const available = feature.availableMatch;
  return html`<table class="plain">
      <caption>
        ${`Match over ${counted(feature.present, 'value')} present`}
      </caption>
      <thead>
        <tr>
          <th>Compared</th>
          <th>Match</th>
          <th>Differ</th>
        </tr>
      </thead>
      <tbody>
        ${row(term('exact', 'Exact'), feature.exactMatch, feature.present)}
        ${row(['Or ', term('promise', 'within the promise')], feature.exactMatchWithinPromise, feature.present)}
        ${row('Within tolerance', feature.toleranceMatch, feature.present)}
        ${available !== null && row([term('available', 'As available')], available, feature.present)}
      </tbody>
    </table>
    ${intervalText(feature)} ${available === null && ONE_ANSWER} ${notCounted(feature)}${differences(feature)}`;
}

function intervalText({ interval, rowsJudged }: FeatureSnapshot): Part {
  if (interval === null || rowsJudged === null) return null;
  return html`<p class="soft">
    ${[
      'Within the promise over ',
      term('row', counted(rowsJudged, 'row')),
      ': ',
      term('interval', `${percentText(interval[0])} to ${percentText(interval[1])}`),
      '.',
    ]}
  </p>`;
}

function row(words: Part, share: number | null, rows: number): Markup {
  const differ = share === null ? '–' : countText(Math.round((1 - share) * rows));
  return html`<tr>
    <th scope="row">${words}</th>
    <td>${percentText(share)}</td>
    <td>${differ}</td>
  </tr>`;
}

function notCounted(feature: FeatureSnapshot): Part {
  const { unjudged, unavailable, undecoded, withheld = {}, hashed = 0, bothAbsent, present } = feature;
  const words = [
    unjudged > 0 && `${countText(unjudged)} unjudged`,
    unavailable > 0 && `${countText(unavailable)} unavailable`,
    undecoded > 0 && `${countText(undecoded)} in rows that cannot be decoded`,
    bothAbsent > 0 && `${countText(bothAbsent)} absent on both sides`,
    ...Object.entries(withheld).map(([why, values]) => `${countText(values)} ${why}`),
  ].filter((word) => word !== false);
  const which = hashed === bothAbsent + present ? 'Compared' : `${countText(hashed)} of them compared`;
  return [
    words.length > 0 && html`<p class="soft">${`Counted apart: ${words.join('; ')}.`}</p>`,
    hashed > 0 &&
      html`<p class="soft">${`${which} as HMACs: equal or not, without sizes and distributions.`}</p>`,
  ];
}

function differences(feature: FeatureSnapshot): Part {
  const { distributions } = feature;
  const text = (value: number): string =>
    feature.type === 'timestamp' ? durationText(Math.round(value)) : numberText(value);
  const numeric = distributions?.kind === 'numeric' && distributions.ks.d > 0 ? distributions : null;
  const lines: (readonly [Part, string])[] = [];
  const add = (words: Part, value: number | null, show = text): void => {
    if (value !== null) lines.push([words, show(value)]);
  };
  add('Mean of served − replayed', feature.meanDifference);
  add('Mean relative difference', feature.symmetricRelativeError, percentText);
  add('p99 of served − p99 of replayed', feature.p99OfServedMinusReplayed);
  add('p99 of |served − replayed|', feature.p99OfAbsoluteDifference);
  add('Wasserstein’s distance', numeric?.wasserstein ?? null);
  add('PSI', numeric?.psi.value ?? null, (value) => value.toFixed(4));
  return [
    lines.length > 0 &&
      html`<dl class="differences">
        ${lines.map(
          ([words, value]) =>
            html`<div>
              <dt>${words}</dt>
              <dd>${value}</dd>
            </div>`,
        )}
      </dl>`,
    (distributions?.kind === 'numeric' || distributions?.kind === 'no numbers') &&
      notNumbersText(distributions.notNumbers),
    distributions?.kind === 'categorical' && becameText(distributions.became),
  ];
}

/** Values that no figure over numbers can hold, where there are some. */
function notNumbersText(sides: NotNumbersOfSides): Part {
  const kinds = [
    ['nulls', 'null'],
    ['nan', 'NaN'],
    ['infinite', 'infinite'],
  ] as const;
  const words = kinds.flatMap(([kind, word]) => {
    const [served, replayed] = [sides.served[kind], sides.replayed[kind]];
    return served + replayed === 0
      ? []
      : [`${word} ${countText(served)} served, ${countText(replayed)} replayed`];
  });
  return words.length > 0 && html`<p class="soft">${`In no figure over numbers: ${words.join('; ')}.`}</p>`;
}

const MOST_CHANGES = 5;

/** Which category was served in the place of which. */
function becameText(became: readonly CategoryChange[]): Part {
  if (became.length === 0) return null;
  const name = (value: string | null): string => (value === null ? 'null' : `“${shortened(value, 30)}”`);
  const pairs = became
    .slice(0, MOST_CHANGES)
    .map(({ served, replayed, rows }) => `${name(served)} for ${name(replayed)} ${counted(rows, 'time')}`);
  const rest = became.length - pairs.length;
  return html`<p class="soft">
    ${`Served in place of another: ${pairs.join(', ')}${rest > 0 ? ` and ${counted(rest, 'other pair')}` : ''}.`}
  </p>`;
}

/**
 * The table of states: served states as rows, replayed states as columns, only those that occurred. Cells off the
 * diagonal stand out.
 */
export function statesTable(feature: FeatureSnapshot): Markup | null {
  const counts = feature.states.filter(({ rows }) => rows > 0);
  if (counts.length === 0) return null;
  const down = STATES.filter((state) => counts.some(({ served }) => served === state));
  const across = STATES.filter((state) => counts.some(({ replayed }) => replayed === state));
  const rowsOf = (served: State, replayed: State): number =>
    counts.reduce((sum, c) => (c.served === served && c.replayed === replayed ? sum + c.rows : sum), 0);
  return html`<table class="plain states">
    <caption>
      States: served down, replayed across
    </caption>
    <thead>
      <tr>
        <th>served \\ replayed</th>
        ${across.map((state) => html`<th>${state}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${down.map(
        (served) =>
          html`<tr>
            <th scope="row">${served}</th>
            ${across.map((replayed) => stateCell(rowsOf(served, replayed), served === replayed))}
          </tr>`,
      )}
    </tbody>
  </table>`;
}

function stateCell(rows: number, same: boolean): Markup {
  const kind = rows === 0 ? html`class="none"` : same ? null : html`class="off"`;
  return html`<td ${kind}>${rows === 0 ? '·' : countText(rows)}</td>`;
}
