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
const SPAN_ID_DIGITS = 2 * SPAN_ID_BYTES;
/** At most, of one request. */
const SPANS = 4;
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
    // One call for all: each takes some microseconds.
    const ids = randomBytes(SPANS * SPAN_ID_BYTES).toString('hex');
    const idAt = (i: number): string => ids.slice(i * SPAN_ID_DIGITS, (i + 1) * SPAN_ID_DIGITS);
    const spans: TraceSpan[] = [];
    const add = (
      name: string,
      kind: number,
      [fromMs, toMs]: readonly [number, number],
      attributes: TraceSpan['attributes'],
    ): unknown =>
      spans.push({
        traceId: this.#traceId,
        spanId: idAt(spans.length),
        parentId: kind === SERVER ? this.#parentId : idAt(0),
        name,
        kind,
        fromNs: nanoseconds(epochMs + fromMs),
        toNs: nanoseconds(epochMs + toMs),
        isError: kind === SERVER && status >= SERVER_FAULT,
        attributes,
      });
    add(route, SERVER, [this.#readMs, nowMs], {
      'http.route': route,
      'http.response.status_code': status,
      'plumbline.request_id': this.#requestId,
      'plumbline.service': this.#service,
      'plumbline.rows': this.#rows,
    });
    add('wait for its turn', INTERNAL, [this.#readMs, this.#turnMs], {});
    if (this.#rowsMs > 0)
      add('read the store', CLIENT, [this.#asksMs, this.#rowsMs], { 'plumbline.missing': this.#missing });
    if (this.#answerMs > 0) add('log and leave', INTERNAL, [this.#answerMs, nowMs], {});
    this.#sink.add(spans);
  }
}

/** @returns as text, since a double holds them to a quarter of a microsecond only */
function nanoseconds(ms: number): string {
  return String(BigInt(Math.round(ms * 1_000)) * 1_000n);
}
