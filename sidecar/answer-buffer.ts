/**
 * Where answers are written: one buffer that is used again and again, so that a cached row's ready bytes are copied
 * once and no JSON text is built.
 *
 *   | answer | answer | answer being written ->          |
 *   0        ^ bytes of answers that have not left yet   ^ full: a new buffer; the old one lives as long as its answers
 *
 * Lost: an answer as one string put together from the same pieces. In a rough trial on a busy machine (5.7 KB answers,
 * uWebSockets.js) it took some 40 % more server CPU a request. `npm run bench` has the figure of the whole path.
 */
const BYTES = 2 ** 20;
const MAX_UTF8_PER_CODE_UNIT = 3;
const COMMA = 0x2c;

export class AnswerBuffer {
  #buffer = Buffer.allocUnsafeSlow(BYTES);
  #from = 0;
  #at = 0;

  /** Starts an answer. */
  begin(): void {
    this.#from = this.#at;
  }

  /** Bytes of the answer so far. */
  get length(): number {
    return this.#at - this.#from;
  }

  bytes(bytes: Buffer): void {
    if (this.#at + bytes.length > this.#buffer.length) this.#grow(bytes.length);
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** A part of ready bytes, `to` not included. */
  range(bytes: Buffer, from: number, to: number): void {
    if (this.#at + to - from > this.#buffer.length) this.#grow(to - from);
    bytes.copy(this.#buffer, this.#at, from, to);
    this.#at += to - from;
  }

  text(text: string): void {
    const most = text.length * MAX_UTF8_PER_CODE_UNIT;
    if (this.#at + most > this.#buffer.length) this.#grow(most);
    this.#at += this.#buffer.write(text, this.#at);
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
  }

  #grow(bytes: number): void {
    const written = this.#buffer.subarray(this.#from, this.#at);
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(BYTES, (written.length + bytes) * 2));
    this.#buffer.set(written, 0);
    this.#from = 0;
    this.#at = written.length;
  }
}
