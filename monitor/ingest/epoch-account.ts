/**
 * What has been ingested of one epoch, that is of one start of one sidecar: which numbers came, which were shed, and
 * whether it ended in order. Numbers that never came are gaps; an epoch without its last record has an open tail.
 */
import type { Heartbeat } from '../../contract/wire/log/served-record.ts';
import { SequenceSet } from './sequence-set.ts';
import type { MissingRange, SequenceRange } from './sequence-set.ts';

/** As it stands in the state's file. */
export interface EpochText {
  readonly pod: string;
  /** 16 hex digits. */
  readonly epoch: string;
  /** The first number that should be there: 1, or where the log began when it was first read. */
  readonly start: number;
  readonly closed: boolean;
  /** Number of the newest heartbeat, and the most numbers between two of them; 0: none came. */
  readonly beat: number;
  readonly beatStep: number;
  readonly seen: readonly (readonly [from: number, to: number, fromUs: number, toUs: number])[];
  readonly shed: readonly (readonly [from: number, to: number])[];
}

interface OpenTail {
  readonly pod: string;
  readonly epoch: string;
  readonly lastSequence: number;
  readonly lastUs: number;
  /**
   * The most records that the epoch can have behind its last one if it ended before its next heartbeat was due: the
   * most numbers between two of its heartbeats, less those that came since the last. null: no heartbeat came.
   */
  readonly lossAtMost: number | null;
}

export class EpochAccount {
  readonly pod: string;
  readonly epoch: string;
  readonly #start: number;
  readonly #seen: SequenceSet;
  readonly #shed: SequenceSet;
  #closed: boolean;
  #beat: number;
  #beatStep: number;

  constructor(text: EpochText) {
    this.pod = text.pod;
    this.epoch = text.epoch;
    this.#start = text.start;
    this.#closed = text.closed;
    this.#beat = text.beat;
    this.#beatStep = text.beatStep;
    this.#seen = new SequenceSet(text.seen.map(([from, to, fromUs, toUs]) => ({ from, to, fromUs, toUs })));
    this.#shed = new SequenceSet(text.shed.map(([from, to]) => ({ from, to, fromUs: 0, toUs: 0 })));
  }

  static begin(pod: string, epoch: string, start: number): EpochAccount {
    return new EpochAccount({ pod, epoch, start, closed: false, beat: 0, beatStep: 0, seen: [], shed: [] });
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Of the record with the lowest number; orders epochs as they began. */
  get firstUs(): number {
    return this.#seen.ranges[0]?.fromUs ?? 0;
  }

  /** Of the record with the highest number. */
  get lastUs(): number {
    return this.#seen.ranges.at(-1)?.toUs ?? 0;
  }

  has(sequence: number): boolean {
    return this.#seen.has(sequence);
  }

  /** @returns false when a record of this number came before */
  take(sequence: number, atUs: number): boolean {
    return this.#seen.add(sequence, atUs);
  }

  /** A heartbeat tells what was shed since the one before; the last one closes the epoch. */
  hear(heartbeat: Heartbeat, last: boolean): void {
    for (const { fromSequence, toSequence } of heartbeat.ranges) this.#shed.cover(fromSequence, toSequence);
    if (last) this.#closed = true;
    if (heartbeat.highestSequence <= this.#beat) return;
    this.#beatStep = Math.max(this.#beatStep, heartbeat.highestSequence - this.#beat);
    this.#beat = heartbeat.highestSequence;
  }

  get shedRecords(): number {
    return this.#shed.ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  }

  /** Numbers that neither came nor were shed, up to the highest that came. */
  gaps(): MissingRange[] {
    return this.#seen.missing(this.#start).flatMap((range) => without(range, this.#shed.ranges));
  }

  /** null when the epoch ended in order. */
  openTail(): OpenTail | null {
    if (this.#closed) return null;
    const last = this.#seen.highest;
    return {
      pod: this.pod,
      epoch: this.epoch,
      lastSequence: last,
      lastUs: this.lastUs,
      lossAtMost: this.#beat === 0 ? null : Math.max(0, this.#beat + this.#beatStep - last),
    };
  }

  text(): EpochText {
    return {
      pod: this.pod,
      epoch: this.epoch,
      start: this.#start,
      closed: this.#closed,
      beat: this.#beat,
      beatStep: this.#beatStep,
      seen: this.#seen.ranges.map(({ from, to, fromUs, toUs }) => [from, to, fromUs, toUs]),
      shed: this.#shed.ranges.map(({ from, to }) => [from, to]),
    };
  }
}

/** @returns the parts of a missing range that none of `shed`, ascending, covers */
function without(range: MissingRange, shed: readonly Readonly<SequenceRange>[]): MissingRange[] {
  const left: MissingRange[] = [];
  let next = range.from;
  for (const { from, to } of shed) {
    if (to < next) continue;
    if (from > range.to) break;
    if (from > next) left.push({ ...range, from: next, to: from - 1 });
    next = to + 1;
  }
  if (next <= range.to) left.push({ ...range, from: next });
  return left;
}
