/**
 * What the two Redis writers share: sending guarded writes down one connection, and telling an error that a retry
 * mends (a failover, a slot on the move, a lost connection) from one that it does not (no memory, no permission).
 */
import { createHash } from 'node:crypto';
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
export function isConnectionLost(error: unknown): boolean {
  const { name, message } = error as Error;
  return name === 'MaxRetriesPerRequestError' || /connection is closed|slots cache|all nodes/i.test(message);
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
