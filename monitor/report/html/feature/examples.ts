/** The example rows of a feature, grouped by cause, each with the evidence that proves its cause. */
import { CAUSES } from '../../../../contract/cause.ts';
import type { Cause } from '../../../../contract/cause.ts';
import type { Example, FeatureSnapshot, SideOfExample } from '../../../verdict/snapshot.ts';
import { CAUSE_GUIDE } from '../../../../project/page/cause-guide.ts';
import { html } from '../../../../project/page/markup.ts';
import type { Markup, Part } from '../../../../project/page/markup.ts';
import { causesOf } from '../../ranking.ts';
import { table } from '../../../../project/page/table.ts';
import { MOST_EVIDENCE_CHARACTERS } from '../row-pair.ts';
import { counted, momentText, shortened, timeText } from '../../../../project/page/value-text.ts';
import { sidesText } from '../markup/side-text.ts';

/** Rows of each cause that are shown; the others are folded away. */
const UNFOLDED = 3;

/** How many examples a page draws. */
export interface ExampleLimit {
  /** How many features get any, the worst first. */
  readonly features: number;
  /** Rows for each cause of a feature. */
  readonly rows: number;
  /** How many of a feature's leading causes get examples. */
  readonly causes: number;
}

export function examplesOf(feature: FeatureSnapshot, date: string, limit: ExampleLimit): Part {
  if (limit.rows === 0)
    return html`<p class="soft">
      They stand in the JSON snapshot; here they would make the page too large.
    </p>`;
  const counts = causesOf(feature);
  const order = (cause: Cause): number => {
    const at = counts.findIndex((count) => count.cause === cause);
    return at === -1 ? counts.length + CAUSES.indexOf(cause) : at;
  };
  const causes = [...new Set(feature.examples.map(({ causes: [cause] }) => cause))].toSorted(
    (a, b) => order(a) - order(b),
  );
  return causes.slice(0, limit.causes).map((cause) => examplesOfCause(feature, cause, date, limit.rows));
}

function examplesOfCause(feature: FeatureSnapshot, cause: Cause, date: string, most: number): Markup {
  const examples = feature.examples.filter((example) => example.causes[0] === cause);
  const shown = examples.slice(0, most);
  const values = feature.causes[cause]?.values ?? examples.length;
  const words =
    shown.length < values ? `${shown.length} of ${counted(values, 'value')}` : counted(values, 'value');
  const rest = shown.slice(UNFOLDED);
  return html`<h4><i class="swatch ${CAUSE_GUIDE[cause].family}"></i>${cause} <small>${words}</small></h4>
    ${exampleTable(feature, cause, date, shown.slice(0, UNFOLDED))}
    ${
      rest.length > 0 &&
      html`<details class="more">
        <summary>${`${rest.length} more of ${cause}`}</summary>
        ${exampleTable(feature, cause, date, rest)}
      </details>`
    }`;
}

function exampleTable(
  feature: FeatureSnapshot,
  cause: Cause,
  date: string,
  examples: readonly Example[],
): Markup {
  return table<Example>(
    `Examples of ${cause}`,
    [
      { head: 'Served at', cell: (example) => timeText(example.servedAt, date) },
      { head: 'Entity', cell: (example) => entityText(example) },
      { head: 'Served', cell: (example) => side(example, 'served', feature.type, date) },
      { head: 'Replayed', cell: (example) => side(example, 'replayed', feature.type, date) },
      { head: 'Evidence', cell: (example) => evidence(example) },
    ],
    examples,
    'examples',
  );
}

function entityText(example: Example): Part {
  return Object.entries(example.entities).map(([key, id], i) => [
    i > 0 && html`<br />`,
    html`<small>${key}</small> ${id === null ? 'null' : shortened(id, 40)}`,
  ]);
}

function side(example: Example, which: 'served' | 'replayed', type: string, date: string): Markup {
  const [served, replayed] = sidesText(example.served, example.replayed, type, date);
  const times = example.source === 'computed' ? null : rowTimes(example[which], date);
  return html`<b>${which === 'served' ? served : replayed}</b>${times}`;
}

function rowTimes({ eventTime, createdTime }: SideOfExample, date: string): Part {
  if (eventTime === null) return html`<small>no row</small>`;
  const created = createdTime === null ? '' : `, created ${momentText(createdTime, date)}`;
  return html`<small>${`row of ${momentText(eventTime, date)}${created}`}</small>`;
}

function evidence(example: Example): Part {
  return [
    shortened(example.evidence, MOST_EVIDENCE_CHARACTERS),
    html`<small>
      ${example.withinPromise && 'within the promise · '}${also(example)}request
      <code>${shortened(example.requestId, 40)}</code>${example.row > 0 && ` row ${example.row}`}
    </small>`,
  ];
}

/** Causes beside the one that the example counts under. */
function also({ causes: [, ...others] }: Example): Part {
  return others.length > 0 && `also ${others.join(', ')} · `;
}
