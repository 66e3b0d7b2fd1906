/**
 * Finds the ids behind the log's HMACs: hashes every id of the history with the same secret, at about 2 us an id,
 * into tables that the archive's HMACs are joined with. An id that is in no history stays unknown. Reports show the
 * HMAC, not the id. Called by run.ts, once for each day that is judged.
 */
import { blob, quoteName, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { duckKeyType, openHistory } from '../../project/engine/duckdb/history.ts';
import { idDigest } from '../../contract/log-privacy.ts';
import type { HmacKey } from '../../contract/log-privacy.ts';
import type { Bundle, Entity, JoinKey } from '../../contract/model.ts';
import type { HistoryPlace } from '../../project/history/history-place.ts';
import type { Project } from '../../project/project.ts';
import type { KeyType, KeyValue } from '../../contract/value-type.ts';
import { keyValueOf, parseKeyPart } from '../../contract/wire/online/entity-key.ts';

const BATCH_ROWS = 20_480;

export class HashedIds {
  readonly keyId: string;
  readonly #tables = new Map<KeyType, string>();

  readonly #duck: DuckDb;

  private constructor(duck: DuckDb, keyId: string) {
    this.#duck = duck;
    this.keyId = keyId;
  }

  /** @returns null without a secret. If a history cannot be read, it warns, and the ids of that history stay unknown */
  static async read(
    duck: DuckDb,
    { settings, logger }: { readonly settings: HistoryPlace; readonly logger: Project['logger'] },
    bundle: Bundle,
    key: HmacKey | null,
  ): Promise<HashedIds | null> {
    if (key === null) return null;
    const ids = new HashedIds(duck, key.id);
    for (const view of bundle.views.values()) {
      const entity = bundle.entities.get(view.entity)!;
      if (entity.log !== 'hmac') continue;
      try {
        const { sql } = await openHistory(duck, settings, view, entity);
        for (const joinKey of entity.joinKeys) await ids.#add(duck, key, joinKey, sql);
      } catch (error) {
        const why = (error as Error).message.split('\n')[0];
        logger.warn(`hashed ids of ${entity.name} cannot be told from the history of ${view.id}: ${why}`);
      }
    }
    return ids;
  }

  /** By type the table of known ids: `hmac`, each once, and `id`. */
  get tables(): ReadonlyMap<KeyType, string> {
    return this.#tables;
  }

  /** @returns the id; null when no history has an entity with an id of that HMAC */
  async idOf(type: KeyType, digest: string): Promise<KeyValue | null> {
    const table = this.#tables.get(type);
    if (table === undefined) return null;
    const [row] = await this.#duck.rows(
      `SELECT id FROM ${table} WHERE hmac = from_hex(${quoteText(digest)})`,
    );
    return (row?.['id'] as KeyValue | undefined) ?? null;
  }

  async #add(duck: DuckDb, key: HmacKey, joinKey: JoinKey, history: string): Promise<void> {
    const { type } = joinKey;
    const table = `hashed_ids_${type}`;
    const known = this.#tables.has(type)
      ? ` AND ${quoteName(joinKey.name)} NOT IN (SELECT id FROM ${table})`
      : '';
    if (!this.#tables.has(type))
      await duck.run(`CREATE OR REPLACE TABLE ${table} (hmac BLOB, id ${duckKeyType(type)})`);
    this.#tables.set(type, table);
    const name = quoteName(joinKey.name);
    await duck.run(`CREATE OR REPLACE TEMP TABLE new_ids AS SELECT row_number() OVER () - 1 AS n, id
      FROM (SELECT DISTINCT CAST(${name} AS VARCHAR) AS id FROM (${history}) h WHERE ${name} IS NOT NULL${known})`);
    for (let from = 0; ; from += BATCH_ROWS) {
      const rows = await duck.rows(`SELECT id FROM new_ids WHERE n >= ${from} AND n < ${from + BATCH_ROWS}`);
      if (rows.length === 0) return;
      const ids = rows.flatMap((row) => {
        const part = parseKeyPart(joinKey, row['id'] as string);
        return typeof part === 'string' ? [part] : [];
      });
      await duck.append(
        table,
        ids.map((part) => [blob(Buffer.from(idDigest(key, part), 'hex')), keyValueOf(joinKey, part)!]),
      );
    }
  }
}

/** Whether the log holds ids of any entity as HMACs. */
export function hasHashedIds(entities: Iterable<Entity>): boolean {
  return [...entities].some(({ log }) => log === 'hmac');
}
