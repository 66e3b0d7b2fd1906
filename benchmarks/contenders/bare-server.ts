/**
 * The ceiling of the benchmark: uWebSockets.js alone. Reads each request's body and answers with the bytes of a file.
 *
 *   node benchmarks/contenders/bare-server.ts FILE [WORK_US ACCEPTED]       prints "listening PORT" when ready
 *
 *   WORK_US    how long it works for each of these answers (0)
 *   ACCEPTED   the share of the requests that get one, by a coin; the others get a 503 (1)
 */
import { readFileSync } from 'node:fs';
import { App, us_socket_local_port } from 'uWebSockets.js';

const [file, workUs = '0', accepted = '1'] = process.argv.slice(2) as [string, string?, string?];
const body = readFileSync(file);
const workMs = Number(workUs) / 1_000;
const share = Number(accepted);

function work(): void {
  const endMs = performance.now() + workMs;
  while (performance.now() < endMs);
}

App()
  .post('/*', (res) => {
    res.onAborted(() => {});
    res.onData((_chunk, last) => {
      if (!last) return;
      if (share < 1 && Math.random() >= share) {
        res.writeStatus('503 Service Unavailable').writeHeader('retry-after', '1').end('{}');
        return;
      }
      if (workMs > 0) work();
      res.writeHeader('content-type', 'application/json').end(body);
    });
  })
  .listen('127.0.0.1', 0, (socket) => {
    if (socket === false) throw new Error('no free port on 127.0.0.1');
    process.stdout.write(`listening ${us_socket_local_port(socket)}\n`);
  });
