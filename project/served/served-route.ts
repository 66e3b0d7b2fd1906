/** What a program serves beside the catalogue's pages: `plumb ui` adds the routes of the registry to its own. */
import type { Caller } from '../access/caller.ts';
import type { Role } from '../access/role.ts';
import type { RegistryDatabase } from '../database/registry-database.ts';

export interface ServedRoute {
  readonly method: 'GET' | 'POST';
  /** As hono writes it: `/api/registry/applies/:sequence`. */
  readonly path: string;
  readonly needs: Role;
  /** @returns what is sent as JSON; null: there is no such thing */
  answer(asked: AskedRoute): Promise<object | null>;
}

export interface AskedRoute {
  /** Who asks; they have the role that the route needs. */
  readonly caller: Caller;
  readonly database: RegistryDatabase;
  /** A part of the path. */
  param(name: string): string;
  /** A parameter of the query. */
  query(name: string): string | undefined;
  /** What was posted, as JSON. */
  body(): Promise<unknown>;
}
