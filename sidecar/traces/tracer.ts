/**
 * Which requests are traced: those whose caller records the trace (`traceparent`), and of those that belong to none a
 * share. Called by the servers when a request's turn has come; there is none where `serve.traces.url` is not set.
 */
import type { Exchange } from '../transport/transport.ts';
import { RequestTrace } from './request-trace.ts';
import type { SpanSink } from './span-exporter.ts';
import { parseTraceparent } from './trace-context.ts';

export class Tracer {
  readonly #sink: SpanSink;
  readonly #share: number;

  /** @param share  of the requests without a `traceparent`, 0 to 1 */
  constructor(sink: SpanSink, share: number) {
    this.#sink = sink;
    this.#share = share;
  }

  /** @returns null: the request is not traced */
  begin({ head, readMs, requestId }: Exchange): RequestTrace | null {
    const parent = head.traceparent === '' ? null : parseTraceparent(head.traceparent);
    const isTraced = parent === null ? this.#share > 0 && Math.random() < this.#share : parent.isSampled;
    return isTraced ? new RequestTrace(this.#sink, parent, requestId, readMs) : null;
  }
}
