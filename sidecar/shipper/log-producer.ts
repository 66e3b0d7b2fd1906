/**
 * What the shipper needs of a Kafka client: one batch, one answer. Two clients stand behind it
 * (platformatic-producer.ts, kafkajs-producer.ts); one suite runs on both against a real broker.
 *
 * A batch holds records of one key, so it goes to one partition, and Kafka takes or refuses it as a whole. A client
 * connects when it must and says `unavailable` when it cannot. Waiting and trying again is left to the shipper.
 */

export interface KeyedRecord {
  readonly key: Buffer;
  readonly value: Buffer;
}

export type SendOutcome =
  /** Every in-sync replica has the batch. */
  | { readonly kind: 'sent' }
  /** The broker will never take the batch as it is; a part of it may do. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** No answer, or a fault that may pass. Whether the batch was taken is unknown. */
  | { readonly kind: 'unavailable'; readonly reason: string };

export interface LogProducer {
  /** @param batch  records of one key, in order; not empty; the caller's again once it resolves. Never throws */
  send(batch: readonly KeyedRecord[]): Promise<SendOutcome>;
  /** Gives up what is under way. Never throws. */
  close(): Promise<void>;
}

export const SENT: SendOutcome = { kind: 'sent' };

export const CLIENT_ID = 'plumbline-sidecar';
/** How long the broker waits for its replicas. */
export const ACK_LIMIT_MS = 20_000;
/** How often the client itself tries in one send: a leader that has moved costs one try. */
export const CLIENT_RETRIES = 2;
export const CLIENT_RETRY_MS = 100;

/**
 * Kafka's errors that are about the records themselves: too large (10, 18), invalid (87). All other errors are waited
 * out, also those that an operator must fix (no such topic, no permission, a compression that the topic forbids, a
 * clock that is off): the spool keeps the records meanwhile.
 */
const REFUSALS: ReadonlySet<string> = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
]);

/** @param codes  Kafka's names of the errors that a send ended in */
export function failedOutcome(codes: readonly string[], reason: string): SendOutcome {
  const refused = codes.length > 0 && codes.every((code) => REFUSALS.has(code));
  return refused ? { kind: 'refused', reason: codes[0]! } : { kind: 'unavailable', reason };
}
