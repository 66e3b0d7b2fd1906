/** One call of gRPC and its answer, apart from the library that carries it: grpc.ts. */
import { Exchange } from './transport.ts';
import type { ReplyHeaders } from './transport.ts';

export interface GrpcHandler {
  /** Paths of the methods that are served; an exchange's route is an index into them. */
  readonly methods: readonly string[];
  /** @param message  as its method takes it, without gRPC's frame */
  onMessage(exchange: GrpcExchange, message: Buffer): void;
}

/** What it answers a call with. */
export interface GrpcReply {
  /** @param message  copied within the call */
  message(message: Buffer, trailers: ReplyHeaders): void;
  status(code: number, message: string, trailers: ReplyHeaders): void;
}

/** A caller stops waiting at its deadline, so an answer leaves by this share of the time earlier, so much at most. */
const WAY_SHARE = 0.1;
const MAX_WAY_MS = 20;
const LEAST_MS = 0.001;
const MOST_MS = 60_000;

export class GrpcExchange extends Exchange {
  override readonly isGrpc = true;
  readonly #reply: GrpcReply;
  readonly #onDone: () => void;
  #isOver = false;

  /** @param onDone  called once, when it has its answer or its caller is gone */
  constructor(route: number, path: string, reply: GrpcReply, onDone: () => void) {
    super();
    this.route = route;
    this.path = path;
    this.method = 'POST';
    this.#reply = reply;
    this.#onDone = onDone;
  }

  /** @param leftMs  until the caller stops waiting; Infinity: it names no deadline */
  setDeadline(leftMs: number): void {
    if (leftMs === Infinity) return;
    const ms = leftMs - Math.min(MAX_WAY_MS, leftMs * WAY_SHARE);
    this.head.deadlineMs = String(Math.min(MOST_MS, Math.max(LEAST_MS, ms)));
  }

  /** Only ever with 200: what is no answer is told by `fail`. */
  override reply(_status: number, body: string | Buffer, headers: ReplyHeaders): void {
    if (this.#isOver) return;
    this.#reply.message(body as Buffer, headers);
    this.#end();
  }

  fail(code: number, message: string, trailers: ReplyHeaders): void {
    if (this.#isOver) return;
    this.#reply.status(code, message, trailers);
    this.#end();
  }

  /** Nobody waits for the answer any more. */
  gone(): void {
    if (this.#isOver) return;
    this.aborted = true;
    this.#end();
  }

  #end(): void {
    this.#isOver = true;
    this.#onDone();
  }
}
