/** What takes requests whose turn has come, and answers for them: server.ts over HTTP, grpc-server.ts over gRPC. */
import type { Exchange } from './transport/transport.ts';
import type { Refusal } from './request/admission.ts';

export interface RequestServer {
  /**
   * @param body   valid during the call only
   * @param ageMs  how much of its deadline is spent
   */
  serve(exchange: Exchange, body: Buffer, ageMs: number): void;
  /** Refuses a request on which no work was done. */
  shed(exchange: Exchange, why: Refusal): void;
  /** Answers a request that met a fault after it was served. */
  refuse(exchange: Exchange, fault: unknown): void;
  /** The policy `reject`: an answer that cannot be logged does not leave. */
  refuseUnlogged(exchange: Exchange): void;
}
