/** Which requests are served, when, and which are refused: polls and passes on a clock of the test's own. */
import { describe, expect, test } from 'vitest';
import { Admission } from '../../../../sidecar/request/admission.ts';
import { Histogram } from '../../../../contract/std/histogram.ts';
import { PathExchange } from '../../../support/faults/path-exchange.ts';

const WALL_MS = 1_795_262_400_000;

class Loop {
  nowMs = 1_000;
  /** What one request takes to serve. */
  workMs = 1;
  /** In order: `served 3 at age`, `late 4`, `flush`. */
  readonly told: string[] = [];
  readonly pollSeconds = new Histogram([0.005]);
  /** So many answers fill a tick. */
  fullAt = Infinity;
  readonly #due: (() => void)[] = [];
  readonly admission: Admission;

  constructor(deadlineMs = 8) {
    this.admission = new Admission({
      serve: ({ path }, body, ageMs) => {
        this.told.push(`served ${path} at ${Number(ageMs.toFixed(3))} ${body.toString()}`.trim());
        this.nowMs += this.workMs;
      },
      refuse: ({ path }, why) => void this.told.push(`${why} ${path}`),
      flush: () => void this.told.push('flush'),
      isFull: () => this.served() >= this.fullAt,
      deadlineMs,
      pollSeconds: this.pollSeconds,
      nowMs: () => this.nowMs,
      wallMs: () => WALL_MS + this.nowMs,
      afterPoll: (call) => void this.#due.push(call),
    });
  }

  read(path: string, head: Record<string, string> = {}, body = ''): PathExchange {
    const exchange = new PathExchange();
    exchange.path = path;
    for (const [name, value] of Object.entries(head)) exchange.head.take(name, value);
    this.admission.take(exchange, Buffer.from(body));
    return exchange;
  }

