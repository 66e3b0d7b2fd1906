/**
 * The transport on uWebSockets.js. Exchanges are pooled and their callbacks bound once, so that a request makes no
 * closure here.
 *
 * Traps of uWebSockets.js that this file works around, or lives with:
 * - It takes the first of two Content-Lengths and answers the rest of the bytes as a second request, and its
 *   `end(body, true)` does not keep the second from being parsed. So after a refusal that closes the connection,
 *   whatever else arrives on it in the same tick is not answered.
 * - A request that arrives on a connection whose last request has no answer yet ends the connection (no pipelining).
 * - Without LIBUS_LISTEN_EXCLUSIVE_PORT two processes share a port without an error.
 * - TE with Content-Length, a length that is no number, HTTP/1.0: it answers those itself, with 4xx or 5xx in HTML.
 * - A request line that comes in two segments may get 505, and a malformed head no answer for some 10 s. Neither a
 *   setting nor a binary published for this Node fixes that, and nothing can read the bytes first (docs/serving.md).
 * - Heads of more than 4 KiB get 431 unless the environment says otherwise before it is loaded.
 */
import type { HttpRequest, HttpResponse, TemplatedApp, us_listen_socket } from 'uWebSockets.js';
import { probeListenFault } from './listen-fault.ts';
import { sidecarError } from '../errors.ts';
import { BodiesUnderWay } from './bodies-under-way.ts';
import { Exchange, MAX_BODY_BYTES, NO_ROUTE, STATUS_LINES, UNIX } from './transport.ts';
import type { HttpHandler, RequestHead, Transport } from './transport.ts';

/** The typings lack this constant, which the addon exports. */
type Uws = typeof import('uWebSockets.js') & { readonly LIBUS_LISTEN_EXCLUSIVE_PORT: number };

/** As many as node:http takes. */
const MAX_HEAD_BYTES = 16_384;
const MAX_POOLED = 1_024;
const EMPTY = Buffer.alloc(0);

/** Where `takeHeader` puts headers. One for the process is enough, since uWebSockets.js gives them all in one call. */
let scanned: RequestHead | null = null;
const takeHeader = (name: string, value: string): void => scanned!.take(name, value);

/** @throws SRV_TRANSPORT when the native module cannot be loaded here */
export async function uwsTransport(handler: HttpHandler): Promise<Transport> {
  process.env['UWS_HTTP_MAX_HEADERS_SIZE'] ??= String(MAX_HEAD_BYTES);
  try {
    return new UwsTransport((await import('uWebSockets.js')) as Uws, handler);
  } catch (error) {
    throw sidecarError(
      'SRV_TRANSPORT',
      `uWebSockets.js cannot be loaded: ${(error as Error).message}`,
      { field: 'serve.transport' },
      error,
    );
  }
}

class UwsTransport implements Transport {
  readonly name = 'uWebSockets.js';
  readonly trap =
    'answers 505 to a request line that comes in two segments, and nothing to a malformed head for some 10 s; ' +
    'with serve.transport: node there is neither';
  readonly #uws: Uws;
  readonly #app: TemplatedApp;
  readonly #handler: HttpHandler;
  readonly #pool: UwsExchange[] = [];
  readonly bodies = new BodiesUnderWay();
  #listening: us_listen_socket | null = null;
  #open = 0;
  #connections = 0;
  #refusedThisTick = false;

  constructor(uws: Uws, handler: HttpHandler) {
    this.#uws = uws;
    this.#handler = handler;
    this.#app = uws.App();
    this.#app.filter((_res, count) => void (this.#connections += Math.sign(count)));
    for (const [index, route] of handler.routes.entries()) {
      const take = (res: HttpResponse, req: HttpRequest): void => this.#take(res, req, index);
      if (route.method === 'POST') this.#app.post(route.path, take);
      else this.#app.get(route.path, take);
    }
    this.#app.any('/*', (res, req) => this.#take(res, req, NO_ROUTE));
  }

  get open(): number {
    return this.#open;
  }

  get connections(): number {
    return this.#connections;
  }

