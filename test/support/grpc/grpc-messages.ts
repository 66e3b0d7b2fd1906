/** The messages of both services of gRPC, written and read by protobufjs: apart from the sidecar's own code. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';

const root = new protobuf.Root();
for (const file of ['inference.proto', 'serving.proto'])
  protobuf.parse(readFileSync(join(import.meta.dirname, file), 'utf8'), root, { keepCase: true });

/** Bytes as Buffers, 64 bits as decimal text, enums by their names; lists and maps are there when empty. */
const FORM = { longs: String, enums: String, bytes: Buffer, arrays: true, objects: true } as const;

/** @param name  `inference.ModelInferRequest` */
export function messageBytes(name: string, message: object): Buffer {
  const type = root.lookupType(name);
  return Buffer.from(type.encode(type.fromObject(message)).finish());
}

export function readMessageBytes<Message = Readonly<Record<string, unknown>>>(
  name: string,
  bytes: Uint8Array,
): Message {
  const type = root.lookupType(name);
  return type.toObject(type.decode(bytes), FORM) as Message;
}
