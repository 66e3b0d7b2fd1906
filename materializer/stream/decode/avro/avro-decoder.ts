/**
 * Messages of Avro's binary encoding, a record each, by the schema that they were written with.
 *
 * A message may have the header of Confluent's serializer, a zero and four bytes of a schema's id. A record may begin
 * with a zero of its own, so such a message is read both ways: one of them must come out even, and not both.
 */
import { parseAvroSchema } from '../../../../contract/avro-schema.ts';
import type { Source } from '../../../../contract/model.ts';
import type { Value } from '../../../../contract/value-type.ts';
import { eventMaker } from '../event-maker.ts';
import { IntegerFault } from '../integer-value.ts';
import type { Decode } from '../stream-event.ts';
import { AvroCursor, AvroFault } from './avro-cursor.ts';
import { avroRecord } from './avro-value.ts';

const HEADER_BYTES = 5;

export function avroDecoder(source: Source): Decode {
  const { format, fields } = source.stream!;
  if (format.kind !== 'avro') throw new TypeError('a source of another format');
  const schema = parseAvroSchema(format.schema);
  if (schema.kind !== 'record') throw new TypeError('a schema of no record');
  const record = avroRecord(
    schema,
    fields.map((one) => ({ ...one, field: one.name })),
  );
  const cursor = new AvroCursor();
  const event = eventMaker(source);
  const read = (bytes: Buffer, from: number): Value[] | string => {
    try {
      cursor.open(bytes, from);
      const values = record(cursor);
      return cursor.left === 0 ? values : `has ${cursor.left} bytes behind its record`;
    } catch (fault) {
      if (fault instanceof AvroFault) return fault.message;
      if (fault instanceof IntegerFault) return `has ${fault.message}`;
      // A value that holds itself, deeper than this thread can follow.
      if (fault instanceof RangeError) return 'is nested too deep';
      throw fault;
    }
  };
  return (message) => {
    if (message === null) return 'the message has no value';
    const bytes = Buffer.isBuffer(message)
      ? message
      : Buffer.from(message.buffer, message.byteOffset, message.byteLength);
    let values = read(bytes, 0);
    if (bytes[0] === 0 && bytes.length > HEADER_BYTES) {
      const behind = read(bytes, HEADER_BYTES);
      if (typeof values !== 'string' && typeof behind !== 'string')
        return "the message can be read with Confluent's header and without it";
      if (typeof behind !== 'string') values = behind;
    }
    if (typeof values === 'string') return `the message ${values}`;
    const made = event(values);
    return typeof made === 'string' ? made : [made];
  };
}
