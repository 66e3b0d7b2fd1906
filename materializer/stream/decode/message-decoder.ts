/** From a message of a source to its events: its bytes are decoded, or its row is taken as it is. */
import type { Source } from '../../../contract/model.ts';
import type { StreamMessage } from '../source/stream-reader.ts';
import { compileDecoder } from './decoder.ts';
import { eventMaker } from './event-maker.ts';
import type { StreamEvent } from './stream-event.ts';

/** @returns the events of a message, or the reason why it is bad */
export type DecodeMessage = (message: StreamMessage) => readonly StreamEvent[] | string;

/** @param source  of a stream */
export function compileMessages(source: Source): DecodeMessage {
  if (source.stream!.format.kind !== 'parquet') {
    const decode = compileDecoder(source);
    return ({ value }) => decode(value);
  }
  const make = eventMaker(source);
  return ({ row }) => {
    if (row === null || typeof row === 'string') return row ?? 'it is no row';
    const event = make(row);
    return typeof event === 'string' ? event : [event];
  };
}
