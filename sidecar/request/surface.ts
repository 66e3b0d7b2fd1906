/** A surface: one contract of the sidecar, i.e. how a request is written and how its answer is. */
import type { CodedError } from '../../contract/std/coded-error.ts';
import type { AnswerBuffer } from '../answer/answer-buffer.ts';
import type { FeatureRequest } from './feature-request.ts';
import type { BundlePlans } from '../plan/bundle-plans.ts';
import type { Exchange, ReplyHeaders } from '../transport/transport.ts';
import type { RequestInFlight } from './request-in-flight.ts';

/** @typeParam Form  what it must remember of a request to answer it */
export interface Surface<Form = unknown> {
  /** Index into SURFACES. */
  readonly code: number;
  /** As metrics name it. */
  readonly route: string;
  /** @throws the SRV_ codes of bad input */
  parse(body: Buffer, plans: BundlePlans, exchange: Exchange): FeatureRequest<Form>;
  /** Writes the answer; every row of the request has its status. @returns the answer's headers */
  answer(inFlight: RequestInFlight<Form>, latencyMs: number, out: AnswerBuffer): ReplyHeaders;
  errorBody(error: CodedError): string;
}
