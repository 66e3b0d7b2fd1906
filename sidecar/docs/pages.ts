/** The answers to GET: health, schemas of services, models of the Open Inference Protocol, documentation. */
import type { CodedError } from '../../contract/std/coded-error.ts';
import { JSON_HEADERS } from '../transport/transport.ts';
import { sidecarError } from '../errors.ts';
import { docsPage } from './docs-page.ts';
import type { HotKeys } from '../cache/hot-keys.ts';
import { openApiText } from './openapi.ts';
import type { BundlePlans } from '../plan/bundle-plans.ts';
import { schemaOf } from './schema-answer.ts';
import { MODELS_PATH, OIP_PATH, parseModelPath } from '../surface/oip/model-path.ts';
import { oipPage } from '../surface/oip/oip-metadata.ts';
import { takesVectors } from '../surface/surfaces.ts';
import type { Exchange, ReplyHeaders, Route } from '../transport/transport.ts';

const SCHEMA_PATH = '/feature-service/';
const HEALTH_PATH = '/health';
const OPENAPI_PATH = '/openapi.json';
const DOCS_PATH = '/docs';
const HOT_KEYS_PATH = '/hot-keys';
const HOT_KEYS_SHOWN = 50;
/** The page is complete: a browser need not load or run anything. */
const HTML_HEADERS: ReplyHeaders = [
  ['content-type', 'text/html; charset=utf-8'],
  ['content-security-policy', "default-src 'none'; style-src 'unsafe-inline'"],
];

export const PAGE_ROUTES: readonly Route[] = [
  { method: 'GET', path: HEALTH_PATH },
  { method: 'GET', path: `${SCHEMA_PATH}*` },
  { method: 'GET', path: OIP_PATH },
  { method: 'GET', path: `${OIP_PATH}/*` },
  { method: 'GET', path: OPENAPI_PATH },
  { method: 'GET', path: DOCS_PATH },
  { method: 'GET', path: HOT_KEYS_PATH },
];

interface Page {
  readonly body: string;
  readonly headers: ReplyHeaders;
  /** As metrics name it. */
  readonly route: string;
}

/** @throws SRV_ROUTE, SRV_METHOD, SRV_UNKNOWN_SERVICE */
export function pageOf(exchange: Exchange, plans: BundlePlans, hotKeys: HotKeys): Page {
  const { path } = exchange;
  if (methodOf(path) !== 'GET') throw noRoute(exchange);
  // Feast's server answers with an empty body.
  if (path === HEALTH_PATH) return { route: HEALTH_PATH, body: '', headers: [] };
  if (path.startsWith(SCHEMA_PATH)) {
    const body = schemaOf(plans.service(decoded(path.slice(SCHEMA_PATH.length))));
    return { route: '/feature-service/{name}', body, headers: JSON_HEADERS };
  }
  if (path === OPENAPI_PATH) return { route: path, body: openApiText(plans), headers: JSON_HEADERS };
  if (path === DOCS_PATH) {
    return { route: path, body: docsPage(plans, `http://${exchange.head.host}`), headers: HTML_HEADERS };
  }
  if (path === HOT_KEYS_PATH) return { route: path, body: hotKeysText(hotKeys), headers: JSON_HEADERS };
  return { ...oipPage(exchange, plans), headers: JSON_HEADERS };
}

/** Keys as the store has them; shares and look-ups are estimates from a sample. */
function hotKeysText(hotKeys: HotKeys): string {
  const keys = hotKeys.hottest(HOT_KEYS_SHOWN).map((hot) => ({
    key: hot.key,
    lookups: hot.lookups,
    error_at_most: hot.errorAtMost,
    share: hot.share,
    hot: hotKeys.isHot(hot.key),
  }));
  return JSON.stringify({ keys, nodes: hotKeys.nodes() });
}

/** @returns the method that a path is served with; empty when nothing is served there */
export function methodOf(path: string): 'GET' | 'POST' | '' {
  if (takesVectors(path)) return 'POST';
  if (path === HEALTH_PATH || path === OPENAPI_PATH) return 'GET';
  if (path === DOCS_PATH || path === HOT_KEYS_PATH) return 'GET';
  if (path.startsWith(SCHEMA_PATH)) return path.length > SCHEMA_PATH.length ? 'GET' : '';
  if (path === OIP_PATH || path === '/v2/health/live' || path === '/v2/health/ready') return 'GET';
  if (!path.startsWith(MODELS_PATH)) return '';
  const verb = parseModelPath(path)?.verb;
  return verb === '' || verb === 'ready' ? 'GET' : '';
}

/** @returns the error for a path that is served with another method, or not at all */
export function noRoute({ path, method }: Exchange): CodedError {
  const served = methodOf(path);
  const text = path.slice(0, 200);
  if (served === '') return sidecarError('SRV_ROUTE', `nothing is served at ${text}`, { field: 'path' });
  return sidecarError('SRV_METHOD', `${text} is served with ${served}, not ${method}`, { field: 'method' });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
