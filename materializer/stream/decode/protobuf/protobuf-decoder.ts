/**
 * Messages of Protocol Buffers. Fields that the stream does not name are passed over; of a field that stands more than
 * once the last one counts, as every reader has it, and messages of it are joined.
 *
 * A message may have the header of Confluent's serializer: a zero, four bytes of a schema's id, the path of the
 * message's type in its file. No message begins with a zero of its own.
 */
import type { Source } from '../../../../contract/model.ts';
import { protoFieldsOf } from '../../../../contract/proto-schema.ts';
import { MessageReader } from '../../../../contract/wire/proto/message-reader.ts';
import { eventMaker } from '../event-maker.ts';
import type { Decode } from '../stream-event.ts';
import { messageReader } from './proto-value.ts';

const ID_BYTES = 5;

export function protobufDecoder(source: Source): Decode {
  const { format, fields } = source.stream!;
  if (format.kind !== 'protobuf') throw new TypeError('a source of another format');
  const read = messageReader(fields, protoFieldsOf(format.schema));
  const event = eventMaker(source);
  return (message) => {
    if (message === null) return 'the message has no value';
    const bytes = Buffer.isBuffer(message)
      ? message
      : Buffer.from(message.buffer, message.byteOffset, message.byteLength);
    let values;
    try {
      values = read(new MessageReader(bytes[0] === 0 ? withoutHeader(bytes) : bytes));
    } catch (fault) {
      return `the message is no ${format.message}: ${(fault as Error).message}`;
    }
    const made = event(values);
    return typeof made === 'string' ? made : [made];
  };
}

/** The path is the number of its parts and the parts, varints; a single zero stands for the first type of the file. */
function withoutHeader(bytes: Buffer): Buffer {
  let at = ID_BYTES;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++];
      if (byte === undefined || at > ID_BYTES + 64) throw new Error('its header has no end');
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  // Zigzag: twice the number.
  for (let parts = varint() / 2; parts > 0; parts--) varint();
  return bytes.subarray(at);
}
