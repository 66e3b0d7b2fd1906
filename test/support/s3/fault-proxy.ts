/**
 * Stands between a client and a fake S3 on loopback, and spoils chosen calls: not answered (cut), answered with 503
 * (busy), cut in the middle of what they bring (half), answered late (slow), or done and their answer lost.
 */
import { createServer, request as send } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export type ObjectFault = 'busy' | 'cut' | 'half' | 'slow' | 'lost' | 'overwrites' | null;

const SLOW_MS = 1_500;

export interface FaultProxy {
  readonly endpoint: string;
  /** Says what becomes of a call; to be replaced by a test. */
  fault: (method: string, path: string) => ObjectFault;
  close(): Promise<void>;
}

export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const proxy: { fault: FaultProxy['fault'] } = { fault: () => null };
  const server = createServer((request, response) => {
    const { method = 'GET', url = '/' } = request;
    const fault = proxy.fault(method, url);
    if (fault === 'cut') return void request.socket.destroy();
    if (fault === 'busy') {
      request.resume();
      return void response.writeHead(503).end('<Error><Code>SlowDown</Code></Error>');
    }
    const headers = { ...request.headers };
    if (fault === 'overwrites') delete headers['if-none-match'];
    const on = send(`${target}${url}`, { method, headers }, (answer: IncomingMessage) => {
      if (fault === 'lost') {
        answer.resume();
        return void answer.on('end', () => request.socket.destroy());
      }
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    on.on('error', () => request.socket.destroy());
    if (fault === 'half') {
      request.once('data', (bytes: Buffer) => {
        on.write(bytes.subarray(0, bytes.length >> 1), () => on.destroy());
      });
      return void request.once('end', () => on.destroy());
    }
    if (fault === 'slow') return void setTimeout(() => request.pipe(on), SLOW_MS);
    request.pipe(on);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(proxy, {
    endpoint: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}
