/** Opens the catalogue for a project and listens until it is told to stop. */
import { serve } from '@hono/node-server';
import { existsSync } from 'node:fs';
import type { Hono } from 'hono';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { IN_MEMORY, RegistryDatabase } from '../project/database/registry-database.ts';
import type { AccessTable } from '../project/database/access-table.ts';
import type { AccessSettings } from '../project/settings/access-settings.ts';
import type { StoreUrl } from '../project/settings/settings.ts';
import type { Project } from '../project/project.ts';
import { catalogueApp } from './app.ts';
import { callerBy } from './caller.ts';
import { catalogueError } from './errors.ts';
import { addRoutes } from './served-routes.ts';
import type { ServedRoute } from '../project/served/served-route.ts';
import { KnownCatalogue } from './known/catalogue.ts';
import type { BrowserLogin } from './login/browser-login.ts';

interface OpenCatalogue {
  /** `http://127.0.0.1:6570` */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * A registry that is a file is opened, and never made: before the first apply every page says that nothing is applied.
 *
 * @param routes  what else is served here
 * @throws        CAT_PORT; REG_STORE where the registry cannot be opened
 */
export async function openCatalogue(
  project: Project,
  routes: readonly ServedRoute[] = [],
): Promise<OpenCatalogue> {
  const { settings, logger } = project;
  const { ui, registry } = settings;
  const isThere = (): boolean => registry.kind !== 'sqlite' || existsSync(registry.url);
  let opening: Promise<OpenedRegistry> | null = null;
  const opened = (): Promise<OpenedRegistry> => {
    opening ??= openRegistry(registry, project, routes);
    // What failed is tried again by the next request.
    opening.catch(() => (opening = null));
    return opening;
  };
  // What stands in for it is empty: pages say that nothing is applied, and nobody has a token.
  const empty = isThere() ? null : await openRegistry({ kind: 'sqlite', url: IN_MEMORY }, project, routes);
  if (empty === null) await opened();
  else logger.warn(`nothing is applied yet: ${registry.url} is not there; \`plumb apply\` makes it`);
  const close = async (): Promise<void> => {
    await empty?.database.close();
    await (await opening?.catch(() => null))?.database.close();
  };
  try {
    // What comes with the request is the socket: who asks is told by it.
    const answer: Answer = async (request, connection) => {
      // The first apply makes it.
      const isPosted =
        request.method === 'POST' && new URL(request.url).pathname.startsWith('/api/registry/');
      const isEmpty = empty !== null && opening === null && !isThere() && !isPosted;
      const { app } = isEmpty ? empty : await opened();
      return app.fetch(request, connection);
    };
    const server = await listening(answer, ui);
    const { port } = server.address() as AddressInfo;
    const host = ui.host.includes(':') ? `[${ui.host}]` : ui.host;
    return { url: `http://${host}:${port}`, close: () => closed(server, close) };
  } catch (error) {
    await close();
    throw error;
  }
}

interface OpenedRegistry {
  readonly database: RegistryDatabase;
  readonly app: Hono;
}

async function openRegistry(
  registry: StoreUrl,
  { settings, clock, logger }: Project,
  routes: readonly ServedRoute[],
): Promise<OpenedRegistry> {
  const { ui, reports, bundles, project, access } = settings;
  const database = await RegistryDatabase.open(registry);
  const sidecar = `http://localhost:${settings.serve.port}`;
  const known = new KnownCatalogue(database, () => clock.nowUs(), sidecar);
  const nowUs = (): number => clock.nowUs();
  const login = await browserLogin(access, database.access, nowUs);
  const callerOf = callerBy(access, database.access, nowUs, login);
  const allowedHosts = [...ui.allowedHosts, ...hostIn(access.oidc?.publicUrl ?? null)];
  const parts = { database, nowUs, isAccessOn: access.enabled };
  const more = [(app: Hono) => addRoutes(app, routes, parts)];
  const app = catalogueApp({ known, project, reports, bundles, allowedHosts, callerOf, login, logger, more });
  return { database, app };
}

/** @returns null: browsers log in nowhere, and nothing is loaded for it. @throws REG_KEY */
async function browserLogin(
  access: AccessSettings,
  table: AccessTable,
  nowUs: () => number,
): Promise<BrowserLogin | null> {
  const { enabled, oidc } = access;
  if (!enabled || oidc === null) return null;
  const { BrowserLogin: Login } = await import('./login/browser-login.ts');
  return new Login(oidc, access, table, nowUs);
}

function hostIn(url: string | null): string[] {
  return url === null ? [] : [new URL(url).host];
}

/** Of one request, in bytes: a long token has half of them (caller.ts), and one that is too long is told so. */
const MOST_HEADERS = 32 << 10;

type Answer = (request: Request, connection: object) => Promise<Response>;

function listening(
  answer: Answer,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = serve(
      { fetch: answer, hostname: host, port, serverOptions: { maxHeaderSize: MOST_HEADERS } },
      () => resolve(server as Server),
    );
    server.once('error', (error) => {
      const what = `${host}:${port} cannot be opened: ${error.message}`;
      reject(catalogueError('CAT_PORT', what, { field: 'ui.port' }, error));
    });
  });
}

async function closed(server: Server, close: () => Promise<void>): Promise<void> {
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  await close();
}
