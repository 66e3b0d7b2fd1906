/**
 * The reports of the monitor under /reports/, as they lie in their folder: the index, a page a day, and its JSON.
 * Only names that the monitor gives are served, so that no path leads out of the folder.
 */
import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context, Hono } from 'hono';
import { catalogueError } from './errors.ts';
import { REPORT_POLICY } from './guard.ts';

const SERVICE = /^[A-Za-z][A-Za-z0-9_]{0,127}$/;
const FILE = /^\d{4}-\d\d-\d\d(T\d\d)?\.(html|json)$/;

export function addReports(app: Hono, folder: string): void {
  app.get('/reports', (context) => context.redirect('/reports/index.html'));
  app.get('/reports/', (context) => context.redirect('/reports/index.html'));
  app.get('/reports/index.html', (context) => serve(context, join(folder, 'index.html')));
  app.get('/reports/:service/:file', (context) => {
    const { service, file } = context.req.param();
    if (!SERVICE.test(service) || !FILE.test(file)) throw noReport(context);
    return serve(context, join(folder, service, file));
  });
}

async function serve(context: Context, file: string): Promise<Response> {
  const type = file.endsWith('.json') ? 'application/json' : 'text/html';
  try {
    // A link may lead out of the folder.
    if (!(await lstat(file)).isFile()) throw noReport(context);
    return new Response(await readFile(file), {
      headers: { 'content-type': `${type}; charset=utf-8`, 'content-security-policy': REPORT_POLICY },
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw noReport(context);
    throw error;
  }
}

function noReport({ req }: Context): Error {
  return catalogueError('CAT_ROUTE', `there is no report at ${req.path.slice(0, 200)}`, {
    help: 'The index at /reports/index.html names all there are; `plumb monitor run` makes one.',
  });
}
