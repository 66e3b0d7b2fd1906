/**
 * The buffer that answers are written to, used again and again: a cached row's ready bytes are copied once, and no JSON
 * text is built.
 *
 *   | answer | answer | answer being written ->          |
 *   0        ^ bytes of answers that have not left yet   ^ full: a new buffer; the old one lives as long as its answers
 *
 * It grows until it holds the answers of a tick, which ends at 2 MiB (outbox.ts), and the answer that passes them: a
 * fresh buffer for every seven answers of 134 KB would be pages to fault in.
 *
 * Rejected: building the answer as one string from the same pieces. In a rough trial on a busy machine (5.7 KB answers,
 * uWebSockets.js) it took some 40 % more server CPU for each request. `npm run bench` has the figure of the whole path.
 */

/** The head of a piece that `list` reads: bytes of text above, the status in the lowest three bits. */
export const PIECE_HEAD_BYTES = 4;
export const STATUS_BITS = 3;
const STATUS_MASK = 7;

const FIRST_BYTES = 2 ** 20;
const MAX_KEPT_BYTES = 2 ** 22;
const MAX_UTF8_PER_CODE_UNIT = 3;
const COMMA = 0x2c;
const OPEN = 0x5b;
const WORD = 4;
/** From here on the native copy wins. */
const LONG_PIECE = 256;

export class AnswerBuffer {
  #buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #words = new DataView(this.#buffer.buffer);
  #from = 0;
  #at = 0;
  #olderBytes = 0;

  /** Of all answers since `reset`, in older buffers too. */
  get usedBytes(): number {
    return this.#olderBytes + this.#at;
  }

  /** Starts an answer. */
  begin(): void {
    this.#from = this.#at;
  }

  /** Bytes of the answer so far. */
  get length(): number {
    return this.#at - this.#from;
  }

  bytes(bytes: Uint8Array): void {
    if (this.#at + bytes.length > this.#buffer.length) this.#grow(bytes.length);
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Room for so many bytes, which the methods below it need. */
  reserve(bytes: number): void {
    if (this.#at + bytes > this.#buffer.length) this.#grow(bytes);
  }

  /** Little endian, as tensors have it; there is room. */
  float64(value: number): void {
    this.#words.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  /** The same of four bytes. */
  float32(value: number): void {
    this.#words.setFloat32(this.#at, value, true);
    this.#at += 4;
  }

  /** There is room. */
  byte(byte: number): void {
    this.#buffer[this.#at] = byte;
    this.#at += 1;
  }

  /** A part of ready bytes, `to` not included. */
  range(bytes: Buffer, from: number, to: number): void {
    if (this.#at + to - from > this.#buffer.length) this.#grow(to - from);
    bytes.copy(this.#buffer, this.#at, from, to);
    this.#at += to - from;
  }

  /**
   * The next piece of each row as a JSON list, without its closing bracket. Copied word by word, which writes past the
   * end of a piece what the next one writes over. Rejected, for 2,500 pieces of 14 bytes (28 us): Buffer.copy (40), a
   * string put together and written (42), byte by byte (59), charCodeAt (74), 8 bytes as a BigInt (150).
   *
   * @param rows      packed as `feast-pieces.ts` draws it; at least one
   * @param cursors   where each row's piece stands; moved behind it
   * @param statuses  become those of the pieces
   * @returns         whether `statuses` were these before
   */
  list(rows: readonly DataView[], cursors: number[], statuses: number[]): boolean {
    const start = this.length;
    let same = true;
    let words = this.#words;
    let at = this.#at;
    for (let r = 0; r < rows.length; r++) {
      const pieces = rows[r]!;
      let from = cursors[r]!;
      const head = pieces.getUint32(from, true);
      from += PIECE_HEAD_BYTES;
      const bytes = head >>> STATUS_BITS;
      const status = head & STATUS_MASK;
      if (statuses[r] !== status) {
        statuses[r] = status;
        same = false;
      }
      cursors[r] = from + bytes;
      const to = at + bytes;
      if (bytes > LONG_PIECE || to + WORD > words.byteLength) {
        this.#at = at;
        this.bytes(new Uint8Array(pieces.buffer, pieces.byteOffset + from, bytes));
        words = this.#words;
        at = this.#at;
        continue;
      }
      for (let p = at; p < to; p += WORD, from += WORD)
        words.setUint32(p, pieces.getUint32(from, true), true);
      at = to;
    }
    this.#at = at;
    // Every piece brings the comma before it.
    this.#buffer[this.#from + start] = OPEN;
    return same;
  }

  /** What was written of this answer from there on; valid until more is written. */
  since(from: number): Buffer {
    return this.#buffer.subarray(this.#from + from, this.#at);
  }

  /** A part of this answer once more: from and to count from its start. */
  again(from: number, to: number): void {
    if (this.#at + to - from > this.#buffer.length) this.#grow(to - from);
    this.#buffer.copyWithin(this.#at, this.#from + from, this.#from + to);
    this.#at += to - from;
  }

  text(text: string): void {
    const most = text.length * MAX_UTF8_PER_CODE_UNIT;
    if (this.#at + most > this.#buffer.length) this.#grow(most);
    this.#at += this.#buffer.write(text, this.#at);
  }

  /** Text of one byte a character, as that of numbers is. */
  latin1(text: string): void {
    if (this.#at + text.length > this.#buffer.length) this.#grow(text.length);
    this.#at += this.#buffer.write(text, this.#at, 'latin1');
  }

  comma(): void {
    if (this.#at === this.#buffer.length) this.#grow(1);
    this.#buffer[this.#at] = COMMA;
    this.#at += 1;
  }

  /** @returns the answer's bytes, valid until `reset` */
  end(): Buffer {
    return this.#buffer.subarray(this.#from, this.#at);
  }

  /** All answers have left: their bytes may be written over. */
  reset(): void {
    this.#from = 0;
    this.#at = 0;
    this.#olderBytes = 0;
  }

  #grow(bytes: number): void {
    const written = this.#buffer.subarray(this.#from, this.#at);
    const size = Math.max(Math.min(this.#buffer.length * 2, MAX_KEPT_BYTES), (written.length + bytes) * 2);
    this.#buffer = Buffer.allocUnsafeSlow(size);
    this.#words = new DataView(this.#buffer.buffer);
    this.#buffer.set(written, 0);
    this.#olderBytes += this.#from;
    this.#from = 0;
    this.#at = written.length;
  }
}
