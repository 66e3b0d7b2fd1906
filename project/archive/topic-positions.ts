/**
 * How far the sources of the vector log were read, as the states of ingests hold it; of a topic each partition has a
 * position of its own, and may have had several readers.
 */

/** Where a source goes on reading: JSON that only this source understands. */
export type SourcePosition = Readonly<Record<string, unknown>>;

/** The position of a partition in a state. */
export interface PartitionPosition {
  readonly offset: number;
  readonly seen: number;
  readonly topicId?: string;
  /**
   * Whoever takes a partition over from another ingest begins its next turn, and the newest turn alone counts; absent:
   * 0, nobody took it over yet.
   */
  readonly turn?: number;
}

/** Who has read a partition last, and how far. */
interface NewestPosition<Reader> {
  readonly reader: Reader;
  readonly source: string;
  readonly partition: number;
  readonly position: PartitionPosition;
}

/** With what the names of sources begin that are topics. */
export const TOPIC = 'topic:';

/**
 * @param positions  of each reader's state, by source
 * @returns          of each partition of each topic
 */
export function partitionsOf<Reader>(
  positions: readonly (readonly [Reader, ReadonlyMap<string, SourcePosition>])[],
): NewestPosition<Reader>[] {
  const newest = new Map<string, NewestPosition<Reader>>();
  for (const [reader, sources] of positions) {
    for (const [source, own] of [...sources].filter(([name]) => name.startsWith(TOPIC))) {
      for (const [partition, position] of Object.entries(own as Record<string, PartitionPosition>)) {
        const name = `${source} ${partition}`;
        const turn = newest.get(name)?.position.turn ?? 0;
        if (newest.has(name) && (position.turn ?? 0) <= turn) continue;
        newest.set(name, { reader, source, partition: Number(partition), position });
      }
    }
  }
  return [...newest.values()];
}
