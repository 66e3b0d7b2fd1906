/**
 * The ceiling of the benchmark: uWebSockets.js alone. Reads each request's body and answers with the bytes of a file.
 *
 *   node loadtest/bare-server.ts FILE        prints "listening PORT" when ready
 */
import { readFileSync } from 'node:fs';
import { App, us_socket_local_port } from 'uWebSockets.js';

const body = readFileSync(process.argv[2]!);

App()
  .post('/*', (res) => {
    res.onAborted(() => {});
    res.onData((_chunk, last) => {
      if (last) res.writeHeader('content-type', 'application/json').end(body);
    });
  })
  .listen('127.0.0.1', 0, (socket) => {
    if (socket === false) throw new Error('no free port on 127.0.0.1');
    process.stdout.write(`listening ${us_socket_local_port(socket)}\n`);
  });