  /** Ends the poll; @returns what came of it */
  endPoll(): string[] {
    const from = this.told.length;
    for (const call of this.#due.splice(0)) call();
    return this.told.slice(from);
  }

  /** Answers since the last flush. */
  served(): number {
    return this.told.slice(this.told.lastIndexOf('flush') + 1).filter((line) => line.startsWith('served'))
      .length;
  }

  /** All that was told since the last call. */
  take(): string[] {
    return this.told.splice(0);
  }
}

describe('a poll', () => {
  test('serves at once while it is young and nobody waits, and logs at the end of the tick as ever', () => {
    const loop = new Loop();
    for (const path of ['1', '2', '3']) loop.read(path);
    expect(loop.take()).toEqual(['served 1 at 0', 'served 2 at 1', 'served 3 at 2']);
    expect(loop.endPoll()).toEqual([]);
    expect([loop.pollSeconds.counts[0], loop.pollSeconds.sum]).toEqual([1, 0.003]);
  });

  test('past 4 ms only reads; the pass behind it serves by the order of reading, 4 ms of it, and flushes', () => {
    const loop = new Loop(60);
    for (let i = 1; i <= 12; i++) loop.read(`${i}`, {}, `body ${i}`);
    expect(loop.take()).toHaveLength(4);
    expect(loop.admission.waiting).toBe(8);
    loop.nowMs += 1;
    // The poll took 5 ms: the fifth was read after 4, and has waited for 1.
    expect(loop.endPoll()).toEqual([
      'served 5 at 6 body 5',
      'served 6 at 7 body 6',
      'served 7 at 8 body 7',
      'served 8 at 9 body 8',
      'flush',
    ]);
  });

  test('with so much answered that a tick is full only reads; the pass ends ticks as they fill', () => {
    const loop = new Loop(60);
    loop.workMs = 0.5;
    loop.fullAt = 2;
    for (const path of ['1', '2', '3', '4', '5', '6']) loop.read(path);
    expect(loop.told).toEqual(['served 1 at 0', 'served 2 at 0.5']);
    expect(loop.endPoll().map((line) => line.split(' at ')[0])).toEqual([
      'flush',
      'served 3',
      'served 4',
      'flush',
      'served 5',
      'served 6',
      'flush',
      'flush',
    ]);
  });

  test('with others waiting begins where the pass ended, and serves none before them', () => {
    const loop = new Loop(60);
    for (let i = 1; i <= 9; i++) loop.read(`${i}`);
    loop.endPoll();
    loop.take();
    loop.nowMs += 2;
    loop.read('young');
    expect(loop.take()).toEqual([]);
    const served = loop.endPoll();
    expect(served).toEqual(['served 9 at 10', 'served young at 3', 'flush']);
    loop.read('next');
    expect(loop.take().at(-1)).toBe('served next at 0');
  });
});

describe('a request', () => {
  test('whose deadline is past before its turn is refused, its own or the default', () => {
    const loop = new Loop(8);
    loop.workMs = 5;
    loop.read('first');
    loop.read('a');
    loop.read('b', { 'x-deadline-ms': '60' });
    loop.read('c', { 'x-deadline-ms': '9' });
    loop.take();
    loop.workMs = 4;
    expect(loop.endPoll()).toEqual(['served a at 5', 'flush']);
    expect(loop.endPoll()).toEqual(['served b at 9', 'flush']);
    expect(loop.endPoll()).toEqual(['late c', 'flush']);
  });

  test('is told the deadline it has by the server where the header is no number', () => {
    const loop = new Loop();
    for (const value of ['soon', '-1', '0']) loop.read(value, { 'x-deadline-ms': value });
    expect(loop.take().map((line) => line.split(' ')[0])).toEqual(['served', 'served', 'served']);
  });

  test.each([
    ['t=', 6, 'served x at 6'],
    ['', 6, 'served x at 6'],
    ['', 8, 'late x'],
    ['t=', 59_000, 'late x'],
    // Another unit, another clock, no number: nobody is refused for it.
    ['', -5, 'served x at 0'],
    ['', 3_600_000, 'served x at 0'],
    ['s', 6, 'served x at 0'],
  ])('counts from x-request-start where that is earlier: %s, %d ms ago', (prefix, waitedMs, told) => {
    const loop = new Loop();
    loop.read('x', { 'x-request-start': `${prefix}${WALL_MS + loop.nowMs - waitedMs}` });
    expect(loop.take()).toEqual([told]);
  });

  test('whose client has left costs nobody anything', () => {
    const loop = new Loop();
    loop.workMs = 5;
    loop.read('first');
    loop.read('left').aborted = true;
    loop.take();
    expect(loop.endPoll()).toEqual(['gone left', 'flush']);
  });

  test('for which there is no room is refused at once', () => {
    const loop = new Loop(60_000);
    loop.workMs = 5;
    loop.read('first');
    const body = 'x'.repeat(2 ** 20 - 1_024);
    for (let i = 1; i <= 17; i++) loop.read(`${i}`, {}, body);
    expect(loop.take()).toEqual(['served first at 0', 'full 17']);
    expect(loop.admission.waitingBytes).toBe(16 * 2 ** 20);
  });
});

describe('under a load that lasts', () => {
  /** Polls that bring a request each millisecond since the last one, each of 2 ms work. */
  function twice(loop: Loop, polls: number): { served: number; refused: number; oldest: number } {
    loop.workMs = 2;
    let lastMs = loop.nowMs;
    const told: string[] = [];
    for (let poll = 0; poll < polls; poll++) {
      for (; lastMs + 1 <= loop.nowMs; lastMs += 1) loop.read('r');
      told.push(...loop.endPoll());
      if (loop.admission.waiting === 0) loop.nowMs += 1;
    }
    const served = told.filter((line) => line.startsWith('served'));
    const ages = served.map((line) => Number(line.split(' at ')[1]));
    return {
      served: served.length,
      refused: told.length - served.length,
      oldest: Math.max(...ages.slice(-50)),
    };
  }

  test('ages settle at twice the target, though each has a minute, and it never ceases to serve', () => {
    const loop = new Loop(60_000);
    const { served, refused, oldest } = twice(loop, 500);
    expect(oldest).toBeLessThan(10);
    // Work goes on without a gap: 2 ms each.
    expect(served * 2).toBeGreaterThan((loop.nowMs - 1_000) * 0.95);
    expect(refused).toBeGreaterThan(served * 0.8);
  });

  test('when it falls, nothing more is refused once the queue was empty', () => {
    const loop = new Loop(60_000);
    twice(loop, 500);
    for (let i = 0; i < 20; i++) loop.endPoll();
    expect(loop.admission.waiting).toBe(0);
    loop.take();
    for (let i = 0; i < 100; i++) {
      loop.nowMs += 3;
      loop.read('calm');
      loop.endPoll();
    }
    expect(loop.take().every((line) => line.startsWith('served calm at 0'))).toBe(true);
  });
});
