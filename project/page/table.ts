/** Tables that stay readable on a phone: on narrow screens each row becomes a card, and each cell names its column. */
import { html } from './markup.ts';
import type { Markup, Part } from './markup.ts';

interface Column<Row> {
  readonly head: string;
  /** Whether the column holds numbers: aligned right, with digits of equal width. */
  readonly number?: boolean;
  readonly cell: (row: Row) => Part;
}

/** A table whose first column is the heading of each row. */
export function table<Row>(
  caption: string,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  kind = '',
): Markup {
  const fixed = kind === 'examples'; // the style sheet names these columns, since there are thousands of them
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
