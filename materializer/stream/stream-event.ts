/** A message that was decoded: one event of a source, before any view has looked at it. */
import type { Value } from '../../contract/value-type.ts';

export interface ReceivedEvent {
  /** One for each field of the source, in their order. */
  readonly values: readonly Value[];
  readonly eventUs: number;
  /** By which an event that comes twice is known; null: each message is an event of its own. */
  readonly id: string | null;
  /** 1: it counts; -1: it takes back one of the same keys, event time and id. */
  readonly op: 1 | -1;
  readonly offset: number;
  /** When the broker, or the folder, got it: the event's created time. */
  readonly appendedUs: number;
}
