/**
 * The port between HTTP/1.1 and the routes. uWebSockets.js and node:http implement it; the same tests run on both. gRPC
 * has the same exchanges and the same way to open and close (grpc.ts).
 *
 *   headers read  -> handler.onHead(exchange)         true: the body is wanted
 *   body read     -> handler.onBody(exchange, body)   `body` is valid during the call only
 *   answer ready  -> exchange.reply(...)              in the same tick or later, once
 */

import type { RequestTrace } from '../traces/request-trace.ts';

export const MAX_BODY_BYTES = 2 ** 20;
/** The index that `Exchange.route` has when no route fits. */
export const NO_ROUTE = -1;

export interface Route {
  readonly method: 'GET' | 'POST';
  /** Exact path, or with `/*` at its end any path below. */
  readonly path: string;
}

export type ReplyHeaders = readonly (readonly [string, string])[];

export const JSON_HEADERS: ReplyHeaders = [['content-type', 'application/json']];

export interface HttpHandler {
  readonly routes: readonly Route[];
  /** @returns whether the body should be read; if not, the handler has replied */
  onHead(exchange: Exchange): boolean;
  onBody(exchange: Exchange, body: Buffer): void;
  /** A body grew past MAX_BODY_BYTES without its length having said so. */
  onTooLarge(exchange: Exchange): void;
  /** There is no room for the body: too many others are arriving. */
  onNoRoom(exchange: Exchange): void;
}

/** One request and its answer. Transports extend it; they may use an object again once it has replied. */
export abstract class Exchange {
  /** Whether it came over gRPC; else over HTTP. */
  readonly isGrpc: boolean = false;
  /** Index into the handler's routes. */
  route = NO_ROUTE;
  /** Upper case. */
  method = '';
  /** Without the query. */
  path = '';
  readonly head = new RequestHead();
  /** The client is gone: a reply would reach nobody. */
  aborted = false;
  /** When its body was read, on the monotonic clock, and how long the poll of the sockets took that read it. */
  readMs = 0;
  pollMs = 0;
  /** The caller's, or one of ours; set by the handler before the request is served. */
  requestId = '';
  /** Null: it is not traced. */
  trace: RequestTrace | null = null;

  /**
   * @param body   valid during the call only
   * @param close  end the connection behind the answer
   */
  abstract reply(status: number, body: string | Buffer, headers: ReplyHeaders, close: boolean): void;
}

/** The headers that the sidecar uses. A transport passes every header of a request, in order, names in lower case. */
export class RequestHead {
  host = '';
  hosts = 0;
  lengths = 0;
  /** -1: there is no length, or it is not a number. */
  length = -1;
  transferEncoding = false;
  origin = false;
  requestId = '';
  deadlineMs = '';
  /** When the first proxy took the request, as it says. */
  requestStart = '';
  /** The caller's trace; empty: none. */
  traceparent = '';
  /** Empty: the body comes as it is. */
  contentEncoding = '';
  /** Length of the JSON before binary tensors; empty: the whole body is JSON. */
  inferenceHeaderLength = '';

  reset(): void {
    this.host = '';
    this.hosts = 0;
    this.lengths = 0;
    this.length = -1;
    this.transferEncoding = false;
    this.origin = false;
    this.requestId = '';
    this.deadlineMs = '';
    this.requestStart = '';
    this.traceparent = '';
    this.contentEncoding = '';
    this.inferenceHeaderLength = '';
  }

  /** Whether two readers could understand it differently: then nothing after it on its connection can be trusted. */
  get ambiguous(): boolean {
    return (
      this.transferEncoding ||
      this.lengths > 1 ||
      this.hosts > 1 ||
      (this.lengths === 1 && this.length === -1)
    );
  }

  take(name: string, value: string): void {
    switch (name) {
      case 'host':
        this.host = value;
        this.hosts += 1;
        break;
      case 'content-length':
        this.length = decimal(value);
        this.lengths += 1;
        break;
      case 'transfer-encoding':
        this.transferEncoding = true;
        break;
      case 'origin':
        this.origin = true;
        break;
      case 'x-request-id':
        this.requestId = value;
        break;
      case 'x-deadline-ms':
        this.deadlineMs = value;
        break;
      case 'x-request-start':
        this.requestStart = value;
        break;
      case 'traceparent':
        this.traceparent = value;
        break;
      case 'content-encoding':
        this.contentEncoding = value;
        break;
      case 'inference-header-content-length':
        this.inferenceHeaderLength = value;
        break;
      default:
    }
  }
}

/** @returns the number that the digits of a header mean; -1 when they are no number */
export function decimal(text: string): number {
  if (text.length === 0 || text.length > 15) return -1;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

export interface Transport {
  /** As /metrics and the ready line name it. */
  readonly name: string;
  /**
   * @param host  a host or address, or `unix:/path` for a socket; then the port is not used
   * @returns the port, which differs from the given one when that was 0; 0 for a unix socket
   * @throws  SRV_PORT
   */
  listen(host: string, port: number): Promise<number>;
  /** Takes no more connections. */
  stopListening(): void;
  /** Requests that have no answer yet. */
  readonly open: number;
  /** Clients' connections, idle ones too. */
  readonly connections: number;
  /** A fault of this transport that clients may meet and the other one does not have, as a clause; null: none. */
  readonly trap: string | null;
  /** Ends what is still connected. */
  close(): void;
}

/** What `serve.host` starts with when it names a unix socket. */
export const UNIX = 'unix:';

export const STATUS_LINES: Readonly<Record<number, string>> = {
  200: '200 OK',
  400: '400 Bad Request',
  403: '403 Forbidden',
  404: '404 Not Found',
  405: '405 Method Not Allowed',
  413: '413 Content Too Large',
  415: '415 Unsupported Media Type',
  500: '500 Internal Server Error',
  503: '503 Service Unavailable',
};
