/**
 * A closed-loop HTTP client on raw sockets: each connection sends a request, waits for the whole answer, sends the
 * next. It does nothing else, so that on two cores it takes as little as it can from the server that is measured.
 *
 *   node benchmarks/harness/closed-loop.ts PORT CONNECTIONS WARMUP_S SECONDS PATH BODY
 *
 * Prints one JSON line: {requests, seconds, p50Ms, p99Ms, failures, fault}; `requests` counts what was answered with
 * 200, `fault` is how the first other answer begins.
 */
import { connect } from 'node:net';
import { LatencyHistogram } from '../../loadtest/generator/latency-histogram.ts';

const [port, connections, warmupS, seconds, path, body] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const REQUEST = Buffer.from(
  `POST ${path} HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
);
const OK = 'HTTP/1.1 200';
const LENGTH = Buffer.from('ontent-');
const latencies = new LatencyHistogram();

let measuring = false;
let requests = 0;
let failures = 0;
let fault: string | null = null;

function run(): void {
  const socket = connect(Number(port), '127.0.0.1');
  socket.setNoDelay(true);
  let sentMs = 0;
  let left = 0;
  const send = (): void => {
    sentMs = performance.now();
    socket.write(REQUEST);
  };
  socket.on('connect', send);
  socket.on('error', (error) => {
    throw error;
  });
  socket.on('data', (chunk: Buffer) => {
    if (left === 0) {
      const end = chunk.indexOf('\r\n\r\n');
      if (end === -1) throw new Error('the head of an answer came in pieces');
      left = end + 4 + lengthOf(chunk, end);
      if (chunk.toString('latin1', 0, OK.length) !== OK) {
        failures += 1;
        fault ??= chunk.toString('utf8', 0, OK.length) + chunk.toString('utf8', end + 4, end + 204);
      }
    }
    left -= chunk.length;
    if (left > 0) return;
    if (measuring) {
      requests += 1;
      latencies.record((performance.now() - sentMs) * 1e6);
    }
    send();
  });
}

function lengthOf(chunk: Buffer, end: number): number {
  const head = chunk.toString('latin1', 0, end);
  let at = chunk.indexOf(LENGTH);
  while (at !== -1 && at < end) {
    const value = head.slice(at + LENGTH.length);
    // At the start of its line: Inference-Header-Content-Length is another.
    const isLength = head[at - 2] === '\n' && value.toLowerCase().startsWith('length:');
    if (isLength) return Number.parseInt(value.slice(7), 10);
    at = chunk.indexOf(LENGTH, at + 1);
  }
  throw new Error(`an answer without a length: ${head}`);
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
          `${JSON.stringify({ requests, seconds: measuredS, p50Ms, p99Ms, failures, fault })}\n`,
          () => process.exit(0),
        );
      },
      Number(seconds) * 1_000,
    );
  },
  Number(warmupS) * 1_000,
);
