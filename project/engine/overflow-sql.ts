/**
 * Whether an integer of an expression leaves 64 bits, as a condition of SQL: the same on every engine, which gives NULL
 * where its own arithmetic has overflowed.
 */
import { childrenOf } from '../../contract/expression/resolve.ts';
import type { Expression } from '../../contract/expression/resolve.ts';

type Sql = (child: Expression) => string;

/**
 * @param sql  gives the engine's SQL of an expression: NULL where it is null or an integer overflowed
 * @returns    whether an integer overflows, as a condition that is never NULL; null: none can. Branches of `case` and
 *             items of `coalesce` that are not reached do not count; both sides of `and` and `or` always do
 */
export function overflowSql(node: Expression, sql: Sql): string | null {
  const overflows = (child: Expression): string | null => overflowSql(child, sql);
  if (node.kind === 'case') return caseOverflow(node, sql, overflows);
  if (node.kind === 'coalesce') return coalesceOverflow(node.items, sql, overflows);
  const conditions = childrenOf(node)
    .map(overflows)
    .filter((condition) => condition !== null);
  if (canOverflow(node)) {
    const given = childrenOf(node).map((child) => `${sql(child)} IS NOT NULL`);
    conditions.push(`(${given.join(' AND ')} AND ${sql(node)} IS NULL)`);
  }
  return conditions.length === 0 ? null : `(${conditions.join(' OR ')})`;
}

function canOverflow(node: Expression): boolean {
  if (node.type !== 'int64') return false;
  return node.kind === 'binary' || node.kind === 'minus' || node.kind === 'abs';
}

function caseOverflow(
  { branches, otherwise }: Expression & { kind: 'case' },
  sql: Sql,
  overflows: (child: Expression) => string | null,
): string | null {
  const parts = branches.map(({ when, value }) => ({
    when,
    whenOverflows: overflows(when),
    valueOverflows: overflows(value),
  }));
  const last = overflows(otherwise);
  if (
    last === null &&
    parts.every(({ whenOverflows, valueOverflows }) => whenOverflows === null && valueOverflows === null)
  )
    return null;
  const reached = parts.flatMap(({ when, whenOverflows, valueOverflows }) => [
    ...(whenOverflows === null ? [] : [`WHEN ${whenOverflows} THEN true`]),
    `WHEN ${sql(when)} THEN ${valueOverflows ?? 'false'}`,
  ]);
  return `CASE ${reached.join(' ')} ELSE ${last ?? 'false'} END`;
}

function coalesceOverflow(
  items: readonly Expression[],
  sql: Sql,
  overflows: (child: Expression) => string | null,
): string | null {
  const conditions = items.map(overflows);
  if (conditions.every((condition) => condition === null)) return null;
  const reached = items.flatMap((item, i) => [
    ...(conditions[i] === null ? [] : [`WHEN ${conditions[i]} THEN true`]),
    `WHEN ${sql(item)} IS NOT NULL THEN false`,
  ]);
  return `CASE ${reached.join(' ')} ELSE false END`;
}
