/**
 * PostgreSQL as the registry's database: several machines share it. The URL is what `psql` takes; what it leaves out
 * comes from the variables that `psql` reads (PGPASSWORD, PGSSLMODE). Loaded where a setting asks for it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { PostgresDialect } from 'kysely';
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import pg from 'pg';
import { registryError } from '../../contract/errors.ts';
import { withoutPassword } from '../../contract/std/secret-text.ts';
import type { RegistryConnection } from './registry-connection.ts';

const POOL = {
  max: 4,
  connectionTimeoutMillis: 5_000,
  idleTimeoutMillis: 10_000,
  /** A server that says nothing for so long is given up, by it and by us. */
  statement_timeout: 30_000,
  query_timeout: 35_000,
  application_name: 'plumbline',
  keepAlive: true,
  allowExitOnIdle: true,
} as const;
/** How long a server that is away or starts is tried again before a connection is given up. */
const AWAY_MS = 5_000;
const TRY_EVERY_MS = 200;
/** Any number that nothing else in a database of ours takes: `plumb` in bytes. */
const MIGRATION_LOCK = 0x70_6c_75_6d;

const UNIQUE_VIOLATION = '23505';
const UNDEFINED_TABLE = '42P01';
/** Connection lost, out of connections, shut down, starting. */
const AWAY = /^(08...|53300|57P0[123])$/;
const REFUSED = /^(ECONNREFUSED|ECONNRESET|EPIPE)$/;

/** Numbers of 64 bits come as text unless told otherwise; ours are times, below 2^53. */
const types = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === pg.types.builtins.INT8 ? Number : (pg.types.getTypeParser(oid, format) as unknown),
} as pg.CustomTypesConfig;

export function postgresConnection(url: string): RegistryConnection {
  const pool = new pg.Pool({ connectionString: url, ...POOL, types });
  // A waiting connection that is cut is told of here, and gone; the next statement gets another.
  pool.on('error', () => {});
  return {
    dialect: new PostgresDialect({ pool: telling(pool, withoutPassword(url)) }),
    beginAlone: ['BEGIN', `SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`],
    isMissingTable: (error) => codeOf(error) === UNDEFINED_TABLE,
    isTaken: (error) => codeOf(error) === UNIQUE_VIOLATION,
  };
}

/** The pool, with what it throws in words of ours where the database is away. */
function telling(pool: pg.Pool, shown: string): PostgresPool {
  return {
    async connect() {
      const client = await connected(pool).catch((error: unknown) => {
        throw away(shown, error);
      });
      return {
        query: async (text: string, parameters: readonly unknown[]) => {
          try {
            return await client.query(text, parameters as unknown[]);
          } catch (error) {
            throw isAway(error) ? away(shown, error) : error;
          }
        },
        release: () => client.release(),
      } as unknown as PostgresPoolClient;
    },
    end: () => pool.end(),
  };
}

/** Nothing was asked yet: what is away for a moment, as while it starts anew, is tried again. */
async function connected(pool: pg.Pool): Promise<pg.PoolClient> {
  const untilMs = performance.now() + AWAY_MS;
  for (;;) {
    try {
      return await pool.connect();
    } catch (error) {
      const code = codeOf(error);
      if (!(AWAY.test(code) || REFUSED.test(code)) || performance.now() >= untilMs) throw error;
      await sleep(TRY_EVERY_MS);
    }
  }
}

/** Errors that the server itself found in a statement have a code of five letters; a lost connection has none. */
function isAway(error: unknown): boolean {
  const code = codeOf(error);
  return AWAY.test(code) || !/^[0-9A-Z]{5}$/.test(code);
}

function away(shown: string, error: unknown): Error {
  const message = `the registry ${shown} cannot be reached: ${reasonOf(error)}`;
  const help =
    'Look whether the database runs and takes this login, then try again: what a command had not said was done is ' +
    'not half done.';
  return registryError('REG_STORE', message, { field: 'registry', help }, error);
}

/** A name with two addresses fails with one error each. */
function reasonOf(error: unknown): string {
  const { message, errors = [] } = error as AggregateError;
  return message !== '' ? message : errors.map((one) => (one as Error).message).join('; ');
}

function codeOf(error: unknown): string {
  const { code, errors } = error as { code?: string; errors?: { code?: string }[] };
  return code ?? errors?.[0]?.code ?? '';
}
