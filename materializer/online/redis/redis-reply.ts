/**
 * What the two Redis writers share: the fields of published schemas, saying what failed, and telling an error that
 * may pass (a failover, a slot on the move, a lost connection) from one that stays (no memory, no permission).
 */
import { rowSchemaToJson } from '../../../contract/definitions/definition-json.ts';
import type { RowSchema } from '../../../contract/model.ts';
import { canonicalJson } from '../../../contract/std/canonical-json.ts';
import { schemaField } from '../../../contract/wire/online/online-layout.ts';
import { withoutPassword } from '../../../contract/std/secret-text.ts';
import { isWrongType, wrongTypeText } from '../../../project/connections/redis-wrong-type.ts';
import { materializerError } from '../../errors.ts';

const RETRIABLE_REPLY =
  /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN|LOADING|READONLY|MASTERDOWN|NOREPLICAS|BUSY|NOSCRIPT)\b/;
const CONNECTION_LOST = /connection|ECONN|ETIMEDOUT|redirections|slots cache/i;
/** Of the system: the message of EPIPE names neither its code nor a connection. */
const LOST_CODE = /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)/;

/** Whether the same command may succeed a little later, or at another node. */
export function isRetriable(error: Error): boolean {
  const { name, message, code = '' } = error as NodeJS.ErrnoException;
  return (
    RETRIABLE_REPLY.test(message) ||
    CONNECTION_LOST.test(message) ||
    LOST_CODE.test(code) ||
    name === 'MaxRetriesPerRequestError'
  );
}

/** Whether the client only says that a connection was lost, and an event of it said why. */
function isConnectionLost(error: unknown): boolean {
  const { name, message } = error as Error;
  return (
    name === 'MaxRetriesPerRequestError' || /connection is|slots cache|all nodes|startup nodes/i.test(message)
  );
}

/** Hears why the client's connections fail: the command that waited for one only learns that it is closed. */
export class StoreFailure {
  readonly #where: string;
  #reason: Error | null = null;

  constructor(url: string) {
    this.#where = `the online store ${withoutPassword(url)}`;
  }

  /** To be told what the client tells. */
  readonly heard = (error: Error): void => {
    if (!isConnectionLost(error)) this.#reason = error;
  };

  /**
   * @param key  that the command was about, where it is one of ours
   * @returns    of a command's error a MAT_ONLINE that names the store (without its password) and the reason
   */
  readonly failed = (error: unknown, key?: string): Error => {
    if (key !== undefined && isWrongType(error as Error)) return this.blocked([key], 1, error);
    const cause = (isConnectionLost(error) ? (this.#reason ?? error) : error) as Error;
    return materializerError('MAT_ONLINE', `${this.#where}: ${cause.message}`, { field: 'online' }, cause);
  };

  /** @returns  a MAT_ONLINE that names keys which are no hashes, each once */
  readonly blocked = (keys: readonly string[], count: number, cause?: unknown): Error =>
    materializerError(
      'MAT_ONLINE',
      `${this.#where}: ${wrongTypeText(keys, count)}`,
      { field: 'online' },
      cause,
    );
}

/** @returns names and values, by turns, of the hash of schemas */
export function schemaFields(schemas: readonly RowSchema[]): string[] {
  return schemas.flatMap((schema) => [
    schemaField(schema.definitionId),
    canonicalJson(rowSchemaToJson(schema)),
  ]);
}

export function isNoScript(error: Error): boolean {
  return error.message.startsWith('NOSCRIPT');
}
