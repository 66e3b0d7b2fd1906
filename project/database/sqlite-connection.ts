/** SQLite as the registry's database: one file, one machine. */
import { DatabaseSync } from 'node:sqlite';
import type { SQLInputValue, StatementSync } from 'node:sqlite';
import { SqliteDialect } from 'kysely';
import type { SqliteDatabase } from 'kysely';
import { makePrivateFile } from '../../contract/std/files/private-file.ts';
import type { RegistryConnection } from './registry-connection.ts';

/** In place of the file: a registry that is empty, and kept nowhere. */
export const IN_MEMORY = ':memory:';

const BUSY_TIMEOUT_MS = 5_000;
/** A unique key, and a primary one. */
const CONSTRAINT_UNIQUE = new Set([2_067, 1_555]);

/** @throws Error where the file cannot be opened, or is no database */
export function sqliteConnection(file: string): RegistryConnection {
  if (file !== IN_MEMORY) makePrivateFile(file);
  return {
    dialect: new SqliteDialect({ database: nodeSqlite(file) }),
    // Whoever comes second waits here, not at its first change, where SQLite would refuse it.
    beginAlone: ['BEGIN IMMEDIATE'],
    isMissingTable: (error) => error instanceof Error && error.message.startsWith('no such table'),
    isTaken: (error) => CONSTRAINT_UNIQUE.has((error as { errcode?: number }).errcode ?? 0),
  };
}

/** Kysely's SQLite dialect is written for better-sqlite3, which needs a compiler or a download; Node has SQLite. */
function nodeSqlite(file: string): SqliteDatabase {
  // The timeout comes first: to turn on WAL takes a lock too, which another command may hold as it opens or closes.
  const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  return {
    close: () => database.close(),
    prepare: (text) => {
      const statement: StatementSync = database.prepare(text);
      return {
        reader: /^\s*(select|with|pragma)/i.test(text),
        all: (parameters) => statement.all(...(parameters as SQLInputValue[])),
        run: (parameters) => statement.run(...(parameters as SQLInputValue[])),
        iterate: (parameters) => statement.iterate(...(parameters as SQLInputValue[])),
      };
    },
  };
}
