/**
 * Adds the routes of another program to the catalogue's: who asks is known, has the role, and is in the audit where
 * they have not. What changes something is taken where access is on alone, as JSON alone, which no page elsewhere can
 * send without being asked first, and from no session of a browser.
 */
import type { Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { RegistryDatabase } from '../project/database/registry-database.ts';
import type { AskedRoute, ServedRoute } from '../project/served/served-route.ts';
import { needRole } from './caller.ts';
import { catalogueError } from './errors.ts';

/** Definitions with their code: those of 5,000 features have some 6 MB. */
const MOST_BYTES = 64 << 20;

interface RouteParts {
  readonly database: RegistryDatabase;
  readonly nowUs: () => number;
  readonly isAccessOn: boolean;
}

export function addRoutes(app: Hono, routes: readonly ServedRoute[], parts: RouteParts): void {
  app.use(
    '/api/registry/*',
    bodyLimit({
      maxSize: MOST_BYTES,
      onError: () => {
        throw catalogueError('CAT_BODY', `what was posted has more than ${MOST_BYTES} bytes`);
      },
    }),
  );
  for (const route of routes) {
    const answer = async (context: Context): Promise<Response> => {
      if (route.method === 'POST') await checkPost(context, parts);
      await needRole(route.needs, context, { database: parts.database, nowUs: parts.nowUs() });
      const data = await route.answer(askedOf(context, parts.database));
      if (data === null) throw catalogueError('CAT_UNKNOWN', 'the registry has nothing of that name');
      return context.json(data);
    };
    if (route.method === 'GET') app.get(route.path, answer);
    else app.post(route.path, answer);
  }
}

/** @throws CAT_APPLY, noted in the audit where somebody is known; CAT_BODY */
async function checkPost(context: Context, { database, nowUs, isAccessOn }: RouteParts): Promise<void> {
  if (!isAccessOn)
    throw catalogueError(
      'CAT_APPLY',
      'this registry takes plans and applies over HTTP from nobody: access is off',
    );
  const {
    req,
    var: { caller, formToken },
  } = context;
  if (formToken !== undefined) {
    const refused = 'the session of a browser plans and applies nothing';
    const { name, via } = caller;
    const detail = `${req.method} ${req.path}: ${refused}`;
    await database.access.note({ atUs: nowUs(), who: name ?? '', via, what: 'refused', detail });
    throw catalogueError('CAT_APPLY', refused);
  }
  if (!/^application\/json\b/i.test(req.header('content-type') ?? ''))
    throw catalogueError('CAT_BODY', 'expected JSON, as Content-Type: application/json', {
      field: 'content-type',
    });
}

function askedOf(context: Context, database: RegistryDatabase): AskedRoute {
  const { req } = context;
  return {
    caller: context.var.caller,
    database,
    param: (name) => req.param(name) ?? '',
    query: (name) => req.query(name),
    async body() {
      try {
        return (await req.json()) as unknown;
      } catch (error) {
        throw catalogueError(
          'CAT_BODY',
          `what was posted is no JSON: ${(error as Error).message}`,
          {},
          error,
        );
      }
    },
  };
}
