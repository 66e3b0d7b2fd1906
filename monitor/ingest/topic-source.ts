/**
 * The topic as a source: every partition from the last committed offset, parts joined into records.
 *
 *   partition 0   | 7 | 8.1 | 8.2 | 9 | 8.3 | 10 |      8.1: part 1 of record 8
 *                       ^ offset while 8 is open  ^ seen
 *
 * While parts of a record are missing, its partition's offset stays at its first part, so that after an ingest ends
 * here the next one reads those parts again. Messages before `seen` were counted already. The parts of a record stand
 * close together, since a producer has one batch in flight: if 10,000 further messages of a partition that has some of
 * them do not complete a record, it is given up, and its number shows as a gap. Other partitions do not count, since a
 * client may bring much of them at a time.
 */
import { decodeRecord } from '../../contract/wire/log/served-decoder.ts';
import { contentOf } from '../../contract/wire/log/record-content.ts';
import { monitorError } from '../errors.ts';
import { TOPIC } from '../../project/archive/topic-positions.ts';
import type { PartitionPosition, SourcePosition } from '../../project/archive/topic-positions.ts';
import type { LogSource, SourceItem, SourceOptions } from './log-source.ts';

export interface TopicPartition {
  readonly partition: number;
  /**
   * The broker's id of the topic: it changes when a topic of the same name is made anew. Absent where the broker has
   * none.
   */
  readonly topicId?: string;
  /** Offsets of the oldest message in the topic, and of the next one to come. */
  readonly earliest: number;
  readonly end: number;
}

export interface TopicMessage {
  readonly partition: number;
  readonly offset: number;
  readonly value: Buffer;
}

/** What the source needs from a topic's client; errors of the client are MON_TOPIC. */
export interface TopicReader {
  readonly topic: string;
  partitions(): Promise<TopicPartition[]>;
  /** Yields the messages, in order within each partition, and null when none came for a moment; never ends. */
  messages(from: ReadonlyMap<number, number>): AsyncGenerator<TopicMessage | null>;
  /** Publishes how far this reader has come, for others to see; the ingest never reads it back. */
  tellOffsets(offsets: ReadonlyMap<number, number>): Promise<void>;
  close(): Promise<void>;
}

interface PartitionState {
  next: number;
  /** Messages before this offset were read before the last commit, or by this run. */
  seen: number;
  readonly committed: number;
  readonly anchored: boolean;
  readonly topicId?: string;
  readonly turn?: number;
}

/** A record of which not all parts have come. */
interface Join {
  readonly chunks: (Buffer | undefined)[];
  came: number;
  bytes: number;
  /** Its first offset in each partition. */
  readonly from: Map<number, number>;
}

const MAX_JOIN_MESSAGES = 10_000;
const MAX_JOIN_BYTES = 256 * 2 ** 20;
/** Most parts of a record: eight times as many as a sidecar makes of its largest record. */
const MAX_PARTS = 1_024;
/** A run that does not follow the log fails when the next message takes longer than this. */
const STALL_LIMIT_MS = 60_000;
const ASK_MS = 5_000;

export class TopicSource implements LogSource {
  readonly name: string;
  /** Always empty: a topic itself says where it begins. */
  readonly lostStarts = [];
  readonly #reader: TopicReader;
  readonly #taken: (pod: string, epoch: string, sequence: number) => boolean;
  readonly #options: SourceOptions;
  readonly #at = new Map<number, PartitionState>();
  readonly #joins = new Map<string, Join>();
  #joinBytes = 0;
  #askedMs = -Infinity;

  /** @param taken  whether a record was already taken, so that its parts need not be joined again */
  constructor(
    reader: TopicReader,
    taken: (pod: string, epoch: string, sequence: number) => boolean,
    options: SourceOptions,
  ) {
    this.name = `${TOPIC}${reader.topic}`;
    this.#reader = reader;
    this.#taken = taken;
    this.#options = options;
  }

