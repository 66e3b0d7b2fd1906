/** Tables that stay readable on a phone: below its breakpoint each row becomes a card, each cell names its column. */
import { html } from './markup.ts';
import type { Markup, Part } from './markup.ts';

interface Column<Row> {
  readonly head: string;
  /** Numbers stand to the right, in figures of one width. */
  readonly number?: boolean;
  readonly cell: (row: Row) => Part;
}

/** The first column heads its row. */
export function table<Row>(
  caption: string,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  kind = '',
): Markup {
  const fixed = kind === 'examples'; // the style sheet names these columns: they come thousandfold
  const [first, ...others] = columns;
  return html`<table class="cards ${kind}">
    <caption>
      ${caption}
    </caption>
    <thead>
      <tr>
        ${columns.map(({ head, number }) => html`<th scope="col" ${numberClass(number)}>${head}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        (row) =>
          html`<tr>
            <th scope="row">${first!.cell(row)}</th>
            ${others.map(
              ({ head, number, cell }) =>
                html`<td ${fixed ? null : label(head)} ${numberClass(number)}>${cell(row)}</td>`,
            )}
          </tr>`,
      )}
    </tbody>
  </table>`;
}

function label(head: string): Markup {
  return html`data-l="${head}"`;
}

function numberClass(number: boolean | undefined): Markup | null {
  return number === true ? html`class="n"` : null;
}
