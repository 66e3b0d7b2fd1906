import { expect, test } from 'vitest';
import { MAX_PART_BYTES, RecordEncoder } from '../../../../contract/wire/log/served-encoder.ts';
import { FRAME_HEADER_BYTES, epochCrc, frameAt } from '../../../../contract/wire/log/spool-frame.ts';
import { TopicSource } from '../../../../monitor/ingest/topic-source.ts';
import type { TopicMessage, TopicPartition, TopicReader } from '../../../../monitor/ingest/topic-source.ts';
import type { SourceItem } from '../../../../monitor/ingest/log-source.ts';
import type { SourcePosition } from '../../../../project/archive/topic-positions.ts';
import { servedRequest } from '../../../support/fixtures/served-requests.ts';

/** A topic of one partition that gives `given` of its messages and then falls silent. */
function silentTopic(given: number, ends: (number | Error)[], earliest = 0, topicId?: string): TopicReader {
  let asked = 0;
  return {
    topic: 'served',
    async partitions(): Promise<TopicPartition[]> {
      const end = ends[Math.min(asked++, ends.length - 1)]!;
      if (typeof end !== 'number') throw end;
      return [{ partition: 0, earliest, end, ...(topicId === undefined ? {} : { topicId }) }];
    },
    async *messages(from): AsyncGenerator<TopicMessage | null> {
      for (let offset = from.get(0)!; offset < given; offset++) {
        yield { partition: 0, offset, value: Buffer.from('no record') };
      }
      for (;;) yield null;
    },
    async tellOffsets() {},
    async close() {},
  };
}

interface Told {
  readonly items: SourceItem[];
  readonly warned: string[];
  readonly position: SourcePosition;
}

/** The first items of a source. */
async function itemsOf(
  reader: TopicReader,
  count: number,
  { follow = true, from = null }: { follow?: boolean; from?: SourcePosition | null } = {},
): Promise<Told> {
  const warned: string[] = [];
  const { signal } = new AbortController();
  const options = { follow, signal, nowUs: () => 7, warn: (line: string) => void warned.push(line) };
  const source = new TopicSource(reader, () => false, options);
  const items: SourceItem[] = [];
  for await (const item of source.items(from)) if (items.push(item) === count) break;
  return { items, warned, position: source.position() };
}

const kinds = ({ items }: Told): string => items.map(({ kind }) => kind).join(' ');

test('silence is the end of the log only where the offsets say so', async () => {
  // Two of three messages come, then nothing: a broker that hangs.
  expect(kinds(await itemsOf(silentTopic(2, [3]), 5))).toBe('unreadable unreadable idle idle idle');
  // All that were there at the start have come, and one more waits.
  expect(kinds(await itemsOf(silentTopic(2, [2, 3]), 5))).toBe('unreadable unreadable caught-up idle idle');
  expect(kinds(await itemsOf(silentTopic(2, [2, new Error('gone')]), 4))).toBe(
    'unreadable unreadable caught-up idle',
  );
  expect(kinds(await itemsOf(silentTopic(2, [2]), 5))).toBe('unreadable unreadable caught-up caught-up idle');
});

test('a bounded run ends at the offsets that there were when it began', async () => {
  expect(kinds(await itemsOf(silentTopic(9, [3]), 99, { follow: false }))).toBe(
    'unreadable unreadable unreadable caught-up',
  );
  expect(kinds(await itemsOf(silentTopic(9, [0]), 99, { follow: false }))).toBe('caught-up');
});

test('what expired unread and a topic that was made anew are said; reading goes on where there is something', async () => {
  const from = { 0: { offset: 2, seen: 4 } };
  const expired = await itemsOf(silentTopic(9, [9], 6), 99, { follow: false, from });
  expect(expired.warned).toEqual(['2 messages of partition 0 of served expired before they were ingested']);
  expect(expired.items.filter(({ kind }) => kind === 'unreadable')).toHaveLength(3);
  const anew = await itemsOf(silentTopic(3, [3]), 99, { follow: false, from });
  expect(anew.warned[0]).toContain('it was made anew');
  expect(anew.items).toHaveLength(4);
  expect(anew.position).toEqual({ 0: { offset: 3, seen: 3 } });
  // As long as the one that was read, and yet another.
  const other = { 0: { offset: 4, seen: 4, topicId: 'a' } };
  const longer = await itemsOf(silentTopic(6, [6], 0, 'b'), 99, { follow: false, from: other });
  expect(longer.warned).toEqual([
    'partition 0 of served ends at 6 and was read up to 4: it was made anew and is read from its start',
  ]);
  expect(longer.position).toEqual({ 0: { offset: 6, seen: 6, topicId: 'b' } });
  expect(longer.items.filter((item) => 'again' in item && !item.again)).toHaveLength(6);
  const same = await itemsOf(silentTopic(6, [6], 0, 'a'), 99, { follow: false, from: other });
  expect([same.warned, same.items.length]).toEqual([[], 3]);
  // Held back at 2 for a record in parts: 2 and 3 were counted before.
  const again = await itemsOf(silentTopic(5, [5]), 99, { follow: false, from });
  expect(again.items.map((item) => 'again' in item && item.again)).toEqual([true, true, false, false]);
});

/** The parts of one large record. */
function partsOfRecord(): Buffer[] {
  const encoder = new RecordEncoder('pod-1', 1n);
  encoder.appendServed(servedRequest('large', MAX_PART_BYTES), 1);
  const frames = encoder.frames();
  const parts: Buffer[] = [];
  for (let at = 0; at < frames.length;) {
    const from = at + FRAME_HEADER_BYTES;
    at = from + frameAt(frames, at, frames.length, epochCrc(1n));
    parts.push(Buffer.from(frames.subarray(from, at)));
  }
  return parts;
}

/** A topic of two partitions that gives its messages in this order. */
function twoPartitions(given: readonly (readonly [number, Buffer])[]): TopicReader {
  const next = [0, 0];
  const messages = given.map(([partition, value]) => ({ partition, offset: next[partition]!++, value }));
  return {
    ...silentTopic(0, []),
    partitions: async () => next.map((end, partition) => ({ partition, earliest: 0, end })),
    async *messages() {
      yield* messages;
    },
  };
}

test('only what comes in its own partition gives up a record of which parts are missing', async () => {
  const [first, last] = partsOfRecord() as [Buffer, Buffer];
  const others = (partition: number, count: number) =>
    Array.from({ length: count }, () => [partition, Buffer.from('no record')] as const);
  const read = (between: ReturnType<typeof others>) =>
    itemsOf(twoPartitions([[0, first], ...between, [0, last]]), Infinity, { follow: false });
  const beside = await read([...others(1, 10_001), ...others(0, 9_999)]);
  expect(beside.warned).toEqual([]);
  expect(beside.items.filter(({ kind }) => kind === 'record')).toHaveLength(1);
  expect(beside.position).toEqual({
    0: { offset: 10_001, seen: 10_001 },
    1: { offset: 10_001, seen: 10_001 },
  });
  const behind = await read(others(0, 10_000));
  expect(behind.warned).toEqual(['record pod-1/0000000000000001/1 lacks 1 of its 2 parts']);
  expect(behind.items.filter(({ kind }) => kind === 'record')).toHaveLength(0);
});
