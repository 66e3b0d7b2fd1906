/** Reads a request's message of Protocol Buffers, as json-body.ts reads JSON. */
import { CodedError } from '../../contract/std/coded-error.ts';
import { MessageReader } from '../../contract/wire/proto/message-reader.ts';
import { sidecarError } from '../errors.ts';

/**
 * @param name  of the message, as its protocol calls it
 * @throws      SRV_MESSAGE, and what `read` throws
 */
export function readMessage<Message>(
  name: string,
  bytes: Buffer,
  read: (reader: MessageReader) => Message,
): Message {
  try {
    return read(new MessageReader(bytes));
  } catch (fault) {
    if (fault instanceof CodedError) throw fault;
    throw sidecarError('SRV_MESSAGE', `the message is no ${name}: ${(fault as Error).message}`, {}, fault);
  }
}
