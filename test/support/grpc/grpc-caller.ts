/** A client of the sidecar's gRPC port, made of @grpc/grpc-js and protobufjs. */
import { Client, Metadata, credentials, status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { messageBytes, readMessageBytes } from './grpc-messages.ts';

const INFERENCE = 'inference.GRPCInferenceService';
const SERVING = 'feast.serving.ServingService';

interface CallOptions {
  readonly deadlineMs?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** What a call that failed says. */
interface CallFault {
  readonly status: string;
  readonly message: string;
  readonly code: string | undefined;
  readonly field: string | undefined;
  readonly retryMs: string | undefined;
}

export class GrpcCaller {
  readonly client: Client;

  constructor(port: number, options: object = {}) {
    const all = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1, ...options };
    this.client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), all);
  }

  close(): void {
    this.client.close();
  }

  /** @param method  of the Open Inference Protocol: `ModelInfer` */
  inference<Answer = Readonly<Record<string, unknown>>>(
    method: string,
    request: object,
    options?: CallOptions,
  ): Promise<Answer> {
    return this.#call(`/${INFERENCE}/${method}`, `inference.${method}`, request, options);
  }

  /** @param method  of Feast's service: `GetOnlineFeatures` */
  feast<Answer = Readonly<Record<string, unknown>>>(
    method: string,
    request: object,
    options?: CallOptions,
  ): Promise<Answer> {
    return this.#call(`/${SERVING}/${method}`, `feast.serving.${method}`, request, options);
  }

  #call<Answer>(path: string, name: string, request: object, options?: CallOptions): Promise<Answer> {
    return this.bytes(path, messageBytes(`${name}Request`, request), options).then((bytes) =>
      readMessageBytes<Answer>(`${name}Response`, bytes),
    );
  }

  /** @returns the bytes that a message of those bytes is answered with */
  bytes(path: string, message: Buffer, { deadlineMs, metadata = {} }: CallOptions = {}): Promise<Buffer> {
    const sent = new Metadata();
    for (const [name, value] of Object.entries(metadata)) sent.set(name, value);
    const same = (bytes: Buffer): Buffer => bytes;
    const until = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(path, same, same, message, sent, until, (error, answer) => {
        if (error === null) resolve(answer!);
        else reject(error);
      });
    });
  }
}

/** @returns what the fault of a call says; throws when it has none */
export async function faultOf(call: Promise<unknown>): Promise<CallFault> {
  const error = await call.then(
    () => null,
    (fault: ServiceError) => fault,
  );
  if (error === null) throw new Error('the call should have failed');
  const trailer = (name: string): string | undefined => error.metadata.get(name)[0] as string | undefined;
  return {
    status: status[error.code]!,
    message: error.details,
    code: trailer('error-code'),
    field: trailer('error-field'),
    retryMs: trailer('grpc-retry-pushback-ms'),
  };
}
