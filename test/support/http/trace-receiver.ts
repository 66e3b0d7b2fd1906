/** A receiver of traces over OTLP/HTTP on loopback, which keeps what it was sent. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: string };
}

interface Sent {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly SentSpan[] }[];
  }[];
}

interface SentSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
}

type Values = Readonly<Record<string, string | number>>;

interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly fromNs: bigint;
  readonly toNs: bigint;
  readonly attributes: Values;
}

export interface TraceReceiver {
  readonly url: string;
  spans(): ReceivedSpan[];
  /** What each batch says of its sender. */
  resources(): Values[];
  stop(): Promise<void>;
}

export async function startTraceReceiver(): Promise<TraceReceiver> {
  const batches: Sent[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      batches.push(JSON.parse(body) as Sent);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const all = () => batches.flatMap(({ resourceSpans }) => resourceSpans);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`,
    spans: () => all().flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans.map(received))),
    resources: () => all().map(({ resource }) => valuesOf(resource.attributes)),
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function received({ startTimeUnixNano, endTimeUnixNano, attributes, ...span }: SentSpan): ReceivedSpan {
  const { traceId, spanId, parentSpanId, name } = span;
  return {
    traceId,
    spanId,
    parentSpanId,
    name,
    fromNs: BigInt(startTimeUnixNano),
    toNs: BigInt(endTimeUnixNano),
    attributes: valuesOf(attributes),
  };
}

function valuesOf(attributes: readonly Attribute[]): Values {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]),
  );
}
