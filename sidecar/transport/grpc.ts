/**
 * The transport of gRPC: HTTP/2 and gRPC's frames by @grpc/grpc-js, which knows no message of ours: bytes come and go.
 * It takes some MiB, so it is loaded only where gRPC is on.
 *
 * Bounds: a message of 1 MiB, unpacked; 128 calls at once on a connection; 10 s for a call's message to arrive; a
 * connection whose other end is gone is noticed within 80 s, and an idle one ends after 10 minutes. What is beyond the
 * first is refused by the library, in its own words.
 */
import type * as Grpc from '@grpc/grpc-js';
import { sidecarError } from '../errors.ts';
import { DEADLINE_EXCEEDED } from '../error-status.ts';
import { GrpcExchange } from './grpc-exchange.ts';
import type { GrpcHandler, GrpcReply } from './grpc-exchange.ts';
import { probeListenFault } from './listen-fault.ts';
import { MAX_BODY_BYTES } from './transport.ts';
import type { ReplyHeaders, Transport } from './transport.ts';

const MESSAGE_LIMIT_MS = 10_000;
const OPTIONS: Grpc.ServerOptions = {
  'grpc.max_receive_message_length': MAX_BODY_BYTES,
  'grpc.max_send_message_length': -1,
  'grpc.max_concurrent_streams': 128,
  'grpc.keepalive_time_ms': 60_000,
  'grpc.keepalive_timeout_ms': 20_000,
  'grpc.max_connection_idle_ms': 600_000,
  'grpc.enable_channelz': 0,
};

type Call = Grpc.ServerUnaryCall<Buffer, Buffer>;

/** @param messageLimitMs  how long a call's message may take to arrive */
export async function grpcTransport(
  handler: GrpcHandler,
  messageLimitMs = MESSAGE_LIMIT_MS,
): Promise<Transport> {
  return new GrpcTransport(await import('@grpc/grpc-js'), handler, messageLimitMs);
}

class GrpcTransport implements Transport {
  readonly name = 'gRPC';
  readonly trap = null;
  /** The library does not tell. */
  readonly connections = 0;
  readonly #grpc: typeof Grpc;
  readonly #server: Grpc.Server;
  #open = 0;

  constructor(grpc: typeof Grpc, handler: GrpcHandler, messageLimitMs: number) {
    this.#grpc = grpc;
    this.#server = new grpc.Server({ ...OPTIONS, interceptors: [arrivalLimit(grpc, messageLimitMs)] });
    const definitions = handler.methods.map((path) => [path, methodAt(path)] as const);
    const takes = handler.methods.map((path, route) => {
      const take = (call: Call, respond: Grpc.sendUnaryData<Buffer>): void => {
        handler.onMessage(this.#exchange(route, path, call, respond), call.request);
      };
      return [path, take] as const;
    });
    this.#server.addService(Object.fromEntries(definitions), Object.fromEntries(takes));
  }

  get open(): number {
    return this.#open;
  }

  listen(host: string, port: number): Promise<number> {
    const credentials = this.#grpc.ServerCredentials.createInsecure();
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(`${host}:${port}`, credentials, (error, bound) => {
        if (error === null) return resolve(bound);
        // The library says that no address could be added, and not why.
        void probeListenFault(host, port).then((why) => {
          const details = { field: 'serve.grpcPort' };
          reject(sidecarError('SRV_PORT', `cannot listen on ${host}:${port}: ${why}`, details, error));
        });
      });
    });
  }

  /** Clients are told to go; calls that are under way end as they would. */
  stopListening(): void {
    this.#server.tryShutdown(() => {});
  }

  close(): void {
    this.#server.forceShutdown();
  }

  #exchange(route: number, path: string, call: Call, respond: Grpc.sendUnaryData<Buffer>): GrpcExchange {
    this.#open += 1;
    const exchange = new GrpcExchange(route, path, replyOf(this.#grpc, respond), () => (this.#open -= 1));
    for (const header of ['x-request-id', 'x-request-start', 'traceparent']) {
      const [value] = call.metadata.get(header);
      if (typeof value === 'string') exchange.head.take(header, value);
    }
    exchange.setDeadline(Number(call.getDeadline()) - Date.now());
    call.on('cancelled', () => exchange.gone());
    return exchange;
  }
}

function methodAt(path: string): Grpc.MethodDefinition<Buffer, Buffer> {
  const same = (bytes: Buffer): Buffer => bytes;
  return {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

function replyOf(grpc: typeof Grpc, respond: Grpc.sendUnaryData<Buffer>): GrpcReply {
  return {
    // The library frames a message before it returns.
    message: (message, trailers) =>
      respond(null, message, trailers.length === 0 ? undefined : metadataOf(grpc, trailers)),
    status(code, details, trailers) {
      respond({ code, details, metadata: metadataOf(grpc, trailers) });
    },
  };
}

function metadataOf(grpc: typeof Grpc, trailers: ReplyHeaders): Grpc.Metadata {
  const metadata = new grpc.Metadata();
  for (const [name, value] of trailers) metadata.set(name, value);
  return metadata;
}

/** A client that opens a call and sends nothing, or never ends, holds what it has sent. */
function arrivalLimit(grpc: typeof Grpc, limitMs: number): Grpc.ServerInterceptor {
  return (_method, call) => {
    let limit: NodeJS.Timeout | undefined;
    return new grpc.ServerInterceptingCall(call, {
      start(next) {
        limit = setTimeout(() => {
          const details = `the message did not arrive whole within ${limitMs / 1_000} s`;
          call.sendStatus({ code: DEADLINE_EXCEEDED, details });
        }, limitMs);
        next({
          onReceiveHalfClose(go) {
            clearTimeout(limit);
            go();
          },
          onCancel: () => clearTimeout(limit),
        });
      },
    });
  };
}
