/**
 * Where the partitions of a source end for an engine that reads JSON alone. It says nothing of a message that is no
 * JSON object, of one without a value, and of the marks of transactions: where nothing else follows what its marks
 * count, its tiles have all of the partition. That is looked at here, from the mark on, now and then.
 */
import type { KafkaReader } from '../source/kafka-reader.ts';

/** How long what was found out holds while messages follow that the engine has yet to read. */
const LOOK_MS = 5_000;

export class SourceTails {
  readonly #reader: Pick<KafkaReader, 'start' | 'next' | 'ends'>;
  /** By partition up to where nothing follows its mark that an engine would read. */
  readonly #emptyTo = new Map<number, number>();
  readonly #lookedMs = new Map<number, number>();

  constructor(reader: Pick<KafkaReader, 'start' | 'next' | 'ends'>) {
    this.#reader = reader;
  }

  /**
   * @param marked  by partition the offset behind the last message that its mark counts
   * @returns       of every partition the offset behind its last message, or behind the mark where nothing follows that
   *                the engine reads; null: the broker is away
   */
  async ends(marked: ReadonlyMap<number, number>, nowMs: number): Promise<readonly number[] | null> {
    const ends = await this.#reader.ends().catch(() => null);
    if (ends === null) return null;
    const found: number[] = [];
    for (const [partition, end] of ends.entries()) {
      const from = marked.get(partition) ?? 0;
      found.push(from < end && (await this.#isEmpty(partition, { from, end }, nowMs)) ? from : end);
    }
    return found;
  }

  async #isEmpty(
    partition: number,
    { from, end }: { readonly from: number; readonly end: number },
    nowMs: number,
  ): Promise<boolean> {
    const known = Math.max(from, this.#emptyTo.get(partition) ?? 0);
    if (known >= end) return true;
    if (nowMs - (this.#lookedMs.get(partition) ?? -Infinity) < LOOK_MS) return false;
    this.#lookedMs.set(partition, nowMs);
    try {
      await this.#reader.start(new Map([[partition, { offset: known, file: null, line: 0 }]]));
      for (;;) {
        const [batch] = await this.#reader.next();
        // The broker is away, or a transaction is open.
        if (batch === undefined || (batch.atEnd && batch.position.offset < end)) return false;
        if (batch.messages.some(({ value }) => isJsonObject(value))) return false;
        this.#emptyTo.set(partition, batch.position.offset);
        if (batch.position.offset >= end) return true;
      }
    } catch {
      // What follows the mark is gone from the topic, or cannot be read.
      return false;
    }
  }
}

function isJsonObject(value: Buffer | null): boolean {
  if (value === null) return false;
  try {
    const json: unknown = JSON.parse(value.toString('utf8'));
    return typeof json === 'object' && json !== null;
  } catch {
    return false;
  }
}
