/** Which database a URL of the registry names; the client of PostgreSQL is loaded where one does. */
import { registryError } from '../../contract/errors.ts';
import type { StoreUrl } from '../settings/settings.ts';
import type { RegistryConnection } from './registry-connection.ts';
import { sqliteConnection } from './sqlite-connection.ts';

/** @throws REG_SETTINGS as requireDatabase */
export async function connectionTo(url: StoreUrl): Promise<RegistryConnection> {
  requireDatabase(url);
  if (url.kind === 'sqlite') return sqliteConnection(url.url);
  const { postgresConnection } = await import('./postgres-connection.ts');
  return postgresConnection(url.url);
}

/** @throws REG_SETTINGS where it is the URL of a server: commands that work in the database itself do not ask one */
export function requireDatabase(url: StoreUrl): void {
  if (url.kind === 'http') {
    const message = `this works in the database of the registry itself, and registry is ${url.url}: the URL of a server`;
    const help =
      'Set registry to sqlite:FILE or postgres:// here; docs/access.md says which commands take a URL.';
    throw registryError('REG_SETTINGS', message, { field: 'registry', help });
  }
}