  async *items(from: SourcePosition | null): AsyncGenerator<SourceItem> {
    const { follow, signal, nowUs, holds } = this.#options;
    const asOfUs = nowUs();
    const partitions = await this.#partitions();
    for (const partition of partitions) this.#begin(partition, from);
    const ends = new Map(partitions.map(({ partition, end }) => [partition, end]));
    const open = new Set(
      partitions.filter(({ partition, end }) => this.#at.get(partition)!.next < end).map((p) => p.partition),
    );
    if (open.size === 0) yield { kind: 'caught-up', asOfUs };
    if (open.size === 0 && !follow) return;
    const offsets = new Map([...this.#at].map(([partition, { next }]) => [partition, next]));
    let lastMs = performance.now();
    for await (const message of this.#reader.messages(offsets)) {
      if (signal.aborted) return;
      if (message === null) {
        if (!follow && performance.now() - lastMs > STALL_LIMIT_MS) throw this.#stalled(open);
        yield follow ? await this.#quiet() : { kind: 'idle' };
        continue;
      }
      if (holds?.(message.partition) === false) continue;
      lastMs = performance.now();
      const item = this.#message(message);
      if (item !== null) yield item;
      if (message.offset + 1 < (ends.get(message.partition) ?? 0) || !open.delete(message.partition))
        continue;
      if (open.size > 0) continue;
      yield { kind: 'caught-up', asOfUs };
      if (!follow) return;
    }
  }

  async #partitions(): Promise<TopicPartition[]> {
    const { holds = () => true } = this.#options;
    return (await this.#reader.partitions()).filter(({ partition }) => holds(partition));
  }

  /** When no message comes, the broker may only be slow: only the offsets tell that nothing is left. */
  async #quiet(): Promise<SourceItem> {
    const nowMs = performance.now();
    if (nowMs - this.#askedMs < ASK_MS) return { kind: 'idle' };
    this.#askedMs = nowMs;
    const asOfUs = this.#options.nowUs();
    try {
      const partitions = await this.#partitions();
      const read = partitions.every(({ partition, end }) => (this.#at.get(partition)?.next ?? 0) >= end);
      return read ? { kind: 'caught-up', asOfUs } : { kind: 'idle' };
    } catch {
      // The message stream reports the failure and tries again.
      return { kind: 'idle' };
    }
  }

  #stalled(open: ReadonlySet<number>): Error {
    const [partition] = open;
    return monitorError(
      'MON_TOPIC',
      `no message of ${this.#reader.topic} came for ${STALL_LIMIT_MS / 1_000} s, though partition ${partition} has more`,
    );
  }

  #begin({ partition, earliest, end, topicId }: TopicPartition, from: SourcePosition | null): void {
    const committed = from?.[String(partition)] as PartitionPosition | undefined;
    let { offset, seen } = committed ?? { offset: earliest, seen: earliest };
    const name = `partition ${partition} of ${this.#reader.topic}`;
    const isAnother =
      committed?.topicId !== undefined && topicId !== undefined && committed.topicId !== topicId;
    if (isAnother || seen > end) {
      this.#options.warn(
        `${name} ends at ${end} and was read up to ${seen}: it was made anew and is read from its start`,
      );
      offset = seen = earliest;
    } else if (offset < earliest) {
      if (seen < earliest)
        this.#options.warn(`${earliest - seen} messages of ${name} expired before they were ingested`);
      offset = earliest;
    }
    const anchored = committed !== undefined || earliest === 0;
    seen = Math.max(seen, offset);
    const turn = committed?.turn;
    const known = { ...(topicId === undefined ? {} : { topicId }), ...(turn === undefined ? {} : { turn }) };
    this.#at.set(partition, { next: offset, seen, committed: seen, anchored, ...known });
  }

  #message({ partition, offset, value }: TopicMessage): SourceItem | null {
    let at = this.#at.get(partition);
    if (at === undefined) {
      at = { next: 0, seen: 0, committed: 0, anchored: true };
      this.#at.set(partition, at);
    }
    const again = offset < at.committed;
    at.next = offset + 1;
    at.seen = Math.max(at.seen, at.next);
    this.#giveUp(partition, offset);
    const where = `partition ${partition} at ${offset}`;
    const content = contentOf(value, 0, value.length);
    if (content === null) return { kind: 'unreadable', where, again };
    if (content !== 'part') return { kind: 'record', payload: value, content, anchored: at.anchored, again };
    return this.#part({ partition, offset, value }, at.anchored, again, where);
  }

  #part(
    { partition, offset, value }: TopicMessage,
    anchored: boolean,
    again: boolean,
    where: string,
  ): SourceItem | null {
    const part = decodePart(value);
    if (part === null) return { kind: 'unreadable', where, again };
    const { origin, chunk } = part;
    const { pod, epoch, sequence, parts } = origin;
    if (this.#taken(pod, epoch, sequence)) return { kind: 'duplicate', again };
    const key = `${pod}/${epoch}/${sequence}`;
    let join = this.#joins.get(key);
    if (join === undefined || join.chunks.length !== parts) {
      if (join !== undefined) this.#drop(key, join);
      join = { chunks: Array.from({ length: parts }), came: 0, bytes: 0, from: new Map() };
      this.#joins.set(key, join);
    }
    if (!join.from.has(partition)) join.from.set(partition, offset);
    if (join.chunks[origin.part - 1] !== undefined) return { kind: 'duplicate', again };
    join.chunks[origin.part - 1] = chunk;
    join.came += 1;
    join.bytes += chunk.length;
    this.#joinBytes += chunk.length;
    if (join.came < parts) return null;
    this.#drop(key, join);
    const payload = Buffer.concat(join.chunks as Buffer[]);
    return { kind: 'record', payload, content: null, anchored, again: false };
  }

  #drop(key: string, join: Join): void {
    this.#joins.delete(key);
    this.#joinBytes -= join.bytes;
  }

