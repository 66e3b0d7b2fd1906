/**
 * The port of a surface, i.e. of one protocol of the sidecar: how a request is written and how its answer is. Called by
 * serve.ts, and by server.ts and grpc-server.ts; surface/surfaces.ts has the lists.
 */
import type { CodedError } from '../../contract/std/coded-error.ts';
import type { AnswerBuffer } from '../transport/answer-buffer.ts';
import type { FeatureRequest } from './feature-request.ts';
import type { BundlePlans } from '../plan/bundle-plans.ts';
import type { Plan } from '../plan/plan.ts';
import type { Exchange, ReplyHeaders } from '../transport/transport.ts';
import type { RequestInFlight } from './request-in-flight.ts';

export type ExampleBody = Readonly<Record<string, unknown>>;

export interface ExampleRequest {
  readonly path: string;
  readonly body: ExampleBody;
}

/**
 * What serve.ts needs of a surface.
 *
 * @typeParam Form  what it must remember of a request to answer it
 */
export interface VectorCodec<Form = unknown> {
  /** Index into SURFACES, by which the log knows it. */
  readonly code: number;
  /** As metrics name it. */
  readonly route: string;
  /** @throws the SRV_ codes of bad input */
  parse(body: Buffer, plans: BundlePlans, exchange: Exchange): FeatureRequest<Form>;
  /** Writes the answer; every row of the request has its status. @returns the answer's headers */
  answer(inFlight: RequestInFlight<Form>, latencyMs: number, out: AnswerBuffer): ReplyHeaders;
}

/** A surface over HTTP. */
export interface Surface<Form = unknown> extends VectorCodec<Form> {
  /** What transports listen on: one path, or with `/*` at its end any path below. */
  readonly path: string;
  /** Whether its requests are posted to a path. */
  takes(path: string): boolean;
  /** Whether faults at a path are told in its words. */
  owns(path: string): boolean;
  errorBody(error: CodedError): string;
  /** Requests of a service that can be sent as they stand: one for each form of its answers. */
  examples(plan: Plan): readonly ExampleRequest[];
}
