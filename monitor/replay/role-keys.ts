/** Which ids of a request are those of a role: as the bundle that answered had it. */
import type { Entity, FeatureService, JoinKey, ServiceView } from '../../contract/model.ts';
import { DUCKDB } from '../../project/engine/duckdb/duck-dialect.ts';
import type { SqlDialect } from '../../project/engine/sql-dialect.ts';

export interface KeyedRole {
  readonly used: ServiceView;
  readonly entity: Entity;
  readonly requestKeys: readonly JoinKey[];
  /** @returns the service as a bundle that vectors of the day name has it */
  serviceOf(bundle: string): FeatureService;
}

export interface RoleKeys {
  /** Columns, in the order of the entity's keys. */
  readonly keys: readonly string[];
  /** @returns a SELECT of vectors with these columns */
  withKeys(sql: string): string;
}

/** @param bundles  of which the vectors are */
export function roleKeys(
  { used, entity, requestKeys, serviceOf }: KeyedRole,
  bundles: readonly string[],
  { quoteText, keyTypeOf }: Pick<SqlDialect, 'quoteText' | 'keyTypeOf'> = DUCKDB,
): RoleKeys {
  const columnsOf = (names: readonly string[]): string[] =>
    names.map((name) => {
      const at = requestKeys.findIndex((key) => key.name === name);
      return at === -1 ? 'NULL' : `key_${at}`;
    });
  const today = columnsOf(used.requestKeys);
  const own = bundles.map((bundle) => {
    const then = serviceOf(bundle).views.find(({ role }) => role === used.role);
    return { bundle, columns: then === undefined ? today : columnsOf(then.requestKeys) };
  });
  const others = own.filter(({ columns }) => columns.join() !== today.join());
  if (others.length === 0) return { keys: today, withKeys: (sql) => sql };
  const named = today.map((column, i) => {
    const cases = others.map(
      ({ bundle, columns }) => `WHEN ${quoteText(bundle)} THEN ${columns[i] ?? 'NULL'}`,
    );
    const type = keyTypeOf(entity.joinKeys[i]!.type);
    return `TRY_CAST(CASE bundle ${cases.join(' ')} ELSE ${column} END AS ${type}) AS role_key_${i}`;
  });
  return {
    keys: today.map((_, i) => `role_key_${i}`),
    withKeys: (sql) => `SELECT *, ${named.join(', ')} FROM (${sql})`,
  };
}
