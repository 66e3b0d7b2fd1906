/**
 * What a view computes from a row of its source before the row counts: `where` excludes rows, `select` adds columns.
 * Both read the source's own columns. A row that `where` excludes is not looked at further; a row whose expression
 * leaves 64 bits is a bad row.
 */
import { quoteName } from '../duckdb.ts';
import type { FeatureView } from '../../../../contract/model.ts';
import { modelTypeOf, parseSourceType } from './source-type.ts';
import { columnSql, valueSql } from './expression-sql.ts';
import { overflowSql } from '../../overflow-sql.ts';
import { columnsOf, resolveExpression } from '../../../../contract/expression/resolve.ts';
import type { Expression, ExpressionType } from '../../../../contract/expression/resolve.ts';
import { parseExpression } from '../../../../contract/expression/syntax.ts';
import { ExpressionFault } from '../../../../contract/expression/token.ts';

export type Written = Pick<FeatureView, 'where' | 'select'>;

/** A column of a source as expressions read it. */
export interface ExpressionColumn {
  /** null: of a type that no expression takes. */
  readonly type: ExpressionType | null;
  /** SQL of its value in that type; NULL where it is NaN, an infinite time or past 64 bits. */
  readonly sql: string;
  /** Whether a value is past 64 bits, which makes its row a bad one; null: none can be. */
  readonly misfit: string | null;
}

/** By name, as the source spells it. */
export type ExpressionColumns = ReadonlyMap<string, ExpressionColumn>;

/** A view's expressions as SQL over a source's columns. */
interface RowSql {
  readonly select: readonly { readonly name: string; readonly duckType: string; readonly sql: string }[];
  /** Whether `where` excludes a row, never NULL; null: it excludes none. */
  readonly excluded: string | null;
  /** When a row that is not excluded is a bad one, and why. The conditions are never NULL. */
  readonly faults: readonly { readonly bad: string; readonly reason: string }[];
}

/** A mistake in one of a view's expressions. */
export interface RowExpressionFault {
  /** `['where']`, or `['select', name]`. */
  readonly option: readonly string[];
  readonly message: string;
}

/** DuckDB's type of a column that an expression makes. */
const DUCK_TYPES: Readonly<Record<ExpressionType, string>> = {
  bool: 'BOOLEAN',
  int64: 'BIGINT',
  float64: 'DOUBLE',
  string: 'VARCHAR',
  timestamp: 'TIMESTAMP',
};
/** How an engine computes expressions. The conditions around them are SQL that all engines share. */
export interface ExpressionEngine {
  /** @returns the value of an expression over columns that are read by `columnSql`; it cannot fail */
  valueSql(node: Expression, column: (name: string) => string): string;
  /** @returns the value of a column of DuckDB's type as the language reads it; it cannot fail */
  columnSql(column: string, duckType: string): string;
  nullSql(type: ExpressionType): string;
}

export const DUCK_EXPRESSIONS: ExpressionEngine = {
  valueSql,
  columnSql,
  nullSql: (type) => `NULL::${DUCK_TYPES[type]}`,
};

/** Integers that may be past 64 bits. */
const WIDE_TYPES: ReadonlySet<string> = new Set(['UBIGINT', 'HUGEINT', 'UHUGEINT']);

const MAX_DECIMAL_DIGITS = 38;

export function hasExpressions(view: Written): boolean {
  return view.where !== null || view.select.length > 0;
}

/** @param raw  SQL of the column's value */
export function expressionColumn(
  duckType: string,
  raw: string,
  engine: ExpressionEngine = DUCK_EXPRESSIONS,
): ExpressionColumn {
  const sql = engine.columnSql(raw, duckType);
  const misfit = WIDE_TYPES.has(duckType) ? `(${raw} IS NOT NULL AND ${sql} IS NULL)` : null;
  return { type: typeOf(duckType), sql, misfit };
}

