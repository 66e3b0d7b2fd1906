/**
 * One partition of a source on its way through a stream:
 *
 *   batch of messages -> events -> archive, and tiles of each view
 *   step              -> rows of the edges that the watermark has passed -> online under the guard -> markers
 *   commit            -> archive, then the histories of the views; now and then the tiles beside the archive
 *
 * In this order, so that a process that dies at any point has promised nothing that does not hold. A step makes tiles,
 * offset and rows one; a row that is online and not yet history is in the state, and goes on from there. The archive
 * comes before the histories: no row is of a message that it lacks.
 */
import type { Clock } from '../../project/clock.ts';
import type { ArchiveTable } from './archive/archive-table.ts';
import type { DecodeMessage } from './decode/message-decoder.ts';
import type { OnlineOutput } from './output/online-output.ts';
import type { Rejects } from './rejects.ts';
import type { MessageBatch, Position, StreamMessage } from './source/stream-reader.ts';
import type { KeptTiles } from './state/kept-tiles.ts';
import type { TileMaker } from './tiles/tile-maker.ts';
import type { ViewStream } from './view-stream.ts';
import type { ReadEvents } from './windows/spoiled-tiles.ts';
import type { SeenTime } from './windows/watermark.ts';

/** A view, and its rows' way online. */
interface StreamedView {
  readonly stream: ViewStream;
  readonly online: OnlineOutput;
  readonly kept: KeptTiles;
}

interface PartitionOptions {
  readonly partition: number;
  readonly archive: ArchiveTable;
  readonly views: readonly StreamedView[];
  /** Of views whose tiles are made for a topic, in place of rows. */
  readonly makers: readonly TileMaker[];
  /** Throws where another may have the partition. */
  readonly hold: () => Promise<void>;
  readonly decode: DecodeMessage;
  readonly rejects: Rejects;
  readonly seen: SeenTime;
  readonly clock: Clock;
  readonly warn: (line: string) => void;
}

/** Messages that a step takes at most: what it holds in memory. */
const STEP_MESSAGES = 50_000;

export class PartitionStream {
  readonly #options: PartitionOptions;
  #position: Position;
  #taken = 0;

  constructor(options: PartitionOptions) {
    this.#options = options;
    this.#position = options.archive.end;
  }

  /** Behind the last message that was read. */
  get position(): Position {
    return this.#position;
  }

  /** Those of it whose tiles are sent. */
  get makers(): readonly TileMaker[] {
    return this.#options.makers;
  }

  /** How far it has come in event time. */
  get seenUs(): number {
    return this.#options.seen.us;
  }

  /** Messages that the archive does not have yet. */
  get unarchived(): number {
    return this.#options.archive.waiting;
  }

  /**
   * Brings views whose state stands before the archive's end up to it, and writes online what waits in their state.
   * @returns false where it was told to stop before
   */
  async catchUp(isOver: () => boolean): Promise<boolean> {
    const { archive, views, clock } = this.#options;
    await archive.begin();
    for (const view of views) {
      const { stream, online } = view;
      await online.publishSchemas();
      for (const batch of await stream.begin()) await online.write(batch, clock.nowUs());
      if (!(await this.#catchUp(view, isOver))) return false;
      await online.write(stream.step(stream.offset, archive.seenUs, clock.nowUs()), clock.nowUs());
    }
    for (const maker of this.#options.makers) if (!(await this.#catchUpTiles(maker, isOver))) return false;
    return true;
  }

  async #catchUpTiles(maker: TileMaker, isOver: () => boolean): Promise<boolean> {
    const { archive } = this.#options;
    let [taken, last] = [0, -1];
    while (maker.offset < archive.end.offset) {
      let behind = archive.end.offset;
      reading: for await (const events of archive.read(maker.offset))
        for (const event of events) {
          if (taken >= STEP_MESSAGES && event.offset > last) {
            behind = event.offset;
            break reading;
          }
          maker.take(event);
          [taken, last] = [taken + 1, event.offset];
        }
      // What is little is sent with the next commit; of much all is sent, once the end is known.
      if (behind === archive.end.offset && taken < STEP_MESSAGES) return true;
      await maker.keep(behind, this.#read);
      taken = 0;
      if (isOver()) return false;
    }
    return true;
  }

  async #catchUp(view: StreamedView, isOver: () => boolean): Promise<boolean> {
    const { stream } = view;
    const end = this.#options.archive.end.offset;
    while (stream.offset < end) {
      const offset = await this.#takeArchived(view, isOver);
      if (offset === null) return false;
      await this.#remake(stream, Infinity);
      await this.#stepAndSave(view, offset);
      if (isOver() && offset < end) return false;
    }
    return true;
  }

  /**
   * Takes archived messages, all of them or until tiles are to be made again, which would end what is being read.
   * @returns behind the last of them; null: it was told to stop
   */
  async #takeArchived(view: StreamedView, isOver: () => boolean): Promise<number | null> {
    const { archive } = this.#options;
    const { stream } = view;
    let taken = 0;
    let last = -1;
    for await (const events of archive.read(stream.offset)) {
      for (const event of events) {
        // What is saved ends between two messages: one may have several events.
        if (taken >= STEP_MESSAGES && event.offset > last) {
          if (stream.isSpoiled(Infinity)) return event.offset;
          await this.#stepAndSave(view, event.offset);
          if (isOver()) return null;
          taken = 0;
        }
        stream.take(event);
        taken += 1;
        last = event.offset;
      }
    }
    return archive.end.offset;
  }

  async #stepAndSave({ stream, online }: StreamedView, offset: number): Promise<void> {
    const { clock } = this.#options;
    await online.write(stream.step(offset, 0, clock.nowUs()), clock.nowUs());
    stream.save(clock.nowUs());
  }

