import { expect, test } from 'vitest';
import { TopicSource } from '../../../../monitor/ingest/topic-source.ts';
import type { TopicMessage, TopicPartition, TopicReader } from '../../../../monitor/ingest/topic-source.ts';
import type { SourceItem, SourcePosition } from '../../../../monitor/ingest/log-source.ts';

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
