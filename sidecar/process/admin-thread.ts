/**
 * The admin port's own thread: probes are answered within milliseconds, however busy the thread is that answers
 * requests. Started by admin.ts, with which it speaks in messages:
 *
 *   in    { ready, reason }     what /readyz says from now on
 *         { pong }              the loop of the answering thread turns
 *         { page, status, type, text }     answers the request of this number
 *   out   { port } once it listens, or { fault }
 *         { ping }              some times within `livezMs`
 *         { ask, path }         a request for the page of that path, with its number
 *
 *   /livez      200, or 503 once no pong has come for `livezMs`
 *   /readyz     what was told last; also 503 while /livez is
 *   /debug/     profiles of the answering thread, taken by this one, where `serve.profiling` is on
 *   all others  the answering thread makes them, within 1 s; after that /metrics is the last one made, with its age
 */
import { listenFault } from '../transport/listen-fault.ts';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { setTimeout as sleep } from 'node:timers/promises';
import { trimHeap } from '../../contract/std/garbage.ts';

export interface AdminThreadInput {
  /** Empty: all interfaces. */
  readonly host: string;
  readonly port: number;
  readonly livezMs: number;
  /** Whether it takes profiles. */
  readonly profiling: boolean;
}

export interface Page {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

export type ToThread =
  | { readonly ready: boolean; readonly reason: string }
  | { readonly pong: true }
  | ({ readonly page: number } & Page);

export type FromThread =
  | { readonly port: number }
  | { readonly fault: string }
  | { readonly ping: true }
  | { readonly ask: number; readonly path: string };

const ANSWER_LIMIT_MS = 1_000;
/** More connections would take descriptors from the port that serves features: past this the oldest one is closed. */
const MAX_CONNECTIONS = 64;
const HEAD_LIMIT_MS = 5_000;
const CHECK_EVERY_MS = 1_000;
const PINGS_WITHIN_LIMIT = 10;
const PING_MS_MAX = 500;
const TEXT = 'text/plain; charset=utf-8';

const { host, port: wantedPort, livezMs, profiling } = workerData as AdminThreadInput;
const main = parentPort!;
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
const post = (message: FromThread): void => main.postMessage(message);

let ready = false;
let reason = 'it starts';
let pongMs = performance.now();
let pagesRequested = 0;
/** In the order in which they came. */
const connections = new Set<Socket>();
const waiting = new Map<number, (page: Page) => void>();
let lastMetrics: { readonly page: Page; readonly atMs: number } | null = null;

main.on('message', (message: ToThread) => {
  if ('pong' in message) pongMs = performance.now();
  else if ('ready' in message) ({ ready, reason } = message);
  else {
    waiting.get(message.page)?.(message);
    waiting.delete(message.page);
  }
});
setInterval(() => post({ ping: true }), Math.min(PING_MS_MAX, Math.max(1, livezMs / PINGS_WITHIN_LIMIT)));

const limits = {
  headersTimeout: HEAD_LIMIT_MS,
  requestTimeout: HEAD_LIMIT_MS,
  keepAliveTimeout: HEAD_LIMIT_MS,
  connectionsCheckingInterval: CHECK_EVERY_MS,
};
const server = createServer(limits, (request, response) => void answer(request, response));
server.on('connection', bound);
server.once('error', (error) => post({ fault: listenFault(error) }));
const listened = (): void => {
  trimHeap();
  post({ port: (server.address() as AddressInfo).port });
};
server.listen({ port: wantedPort, exclusive: true, ...(host === '' ? {} : { host }) }, listened);

/** A probe is the newest connection and is answered at once, so it gets through whoever holds the others open. */
function bound(socket: Socket): void {
  connections.add(socket);
  socket.once('close', () => connections.delete(socket));
  if (connections.size <= MAX_CONNECTIONS) return;
  const [oldest] = connections;
  connections.delete(oldest!);
  oldest!.destroy();
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [path, query = ''] = request.url!.split('?') as [string, string?];
  if (request.method === 'GET' && path.startsWith('/debug/')) return debug(path, query, response);
  const { status, type, text } = await pageOf(request.method!, path);
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) });
  response.end(request.method === 'HEAD' ? undefined : text);
}

