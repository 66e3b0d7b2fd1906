/**
 * Finds the ids behind the log's HMACs: hashes every id of the history with the same secret, at about 2 us and 200
 * bytes of memory per id. An id that is in no history stays unknown. Reports show the HMAC, not the id. Called by
 * run.ts, once for each day that is judged.
 */
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { openHistory } from '../../project/engine/duckdb/history.ts';
import { idDigest } from '../../contract/log-privacy.ts';
import type { HmacKey } from '../../contract/log-privacy.ts';
import type { Bundle, Entity, JoinKey } from '../../contract/model.ts';
import type { HistoryPlace } from '../../project/history/history-place.ts';
import type { Project } from '../../project/project.ts';
import type { KeyType, KeyValue } from '../../contract/value-type.ts';
import { keyValueOf, parseKeyPart } from '../../contract/wire/online/entity-key.ts';

export class HashedIds {
  readonly keyId: string;
  readonly #byType = new Map<KeyType, Map<string, KeyValue>>();

  private constructor(keyId: string) {
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
    const ids = new HashedIds(key.id);
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

  async #add(duck: DuckDb, key: HmacKey, joinKey: JoinKey, history: string): Promise<void> {
    const name = quoteName(joinKey.name);
    const rows = await duck.rows(
      `SELECT DISTINCT CAST(${name} AS VARCHAR) AS id FROM (${history}) h WHERE ${name} IS NOT NULL`,
    );
    let known = this.#byType.get(joinKey.type);
    if (known === undefined) this.#byType.set(joinKey.type, (known = new Map()));
    for (const row of rows) {
      const part = parseKeyPart(joinKey, row['id'] as string);
      if (typeof part !== 'string') continue;
      known.set(idDigest(key, part), keyValueOf(joinKey, part)!);
    }
  }

  /** @returns the id; null when no history has an entity with an id of that HMAC */
  idOf(type: KeyType, digest: string): KeyValue | null {
    return this.#byType.get(type)?.get(digest) ?? null;
  }
}

/** Whether the log holds ids of any entity as HMACs. */
export function hasHashedIds(entities: Iterable<Entity>): boolean {
  return [...entities].some(({ log }) => log === 'hmac');
}
