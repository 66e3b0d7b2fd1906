/** When answers leave, and that under any load they are written into memory that is there. */
import { setImmediate as nextTick } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { ServedRequest } from '../../../../contract/wire/log/served-record.ts';
import { Outbox } from '../../../../sidecar/answer/outbox.ts';
import type { AnswerLog } from '../../../../sidecar/answer/outbox.ts';
import { Metrics } from '../../../../sidecar/metrics/metrics.ts';
import type { Exchange } from '../../../../sidecar/transport/transport.ts';
import type { Committed, SettledListener } from '../../../../sidecar/vector-log/vector-log.ts';
import { PathExchange } from '../../../support/faults/path-exchange.ts';

const KIB = 1_024;
const HEADERS = [] as const;

/** A log that takes all at once, or holds each write until the next one. */
class Log implements AnswerLog {
  sequence = 0;
  /** Numbers up to which each commit wrote. */
  readonly commits: number[] = [];
  readonly #holds: boolean;
  onSettled: SettledListener = () => {};

  constructor(holds: boolean) {
    this.#holds = holds;
  }

  append(): boolean {
    this.sequence += 1;
    return true;
  }

  commit(): Committed {
    const before = this.commits.at(-1) ?? 0;
    this.commits.push(this.sequence);
    if (!this.#holds) return 'taken';
    if (before > 0) this.onSettled(before, 'taken');
    return 'held';
  }

  whenSynced(): Promise<boolean> {
    return Promise.resolve(true);
  }
}

class Asker extends PathExchange {
  got: string | null = null;

  override reply(_status?: number, body?: string | Buffer): void {
    this.got = body!.toString('latin1');
  }
}

function answering(log: Log): { outbox: Outbox; answer: (text: string) => Asker } {
  const policy = { durability: 'written', onFull: 'shed' };
  const refuse = (_exchange: Exchange): void => expect.unreachable();
  const outbox = new Outbox(log, policy, new Metrics(), refuse);
  const answer = (text: string): Asker => {
    const exchange = new Asker();
    const { buffer } = outbox;
    buffer.begin();
    buffer.latin1(text);
    outbox.leave({ exchange, route: '/route', body: buffer.end(), headers: HEADERS }, {} as ServedRequest);
    return exchange;
  };
  return { outbox, answer };
}

test('the answers of a tick are logged with one write and leave behind it', async () => {
  const log = new Log(false);
  const { answer } = answering(log);
  const asked = ['a', 'b', 'c'].map(answer);
  expect(asked.map(({ got }) => got)).toEqual([null, null, null]);
  await nextTick();
  expect(asked.map(({ got }) => got)).toEqual(['a', 'b', 'c']);
  expect(log.commits).toEqual([3]);
});

test.each([false, true])(
  'where a tick ends once it is full, at 2 MiB, any number of long answers needs no other memory (log holds: %s)',
  async (holds) => {
    const log = new Log(holds);
    const { outbox, answer } = answering(log);
    const memories = new Set<ArrayBufferLike>();
    const asked = Array.from({ length: 200 }, (_, i) => {
      const exchange = answer(`${i}`.padEnd(180 * KIB, '.'));
      if (outbox.isFull) outbox.flush();
      // Those that the first ticks grew into are behind us.
      if (i >= 100) memories.add(outbox.buffer.end().buffer);
      return exchange;
    });
    await nextTick();
    expect(log.commits[0]).toBe(12);
    expect(log.commits.at(-1)).toBe(200);
    expect(memories.size).toBe(holds ? 2 : 1);
    const left = asked.filter(({ got }) => got !== null);
    expect(left.map(({ got }) => got!.slice(0, 4))).toEqual(left.map((_, i) => `${i}`.padEnd(4, '.')));
    expect(left.length).toBe(holds ? log.commits.at(-2) : 200);
  },
);
