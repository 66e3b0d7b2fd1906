/**
 * From the bytes of a message to events. Compiled once per source; called for every message of `plumb stream`.
 *
 * Bad here is what cannot be read: bytes that are no message of the format, a value that does not fit its field's
 * type, an event time that is null, before 1970 or past the year 2255. What a view makes of a value (a null key, NaN,
 * an event that comes too late or lies too far ahead) is judged where views are, here as in batch.
 */
import type { Source } from '../../../contract/model.ts';
import { materializerError } from '../../errors.ts';
import { debeziumDecoder } from './json/debezium-decoder.ts';
import { jsonDecoder } from './json/json-decoder.ts';
import type { Decode } from './stream-event.ts';

/** @param source  of a stream */
export function compileDecoder(source: Source): Decode {
  const { format } = source.stream!;
  if (format.kind === 'json') return jsonDecoder(source);
  if (format.kind === 'debezium') return debeziumDecoder(source);
  const message = `values of the format ${format.kind} are not read from messages yet: there are json and debezium`;
  throw materializerError('MAT_SOURCE', `source ${source.name}: ${message}`, { field: source.name });
}