/** @param columns  with DuckDB's types */
export function expressionColumns(columns: ReadonlyMap<string, string>): ExpressionColumns {
  return new Map([...columns].map(([name, duckType]) => [name, expressionColumn(duckType, quoteName(name))]));
}

/** @param mistakes  takes what is wrong; an expression with a mistake is left out of the result */
export function rowSql(
  view: Written,
  columns: ExpressionColumns,
  mistakes: RowExpressionFault[],
  engine: ExpressionEngine = DUCK_EXPRESSIONS,
): RowSql {
  const types = new Map([...columns].map(([name, { type }]) => [name, type]));
  const resolve = (
    text: string,
    option: readonly string[],
    expected: ExpressionType | null,
  ): Expression | null => {
    try {
      return resolveExpression(parseExpression(text), types, expected);
    } catch (fault) {
      if (!(fault instanceof ExpressionFault)) throw fault;
      mistakes.push({ option, message: `${fault.message}${placeIn(text, fault.at)}` });
      return null;
    }
  };
  const where = view.where === null ? null : resolve(view.where, ['where'], 'bool');
  const taken = new Set([...columns.keys()].map((name) => name.toLowerCase()));
  const select = view.select.flatMap(({ name, expression: text }) => {
    const option = ['select', name];
    if (taken.has(name.toLowerCase()))
      mistakes.push({
        option,
        message: `there is a column ${name} already, and engines read names without case`,
      });
    taken.add(name.toLowerCase());
    const expression = resolve(text, option, null);
    return expression === null ? [] : [{ name, expression }];
  });
  const sql = (expression: Expression): string =>
    engine.valueSql(expression, (name) => columns.get(name)!.sql);
  const faults = where === null ? [] : faultsOf('where', where, columns, sql);
  const kept = where === null ? [] : [`coalesce(${sql(where)}, false)`, ...faults.map(({ bad }) => bad)];
  return {
    select: select.map(({ name, expression }) => ({
      name,
      duckType: DUCK_TYPES[expression.type],
      sql: sql(expression),
    })),
    excluded: where === null ? null : `(NOT (${kept.join(' OR ')}))`,
    faults: [
      ...faults,
      ...select.flatMap(({ name, expression }) => faultsOf(name, expression, columns, sql)),
    ],
  };
}

/** @returns the source's columns and the selected ones, with DuckDB's types: what features may read */
export function withSelected(columns: ReadonlyMap<string, string>, { select }: RowSql): Map<string, string> {
  return new Map([...columns, ...select.map(({ name, duckType }) => [name, duckType] as const)]);
}

function faultsOf(
  name: string,
  expression: Expression,
  columns: ExpressionColumns,
  sql: (child: Expression) => string,
): { bad: string; reason: string }[] {
  const faults = [...columnsOf(expression)].flatMap((of) => {
    const { misfit } = columns.get(of)!;
    return misfit === null ? [] : [{ bad: misfit, reason: `${name} reads ${of}, which is past 64 bits` }];
  });
  const overflow = overflowSql(expression, sql);
  return overflow === null ? faults : [...faults, { bad: overflow, reason: `${name} is past 64 bits` }];
}

function typeOf(duckType: string): ExpressionType | null {
  if (WIDE_TYPES.has(duckType)) return 'int64';
  // DuckDB reads such a decimal wrong.
  if (Number(/^DECIMAL\((\d+)/.exec(duckType)?.[1] ?? 0) > MAX_DECIMAL_DIGITS) return null;
  const kind = modelTypeOf(parseSourceType(duckType))?.kind;
  switch (kind) {
    case 'int32':
    case 'int64':
      return 'int64';
    case 'float32':
    case 'float64':
      return 'float64';
    case 'bool':
    case 'string':
    case 'timestamp':
      return kind;
    default:
      return null;
  }
}

function placeIn(text: string, at: number): string {
  const before = text.slice(0, at).split('\n');
  const line = before.length === 1 ? '' : `line ${before.length}, `;
  return ` (${line}character ${before.at(-1)!.length + 1} of ${JSON.stringify(text.slice(0, 200))})`;
}
