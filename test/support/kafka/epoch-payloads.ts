/** A pod's epoch as its sidecar ships it to a topic. */
import { expect } from 'vitest';
import { FRAME_HEADER_BYTES } from '../../../contract/wire/log/spool-frame.ts';
import { RecordEncoder } from '../../../contract/wire/log/served-encoder.ts';
import { openProducer } from '../../../sidecar/shipper/open-producer.ts';
import { servedRequest } from '../fixtures/served-requests.ts';
import type { KafkaServer } from './kafka.ts';
import { kafkaSettingsOf } from './kafka-settings.ts';

/** The payloads of one epoch; a record above 256 KiB is several. */
export function payloads(
  pod: string,
  epoch: bigint,
  requests: number,
  large: readonly number[] = [],
): Buffer[] {
  const encoder = new RecordEncoder(pod, epoch);
  for (let i = 1; i <= requests; i++) {
    encoder.appendServed(servedRequest(`${pod}-${i}`, large.includes(i) ? 600_000 : 100), i);
  }
  const heartbeat = {
    atUs: servedRequest('').servedUs,
    highestSequence: requests + 1,
    served: requests,
    shed: 0,
    clockOffsetUs: 0,
    bundle: '',
    version: '',
    engine: '',
    ranges: [],
  };
  encoder.appendHeartbeat(heartbeat, requests + 1, true);
  const frames = Buffer.from(encoder.frames());
  const found: Buffer[] = [];
  for (let at = 0; at < frames.length;) {
    const end = at + FRAME_HEADER_BYTES + frames.readUInt32LE(at + 4);
    found.push(frames.subarray(at + FRAME_HEADER_BYTES, end));
    at = end;
  }
  return found;
}

export async function sendPayloads(
  kafka: Pick<KafkaServer, 'brokers'>,
  topic: string,
  key: string,
  values: readonly Buffer[],
): Promise<void> {
  const producer = await openProducer({
    ...kafkaSettingsOf(kafka),
    topic,
  });
  try {
    let batch: Buffer[] = [];
    const flush = async (): Promise<void> => {
      const records = batch.map((value) => ({ key: Buffer.from(key), value }));
      if (records.length > 0) expect(await producer.send(records)).toEqual({ kind: 'sent' });
      batch = [];
    };
    for (const value of values) {
      if (batch.reduce((sum, one) => sum + one.length, value.length) > 900_000) await flush();
      batch.push(value);
    }
    await flush();
  } finally {
    await producer.close();
  }
}