  /** Takes messages that follow those before. @throws MAT_STREAM_REJECTED when too many cannot be read */
  take({ messages, position, atEnd }: MessageBatch): void {
    for (const message of messages) this.#take(message);
    this.#position = position;
    this.#taken += messages.length;
    if (atEnd) this.#options.seen.idle(this.#options.clock.nowUs());
  }

  #take(message: StreamMessage): void {
    const { offset, appendedUs, value } = message;
    const { partition, archive, views, makers, decode, rejects, seen } = this.#options;
    const events = decode(message);
    if (typeof events === 'string') {
      rejects.add({ partition, offset, reason: events, message: value ?? Buffer.alloc(0) });
      for (const maker of makers) maker.passUnreadable();
      return;
    }
    for (const { values, eventUs, id, op } of events) {
      const event = { values, eventUs, id, op, offset, appendedUs };
      archive.add(event);
      seen.see(eventUs, appendedUs);
      for (const { stream } of views) stream.take(event);
      for (const maker of makers) maker.take(event);
    }
  }

  /** Whether a step is due before more messages are taken. */
  get isFull(): boolean {
    return this.#taken >= STEP_MESSAGES;
  }

  /** Makes the rows that are due and writes them online. */
  async step(): Promise<void> {
    const { views, rejects, seen, clock } = this.#options;
    rejects.flush();
    this.#taken = 0;
    for (const { stream, online } of views) {
      await this.#remake(stream, seen.us);
      const rows = stream.step(this.#position.offset, seen.us, clock.nowUs());
      await online.write(rows, clock.nowUs());
    }
  }

  /** Of what was archived, and what waits for it. */
  async #remake(stream: ViewStream, seenUs: number): Promise<void> {
    if (!stream.isSpoiled(seenUs)) return;
    await stream.remake(seenUs, this.#read);
  }

  readonly #read: ReadEvents = ({ fromOffset, ...wanted }) =>
    this.#options.archive.readAll(fromOffset, wanted);

  /** Makes durable for others what the steps have made. @returns how many rows became history, a view each */
  async commit(): Promise<number[]> {
    const { archive, views, seen, clock } = this.#options;
    for (const { stream } of views) {
      await this.#remake(stream, Infinity);
      stream.save(clock.nowUs());
    }
    await archive.commit(this.#position, seen.us, clock.nowUs());
    const rows: number[] = [];
    for (const { stream } of views) rows.push(await stream.commit());
    await this.#sendTiles();
    for (const view of views) await this.#keepTiles(view);
    return rows;
  }

  async #sendTiles(): Promise<void> {
    const { makers, seen, hold } = this.#options;
    for (const maker of makers) {
      await hold();
      await maker.commit({ offset: this.#position.offset, seenUs: seen.us, read: this.#read });
    }
  }

  /** Losing them costs time alone: what goes wrong is told, and tried again. */
  async #keepTiles({ stream, kept }: StreamedView): Promise<void> {
    const nowUs = this.#options.clock.nowUs();
    const { whole } = stream;
    if (whole === null || !kept.isDue(nowUs)) return;
    try {
      await kept.keep(whole.offset, nowUs, whole.copyTo);
    } catch (error) {
      const { partition, warn } = this.#options;
      const what = `the tiles of ${stream.view.id}, partition ${partition}, were not kept beside the archive`;
      warn(`${what}: ${(error as Error).message}`);
    }
  }

  close(): void {
    for (const { stream } of this.#options.views) stream.close();
    for (const maker of this.#options.makers) maker.close();
  }
}
