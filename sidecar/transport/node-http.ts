/** The transport on node:http: where uWebSockets.js cannot be loaded, and as the reference in tests of both. */
import { listenFault } from './listen-fault.ts';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { sidecarError } from '../errors.ts';
import { BodiesUnderWay } from './bodies-under-way.ts';
import { Exchange, MAX_BODY_BYTES, NO_ROUTE, STATUS_LINES, UNIX } from './transport.ts';
import type { HttpHandler, Route, Transport } from './transport.ts';

/** Longer than the pools of Go's, Java's and Python's clients keep an idle connection. */
const KEEP_ALIVE_MS = 120_000;
/** How long a request may take to arrive; the other transport demands 16 KiB/s instead. */
const HEAD_LIMIT_MS = 10_000;
const REQUEST_LIMIT_MS = 60_000;

const BAD_FRAMING = JSON.stringify({
  error: { code: 'SRV_FRAMING', message: 'the request is no well-formed HTTP/1.1', field: 'headers' },
});

export function nodeTransport(handler: HttpHandler): Transport {
  return new NodeTransport(handler);
}

class NodeTransport implements Transport {
  readonly name = 'node:http';
  readonly trap = null;
  readonly #handler: HttpHandler;
  readonly #server: Server;
  readonly #bodies = new BodiesUnderWay();
  /** Connections that close after their last answer: what follows that request is ignored. */
  readonly #ending = new WeakSet<Socket>();
  #open = 0;
  #connections = 0;

  constructor(handler: HttpHandler) {
    this.#handler = handler;
    // server.ts checks hosts for all transports; Node's own answer would have no body.
    this.#server = createServer(
      {
        requireHostHeader: false,
        keepAliveTimeout: KEEP_ALIVE_MS,
        headersTimeout: HEAD_LIMIT_MS,
        requestTimeout: REQUEST_LIMIT_MS,
      },
      (request, response) => this.#take(request, response),
    );
    this.#server.on('connection', (socket: Socket) => {
      this.#connections += 1;
      socket.once('close', () => (this.#connections -= 1));
    });
    this.#server.on('clientError', (_error: Error, socket: Socket) => refuse(socket));
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
      const failed = (error: Error): void =>
        reject(
          sidecarError(
            'SRV_PORT',
            `cannot listen on ${host}:${port}: ${listenFault(error)}`,
            { field: 'serve.port' },
            error,
          ),
        );
      this.#server.once('error', failed);
      this.#server.listen(path === null ? { host, port, exclusive: true } : { path }, () => {
        this.#server.off('error', failed);
        resolve(path === null ? (this.#server.address() as AddressInfo).port : 0);
      });
    });
  }

  stopListening(): void {
    this.#server.close();
    this.#server.closeIdleConnections();
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    // Node goes on parsing what it has read, even when the answer closes the connection.
    if (this.#ending.has(request.socket)) return void request.resume();
    this.#open += 1;
    const exchange = new NodeExchange(response, this.#ending, () => {
      this.#open -= 1;
    });
    const query = request.url!.indexOf('?');
    exchange.path = query === -1 ? request.url! : request.url!.slice(0, query);
    exchange.method = request.method!;
    exchange.route = this.#handler.routes.findIndex((route) => fits(route, exchange.method, exchange.path));
    if (exchange.route === -1) exchange.route = NO_ROUTE;
    const { rawHeaders } = request;
    for (let i = 0; i < rawHeaders.length; i += 2) {
      exchange.head.take(rawHeaders[i]!.toLowerCase(), rawHeaders[i + 1]!);
    }
    response.on('close', () => exchange.gone());
    if (this.#handler.onHead(exchange)) this.#readBody(request, exchange);
    else request.resume();
  }

  #readBody(request: IncomingMessage, exchange: NodeExchange): void {
    let chunks: Buffer[] = [];
    let bytes = 0;
    let heldBytes = 0;
    const forget = (): void => {
      this.#bodies.giveBack(heldBytes);
      heldBytes = 0;
      chunks = [];
    };
    request.once('close', forget);
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (exchange.replied) return forget();
      if (bytes > MAX_BODY_BYTES) return this.#handler.onTooLarge(exchange);
      const taken = this.#bodies.take(chunk.length);
      heldBytes += taken;
      if (taken > 0) chunks.push(chunk);
      else this.#handler.onNoRoom(exchange);
    });
    request.on('end', () => {
      if (!exchange.replied)
        this.#handler.onBody(exchange, chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
    });
  }
}

function fits(route: Route, method: string, path: string): boolean {
  if (route.method !== method) return false;
  return route.path.endsWith('/*') ? path.startsWith(route.path.slice(0, -1)) : path === route.path;
}

/** What Node's parser refuses: two lengths, a length beside Transfer-Encoding, broken lines. */
function refuse(socket: Socket): void {
  if (!socket.writable) return void socket.destroy();
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(BAD_FRAMING)}\r\n\r\n${BAD_FRAMING}`,
  );
}

class NodeExchange extends Exchange {
  readonly #response: ServerResponse;
  readonly #ending: WeakSet<Socket>;
  readonly #onDone: () => void;
  replied = false;
  #over = false;

  constructor(response: ServerResponse, ending: WeakSet<Socket>, onDone: () => void) {
    super();
    this.#response = response;
    this.#ending = ending;
    this.#onDone = onDone;
  }

  override reply(
    status: number,
    body: string | Buffer,
    headers: readonly (readonly [string, string])[],
    close: boolean,
  ): void {
    if (this.replied) return;
    this.replied = true;
    if (this.aborted) return;
    const all = headers.flatMap(([name, value]) => [name, value]);
    all.push('content-length', String(Buffer.byteLength(body)));
    if (close) {
      all.push('connection', 'close');
      this.#ending.add(this.#response.req.socket);
    }
    this.#response.writeHead(status, STATUS_LINES[status]!.slice(4), all);
    // Node writes after this call has returned, and by then the buffer is used again.
    this.#response.end(typeof body === 'string' ? body : Buffer.from(body));
  }

  gone(): void {
    if (!this.#response.writableFinished) this.aborted = true;
    if (this.#over) return;
    this.#over = true;
    this.#onDone();
  }
}
