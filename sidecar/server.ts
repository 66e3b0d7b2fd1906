/**
 * HTTP over the surfaces: routes, limits, the check of the host, what an error is on HTTP. Called by a transport, which
 * does not know what routes mean; calls serve.ts, which knows no HTTP. grpc-server.ts is its like for gRPC.
 */
import type { CodedError } from '../contract/std/coded-error.ts';
import { REFUSALS, REFUSED } from './request/admission.ts';
import type { Admission, Refusal } from './request/admission.ts';
import { requestIdOf } from './request/request-id.ts';
import { JSON_HEADERS } from './transport/transport.ts';
import { sidecarError } from './errors.ts';
import { httpStatusOf } from './error-status.ts';
import type { HotKeys } from './cache/hot-keys.ts';
import type { Metrics } from './metrics/metrics.ts';
import { PAGE_ROUTES, methodOf, noRoute, pageOf } from './docs/pages.ts';
import type { Serving } from './serve.ts';
import { nativeErrorBody } from './surface/native/native.ts';
import { ALL_SURFACES, surfaceAt } from './surface/surfaces.ts';
import type { Tracer } from './traces/tracer.ts';
import type { RequestServer } from './request-server.ts';
import type { Surface } from './request/surface.ts';
import { MAX_BODY_BYTES, NO_ROUTE } from './transport/transport.ts';
import type { Exchange, HttpHandler, ReplyHeaders, RequestHead, Route } from './transport/transport.ts';

const RETRY_HEADERS = [...JSON_HEADERS, ['retry-after', '1'] as const];
const MAX_DEADLINE_MS = 60_000;
/** How many Host headers that were found good are remembered, so that the check of a request is one look-up. */
const MAX_KNOWN_HOSTS = 64;

/** First what takes a body, in the order of the surfaces, then the pages. */
const ROUTES: readonly Route[] = [
  ...ALL_SURFACES.map(({ path }) => ({ method: 'POST', path }) as const),
  ...PAGE_ROUTES,
];

interface ServerOptions {
  readonly serving: Serving;
  readonly admission: Admission;
  readonly metrics: Metrics;
  readonly hotKeys: HotKeys;
  /** Whatever was thrown as an error of the table. */
  readonly codedFault: (fault: unknown) => CodedError;
  readonly allowedHosts: readonly string[];
  readonly deadlineMs: number;
  /** Makes ids for requests that bring none. */
  readonly nextRequestId: () => string;
  /** null: nothing is traced. */
  readonly tracer: Tracer | null;
}

export class Server implements HttpHandler, RequestServer {
  readonly routes = ROUTES;
  readonly #options: ServerOptions;
  readonly #allowedHosts: ReadonlySet<string>;
  readonly #knownHosts = new Set<string>();
  /** Bodies of refusals, by surface: under overload they are most of what leaves. */
  readonly #refusedBodies = ALL_SURFACES.map(refusedBodies);

  constructor(options: ServerOptions) {
    this.#options = options;
    const own = ['localhost', '127.0.0.1', '[::1]'];
    this.#allowedHosts = new Set([...own, ...options.allowedHosts.map((host) => host.toLowerCase())]);
  }

  onHead(exchange: Exchange): boolean {
    const error = this.#refusal(exchange.head, exchange);
    if (error !== null) {
      this.#refuse(exchange, error, error.code === 'SRV_FRAMING' || error.code === 'SRV_BODY_TOO_LARGE');
      return false;
    }
    if (exchange.route < ALL_SURFACES.length) return true;
    try {
      this.#get(exchange);
    } catch (fault) {
      this.#refuse(exchange, fault, false);
    }
    return false;
  }

  onBody(exchange: Exchange, body: Buffer): void {
    this.#options.admission.take(exchange, body);
  }

  serve(exchange: Exchange, body: Buffer, ageMs: number): void {
    const surface = ALL_SURFACES[exchange.route]!;
    try {
      const { tracer, nextRequestId } = this.#options;
      const { deadlineMs } = exchange.head;
      exchange.requestId = requestIdOf(exchange.head, nextRequestId);
      if (tracer !== null) exchange.trace = tracer.begin(exchange);
      const deadline = deadlineMs === '' ? this.#options.deadlineMs : parseDeadline(deadlineMs);
      this.#options.serving.serve(exchange, surface, body, deadline - ageMs);
    } catch (error) {
      this.#refuse(exchange, error, false);
    }
  }

