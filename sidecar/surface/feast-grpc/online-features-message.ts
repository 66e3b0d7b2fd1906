/**
 * A GetOnlineFeaturesRequest as the request that it would be over HTTP, so that one reader (feast-request.ts) takes
 * both. Called by feast-grpc.ts.
 *
 *   GetOnlineFeaturesRequest   1 feature_service or 2 features, 3 entities, 4 full_feature_names, 5 request_context
 *   entities, request_context  entries of a map: 1 name, 2 RepeatedValue (1 Value, one a row)
 */
import type { MessageReader } from '../../../contract/wire/proto/message-reader.ts';
import { readMessage } from '../message-body.ts';
import { readValue } from './value-message.ts';

/** @throws SRV_MESSAGE */
export function readOnlineFeatures(bytes: Buffer): Readonly<Record<string, unknown>> {
  return readMessage('GetOnlineFeaturesRequest', bytes, (reader) => {
    let asked: object = {};
    let fullNames = false;
    const columns: [string, unknown[]][] = [];
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      // Of the two the last one counts, as everywhere in Protocol Buffers.
      if (field === 1) asked = { feature_service: reader.text() };
      else if (field === 2) asked = { features: readTexts(reader.message()) };
      // Feast tells columns of entities from those of the request; here both are columns of the request.
      else if (field === 3 || field === 5) columns.push(readColumn(reader.message()));
      else if (field === 4) fullNames = reader.bool();
      else reader.skip();
    }
    return { ...asked, full_feature_names: fullNames, entities: Object.fromEntries(columns) };
  });
}

function readTexts(reader: MessageReader): string[] {
  const texts: string[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) texts.push(reader.text());
    else reader.skip();
  }
  return texts;
}

function readColumn(reader: MessageReader): [string, unknown[]] {
  let name = '';
  const values: unknown[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) name = reader.text();
    else if (field === 2) readValues(reader.message(), values);
    else reader.skip();
  }
  return [name, values];
}

function readValues(reader: MessageReader, values: unknown[]): void {
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) values.push(readValue(reader.message()));
    else reader.skip();
  }
}
