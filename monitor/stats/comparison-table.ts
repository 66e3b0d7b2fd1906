/** The result of `plumb monitor stats` as text for a terminal: one line per column, worst first. */
import { renderTable } from '../../contract/std/text-table.ts';
import { percentText } from '../../contract/std/percent-text.ts';
import { distanceOf } from './compare-files.ts';
import type { DriftLevel } from '../statistics/drift-level.ts';
import type { ColumnDifference, FileComparison } from './compare-files.ts';
import type { Sides } from './compared-columns.ts';

const PLAIN = '\u001b[0m';
const COLOURS: Readonly<Record<DriftLevel, string>> = {
  none: '\u001b[2m',
  flagged: '\u001b[33m',
  alarm: '\u001b[31m',
};

/** @returns lines without a newline at the end */
export function renderComparison(result: FileComparison, options: { readonly color?: boolean } = {}): string {
  const paint = (level: DriftLevel, text: string): string =>
    options.color === true ? COLOURS[level] + text + PLAIN : text;
  const head = ['column', 'type', 'rows', 'nulls', 'D or L∞', 'PSI', 'moved by', 'q', ''];
  const rows = result.columns.map((column) => [
    column.name,
    column.type,
    pair(column.rows, String),
    nullsText(column),
    column.rows.a === 0 || column.rows.b === 0 ? '' : number(distanceOf(column)),
    number(column.psi?.value),
    movedText(column),
    number(column.q),
    column.level === 'none' ? '' : paint(column.level, column.level),
  ]);
  const table = renderTable(head, rows, [
    'left',
    'left',
    'right',
    'right',
    'right',
    'right',
    'right',
    'right',
  ]);
  const notes = [
    namesText('only in a', result.onlyInA),
    namesText('only in b', result.onlyInB),
    ...result.notCompared.map(({ name, reason }) => `${name} was not compared: ${reason}`),
  ].filter((note) => note !== null);
  return [`a  ${result.a}`, `b  ${result.b}`, '', table, ...(notes.length === 0 ? [] : ['', ...notes])].join(
    '\n',
  );
}

/** Both sides as text, or one text when they are equal. */
function pair({ a, b }: Sides, text: (value: number) => string): string {
  return a === b ? text(a) : `${text(a)} → ${text(b)}`;
}

function nullsText({ nulls, rows }: ColumnDifference): string {
  if (rows.a === 0 || rows.b === 0) return '';
  const shares = { a: nulls.a / rows.a, b: nulls.b / rows.b };
  return shares.a + shares.b === 0 ? '' : pair(shares, percentText);
}

/** How far values moved on average, or which category moved most. */
function movedText({ wasserstein, unit, furthest, as }: ColumnDifference): string {
  if (as === 'categories') return furthest ?? '';
  return wasserstein === undefined ? '' : `${number(wasserstein)}${unit === null ? '' : ` ${unit}`}`;
}

function number(value: number | null | undefined): string {
  return value === null || value === undefined ? '' : String(Number(value.toPrecision(3)));
}

function namesText(where: string, names: readonly string[]): string | null {
  return names.length === 0 ? null : `${where}: ${names.join(', ')}`;
}
