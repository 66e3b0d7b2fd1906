/**
 * gRPC over the surfaces: methods, and what an error is on gRPC. Called by transport/grpc.ts with whole messages; calls
 * serve.ts, as server.ts does for HTTP, through the same admission.
 *
 *   message ->  a method that asks for vectors: waits its turn, then serve.ts
 *           ->  another method: answered at once
 */
import type { CodedError } from '../contract/std/coded-error.ts';
import { sidecarError } from './errors.ts';
import {
  DEADLINE_EXCEEDED,
  RESOURCE_EXHAUSTED,
  UNAVAILABLE,
  grpcStatusOf,
  httpStatusOf,
} from './error-status.ts';
import type { Metrics } from './metrics/metrics.ts';
import { REFUSED } from './request/admission.ts';
import type { Admission, Refusal } from './request/admission.ts';
import { requestIdOf } from './request/request-id.ts';
import type { RequestServer } from './request-server.ts';
import type { Tracer } from './traces/tracer.ts';
import type { Serving } from './serve.ts';
import { GRPC_PAGES, GRPC_SURFACES } from './surface/surfaces.ts';
import type { GrpcExchange, GrpcHandler } from './transport/grpc-exchange.ts';

/** As clients of gRPC with a policy of retries read it. */
const RETRY_HEADER = 'grpc-retry-pushback-ms';
const RETRY_MS = '1000';
/** Trailers take printable ASCII. */
const NOT_PRINTABLE = /[^\x20-\x7e]/g;

interface GrpcServerOptions {
  readonly serving: Serving;
  readonly admission: Admission;
  readonly metrics: Metrics;
  /** Whatever was thrown as an error of the table. */
  readonly codedFault: (fault: unknown) => CodedError;
  readonly deadlineMs: number;
  /** Makes ids for requests that bring none. */
  readonly nextRequestId: () => string;
  /** null: nothing is traced. */
  readonly tracer: Tracer | null;
}

export class GrpcServer implements GrpcHandler, RequestServer {
  /** First the methods that ask for vectors, in the order of the surfaces. */
  readonly methods: readonly string[] = [
    ...GRPC_SURFACES.map(({ route }) => route),
    ...Object.keys(GRPC_PAGES),
  ];
  readonly #options: GrpcServerOptions;

  constructor(options: GrpcServerOptions) {
    this.#options = options;
  }

  onMessage(exchange: GrpcExchange, message: Buffer): void {
    if (exchange.route < GRPC_SURFACES.length) return this.#options.admission.take(exchange, message);
    const { serving, metrics } = this.#options;
    try {
      exchange.reply(200, GRPC_PAGES[exchange.path]!(message, serving.plans), []);
      metrics.countRequest(exchange.path, 200);
    } catch (fault) {
      this.refuse(exchange, fault);
    }
  }

  serve(exchange: GrpcExchange, message: Buffer, ageMs: number): void {
    try {
      const { tracer, nextRequestId } = this.#options;
      const { deadlineMs } = exchange.head;
      exchange.requestId = requestIdOf(exchange.head, nextRequestId);
      if (tracer !== null) exchange.trace = tracer.begin(exchange);
      const deadline = deadlineMs === '' ? this.#options.deadlineMs : Number(deadlineMs);
      this.#options.serving.serve(exchange, GRPC_SURFACES[exchange.route]!, message, deadline - ageMs);
    } catch (fault) {
      this.refuse(exchange, fault);
    }
  }

  shed(exchange: GrpcExchange, why: Refusal): void {
    const { metrics } = this.#options;
    metrics.shed[why] += 1;
    const error = sidecarError('SRV_OVERLOAD', `${REFUSED[why]}; try again soon`);
    this.#fail(exchange, error, why === 'late' ? DEADLINE_EXCEEDED : RESOURCE_EXHAUSTED);
    if (why !== 'gone') metrics.countRequest(exchange.path, 503);
  }

  refuse(exchange: GrpcExchange, fault: unknown): void {
    const error = this.#options.codedFault(fault);
    this.#fail(exchange, error, grpcStatusOf(error.code));
    const status = httpStatusOf(error.code);
    this.#options.metrics.countRequest(exchange.path, status);
    exchange.trace?.end(exchange.path, status);
  }

  refuseUnlogged(exchange: GrpcExchange): void {
    this.refuse(exchange, sidecarError('SRV_LOG_FULL', 'the vector log cannot take the answer'));
  }

  /** The sentence is the status's message; the rest stands in the trailers. */
  #fail(exchange: GrpcExchange, error: CodedError, status: number): void {
    const { field, help } = error.details;
    const trailers: [string, string][] = [['error-code', error.code]];
    if (field !== undefined) trailers.push(['error-field', printable(field)]);
    if (help !== undefined) trailers.push(['error-help', printable(help)]);
    if (status === RESOURCE_EXHAUSTED || status === UNAVAILABLE) trailers.push([RETRY_HEADER, RETRY_MS]);
    exchange.fail(status, error.message.toWellFormed(), trailers);
  }
}

function printable(text: string): string {
  return text.toWellFormed().replace(NOT_PRINTABLE, encodeURIComponent);
}
