/** What the registry's tables need of a database: SQLite and PostgreSQL each say it in their own words. */
import type { Dialect } from 'kysely';

export interface RegistryConnection {
  readonly dialect: Dialect;
  /** Statements that begin a transaction which no other of its kind runs beside. */
  readonly beginAlone: readonly string[];
  isMissingTable(error: unknown): boolean;
  /** Whether a row could not be added since its key has one. */
  isTaken(error: unknown): boolean;
}
