/** Opens the catalogue for a project and listens until it is told to stop. */
import { serve } from '@hono/node-server';
import type { Hono } from 'hono';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { RegistryDatabase } from '../project/database/registry-database.ts';
import type { Project } from '../project/project.ts';
import { catalogueApp } from './app.ts';
import { callerBy } from './caller.ts';
import { catalogueError } from './errors.ts';
import { KnownCatalogue } from './known/catalogue.ts';

interface OpenCatalogue {
  /** `http://127.0.0.1:6570` */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * @param more  what else is served here; each adds its routes
 * @throws      CAT_PORT; REG_STORE where the registry cannot be opened
 */
export async function openCatalogue(
  { settings, clock, logger }: Project,
  more: readonly ((app: Hono) => void)[] = [],
): Promise<OpenCatalogue> {
  const { ui, reports, bundles } = settings;
  const database = await RegistryDatabase.open(settings.registry);
  const sidecar = `http://localhost:${settings.serve.port}`;
  const known = new KnownCatalogue(database, () => clock.nowUs(), sidecar);
  const callerOf = callerBy(settings.access, database.access, () => clock.nowUs());
  const { allowedHosts } = ui;
  const shared = { known, reports, bundles, allowedHosts, logger, more };
  const app = catalogueApp({ ...shared, project: settings.project, callerOf });
  try {
    const server = await listening(app, ui);
    const { port } = server.address() as AddressInfo;
    const host = ui.host.includes(':') ? `[${ui.host}]` : ui.host;
    return { url: `http://${host}:${port}`, close: () => closed(server, database) };
  } catch (error) {
    await database.close();
    throw error;
  }
}

function listening(
  app: Hono,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, hostname: host, port }, () => resolve(server as Server));
    server.once('error', (error) => {
      const what = `${host}:${port} cannot be opened: ${error.message}`;
      reject(catalogueError('CAT_PORT', what, { field: 'ui.port' }, error));
    });
  });
}

async function closed(server: Server, database: RegistryDatabase): Promise<void> {
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  await database.close();
}
