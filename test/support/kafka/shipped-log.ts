/** A vector log to be shipped, and what of it arrived in a topic. */
import { expect, onTestFinished } from 'vitest';
import type { KafkaSettings } from '../../../project/settings/kafka-settings.ts';
import { systemClock } from '../../../project/clock.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import type { Logger } from '../../../contract/std/logger.ts';
import { decodeRecord } from '../../../contract/wire/log/served-decoder.ts';
import type { LogRecord } from '../../../contract/wire/log/served-record.ts';
import { openProducer } from '../../../sidecar/shipper/open-producer.ts';
import { Shipper } from '../../../sidecar/shipper/shipper.ts';
import { VectorLog } from '../../../sidecar/vector-log/vector-log.ts';
import type { VectorLogOptions } from '../../../sidecar/vector-log/vector-log.ts';
import type { TopicRecord } from './kafka-topic.ts';
import { servedRequest } from '../fixtures/served-requests.ts';

export const POD = 'pod-1';

export function openLog(folder: string, options: Partial<VectorLogOptions> = {}): Promise<VectorLog> {
  return VectorLog.open({
    folder,
    pod: POD,
    clock: systemClock(),
    durability: 'written',
    maxBytes: 2 ** 32,
    onFull: 'shed-log',
    logger: silentLogger,
    consumers: ['kafka'],
    ...options,
  });
}

let requests = 0;

/** Logs so many requests, ten to a tick. @returns their ids, which stand for answers that left */
export function answer(log: VectorLog, count: number, rowBytes = 120): string[] {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const id = `r${++requests}`;
    log.append(servedRequest(id, rowBytes));
    ids.push(id);
    if (i % 10 === 9 || i === count - 1) log.commit();
  }
  return ids;
}

/** A shipper in this thread; its connections end with the test. */
export async function openShipper(
  settings: KafkaSettings,
  spool: string,
  logger: Logger = silentLogger,
): Promise<Shipper> {
  const producer = await openProducer(settings);
  onTestFinished(() => producer.close());
  return new Shipper({ spool, topic: settings.topic, producer, clock: systemClock(), logger });
}

export interface Arrived {
  /** Ids of requests in the order of the topic, each once. */
  readonly ids: string[];
  readonly duplicates: number;
  /** Keys, with the sequence numbers of their first arrivals in order. */
  readonly sequences: ReadonlyMap<string, readonly number[]>;
  readonly records: readonly LogRecord[];
}

/** Removes duplicates as readers are told to: by pod, epoch, sequence and part, the first one counts. */
export function arrivedIn(topic: readonly TopicRecord[]): Arrived {
  const seen = new Set<string>();
  const ids: string[] = [];
  const records: LogRecord[] = [];
  const sequences = new Map<string, number[]>();
  for (const { key, value } of topic) {
    const record = decodeRecord(value);
    const { pod, epoch, sequence, part } = record.kind === 'served' ? record.record : record.origin;
    const name = `${pod}/${epoch}/${sequence}/${part}`;
    if (key !== `${pod}/${epoch}`) throw new Error(`record ${name} has the key ${key}`);
    if (seen.has(name)) continue;
    seen.add(name);
    records.push(record);
    const numbers = sequences.get(key) ?? [];
    numbers.push(sequence);
    sequences.set(key, numbers);
    if (record.kind === 'served') ids.push(record.record.requestId);
  }
  return { ids, duplicates: topic.length - seen.size, sequences, records };
}

export function expectOrder({ sequences }: Arrived): void {
  for (const numbers of sequences.values()) {
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  }
}