  listen(host: string, port: number): Promise<number> {
    const path = host.startsWith(UNIX) ? host.slice(UNIX.length) : null;
    return new Promise((resolve, reject) => {
      const listened = (socket: us_listen_socket | false): void => {
        if (socket === false) {
          const refuse = (why: string): void =>
            reject(
              sidecarError('SRV_PORT', `cannot listen on ${host}:${port}: ${why}`, { field: 'serve.port' }),
            );
          if (path !== null) refuse('the socket is in use, or not allowed');
          else void probeListenFault(host, port).then(refuse);
          return;
        }
        this.#listening = socket;
        resolve(path === null ? this.#uws.us_socket_local_port(socket) : 0);
      };
      if (path !== null) return void this.#app.listen_unix(listened, path);
      // The addon has a form with host, port and options, which its types lack.
      const listen = this.#app.listen.bind(this.#app) as unknown as (...args: unknown[]) => void;
      listen(host, port, this.#uws.LIBUS_LISTEN_EXCLUSIVE_PORT, listened);
    });
  }

  stopListening(): void {
    if (this.#listening !== null) this.#uws.us_listen_socket_close(this.#listening);
    this.#listening = null;
  }

  close(): void {
    this.stopListening();
    this.#app.close();
  }

  #take(res: HttpResponse, req: HttpRequest, route: number): void {
    if (this.#refusedThisTick) return closeSoon(res);
    const exchange = this.#pool.pop() ?? new UwsExchange(this);
    exchange.begin(res, req, route, this.#handler.routes[route]);
    this.#open += 1;
    scanned = exchange.head;
    req.forEach(takeHeader);
    if (this.#handler.onHead(exchange)) exchange.readBody();
    exchange.endCallback();
  }

  bodyRead(exchange: UwsExchange, body: Buffer): void {
    this.#handler.onBody(exchange, body);
  }

  tooLarge(exchange: UwsExchange): void {
    this.#handler.onTooLarge(exchange);
  }

  noRoom(exchange: UwsExchange): void {
    this.#handler.onNoRoom(exchange);
  }

  /** The exchange is over. It is used again only if its last callback has been called. */
  done(exchange: UwsExchange, reusable: boolean): void {
    this.#open -= 1;
    if (reusable && this.#pool.length < MAX_POOLED) this.#pool.push(exchange);
  }

  closing(): void {
    if (this.#refusedThisTick) return;
    this.#refusedThisTick = true;
    setImmediate(() => {
      this.#refusedThisTick = false;
    });
  }
}

function closeSoon(res: HttpResponse): void {
  let aborted = false;
  res.onAborted(() => {
    aborted = true;
  });
  setImmediate(() => {
    if (!aborted) res.close();
  });
}

class UwsExchange extends Exchange {
  readonly #transport: UwsTransport;
  #res: HttpResponse | null = null;
  /** Whether a callback of uWebSockets.js is running: then writes are corked already. */
  #inCallback = false;
  #replied = false;
  #bodyDone = false;
  #chunks: Buffer[] = [];
  #bodyBytes = 0;
  /** How many bytes its pieces count among all bodies under way. */
  #heldBytes = 0;
  #status = 200;
  #body: string | Buffer = '';
  #headers: readonly (readonly [string, string])[] = [];
  #close = false;

  constructor(transport: UwsTransport) {
    super();
    this.#transport = transport;
  }

  begin(
    res: HttpResponse,
    req: HttpRequest,
    index: number,
    route: { method: string; path: string } | undefined,
  ) {
    this.#res = res;
    this.#inCallback = true;
    this.#replied = false;
    this.#bodyDone = false;
    this.#bodyBytes = 0;
    this.aborted = false;
    this.route = index;
    const exact = route !== undefined && !route.path.endsWith('/*');
    this.path = exact ? route.path : req.getUrl();
    this.method = route === undefined ? req.getMethod().toUpperCase() : route.method;
    this.head.reset();
    res.onAborted(this.#onAborted);
  }

  endCallback(): void {
    this.#inCallback = false;
  }

  readBody(): void {
    this.#res!.onData(this.#onData);
  }

  override reply(
    status: number,
    body: string | Buffer,
    headers: readonly (readonly [string, string])[],
    close: boolean,
  ): void {
    if (this.#replied) return;
    this.#replied = true;
    if (this.aborted) return this.#transport.done(this, true);
    this.#status = status;
    this.#body = body;
    this.#headers = headers;
    this.#close = close;
    if (close && this.head.ambiguous) this.#transport.closing();
    if (this.#inCallback) this.#send();
    else this.#res!.cork(this.#send);
    this.#res = null;
    this.#forgetBody();
    this.#transport.done(this, this.#bodyDone);
  }

  readonly #send = (): void => {
    const res = this.#res!;
    if (this.#status !== 200) res.writeStatus(STATUS_LINES[this.#status]!);
    for (let i = 0; i < this.#headers.length; i++)
      res.writeHeader(this.#headers[i]![0], this.#headers[i]![1]);
    res.end(this.#body, this.#close);
  };

  readonly #onAborted = (): void => {
    this.aborted = true;
    this.#res = null;
    this.#forgetBody();
    // The request was not handed on before its body was whole, so nobody will reply.
    if (!this.#bodyDone && !this.#replied) {
      this.#replied = true;
      this.#transport.done(this, false);
    }
  };

  readonly #onData = (chunk: ArrayBuffer, last: boolean): void => {
    if (this.#replied || this.aborted) return;
    this.#bodyBytes += chunk.byteLength;
    this.#inCallback = true;
    if (this.#bodyBytes > MAX_BODY_BYTES) this.#transport.tooLarge(this);
    else if (last) this.#transport.bodyRead(this, this.#whole(chunk));
    else if (!this.#keep(chunk)) this.#transport.noRoom(this);
    this.#inCallback = false;
  };

  /** The chunk's memory belongs to uWebSockets.js: it is copied when it must outlive the call. */
  #keep(chunk: ArrayBuffer): boolean {
    const bytes = this.#transport.bodies.take(chunk.byteLength);
    this.#heldBytes += bytes;
    if (bytes > 0) this.#chunks.push(Buffer.from(Buffer.from(chunk)));
    return bytes > 0;
  }

  #forgetBody(): void {
    if (this.#heldBytes === 0) return;
    this.#transport.bodies.giveBack(this.#heldBytes);
    this.#heldBytes = 0;
    this.#chunks = [];
  }

  #whole(chunk: ArrayBuffer): Buffer {
    this.#bodyDone = true;
    if (this.#chunks.length === 0) return chunk.byteLength === 0 ? EMPTY : Buffer.from(chunk);
    const body = Buffer.concat([...this.#chunks, Buffer.from(chunk)]);
    this.#forgetBody();
    return body;
  }
}
