/**
 * The routes of `plumb ui`: each page as HTML and, under /api, as JSON; the style; the monitor's reports. Called by
 * serving.ts, which listens. Everything passes the guard first, and is then asked for by somebody (caller.ts).
 */
import { Hono } from 'hono';
import type { Context } from 'hono';
import { CodedError } from '../contract/std/coded-error.ts';
import type { Logger } from '../contract/std/logger.ts';
import { html } from '../project/page/markup.ts';
import { addBundles } from './bundles.ts';
import { knownCaller, needRole } from './caller.ts';
import type { CallerOf } from './caller.ts';
import { catalogueError, httpStatusOf } from './errors.ts';
import type { ErrorStatus } from './errors.ts';
import { guard } from './guard.ts';
import type { KnownCatalogue } from './known/catalogue.ts';
import type { BrowserLogin, Link } from './login/browser-login.ts';
import { PAGES } from './pages/all-pages.ts';
import type { AnyPage, Asked } from './pages/page.ts';
import { frame, STYLE, STYLE_PATH } from './parts/frame.ts';
import { addReports } from './reports.ts';

interface AppParts {
  readonly known: Pick<KnownCatalogue, 'now'>;
  readonly project: string;
  /** The folder of the monitor's reports. */
  readonly reports: string;
  /** The folder of bundles. */
  readonly bundles: string;
  readonly allowedHosts: readonly string[];
  readonly callerOf: CallerOf;
  /** Where browsers log in; absent or null: nowhere. */
  readonly login?: BrowserLogin | null;
  readonly logger: Logger;
  /** What else is served here; each adds its routes. */
  readonly more?: readonly ((app: Hono) => void)[];
}

const YEAR_S = 31_536_000;

export function catalogueApp(parts: AppParts): Hono {
  const app = new Hono();
  app.use(guard(parts.allowedHosts));
  // Before anybody is asked: what is refused is a page, too.
  app.get(STYLE_PATH, (context) =>
    context.body(STYLE, 200, {
      'content-type': 'text/css; charset=utf-8',
      'cache-control': `public, max-age=${YEAR_S}, immutable`,
    }),
  );
  const login = parts.login ?? null;
  login?.addTo(app, (context, title, links) => context.body(toldText(title, links, parts), 200, HTML_TYPE));
  app.use(knownCaller(parts.callerOf, login !== null));
  for (const page of PAGES) addPage(app, page, parts);
  addReports(app, parts.reports);
  addBundles(app, parts.bundles);
  for (const add of parts.more ?? []) add(app);
  app.notFound((context) => failed(context, noRoute(context), parts));
  app.onError((error, context) => failed(context, error, parts));
  return app;
}

function noRoute(context: Context): Error {
  return catalogueError('CAT_ROUTE', `nothing is at ${shown(context.req.path)}`);
}

/** A path as people read it. */
function shown(path: string): string {
  try {
    return decodeURIComponent(path).slice(0, MOST_SHOWN);
  } catch {
    return path.slice(0, MOST_SHOWN);
  }
}

const MOST_SHOWN = 200;

function addPage(app: Hono, page: AnyPage, { known, project }: AppParts): void {
  const read = async (context: Context): Promise<never> => {
    const asked: Asked = { name: context.req.param('name') ?? '', query: (name) => context.req.query(name) };
    const now = await known.now();
    await needRole(page.needs ?? 'read', context, now);
    const data = await page.read(now, asked);
    if (data !== null) return data;
    throw catalogueError(
      'CAT_UNKNOWN',
      `there is nothing called ${JSON.stringify(asked.name.slice(0, MOST_SHOWN))} here`,
    );
  };
  app.get(page.path, async (context) => {
    const drawn = page.draw(await read(context));
    const asked = context.req.query('q');
    const { pathname: path, search } = new URL(context.req.url);
    const { caller, formToken } = context.var;
    const who = formToken === undefined ? {} : { who: { name: caller.name ?? '', formToken } };
    const text = frame(drawn, { project, path, search, ...who, ...(asked === undefined ? {} : { asked }) });
    return context.body(text, 200, HTML_TYPE);
  });
  app.get(page.path === '/' ? '/api' : `/api${page.path}`, async (context) => {
    const data = await read(context);
    return context.body(jsonText(page.json?.(data) ?? data), 200, JSON_TYPE);
  });
}

const HTML_TYPE = { 'content-type': 'text/html; charset=utf-8' };
const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };

/** int64 are text. */
function jsonText(data: unknown): string {
  return JSON.stringify(data, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
}

/** A page that says one thing, and where to go on. */
function toldText(title: string, links: readonly Link[], { project }: AppParts): string {
  const body = html`<h1>${title}.</h1>
    ${links.map(({ to, words }) => html`<p><a href="${to}">${words}</a></p>`)}`;
  return frame({ title, body }, { project, path: '' });
}

/** Tells what was expected and what to do next: as JSON under /api, else as a page. */
function failed(context: Context, error: Error, { project, logger }: AppParts): Response {
  const known = error instanceof CodedError ? error : null;
  if (known === null || httpStatusOf(known) === 500 || known.code === 'REG_STORE')
    logger.warn(`${context.req.method} ${shown(context.req.path)}: ${error.message}`);
  const told = known ?? catalogueError('CAT_INTERNAL', 'the page could not be made');
  const { code, details } = told;
  const status = httpStatusOf(told);
  if (context.req.path.startsWith('/api')) {
    const body = { error: { code, message: told.message, field: details.field, help: details.help } };
    return answer(context, jsonText(body), status, JSON_TYPE['content-type']);
  }
  const drawn = {
    title: told.message,
    body: html`<p class="kind">${`${status} · ${code}`}</p>
      <h1>${sentence(told.message)}</h1>
      <p class="lead">${details.help ?? ''}</p>`,
  };
  return answer(context, frame(drawn, { project, path: '' }), status, HTML_TYPE['content-type']);
}

function answer(context: Context, text: string, status: ErrorStatus, type: string): Response {
  const login: Record<string, string> = status === LOGIN ? { 'www-authenticate': BEARER } : {};
  return context.body(text, status, { 'content-type': type, ...login });
}

const LOGIN = 401;
const BEARER = 'Bearer realm="plumbline"';

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
