/**
 * A closed-loop client of gRPC on node:http2: each connection sends a call, waits for its whole answer, sends the next.
 *
 *   node benchmarks/harness/grpc-loop.ts PORT CONNECTIONS WARMUP_S SECONDS PATH MESSAGE_IN_HEX
 *
 * Prints as closed-loop.ts does; `requests` counts what was answered with status 0.
 */
import { connect } from 'node:http2';
import { LatencyHistogram } from '../../loadtest/generator/latency-histogram.ts';

const [port, connections, warmupS, seconds, path, hex] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const message = Buffer.from(hex, 'hex');
const frame = Buffer.alloc(5 + message.length);
frame.writeUInt32BE(message.length, 1);
message.copy(frame, 5);
const HEADERS = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
const latencies = new LatencyHistogram();

let measuring = false;
let requests = 0;
let failures = 0;

function run(): void {
  const session = connect(`http://127.0.0.1:${port}`);
  const send = (): void => {
    const sentMs = performance.now();
    const stream = session.request(HEADERS, { endStream: false });
    let status = '';
    stream.on('trailers', (trailers) => (status = String(trailers['grpc-status'])));
    stream.on('close', () => {
      if (status !== '0') failures += 1;
      if (measuring) {
        requests += 1;
        latencies.record((performance.now() - sentMs) * 1e6);
      }
      send();
    });
    stream.resume();
    stream.end(frame);
  };
  send();
}

for (let i = 0; i < Number(connections); i++) run();
setTimeout(
  () => {
    measuring = true;
    process.stdout.write('measuring\n');
    const startedMs = performance.now();
    setTimeout(
      () => {
        const measuredS = (performance.now() - startedMs) / 1_000;
        const [p50Ms, p99Ms] = [latencies.quantileNs(0.5) / 1e6, latencies.quantileNs(0.99) / 1e6];
        process.stdout.write(
          `${JSON.stringify({ requests, seconds: measuredS, p50Ms, p99Ms, failures })}\n`,
          () => process.exit(0),
        );
      },
      Number(seconds) * 1_000,
    );
  },
  Number(warmupS) * 1_000,
);
