/**
 * Reads Redis's replies (RESP2) out of the bytes of a connection, as far as the read lane needs them: lines, and arrays
 * of bulk strings, which become text of one character a byte.
 *
 *   | replies read | reply, reply, begun reply |        room        |
 *                  ^at                         ^end                 ^ full: moved to the front, or a larger buffer
 *
 * A reply is read once it is whole. One that is not is read again from its start when more bytes have come: that costs
 * a look at each length in it, and no copy.
 */
const FIRST_BYTES = 65_536;
const CR = 0x0d;
const LF = 0x0a;
const MINUS = 0x2d;
const PLUS = 0x2b;
const STAR = 0x2a;
const DOLLAR = 0x24;
const ZERO = 0x30;

/** Strings that are known: a value with the same bytes is given as this string, and no new one is made. */
interface KnownRows {
  knownRow(i: number): string | null | undefined;
}

/** begun: not whole yet · refused: an error reply · unreadable: no such reply, nor can what follows it be read */
type ReplyState = 'whole' | 'begun' | 'refused' | 'unreadable';

const BEGUN = -2;
const UNREADABLE = -3;

export class RespReader {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #at = 0;
  #end = 0;
  /** Behind the line that was read last. */
  #next = 0;
  readonly #offsets: number[] = [];
  /** What an error reply says, when the last one read was `refused`. */
  refusal = '';

  /** Where the next bytes of the connection belong: never empty. */
  room(): Buffer {
    if (this.#at > 0) {
      this.#bytes.copyWithin(0, this.#at, this.#end);
      this.#end -= this.#at;
      this.#at = 0;
    }
    if (this.#end === this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(this.#bytes.length * 2);
      this.#bytes.copy(larger, 0, 0, this.#end);
      this.#bytes = larger;
    }
    return this.#end === 0 ? this.#bytes : this.#bytes.subarray(this.#end);
  }

  /** @param count  of the bytes that were put into `room` */
  received(count: number): void {
    this.#end += count;
  }

  /** Whether there is anything behind the last reply read. */
  get hasMore(): boolean {
    return this.#at < this.#end;
  }

  /**
   * Reads an array of bulk strings.
   *
   * @param rows  takes the strings when the reply is whole; null for a null one
   */
  rows(count: number, known: KnownRows, rows: (string | null)[]): ReplyState {
    if (this.#at === this.#end) return 'begun';
    if (this.#bytes[this.#at] === MINUS) return this.#refused();
    const items = this.#length(this.#at, STAR);
    if (items === BEGUN) return 'begun';
    if (items !== count) return 'unreadable';
    const offsets = this.#offsets;
    let at = this.#next;
    for (let i = 0; i < count; i++) {
      const length = this.#length(at, DOLLAR);
      if (length === BEGUN) return 'begun';
      if (length === UNREADABLE) return 'unreadable';
      offsets[i * 2] = this.#next;
      offsets[i * 2 + 1] = length;
      at = this.#next;
      if (length === -1) continue;
      at += length + 2;
      if (at > this.#end) return 'begun';
      if (this.#bytes[at - 2] !== CR || this.#bytes[at - 1] !== LF) return 'unreadable';
    }
    for (let i = 0; i < count; i++) {
      const from = offsets[i * 2]!;
      const length = offsets[i * 2 + 1]!;
      rows.push(length === -1 ? null : this.#textOf(from, length, known.knownRow(i)));
    }
    this.#at = at;
    return 'whole';
  }

  #textOf(from: number, length: number, known: string | null | undefined): string {
    if (known !== null && known !== undefined && this.#holds(from, length, known)) return known;
    return this.#bytes.toString('latin1', from, from + length);
  }

  #holds(from: number, length: number, text: string): boolean {
    if (text.length !== length) return false;
    const bytes = this.#bytes;
    for (let i = 0; i < length; i++) if (bytes[from + i] !== text.charCodeAt(i)) return false;
    return true;
  }

  /** Reads a reply of one line, such as +OK. */
  line(): ReplyState {
    if (this.#at === this.#end) return 'begun';
    if (this.#bytes[this.#at] === MINUS) return this.#refused();
    if (this.#bytes[this.#at] !== PLUS) return 'unreadable';
    const end = this.#lineEnd(this.#at);
    if (end === -1) return 'begun';
    this.#at = end + 2;
    return 'whole';
  }

  #refused(): ReplyState {
    const end = this.#lineEnd(this.#at);
    if (end === -1) return 'begun';
    this.refusal = this.#bytes.toString('utf8', this.#at + 1, end);
    this.#at = end + 2;
    return 'refused';
  }

  /** @returns where the line ends, -1 when it has not come yet */
  #lineEnd(from: number): number {
    let at = from;
    while (at < this.#end && this.#bytes[at] !== CR) at += 1;
    return at + 1 < this.#end ? at : -1;
  }

  /** @returns the length of an array or a string, -1: it is null; BEGUN or UNREADABLE */
  #length(from: number, kind: number): number {
    const end = this.#lineEnd(from);
    if (end === -1) return BEGUN;
    if (this.#bytes[from] !== kind || this.#bytes[end + 1] !== LF) return UNREADABLE;
    this.#next = end + 2;
    if (this.#bytes[from + 1] === MINUS) return -1;
    let length = 0;
    for (let at = from + 1; at < end; at++) {
      const digit = this.#bytes[at]! - ZERO;
      if (digit < 0 || digit > 9) return UNREADABLE;
      length = length * 10 + digit;
    }
    return length;
  }
}
