/**
 * What has been ingested of one epoch (one start of one sidecar): which sequence numbers came, which were shed, and
 * whether the epoch ended in order. Numbers that never came are gaps; an epoch without its last record has an open
 * tail.
 */
import type { Heartbeat } from '../../contract/wire/log/served-record.ts';
import { SequenceSet } from './sequence-set.ts';
import type { MissingRange, SequenceRange } from './sequence-set.ts';

/** An epoch as the state file holds it. */
export interface EpochText {
  readonly pod: string;
  /** 16 hex digits. */
  readonly epoch: string;
  /** The first number that is expected: 1, or the first one that the log still held when it was first read. */
  readonly start: number;
  readonly closed: boolean;
  /**
   * Number of the newest heartbeat, and the largest step between the numbers of two heartbeats; 0: no heartbeat came.
   */
  readonly beat: number;
  readonly beatStep: number;
  readonly seen: readonly (readonly [from: number, to: number, fromUs: number, toUs: number])[];
  readonly shed: readonly (readonly [from: number, to: number])[];
  /** From which heartbeat on the clock's offset is which, where it changed. Absent in states of earlier versions. */
  readonly offsets?: readonly (readonly [sequence: number, us: number])[];
  /** What ran its on-demand functions; absent: no heartbeat told. */
  readonly engine?: string;
  /** The bundle that was served by the newest heartbeat, and when it was written; absent: none told. */
  readonly bundle?: readonly [hash: string, atUs: number];
}

/** A clock that never rests would make the state grow with each heartbeat. */
const MAX_OFFSETS = 100;

interface OpenTail {
  readonly pod: string;
  readonly epoch: string;
  readonly lastSequence: number;
  readonly lastUs: number;
  /**
   * The most records that can be missing after the last one, if the epoch ended before its next heartbeat was due: the
   * largest step between the numbers of two heartbeats, less the records since the newest heartbeat. null: no heartbeat
   * came.
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
  /** Ascending by sequence number; the newest. */
  readonly #offsets: (readonly [sequence: number, us: number])[];
  #engine: string;
  #bundle: readonly [hash: string, atUs: number];

  constructor(text: EpochText) {
    this.pod = text.pod;
    this.epoch = text.epoch;
    this.#start = text.start;
    this.#closed = text.closed;
    this.#beat = text.beat;
    this.#beatStep = text.beatStep;
    this.#seen = new SequenceSet(text.seen.map(([from, to, fromUs, toUs]) => ({ from, to, fromUs, toUs })));
    this.#offsets = [...(text.offsets ?? [])];
    this.#engine = text.engine ?? '';
    this.#bundle = text.bundle ?? ['', 0];
    this.#shed = new SequenceSet(text.shed.map(([from, to]) => ({ from, to, fromUs: 0, toUs: 0 })));
  }

  static begin(pod: string, epoch: string, start: number): EpochAccount {
    return new EpochAccount({ pod, epoch, start, closed: false, beat: 0, beatStep: 0, seen: [], shed: [] });
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** When the record with the lowest number was written; orders epochs by their beginning. */
  get firstUs(): number {
    return this.#seen.ranges[0]?.fromUs ?? 0;
  }

  /** When the record with the highest number was written. */
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

  /** Takes a heartbeat: it says which numbers were shed since the one before; the last one closes the epoch. */
  hear(heartbeat: Heartbeat, last: boolean): void {
    for (const { fromSequence, toSequence } of heartbeat.ranges) this.#shed.cover(fromSequence, toSequence);
    if (last) this.#closed = true;
    if (heartbeat.engine !== '') this.#engine = heartbeat.engine;
    if (heartbeat.highestSequence <= this.#beat) return;
    this.#step(heartbeat);
    this.#bundle = [heartbeat.bundle, heartbeat.atUs];
    this.#beatStep = Math.max(this.#beatStep, heartbeat.highestSequence - this.#beat);
    this.#beat = heartbeat.highestSequence;
  }

  #step({ highestSequence, clockOffsetUs }: Heartbeat): void {
    const offsets = this.#offsets;
    if (clockOffsetUs === (offsets.at(-1)?.[1] ?? 0)) return;
    offsets.push([highestSequence, clockOffsetUs]);
    if (offsets.length <= MAX_OFFSETS) return;
    offsets.shift();
    // What comes so late is taken for a record of the oldest offset that is kept.
    offsets[0] = [0, offsets[0]![1]];
  }

  /** What ran its on-demand functions; empty: no heartbeat told. */
  get engine(): string {
    return this.#engine;
  }

  /** The short hash of the bundle that was served by the newest heartbeat; empty: none told. */
  get bundle(): string {
    return this.#bundle[0];
  }

  /** When the newest heartbeat was written; 0: none came. */
  get heardUs(): number {
    return this.#bundle[1];
  }

  /** How far the clock had moved by the last heartbeat before a record; 0: none came, or it had not moved. */
  clockOffsetUs(sequence: number): number {
    return this.#offsets.findLast(([from]) => from < sequence)?.[1] ?? 0;
  }

  /** Where the clock stood after each of its changes, in their order; it began at 0. */
  get clockOffsetsUs(): number[] {
    return this.#offsets.map(([, us]) => us);
  }

  get shedRecords(): number {
    return this.#shed.ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  }

  /** Numbers that neither came nor were shed, up to the highest that came. */
  gaps(): MissingRange[] {
    return this.#seen.missing(this.#start).flatMap((range) => without(range, this.#shed.ranges));
  }

  /** @returns null when the epoch ended in order */
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

  /** @returns what two ingests know of the same epoch, as if one had read it all */
  merged(other: EpochAccount): EpochAccount {
    const [a, b] = [this.text(), other.text()];
    const [newer, older] = a.beat >= b.beat ? [a, b] : [b, a];
    const whole = new EpochAccount({
      ...older,
      ...newer,
      start: Math.min(a.start, b.start),
      closed: a.closed || b.closed,
      beatStep: Math.max(a.beatStep, b.beatStep),
      seen: this.#seen.union(other.#seen).ranges.map(rangeText),
    });
    for (const [from, to] of [...a.shed, ...b.shed]) whole.#shed.cover(from, to);
    return whole;
  }

  text(): EpochText {
    return {
      pod: this.pod,
      epoch: this.epoch,
      start: this.#start,
      closed: this.#closed,
      beat: this.#beat,
      beatStep: this.#beatStep,
      seen: this.#seen.ranges.map(rangeText),
      shed: this.#shed.ranges.map(({ from, to }) => [from, to]),
      ...(this.#offsets.length === 0 ? {} : { offsets: this.#offsets }),
      ...(this.#engine === '' ? {} : { engine: this.#engine }),
      ...(this.#bundle[1] === 0 ? {} : { bundle: this.#bundle }),
    };
  }
}

function rangeText({ from, to, fromUs, toUs }: Readonly<SequenceRange>): EpochText['seen'][number] {
  return [from, to, fromUs, toUs];
}

/** @returns the parts of a missing range that no range of `shed` (ascending) covers */
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