const CPU_PROFILE = '/debug/cpu-profile';
const HEAP_SNAPSHOT = '/debug/heap-snapshot';
const PROFILE_S = 10;
const MAX_PROFILE_S = 60;
let isProfiling = false;

async function debug(path: string, query: string, response: ServerResponse): Promise<void> {
  const refuse = (status: number, text: string): void =>
    void response.writeHead(status, { 'content-type': TEXT }).end(`${text}\n`);
  if (!profiling)
    return refuse(404, 'there are no profiles: set serve.profiling: true, and start the sidecar anew');
  const asked = new URLSearchParams(query);
  const seconds = Number(asked.get('seconds') ?? PROFILE_S);
  if (path !== CPU_PROFILE && path !== HEAP_SNAPSHOT)
    return refuse(404, `there are ${CPU_PROFILE}?seconds=${PROFILE_S} and ${HEAP_SNAPSHOT}`);
  const unknown = [...asked.keys()].find((name) => path === HEAP_SNAPSHOT || name !== 'seconds');
  if (unknown !== undefined) {
    const known = path === HEAP_SNAPSHOT ? 'takes no parameters' : 'takes seconds alone';
    return refuse(400, `${path} ${known}, and not ${JSON.stringify(unknown)}`);
  }
  if (!(seconds > 0 && seconds <= MAX_PROFILE_S))
    return refuse(400, `seconds should be a number above 0 and up to ${MAX_PROFILE_S}`);
  if (isProfiling) return refuse(409, 'another profile is being taken');
  isProfiling = true;
  // A client that goes away ends its profile, so that the next one need not wait for it.
  const left = new AbortController();
  response.once('close', () => left.abort());
  try {
    // Loaded only here: it is of no use to a sidecar that is well.
    const { cpuProfile, heapSnapshot } = await import('./main-thread-profile.ts');
    const headers = { 'content-type': 'application/json' };
    if (path === CPU_PROFILE) {
      const profile = await cpuProfile(seconds, (ms) => sleep(ms, undefined, { signal: left.signal }));
      response.writeHead(200, headers).end(profile);
    } else {
      response.writeHead(200, headers);
      await heapSnapshot((piece) => void response.write(piece));
      response.end();
    }
  } catch (error) {
    if (response.headersSent || left.signal.aborted) response.destroy();
    else refuse(500, (error as Error).message);
  } finally {
    isProfiling = false;
  }
}

function pageOf(method: string, path: string): Page | Promise<Page> {
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, type: TEXT, text: 'GET only\n' };
  if (path === '/livez') return isAlive() ? { status: 200, type: TEXT, text: 'alive\n' } : stuck();
  if (path === '/readyz') return readyz();
  return path === '/metrics' ? metrics() : askMain(path);
}

function isAlive(): boolean {
  return performance.now() - pongMs < livezMs;
}

function stuck(): Page {
  const s = ((performance.now() - pongMs) / 1_000).toFixed(1);
  return { status: 503, type: TEXT, text: `the thread that answers requests has not answered for ${s} s\n` };
}

function readyz(): Page {
  if (!isAlive()) return stuck();
  return ready
    ? { status: 200, type: TEXT, text: 'ready\n' }
    : { status: 503, type: TEXT, text: `not ready: ${reason}\n` };
}

async function metrics(): Promise<Page> {
  const page = await askMain('/metrics');
  const nowMs = performance.now();
  if (page.status === 200) lastMetrics = { page, atMs: nowMs };
  if (lastMetrics === null) return page;
  const age = ((nowMs - lastMetrics.atMs) / 1_000).toFixed(1);
  const name = 'plumbline_metrics_age_seconds';
  const help =
    'How old these figures are: above 0 while the answering thread does not answer the admin port.';
  const line = `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${age}\n`;
  return { ...lastMetrics.page, text: lastMetrics.page.text + line };
}

function askMain(path: string): Promise<Page> {
  pagesRequested += 1;
  const number = pagesRequested;
  return new Promise((resolve) => {
    const limit = setTimeout(() => {
      waiting.delete(number);
      const text = `the thread that answers requests has not answered within ${ANSWER_LIMIT_MS / 1_000} s\n`;
      resolve({ status: 503, type: TEXT, text });
    }, ANSWER_LIMIT_MS);
    waiting.set(number, (page) => {
      clearTimeout(limit);
      resolve(page);
    });
    post({ ask: number, path });
  });
}
