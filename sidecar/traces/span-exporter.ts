/**
 * Sends spans to a receiver of OTLP over HTTP, as JSON: in batches, one on its way at a time. Nothing waits for it:
 * past its queue spans are dropped and counted, and so are those of a batch that the receiver did not take, since a
 * trace is worth no memory of a sidecar.
 */
import { CallError, httpCall, shownServer } from '../../project/connections/http-call.ts';
import type { Logger } from '../../contract/std/logger.ts';

export interface TraceSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: it is the first of its trace. */
  readonly parentId: string;
  readonly name: string;
  readonly kind: number;
  /** Nanoseconds since 1970. */
  readonly fromNs: string;
  readonly toNs: string;
  readonly isError: boolean;
  readonly attributes: Readonly<Record<string, string | number>>;
}

export interface SpanSink {
  add(spans: readonly TraceSpan[]): void;
}

export interface SpanCounts {
  readonly sent: number;
  readonly dropped: number;
}

interface ExporterOptions {
  /** The receiver's, such as http://127.0.0.1:4318/v1/traces */
  readonly url: string;
  /** What the resource of all spans is called by: names and values of OpenTelemetry's conventions. */
  readonly resource: Readonly<Record<string, string>>;
  readonly logger: Pick<Logger, 'warn'>;
}

const MAX_QUEUED = 4_096;
const BATCH = 512;
const EVERY_MS = 1_000;
const LIMIT_MS = 5_000;
const ERROR_STATUS = 2;
const REFUSED_FROM = 400;

export class SpanExporter implements SpanSink {
  readonly #options: ExporterOptions;
  readonly #resource: object;
  #queue: TraceSpan[] = [];
  #timer: NodeJS.Timeout | null = null;
  #sending: Promise<void> | null = null;
  #sent = 0;
  #dropped = 0;

  constructor(options: ExporterOptions) {
    this.#options = options;
    this.#resource = { attributes: attributesOf(options.resource) };
  }

  get counts(): SpanCounts {
    return { sent: this.#sent, dropped: this.#dropped };
  }

  add(spans: readonly TraceSpan[]): void {
    if (this.#queue.length + spans.length > MAX_QUEUED) {
      this.#dropped += spans.length;
      return;
    }
    for (const span of spans) this.#queue.push(span);
    this.#timer ??= setTimeout(() => this.#flush(), EVERY_MS).unref();
  }

  /** Sends what is left, one batch after the other, until one is not taken. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#sending;
    const { dropped } = this.counts;
    while (this.#queue.length > 0 && this.#dropped === dropped) await this.#sendBatch();
  }

  #flush(): void {
    this.#timer = null;
    if (this.#sending !== null || this.#queue.length === 0) return;
    this.#sending = this.#sendBatch().finally(() => {
      this.#sending = null;
      const waitMs = this.#queue.length >= BATCH ? 0 : EVERY_MS;
      if (this.#queue.length > 0) this.#timer ??= setTimeout(() => this.#flush(), waitMs).unref();
    });
  }

  async #sendBatch(): Promise<void> {
    const spans = this.#queue.splice(0, BATCH);
    const fault = await this.#post(spans);
    if (fault === null) {
      this.#sent += spans.length;
      return;
    }
    this.#dropped += spans.length;
    this.#options.logger.warn(`the receiver of traces, ${shownServer(this.#options.url)}: ${fault}`);
  }

  /** @returns why they were not taken, as a clause; null: they were */
  async #post(spans: readonly TraceSpan[]): Promise<string | null> {
    const scope = { name: 'plumbline' };
    const scopeSpans = [{ scope, spans: spans.map(spanJson) }];
    const body = JSON.stringify({ resourceSpans: [{ resource: this.#resource, scopeSpans }] });
    const headers = { 'content-type': 'application/json' };
    try {
      const { url } = this.#options;
      const { status } = await httpCall({ method: 'POST', url, headers, body, limitMs: LIMIT_MS, ca: null });
      return status >= REFUSED_FROM ? `it answered ${status}` : null;
    } catch (error) {
      if (error instanceof CallError) return error.message;
      throw error;
    }
  }
}

function spanJson(span: TraceSpan): object {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentId,
    name: span.name,
    kind: span.kind,
    startTimeUnixNano: span.fromNs,
    endTimeUnixNano: span.toNs,
    attributes: attributesOf(span.attributes),
    status: span.isError ? { code: ERROR_STATUS } : {},
  };
}

function attributesOf(values: Readonly<Record<string, string | number>>): object[] {
  return Object.entries(values).map(([key, value]) => ({
    key,
    value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value },
  }));
}
