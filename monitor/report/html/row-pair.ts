/** An example as two columns, served and replayed, in which whatever differs is marked. */
import type { Example, Snapshot } from '../../verdict/snapshot.ts';
import type { FeatureLink } from './feature-table.ts';
import { html } from '../../../project/page/markup.ts';
import type { Markup, Part } from '../../../project/page/markup.ts';
import { momentText, shortened, timeText } from '../../../project/page/value-text.ts';
import { sidesText } from './markup/side-text.ts';

/** The source of a value that a function gave. */
const COMPUTED = 'computed';

/** A longer sentence of evidence is cut; the JSON snapshot has all of it. */
export const MOST_EVIDENCE_CHARACTERS = 320;

export function examplePair(
  { date, features }: Snapshot,
  example: Example & { readonly feature: string },
  link: FeatureLink,
): Markup {
  const type = features.find(({ name }) => name === example.feature)?.type ?? '';
  const [served, replayed] = sidesText(example.served, example.replayed, type, date);
  const times = (which: 'eventTime' | 'createdTime'): [string, string] => {
    const text = (time: string | null): string => (time === null ? '–' : momentText(time, date));
    return [text(example.served[which]), text(example.replayed[which])];
  };
  return html`<figure class="pair-of-rows">
    <figcaption>
      ${link(example.feature)}<small>${entityText(example)} at ${timeText(example.servedAt, date)}</small>
    </figcaption>
    <table>
      <thead>
        <tr>
          <td></td>
          <th scope="col">Served</th>
          <th scope="col">Replayed</th>
        </tr>
      </thead>
      <tbody>
        ${side('Value', [served, replayed])}
        ${example.source !== COMPUTED && [side('Row of', times('eventTime')), side('Created', times('createdTime'))]}
      </tbody>
    </table>
    <p class="evidence">${sentence(shortened(example.evidence, MOST_EVIDENCE_CHARACTERS))}</p>
    <p class="soft">${whereFrom(example)}</p>
  </figure>`;
}

function side(name: string, [served, replayed]: readonly [string, string]): Markup {
  const differs = served !== replayed;
  return html`<tr class="${differs && 'differs'}">
    <th scope="row">${name}</th>
    <td>${served}</td>
    <td>${replayed}${differs && html`<span class="not-equal" role="img" aria-label="differs">≠</span>`}</td>
  </tr>`;
}

function entityText({ entities }: Example): string {
  return Object.entries(entities)
    .map(([key, id]) => `${key} ${id === null ? 'null' : shortened(id, 40)}`)
    .join(', ');
}

function whereFrom({ requestId, row, source, pod }: Example): Part {
  return [
    !['', 'none', COMPUTED].includes(source) && `from the ${source} · `,
    pod !== '' && `pod ${shortened(pod, 40)} · `,
    'request ',
    html`<code>${shortened(requestId, 40)}</code>`,
    row > 0 && ` row ${row}`,
  ];
}

/** Evidence begins in small letters, since it also stands behind a colon. */
function sentence(evidence: string): string {
  const text = `${evidence.charAt(0).toUpperCase()}${evidence.slice(1)}`;
  return /[.…!?]$/.test(text) ? text : `${text}.`;
}