  /** Keeps the connection, since its request was read to the end. */
  shed(exchange: Exchange, why: Refusal): void {
    const { metrics } = this.#options;
    metrics.shed[why] += 1;
    exchange.reply(503, this.#refusedBodies[exchange.route]![why], RETRY_HEADERS, false);
    if (why !== 'gone') metrics.countRequest(ALL_SURFACES[exchange.route]!.route, 503);
  }

  onTooLarge(exchange: Exchange): void {
    this.#refuse(exchange, bodyTooLarge(), true);
  }

  /** Ends the connection, since the rest of the body would still come. */
  onNoRoom(exchange: Exchange): void {
    this.#options.metrics.shed.full += 1;
    const message = 'too many bytes of bodies are on their way; try again soon';
    this.#refuse(exchange, sidecarError('SRV_OVERLOAD', message), true);
  }

  /** Answers a request that met a fault after `onBody` had returned. */
  refuse(exchange: Exchange, fault: unknown): void {
    this.#refuse(exchange, fault, false);
  }

  /** The policy `reject`: an answer that cannot be logged does not leave. */
  refuseUnlogged(exchange: Exchange): void {
    this.#refuse(exchange, sidecarError('SRV_LOG_FULL', 'the vector log cannot take the answer'), false);
  }

  #refusal(head: RequestHead, exchange: Exchange): CodedError | null {
    if (head.ambiguous || head.hosts === 0) return framing(head);
    if (head.length > MAX_BODY_BYTES) return bodyTooLarge();
    if (!this.#knownHosts.has(head.host) && !this.#isOwnHost(head.host)) {
      return sidecarError(
        'SRV_HOST',
        `the host ${JSON.stringify(head.host.slice(0, 200))} is not served here`,
        {
          field: 'host',
        },
      );
    }
    if (head.origin) {
      return sidecarError('SRV_ORIGIN', 'requests of web pages (with an Origin header) are refused', {
        field: 'origin',
      });
    }
    if (head.contentEncoding !== '' && head.contentEncoding.toLowerCase() !== 'identity') {
      return sidecarError(
        'SRV_ENCODING',
        `Content-Encoding ${JSON.stringify(head.contentEncoding.slice(0, 40))} is not taken: send the body as it is`,
        { field: 'content-encoding' },
      );
    }
    const surface = ALL_SURFACES[exchange.route];
    const isServed = surface === undefined ? exchange.route !== NO_ROUTE : surface.takes(exchange.path);
    return isServed ? null : noRoute(exchange);
  }

  #isOwnHost(host: string): boolean {
    const name = host.replace(/:\d{0,5}$/, '').toLowerCase();
    if (!this.#allowedHosts.has(name) && !this.#allowedHosts.has(host.toLowerCase())) return false;
    if (this.#knownHosts.size < MAX_KNOWN_HOSTS) this.#knownHosts.add(host);
    return true;
  }

  #get(exchange: Exchange): void {
    const { body, headers, route } = pageOf(exchange, this.#options.serving.plans, this.#options.hotKeys);
    exchange.reply(200, body, headers, false);
    this.#options.metrics.countRequest(route, 200);
  }

  #refuse(exchange: Exchange, fault: unknown, close: boolean): void {
    const error = this.#options.codedFault(fault);
    const surface = surfaceAt(exchange.path);
    const status = httpStatusOf(error.code);
    const body = surface === null ? nativeErrorBody(error) : surface.errorBody(error);
    const headers = status === 503 ? RETRY_HEADERS : status === 405 ? allowHeaders(exchange) : JSON_HEADERS;
    const route = surface !== null && surface.takes(exchange.path) ? surface.route : 'other';
    // A transport may use the exchange again once it has replied.
    const { trace } = exchange;
    exchange.trace = null;
    exchange.reply(status, body, headers, close);
    this.#options.metrics.countRequest(route, status);
    trace?.end(route, status);
  }
}

function refusedBodies(surface: Surface): Record<Refusal, string> {
  const bodies = REFUSALS.map((why) => {
    const error = sidecarError('SRV_OVERLOAD', `${REFUSED[why]}; try again soon`);
    return [why, surface.errorBody(error)] as const;
  });
  return Object.fromEntries(bodies) as Record<Refusal, string>;
}

function framing(head: RequestHead): CodedError {
  if (head.transferEncoding) {
    return sidecarError('SRV_FRAMING', 'Transfer-Encoding is not taken: send a Content-Length', {
      field: 'transfer-encoding',
    });
  }
  if (head.hosts !== 1) {
    return sidecarError('SRV_FRAMING', `expected one Host header, got ${head.hosts}`, { field: 'host' });
  }
  const got = head.lengths > 1 ? `${head.lengths} of them` : 'one that is no number';
  return sidecarError('SRV_FRAMING', `expected one Content-Length, got ${got}`, { field: 'content-length' });
}

function bodyTooLarge(): CodedError {
  return sidecarError('SRV_BODY_TOO_LARGE', `the body is larger than ${MAX_BODY_BYTES} bytes`, {
    field: 'body',
  });
}

function allowHeaders(exchange: Exchange): ReplyHeaders {
  return [...JSON_HEADERS, ['allow', methodOf(exchange.path)]];
}

function parseDeadline(text: string): number {
  const ms = Number(text);
  if (ms > 0 && ms <= MAX_DEADLINE_MS) return ms;
  throw sidecarError(
    'SRV_DEADLINE',
    `x-deadline-ms should be a number above 0 and up to ${MAX_DEADLINE_MS}, got ${JSON.stringify(text.slice(0, 40))}`,
    { field: 'x-deadline-ms' },
  );
}
