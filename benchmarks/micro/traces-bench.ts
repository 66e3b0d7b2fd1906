/**
 * What tracing costs a request, beside serving it: nothing that can be measured where it is off; where it is on, of a
 * request without `traceparent`, of one that its caller does not record, and of one that becomes spans.
 *
 *   node --disable-warning=ExperimentalWarning benchmarks/micro/traces-bench.ts [--rounds 5]
 *
 * Processor time. Not a test: figures depend on the machine.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { SpanExporter } from '../../sidecar/traces/span-exporter.ts';
import type { SpanSink } from '../../sidecar/traces/span-exporter.ts';
import { Tracer } from '../../sidecar/traces/tracer.ts';
import { Exchange } from '../../sidecar/transport/transport.ts';
import { median } from '../harness/median.ts';

const TIMES = 20_000;
const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7';
const { values: flags } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });

class SilentExchange extends Exchange {
  override reply(): void {}
}

const nowhere: SpanSink = { add() {} };
/** Its queue fills at once: what is measured is what the answering thread does with a span that is dropped. */
const full = new SpanExporter({ url: 'http://127.0.0.1:9', resource: {}, logger: { warn() {} } });

function request(tracer: Tracer | null, traceparent: string): () => void {
  const exchange = new SilentExchange();
  exchange.requestId = 'id';
  return () => {
    exchange.head.traceparent = traceparent;
    if (tracer !== null) exchange.trace = tracer.begin(exchange);
    exchange.trace?.asks(1);
    exchange.trace?.hasRows();
    if (exchange.trace !== null) exchange.trace.answers('service', 1);
    const { trace } = exchange;
    if (trace !== null) exchange.trace = null;
    if (trace !== null) trace.end('/route', 200);
  };
}

const CASES: Readonly<Record<string, () => void>> = {
  off: request(null, ''),
  'on, no traceparent': request(new Tracer(nowhere, 0), ''),
  'on, not recorded': request(new Tracer(nowhere, 0), `${PARENT}-00`),
  'on, four spans': request(new Tracer(nowhere, 0), `${PARENT}-01`),
  'on, four spans, the queue is full': request(new Tracer(full, 0), `${PARENT}-01`),
};

function cpuUs(run: () => void): number {
  const before = process.cpuUsage();
  for (let i = 0; i < TIMES; i++) run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / TIMES;
}

console.log(`${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}`);
const found = Object.fromEntries(Object.keys(CASES).map((name) => [name, [] as number[]]));
for (let round = 0; round < Number(flags.rounds); round++) {
  const names = Object.keys(CASES);
  for (const name of round % 2 === 0 ? names : names.toReversed()) found[name]!.push(cpuUs(CASES[name]!));
}
for (const [name, all] of Object.entries(found)) {
  console.log(`  ${name}: ${median(all).toFixed(3)} us (${all.map((us) => us.toFixed(3)).join(', ')})`);
}
process.exit(0);
