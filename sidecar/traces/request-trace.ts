/**
 * The times of one request that is traced, and the spans that they make when its answer leaves. Made by tracer.ts, hung
 * on the exchange, told by serve.ts; a request that is not traced has none, and costs a look at a null.
 *
 *   read ──── turn ───────────────── answer ── left
 *              └── asks the store ── rows ┘
 *
 * Times are those of the monotonic clock.
 */
import { randomBytes } from 'node:crypto';
import type { SpanSink, TraceSpan } from './span-exporter.ts';
import type { TraceContext } from './trace-context.ts';

const SPAN_ID_BYTES = 8;
const TRACE_ID_BYTES = 16;
/** As OTLP numbers kinds of spans. */
const INTERNAL = 1;
const SERVER = 2;
const CLIENT = 3;
const SERVER_FAULT = 500;

export class RequestTrace {
  readonly #sink: SpanSink;
  readonly #traceId: string;
  readonly #parentId: string;
  readonly #requestId: string;
  readonly #readMs: number;
  readonly #turnMs = performance.now();
  #asksMs = 0;
  #rowsMs = 0;
  #answerMs = 0;
  #missing = 0;
  #service = '';
  #rows = 0;

  /** @param parent  null: the trace begins here */
  constructor(sink: SpanSink, parent: TraceContext | null, requestId: string, readMs: number) {
    this.#sink = sink;
    this.#traceId = parent === null ? randomBytes(TRACE_ID_BYTES).toString('hex') : parent.traceId;
    this.#parentId = parent === null ? '' : parent.parentId;
    this.#requestId = requestId;
    this.#readMs = readMs;
  }

  /** It waits for rows of the store from now on. */
  asks(missing: number): void {
    this.#asksMs = performance.now();
    this.#missing = missing;
  }

  /** It has its rows, or its deadline is over. */
  hasRows(): void {
    this.#rowsMs = performance.now();
  }

  /** Its answer is written, and waits to be logged. */
  answers(service: string, rows: number): void {
    this.#answerMs = performance.now();
    this.#service = service;
    this.#rows = rows;
  }

  /** Its answer has left. */
  end(route: string, status: number): void {
    const nowMs = performance.now();
    const epochMs = Date.now() - nowMs;
    const root = randomBytes(SPAN_ID_BYTES).toString('hex');
    const span = (
      name: string,
      kind: number,
      [fromMs, toMs]: readonly [number, number],
      attributes: TraceSpan['attributes'],
    ): TraceSpan => ({
      traceId: this.#traceId,
      spanId: kind === SERVER ? root : randomBytes(SPAN_ID_BYTES).toString('hex'),
      parentId: kind === SERVER ? this.#parentId : root,
      name,
      kind,
      fromNs: nanoseconds(epochMs + fromMs),
      toNs: nanoseconds(epochMs + toMs),
      isError: kind === SERVER && status >= SERVER_FAULT,
      attributes,
    });
    const spans = [
      span(route, SERVER, [this.#readMs, nowMs], {
        'http.route': route,
        'http.response.status_code': status,
        'plumbline.request_id': this.#requestId,
        'plumbline.service': this.#service,
        'plumbline.rows': this.#rows,
      }),
      span('wait for its turn', INTERNAL, [this.#readMs, this.#turnMs], {}),
    ];
    if (this.#rowsMs > 0)
      spans.push(
        span('read the store', CLIENT, [this.#asksMs, this.#rowsMs], { 'plumbline.missing': this.#missing }),
      );
    if (this.#answerMs > 0) spans.push(span('log and leave', INTERNAL, [this.#answerMs, nowMs], {}));
    this.#sink.add(spans);
  }
}

/** @returns as text, since a double holds them to a quarter of a microsecond only */
function nanoseconds(ms: number): string {
  return String(BigInt(Math.round(ms * 1_000)) * 1_000n);
}
