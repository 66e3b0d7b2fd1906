/** The files of a source with what a view computes from their rows: the columns of `select`, what `where` excludes. */
import { always } from './column-reading.ts';
import { quoteText } from '../duckdb.ts';
import { DUCK_EXPRESSIONS, expressionColumn, hasExpressions, rowSql } from './row-expressions.ts';
import type {
  ExpressionColumn,
  ExpressionColumns,
  ExpressionEngine,
  RowExpressionFault,
  Written,
} from './row-expressions.ts';
import type { FileColumn, FileGroup, SourceFiles } from './source-files.ts';

/**
 * @returns  the source with the selected columns beside those of its files, for each group what `where` excludes, and
 *           when a row is a bad one. Where an expression cannot be read in some files, every row of theirs is bad
 */
export function withComputedColumns(
  source: SourceFiles,
  view: Written,
  engine: ExpressionEngine = DUCK_EXPRESSIONS,
): SourceFiles {
  if (!hasExpressions(view)) return source;
  return { ...source, groups: source.groups.map((group) => computed(group, source, view, engine).group) };
}

/** @returns the mistakes of a view's expressions that no file can be read with; none where one file can */
export function expressionMistakes(source: SourceFiles, view: Written): RowExpressionFault[] {
  if (!hasExpressions(view)) return [];
  const found = source.groups.map((group) => computed(group, source, view, DUCK_EXPRESSIONS).mistakes);
  return found.some((mistakes) => mistakes.length === 0) ? [] : (found[0] ?? []);
}

function computed(
  group: FileGroup,
  source: SourceFiles,
  view: Written,
  engine: ExpressionEngine,
): { group: FileGroup; mistakes: RowExpressionFault[] } {
  const mistakes: RowExpressionFault[] = [];
  const { select, excluded, faults } = rowSql(
    view,
    columnsForExpressions(group, source, engine),
    mistakes,
    engine,
  );
  const columns = new Map(group.columns);
  for (const { name, duckType, sql } of select) {
    columns.set(name.toLowerCase(), [{ name, type: { kind: 'scalar', name: duckType }, sql: `(${sql})` }]);
  }
  const unread = mistakes.map(({ option, message }) => always(`${option.join('.')} in its file: ${message}`));
  const bad = faults.map((fault) => ({
    bad: fault.bad,
    good: `NOT ${fault.bad}`,
    reason: quoteText(fault.reason),
  }));
  return { group: { ...group, columns, excluded, faults: [...unread, ...bad] }, mistakes };
}

/** A column that this group lacks, or that has no type in it, is null in the type that other files give it. */
function columnsForExpressions(
  group: FileGroup,
  source: SourceFiles,
  engine: ExpressionEngine,
): ExpressionColumns {
  const columns = new Map<string, ExpressionColumn>();
  const add = (found: readonly FileColumn[], own: boolean): void => {
    const { name } = found[0]!;
    if (isUntyped(found) || columns.has(name)) return;
    const column = columnForExpressions(found, engine);
    const sql = column.type === null ? 'NULL' : engine.nullSql(column.type);
    columns.set(name, own ? column : { type: column.type, sql, misfit: null });
  };
  for (const found of group.columns.values()) add(found, true);
  const own = new Set([...columns.keys()].map((name) => name.toLowerCase()));
  for (const other of source.groups) {
    for (const [lower, found] of other.columns) if (!own.has(lower)) add(found, false);
  }
  return columns;
}

function isUntyped([first]: readonly FileColumn[]): boolean {
  return first!.type.kind === 'scalar' && first!.type.name === 'NULL';
}

function columnForExpressions(found: readonly FileColumn[], engine: ExpressionEngine): ExpressionColumn {
  const [{ type, sql }] = found as [FileColumn];
  // Of two columns whose names differ only in case no one knows which is meant.
  if (found.length > 1 || type.kind !== 'scalar') return { type: null, sql, misfit: null };
  return expressionColumn(type.name === 'PATH' ? 'VARCHAR' : type.name, sql, engine);
}
