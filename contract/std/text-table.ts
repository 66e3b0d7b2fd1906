/** Tables on a terminal: columns as wide as their widest cell, two spaces between, a rule below the head. */
import { terminalText } from './visible-text.ts';

type Align = 'left' | 'right';

/**
 * @param align  one for each column; left where none is given
 * @returns      lines without trailing spaces, joined by newlines
 */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  align: readonly Align[] = [],
): string {
  const shown = rows.map((row) => row.map(oneLine));
  const widths = head.map((cell, i) => Math.max(width(cell), ...shown.map((row) => width(row[i] ?? ''))));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => pad(cell, widths[i]!, align[i] ?? 'left'))
      .join('  ')
      .trimEnd();
  const rule = widths.map((w) => '─'.repeat(w)).join('  ');
  return [line(head), rule, ...shown.map(line)].join('\n');
}

/** A cell holds what others wrote: it neither ends its line nor moves the columns behind it. */
function oneLine(cell: string): string {
  return terminalText(cell, true).replaceAll('\n', '␊').replaceAll('\t', '␉');
}

function pad(cell: string, to: number, align: Align): string {
  const space = ' '.repeat(Math.max(0, to - width(cell)));
  return align === 'left' ? cell + space : space + cell;
}

/** Cells on screen: colour codes take none. */
function width(cell: string): number {
  // oxlint-disable-next-line no-control-regex -- the escape byte is what a colour code begins with
  return [...cell.replace(/\u001b\[\d+(;\d+)*m/g, '')].length;
}
