/** The admin port: liveness, readiness, metrics, state. GET only, on all interfaces, and so without entity ids. */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CacheLayers } from '../registry/settings.ts';
import { sidecarError } from './errors.ts';

export interface AdminPages {
  /** A bundle is loaded and the port is open; an outage of the store does not make a pod unready. */
  isReady(): boolean;
  metrics(): string;
  /** Which layers of the cache are on now; switched in plumbline.yaml, never here. */
  cacheLayers(): CacheLayers;
}

export interface Admin {
  readonly port: number;
  close(): Promise<void>;
}

/** @throws SRV_PORT */
export async function openAdmin(port: number, pages: AdminPages): Promise<Admin> {
  const server = createServer((request, response) => {
    const path = request.url!.split('?')[0]!;
    const [status, type, body] = answerOrFault(request.method!, path, pages);
    response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
    response.end(request.method === 'HEAD' ? undefined : body);
  });
  await listen(server, port);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A fault in a page is that page's: it must not end the process that serves features. */
function answerOrFault(method: string, path: string, pages: AdminPages): [number, string, string] {
  try {
    return answer(method, path, pages);
  } catch (error) {
    return [500, 'text/plain; charset=utf-8', `${(error as Error).message}\n`];
  }
}

function answer(method: string, path: string, pages: AdminPages): [number, string, string] {
  const text = 'text/plain; charset=utf-8';
  if (method !== 'GET' && method !== 'HEAD') return [405, text, 'GET only\n'];
  if (path === '/livez') return [200, text, 'alive\n'];
  if (path === '/readyz') return pages.isReady() ? [200, text, 'ready\n'] : [503, text, 'not ready\n'];
  if (path === '/metrics') return [200, 'text/plain; version=0.0.4; charset=utf-8', pages.metrics()];
  if (path === '/cache-layers') return [200, 'application/json', JSON.stringify(pages.cacheLayers())];
  return [404, text, 'there are /livez, /readyz, /metrics and /cache-layers\n'];
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const message = `cannot listen on the admin port ${port}: ${error.message}`;
      reject(sidecarError('SRV_PORT', message, { field: 'serve.adminPort' }, error));
    });
    server.listen({ port, exclusive: true }, resolve);
  });
}
