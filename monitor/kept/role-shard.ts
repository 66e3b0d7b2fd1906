/**
 * Several processes that share a verdict: `plumb monitor run --shard i/n` judges every n-th role of the services,
 * from the i-th on, and keeps it (kept-roles.ts). The run without it takes over what is kept, judges what is not
 * there, since a process died or was never started, and writes the verdict that it would have written alone.
 */
import { registryError } from '../../contract/errors.ts';
import type { Shard } from '../../contract/run-record.ts';

/** What a shard has done of a service. */
export interface KeptShard {
  readonly service: string;
  /** The service's roles, and of these the shard's: those that it judged, and those that were kept before. */
  readonly roles: number;
  readonly judged: number;
  readonly keptBefore: number;
}

/** @returns `1/2` as a shard. @throws REG_USAGE */
export function parseRoleShard(text: string): Shard {
  const found = /^(\d{1,4})\/(\d{1,4})$/.exec(text);
  const [index, count] = [Number(found?.[1] ?? 0), Number(found?.[2] ?? 0)];
  if (index >= 1 && index <= count) return { index, count };
  const message = `--shard: expected i/n with i from 1 to n, such as 1/2, got ${text}`;
  throw registryError('REG_USAGE', message, { field: 'shard' });
}

/** @param role  its number among the roles of all services that are judged */
export function isOfShard(role: number, { index, count }: Shard): boolean {
  return role % count === index - 1;
}
