/** Messages that are a JSON object each, with the source's fields among its names. */
import type { Source } from '../../../../contract/model.ts';
import { eventMaker } from '../event-maker.ts';
import type { Decode } from '../stream-event.ts';
import { FlatJson } from './flat-json.ts';
import { JsonCursor } from './json-cursor.ts';
import { jsonMembers, jsonReader } from './json-value.ts';

export function jsonDecoder(source: Source): Decode {
  const members = source.stream!.fields.map(({ name, type, unit }) => {
    return { name, read: jsonReader(name, type, unit) };
  });
  const read = jsonMembers('', members);
  const event = eventMaker(source);
  const cursor = new JsonCursor();
  const flat = FlatJson.of(source.stream!.fields);
  return (message) => {
    if (message === null) return 'the message has no value';
    const short = flat === null ? null : flat.read(bufferOf(message));
    if (short !== null) {
      const made = event(short);
      return typeof made === 'string' ? made : [made];
    }
    const values = cursor.open(message) ? read(cursor) : undefined;
    if (values === undefined || !cursor.atEnd()) return `the message ${cursor.fault}`;
    const made = event(values);
    return typeof made === 'string' ? made : [made];
  };
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
