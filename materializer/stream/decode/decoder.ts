/**
 * From the bytes of a message to events. Compiled once per source; called for every message of `plumb stream`.
 *
 * Bad here is what cannot be read: bytes that are no message of the format, a value that does not fit its field's
 * type, an event time that is null, before 1970 or past the year 2255. What a view makes of a value (a null key, NaN,
 * an event that comes too late or lies too far ahead) is judged where views are, here as in batch.
 */
import type { Source } from '../../../contract/model.ts';
import { materializerError } from '../../errors.ts';
import { avroDecoder } from './avro/avro-decoder.ts';
import { debeziumDecoder } from './json/debezium-decoder.ts';
import { jsonDecoder } from './json/json-decoder.ts';
import { protobufDecoder } from './protobuf/protobuf-decoder.ts';
import type { Decode } from './stream-event.ts';

/** @param source  of a stream */
export function compileDecoder(source: Source): Decode {
  const { format } = source.stream!;
  if (format.kind === 'json') return jsonDecoder(source);
  if (format.kind === 'debezium') return debeziumDecoder(source);
  if (format.kind === 'protobuf') return protobufDecoder(source);
  if (format.kind === 'avro') return avroDecoder(source);
  const message = 'its folder holds rows, and nothing is decoded: read them as Parquet';
  throw materializerError('MAT_SOURCE', `source ${source.name}: ${message}`, { field: source.name });
}
