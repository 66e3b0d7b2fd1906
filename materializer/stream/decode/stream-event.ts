/** What a message of a stream comes to. */
import type { Value } from '../../../contract/value-type.ts';

export interface StreamEvent {
  /** One for each field of the source, in their order. */
  readonly values: readonly Value[];
  /** Microseconds since 1970. */
  readonly eventUs: number;
  /** The text of the field by which an event that comes twice is known; null: it has none. */
  readonly id: string | null;
  /** -1 takes back an event that counted. */
  readonly op: 1 | -1;
}

/**
 * @param message  the value of the message; null: it has none
 * @returns        its events (of `debezium` none, one or two), or the reason why it is bad; the bytes may be used again
 */
export type Decode = (message: Uint8Array | null) => readonly StreamEvent[] | string;
