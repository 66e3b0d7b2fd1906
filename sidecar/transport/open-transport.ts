/**
 * Opens the transport that the settings name, and the address that it listens on: a port or a unix socket. Called by
 * main.ts.
 */
import type { Logger } from '../../contract/std/logger.ts';
import type { ServeSettings } from '../../project/settings/serve-settings.ts';
import { UNIX } from './transport.ts';
import type { HttpHandler, Transport } from './transport.ts';
import { listenOnSocket } from './unix-socket.ts';
import { uwsTransport } from './uws.ts';

export interface Listening {
  /** 0 for a unix socket. */
  readonly port: number;
  /** Removes the socket's file; a second call is no error. */
  release(): void;
}

/** @throws SRV_PORT */
export async function listen(transport: Transport, serve: ServeSettings): Promise<Listening> {
  const { host, port, socketMode, socketGroup } = serve;
  if (!host.startsWith(UNIX)) return { port: await transport.listen(host, port), release() {} };
  const access = { mode: Number.parseInt(socketMode, 8), group: socketGroup };
  return { port: 0, release: await listenOnSocket(transport, host.slice(UNIX.length), access) };
}

/** @throws SRV_TRANSPORT when uWebSockets.js alone was wanted and cannot be loaded */
export async function openTransport(
  wanted: ServeSettings['transport'],
  handler: HttpHandler,
  logger: Logger,
): Promise<Transport> {
  // node:http takes 12 MiB, so it is loaded only where it serves.
  const node = async (): Promise<Transport> => (await import('./node-http.ts')).nodeTransport(handler);
  if (wanted === 'node') return node();
  try {
    return await uwsTransport(handler);
  } catch (error) {
    if (wanted === 'uws') throw error;
    logger.warn(
      `${(error as Error).message}. NODE:HTTP SERVES INSTEAD, at about half the rate: install the optional ` +
        'dependency uWebSockets.js, and set serve.transport to uws so that a sidecar without it does not start',
    );
    return node();
  }
}
