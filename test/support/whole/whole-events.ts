/**
 * The events of the whole comparison, made anew by whoever sends them: the same messages in the same order each time.
 *
 *   2 %     late: half of them by more than a minute, none by more than an hour
 *   0.02 %  later than the view's lateness
 *   0.1 %   sent twice, 0.1 % taken back, both some messages later
 *
 * Their append times are their producer's and end at a time that is given, so that ten million events are those of
 * half a day.
 */
import { sendMessages } from '../kafka/kafka-topic.ts';
import { mulberry32 } from '../mulberry32.ts';

export const PARTITIONS = 3;
const LATENESS_MS = 3_600_000;

const EVENTS_A_SECOND = 200;
const EVENTS_A_USER = 100;
const BATCH = 5_000;
const MEDIAN_LATE_MS = 60_000;
/** How many messages later one comes again, or is taken back, at most. */
const LATER = 2_000;
const PAGES = ['/a', ' /b ', '/ü', '😀', '', '\uffff', 'Zz', '/long/page'];
const PRICES = ['0.1', '-0.0', '2.5', '1e-13', '-7.125', '1.005', '123456.789', '1e13', '4.35', '1e200'];

export interface WholeEvents {
  readonly count: number;
  readonly seed: number;
  /** The append time of the last one, ms since 1970. */
  readonly endMs: number;
}

interface WholeMessage {
  readonly key: string;
  readonly value: string;
  readonly timestamp: string;
}

/** @returns the append time of the first event, ms since 1970 */
export function firstMs({ count, endMs }: WholeEvents): number {
  return endMs - Math.floor((count * 1_000) / EVENTS_A_SECOND);
}

/** Yields the messages in batches, in the order of their append times. */
function* wholeMessages(events: WholeEvents): Generator<WholeMessage[]> {
  const { count, seed } = events;
  const random = mulberry32(seed);
  const pick = (values: readonly string[]): string => values[Math.floor(random() * values.length)]!;
  const orNull = (text: string): string => (random() < 0.05 ? 'null' : text);
  const users = Math.max(50, Math.floor(count / EVENTS_A_USER));
  const waiting = new Map<number, { readonly key: string; readonly value: string }[]>();
  let batch: WholeMessage[] = [];
  for (let i = 0; i < count + LATER; i++) {
    const appendedMs = Math.min(events.endMs, firstMs(events) + Math.floor((i * 1_000) / EVENTS_A_SECOND));
    const timestamp = String(appendedMs);
    for (const later of waiting.get(i) ?? []) batch.push({ ...later, timestamp });
    waiting.delete(i);
    if (i < count) {
      const at = appendedMs * 1_000 - Math.floor(lateMs(random) * 1_000);
      const key = `u${Math.floor(random() ** 2 * users)}`;
      const price = orNull(random() < 0.1 ? pick(PRICES) : String((random() - 0.3) * 1_000));
      const page = orNull(JSON.stringify(pick(PAGES)));
      const time = random() < 0.1 ? Math.floor(at / 1e7) * 1e7 : at;
      const value = (kind: string): string =>
        `{"user_id":"${key}","at":${time},"page":${page},"price":${price},"id":"${i}","kind":"${kind}"}`;
      batch.push({ key, value: value('insert'), timestamp });
      if (random() < 0.001)
        put(waiting, i + 1 + Math.floor(random() * (LATER - 1)), { key, value: value('insert') });
      if (random() < 0.001)
        put(waiting, i + 1 + Math.floor(random() * (LATER - 1)), { key, value: value('delete') });
    }
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  yield batch;
}

function put<T>(waiting: Map<number, T[]>, at: number, message: T): void {
  waiting.set(at, [...(waiting.get(at) ?? []), message]);
}

/** By how much an event comes after its time; within four seconds it is not late. */
function lateMs(random: () => number): number {
  const kind = random();
  if (kind < 0.0002) return LATENESS_MS * (1.02 + random());
  if (kind > 0.02) return random() * 4_000;
  return Math.min(LATENESS_MS * 0.98, 4_000 + (MEDIAN_LATE_MS / Math.LN2) * -Math.log(1 - random()));
}

/** @returns how many messages were sent */
export async function sendWhole(
  brokers: readonly string[],
  topic: string,
  events: WholeEvents,
): Promise<number> {
  let sent = 0;
  for (const batch of wholeMessages(events)) {
    if (batch.length > 0) await sendMessages(brokers, topic, batch);
    sent += batch.length;
  }
  return sent;
}
