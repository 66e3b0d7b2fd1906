/**
 * Who may do what, and who did: tokens, of which hashes alone are kept, and the audit, to which rows are only added.
 * Several processes write to it at once.
 */
import { randomUUID } from 'node:crypto';
import type { Kysely, Transaction } from 'kysely';
import { registryError } from '../../contract/errors.ts';
import { terminalText } from '../../contract/std/visible-text.ts';
import type { Via } from '../access/caller.ts';
import type { Role } from '../access/role.ts';
import type { RegistryConnection } from './registry-connection.ts';

export interface AccessTables {
  access_token: {
    id: string;
    name: string;
    role: Role;
    teams: string;
    hash: string;
    created_us: number;
    used_us: number | null;
    revoked_us: number | null;
  };
  audit: { id: string; at_us: number; who: string; via: Via; what: AuditWhat; detail: string };
}

type AuditWhat = 'apply' | 'promoted' | 'refused' | 'login' | 'use' | 'token created' | 'token revoked';

export interface AuditEntry {
  readonly atUs: number;
  readonly who: string;
  readonly via: Via;
  readonly what: AuditWhat;
  readonly detail: string;
}

export interface KeptToken {
  readonly name: string;
  readonly role: Role;
  readonly teams: readonly string[];
  readonly createdUs: number;
  /** To the minute; null: never. */
  readonly usedUs: number | null;
  /** null: it is good. */
  readonly revokedUs: number | null;
}

interface NewToken extends Pick<KeptToken, 'name' | 'role' | 'teams'> {
  readonly id: string;
  readonly hash: string;
}

const OPEN = ['name', 'role', 'teams', 'created_us', 'used_us', 'revoked_us'] as const;

export class AccessTable {
  readonly #db: Kysely<AccessTables>;
  readonly #connection: RegistryConnection;

  /** @param db  also a transaction, within which all is done then */
  constructor(db: Kysely<AccessTables> | Transaction<AccessTables>, connection: RegistryConnection) {
    this.#db = db;
    this.#connection = connection;
  }

  /** @throws REG_TOKEN where there is, or was, one of that name: the audit tells them apart by it */
  async addToken({ teams, ...token }: NewToken, entry: AuditEntry): Promise<void> {
    const times = { created_us: entry.atUs, used_us: null, revoked_us: null };
    try {
      await this.#db.transaction().execute(async (db) => {
        await db
          .insertInto('access_token')
          .values({ ...token, teams: JSON.stringify(teams), ...times })
          .execute();
        await noteIn(db, entry);
      });
    } catch (error) {
      if (!this.#connection.isTaken(error)) throw error;
      const help =
        'Choose another name: those of revoked tokens stay taken, so that the audit says who did what.';
      throw registryError('REG_TOKEN', `there is, or was, a token ${token.name}`, { field: 'name', help });
    }
  }

  /** @returns whether there was one of that name that was good */
  async revokeToken(name: string, entry: AuditEntry): Promise<boolean> {
    return this.#db.transaction().execute(async (db) => {
      const changed = await db
        .updateTable('access_token')
        .set({ revoked_us: entry.atUs })
        .where('name', '=', name)
        .where('revoked_us', 'is', null)
        .executeTakeFirst();
      if (changed.numUpdatedRows === 0n) return false;
      await noteIn(db, entry);
      return true;
    });
  }

  /** @returns in the order of their names */
  async tokens(): Promise<KeptToken[]> {
    const rows = await this.#db.selectFrom('access_token').select(OPEN).orderBy('name').execute();
    return rows.map(tokenOfRow);
  }

  /** @returns the token of that id with its hash, revoked or not; null: there is none */
  async tokenOf(id: string): Promise<(KeptToken & { readonly hash: string }) | null> {
    const found = this.#db
      .selectFrom('access_token')
      .select([...OPEN, 'hash'])
      .where('id', '=', id);
    const row = await found.executeTakeFirst();
    return row === undefined ? null : { ...tokenOfRow(row), hash: row.hash };
  }

  async note(entry: AuditEntry): Promise<void> {
    await noteIn(this.#db, entry);
  }

  /** Notes a use, unless one was noted after that time, by whichever process. */
  async noteUse(id: string, entry: AuditEntry, beforeUs: number): Promise<void> {
    await this.#db.transaction().execute(async (db) => {
      const changed = await db
        .updateTable('access_token')
        .set({ used_us: entry.atUs })
        .where('id', '=', id)
        .where(({ eb, or }) => or([eb('used_us', 'is', null), eb('used_us', '<=', beforeUs)]))
        .executeTakeFirst();
      if (changed.numUpdatedRows === 1n) await noteIn(db, entry);
    });
  }

  /** @returns the newest first */
  async audit({ most, who }: { readonly most: number; readonly who?: string }): Promise<AuditEntry[]> {
    let query = this.#db.selectFrom('audit').select(['at_us', 'who', 'via', 'what', 'detail']);
    if (who !== undefined) query = query.where('who', '=', terminalText(who));
    const rows = await query.orderBy('at_us', 'desc').orderBy('id').limit(most).execute();
    return rows.map(({ at_us, ...entry }) => ({ atUs: at_us, ...entry }));
  }
}

/** Callers write what they like: PostgreSQL takes no NUL, and readers no escapes. */
async function noteIn(db: Kysely<AccessTables>, { atUs, who, via, what, detail }: AuditEntry): Promise<void> {
  const shown = terminalText(detail.slice(0, MOST_DETAIL));
  const row = { id: randomUUID(), at_us: atUs, who: terminalText(who), via, what, detail: shown };
  await db.insertInto('audit').values(row).execute();
}

/** Of what a caller may have written. */
const MOST_DETAIL = 1_000;

function tokenOfRow(row: Pick<AccessTables['access_token'], (typeof OPEN)[number]>): KeptToken {
  return {
    name: row.name,
    role: row.role,
    teams: JSON.parse(row.teams) as string[],
    createdUs: row.created_us,
    usedUs: row.used_us,
    revokedUs: row.revoked_us,
  };
}