  /**
   * Gives up records that the partition should have completed by now, and the oldest ones while all take too much
   * memory; `joins` is in the order in which they began.
   */
  #giveUp(partition: number, offset: number): void {
    for (const [key, join] of this.#joins) {
      const from = join.from.get(partition) ?? offset;
      if (offset - from <= MAX_JOIN_MESSAGES && this.#joinBytes <= MAX_JOIN_BYTES) continue;
      this.#options.warn(
        `record ${key} lacks ${join.chunks.length - join.came} of its ${join.chunks.length} parts`,
      );
      this.#drop(key, join);
    }
  }

  position(): SourcePosition {
    const position: Record<string, PartitionPosition> = {};
    for (const [partition, { next, seen, topicId, turn }] of this.#at) {
      position[partition] = {
        offset: next,
        seen,
        ...(topicId === undefined ? {} : { topicId }),
        ...(turn === undefined ? {} : { turn }),
      };
    }
    for (const join of this.#joins.values()) {
      for (const [partition, offset] of join.from) {
        const at = position[partition]!;
        if (offset < at.offset) position[partition] = { ...at, offset };
      }
    }
    return position;
  }

  /** Publishes the offsets. The state alone decides where to go on, so they may lag. */
  async passed(position: SourcePosition): Promise<void> {
    const offsets = new Map<number, number>();
    for (const [partition, at] of Object.entries(position as Record<string, { offset: number }>)) {
      offsets.set(Number(partition), at.offset);
    }
    if (offsets.size === 0) return;
    try {
      await this.#reader.tellOffsets(offsets);
    } catch (error) {
      this.#options.warn(`the offsets are committed here and could not be told: ${(error as Error).message}`);
    }
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}

function decodePart(value: Buffer) {
  try {
    const record = decodeRecord(value);
    if (record.kind !== 'part') return null;
    const { part, parts } = record.origin;
    return part >= 1 && part <= parts && parts <= MAX_PARTS ? record : null;
  } catch {
    return null;
  }
}
