/**
 * The control of a fault run: a server that answers every request when its time has passed, and does nothing else.
 * How late its answers are is what this machine adds to a deadline at that moment.
 *
 *   node test/support/http/timed-answer.ts MILLISECONDS        prints "listening PORT" when ready
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const afterMs = Number(process.argv[2]);

const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => setTimeout(() => response.setHeader('Content-Length', 2).end('{}'), afterMs));
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`listening ${(server.address() as AddressInfo).port}\n`);
});
