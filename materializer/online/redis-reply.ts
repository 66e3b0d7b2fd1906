/**
 * What the two Redis writers share: sending guarded writes down one connection, the fields of published schemas,
 * saying what failed, and telling an error that a retry mends (a failover, a slot on the move, a lost connection) from
 * one that it does not (no memory, no permission).
 */
import { createHash } from 'node:crypto';
import { rowSchemaToJson } from '../../registry/definition-json.ts';
import type { RowSchema } from '../../registry/model.ts';
import { canonicalJson } from '../../registry/std/canonical-json.ts';
import { schemaField } from '../../registry/wire/online-layout.ts';
import { withoutPassword } from '../../registry/std/secret-text.ts';
import { materializerError } from '../errors.ts';
import { GUARD_SCRIPT } from './guard-script.ts';
import type { GuardArguments } from './guard-script.ts';

export const GUARD_SHA = createHash('sha1').update(GUARD_SCRIPT).digest('hex');

const RETRIABLE_REPLY =
  /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN|LOADING|READONLY|MASTERDOWN|NOREPLICAS|BUSY|NOSCRIPT)\b/;
const CONNECTION_LOST = /connection|ECONN|EPIPE|ETIMEDOUT|redirections|slots cache/i;

/** Whether the same command may succeed a little later, or at another node. */
export function isRetriable(error: Error): boolean {
  const { name, message } = error;
  return (
    RETRIABLE_REPLY.test(message) || CONNECTION_LOST.test(message) || name === 'MaxRetriesPerRequestError'
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

  /** @returns  of a command's error a MAT_ONLINE that names the store (without its password) and the reason */
  readonly failed = (error: unknown): Error => {
    const cause = (isConnectionLost(error) ? (this.#reason ?? error) : error) as Error;
    return materializerError('MAT_ONLINE', `${this.#where}: ${cause.message}`, { field: 'online' }, cause);
  };
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

/** What is needed of a client to pipeline: the `Redis` class of ioredis, single or as a node of a cluster. */
export interface Pipelines {
  pipeline(): {
    call(command: string, ...args: (string | Buffer | number)[]): unknown;
    exec(): Promise<[error: Error | null, result: unknown][] | null>;
  };
  script(subcommand: 'LOAD', script: string): Promise<unknown>;
}

/**
 * Sends the calls in one pipeline.
 *
 * @returns  for each call, in order, the script's answer or the error. A server that does not know the script (it
 *           was restarted, or took over) is given it, and asked once more
 */
export async function sendGuarded(
  client: Pipelines,
  calls: readonly GuardArguments[],
): Promise<(number | Error)[]> {
  const answers = await pipelined(client, calls);
  const again = answers.flatMap((answer, i) => (answer instanceof Error && isNoScript(answer) ? [i] : []));
  if (again.length === 0) return answers;
  await client.script('LOAD', GUARD_SCRIPT);
  const second = await pipelined(
    client,
    again.map((i) => calls[i]!),
  );
  again.forEach((i, n) => {
    answers[i] = second[n]!;
  });
  return answers;
}

async function pipelined(client: Pipelines, calls: readonly GuardArguments[]): Promise<(number | Error)[]> {
  const pipeline = client.pipeline();
  for (const args of calls) pipeline.call('EVALSHA', GUARD_SHA, ...args);
  const results = (await pipeline.exec()) ?? [];
  return calls.map((_, i) => {
    const [error, result] = results[i] ?? [new Error('Connection is closed.'), null];
    return error ?? (result as number);
  });
}
