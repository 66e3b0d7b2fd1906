/** An Arrow IPC stream that comes in pieces of any size: its schema, then its batches, each whole or not at all. */
import { readHead } from './arrow-message.ts';
import type { MessageHead, RawBatch } from './arrow-message.ts';
import type { ArrowField } from './arrow-field.ts';
import { CONTINUES } from './flat-buffer.ts';

/** A head has some bytes a column, so that a larger one is none. */
const MAX_HEAD_BYTES = 16 << 20;
const MAX_BODY_BYTES = 1 << 30;
const MAX_ROWS = 1 << 24;
/** With which an Arrow file begins, which is no stream. */
const FILE_MAGIC = 0x4f52_5241;

/** What is wrong with a stream, as the end of a sentence about it. */
export class StreamFault extends Error {
  override readonly name = 'StreamFault';
}

export interface ArrowBatch extends RawBatch {
  /** Its buffers; its first byte lies at a multiple of 8 of its memory. */
  readonly body: Uint8Array<ArrayBuffer>;
}

export class ArrowStream {
  readonly #bytes: IncomingBytes;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#bytes = new IncomingBytes(chunks);
  }

  /** @throws StreamFault */
  async schema(): Promise<readonly ArrowField[]> {
    if (await this.#bytes.isEmpty()) throw new StreamFault('nothing came');
    const head = await this.#head();
    if (head === null) throw new StreamFault('it ends before its schema');
    if (!('fields' in head))
      throw new StreamFault('it begins with a batch of rows, and a schema was expected');
    return head.fields;
  }

  /** @throws StreamFault, also when it ends without saying that this is its end: its writer may have been ended */
  async *batches(): AsyncGenerator<ArrowBatch> {
    for (let head = await this.#head(); head !== null; head = await this.#head()) {
      if ('fields' in head) throw new StreamFault('it has a second schema');
      const { batch, bodyBytes } = head;
      if (bodyBytes < 0 || bodyBytes > MAX_BODY_BYTES)
        throw new StreamFault(
          `it claims a batch of ${bodyBytes} bytes; at most 2^30 are read: write smaller ones`,
        );
      if (batch.rows < 0 || batch.rows > MAX_ROWS)
        throw new StreamFault(
          `it claims a batch of ${batch.rows} rows; at most 2^24 are read: write smaller ones`,
        );
      yield { ...batch, body: (await this.#bytes.take(bodyBytes)) ?? this.#cut() };
    }
    if ((await this.#bytes.take(1)) !== null) throw new StreamFault('more bytes come behind its end');
  }

  /** @returns null at its end */
  async #head(): Promise<MessageHead | null> {
    const prefix = await this.#bytes.take(8);
    if (prefix === null) throw new StreamFault('it has no end: its writer was ended, or did not close it');
    const view = new DataView(prefix.buffer);
    const first = view.getUint32(0, true);
    if (first === FILE_MAGIC) throw new StreamFault('it is an Arrow file, and a stream was expected');
    const length = view.getUint32(4, true);
    if (first !== CONTINUES || length > MAX_HEAD_BYTES)
      throw new StreamFault('no message of Arrow begins where one is due');
    if (length === 0) return null;
    const bytes = (await this.#bytes.take(length)) ?? this.#cut();
    try {
      return readHead(Buffer.from(bytes.buffer));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      const { code, message } = error as NodeJS.ErrnoException;
      // Node's own words are of offsets; these are ours.
      throw new StreamFault(code === undefined ? message : 'a message of it is damaged', { cause: error });
    }
  }

  #cut(): never {
    throw new StreamFault('it ends within a message');
  }
}

/** Bytes that come in pieces, taken in others. */
class IncomingBytes {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held: Uint8Array[] = [];
  #heldBytes = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  async isEmpty(): Promise<boolean> {
    while (this.#heldBytes === 0) if (!(await this.#more())) return true;
    return false;
  }

  /** @returns null when nothing is left. @throws StreamFault when some bytes are left, and too few */
  async take(count: number): Promise<Uint8Array<ArrayBuffer> | null> {
    while (this.#heldBytes < count) {
      if (await this.#more()) continue;
      if (this.#heldBytes === 0) return null;
      throw new StreamFault('it ends within a message');
    }
    const taken = new Uint8Array(count);
    let at = 0;
    let used = 0;
    while (at < count) {
      const chunk = this.#held[used]!;
      const part = chunk.subarray(0, count - at);
      taken.set(part, at);
      at += part.length;
      if (part.length < chunk.length) this.#held[used] = chunk.subarray(part.length);
      else used += 1;
    }
    this.#held.splice(0, used);
    this.#heldBytes -= count;
    return taken;
  }

  /** @returns false at the end */
  async #more(): Promise<boolean> {
    const next = await this.#chunks.next();
    if (next.done === true) return false;
    this.#held.push(next.value);
    this.#heldBytes += next.value.length;
    return true;
  }
}
