/**
 * Reads a CSV file by the rules of RFC 4180, record by record, in bounded memory, and guesses nothing: fields are
 * separated by commas, the only quote is `"`, doubled within quotes; a record ends with LF or CRLF outside of quotes;
 * the first one is the header; text is UTF-8, a byte order mark before the header is no part of it. Whatever breaks
 * these rules is refused, with its line and column: a file that is read in another way than it was meant gives a model
 * other labels without a word.
 *
 *   content   bytes of the record but its line end, quotes included        "a ""b""",2,x
 *   ending    LF, CRLF, or nothing at the end of the file
 *
 * The bytes of a record are handed on as they are. DuckDB's own reader was tried with every option spelled out: it
 * refuses a file with both kinds of line ends and drops all rows of one with CRLF where LF was named; what is written
 * for it here (`labels-csv.ts`) has one kind.
 */
import { isUtf8 } from 'node:buffer';
import { closeSync, openSync, readSync } from 'node:fs';

const COMMA = 0x2c;
const QUOTE = 0x22;
const LF = 0x0a;
const CR = 0x0d;
const BLOCK_BYTES = 1 << 20;
/** A longer record is more likely a quote that is never closed, and would take the file into memory. */
const RECORD_BYTES_MAX = 64 << 20;
/** How much of a line a message shows on each side of a mistake. */
const AROUND_BYTES = 12;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** What is wrong with a CSV file, and where. The line and the column count from 1. */
export class CsvMistake extends Error {
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

export class CsvRecords {
  readonly #fd: number;
  /** Bytes of the file: those from `#start` to `#end` are read and not yet handed on. */
  #bytes = Buffer.allocUnsafe(BLOCK_BYTES);
  #start = 0;
  #end = 0;
  #isWhole = false;
  #nextLine = 1;

  /** Of the record that `next` found: its place in `bytes`, its line in the file, how many fields it has. */
  contentEnd = 0;
  recordStart = 0;
  recordEnd = 0;
  line = 0;
  fields = 0;

  /** The bytes before the header. */
  readonly mark: Buffer;

  constructor(file: string) {
    this.#fd = openSync(file, 'r');
    this.#fill();
    const marked = this.#bytes.subarray(0, Math.min(3, this.#end)).equals(BYTE_ORDER_MARK);
    this.mark = marked ? BYTE_ORDER_MARK : Buffer.alloc(0);
    this.#start = this.mark.length;
  }

  close(): void {
    closeSync(this.#fd);
  }

  /**
   * @returns whether there was another record
   * @throws  CsvMistake
   */
  next(): boolean {
    while (!this.#scan()) this.#fill();
    if (this.recordEnd === this.recordStart) return false;
    const content = this.content();
    if (!isUtf8(content)) throw notUtf8(content, this.line);
    this.#start = this.recordEnd;
    return true;
  }

  /** The record's bytes without its line end; valid until the next call of `next`. */
  content(): Buffer {
    return this.#bytes.subarray(this.recordStart, this.contentEnd);
  }

  /** The record's line end. */
  ending(): Buffer {
    return this.#bytes.subarray(this.contentEnd, this.recordEnd);
  }

  /** The record's fields, quotes taken off; null: an empty one without quotes. */
  values(): (string | null)[] {
    const values: (string | null)[] = [];
    let at = this.recordStart;
    while (values.length < this.fields) {
      const isQuoted = this.#bytes[at] === QUOTE;
      const end = isQuoted ? this.#closingQuote(at, this.contentEnd) : this.#fieldEnd(at);
      const text = this.#bytes.toString('utf8', isQuoted ? at + 1 : at, end);
      values.push(isQuoted ? text.replaceAll('""', '"') : text === '' ? null : text);
      at = end + (isQuoted ? 2 : 1);
    }
    return values;
  }

  #fieldEnd(from: number): number {
    const comma = this.#bytes.subarray(from, this.contentEnd).indexOf(COMMA);
    return comma === -1 ? this.contentEnd : from + comma;
  }

  /** Keeps what was not handed on and reads more behind it. */
  #fill(): void {
    const held = this.#end - this.#start;
    if (held > RECORD_BYTES_MAX) {
      const most = `${RECORD_BYTES_MAX >> 20} MiB`;
      throw new CsvMistake(
        this.line,
        `line ${this.line}: its record is longer than ${most}; is a quote not closed?`,
      );
    }
    if (held > this.#bytes.length / 2) {
      const larger = Buffer.allocUnsafe(this.#bytes.length * 2);
      this.#bytes.copy(larger, 0, this.#start, this.#end);
      this.#bytes = larger;
    } else {
      this.#bytes.copy(this.#bytes, 0, this.#start, this.#end);
    }
    this.#start = 0;
    this.#end = held;
    const read = readSync(this.#fd, this.#bytes, this.#end, this.#bytes.length - this.#end, null);
    this.#end += read;
    this.#isWhole = read === 0;
  }

  /**
   * Finds the next record among the bytes that were read.
   * @returns false where more must be read to tell
   */
  #scan(): boolean {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = this.#start;
    this.recordStart = at;
    this.line = this.#nextLine;
    this.fields = 1;
    for (;;) {
      if (at < end && bytes[at] === QUOTE) {
        const close = this.#closingQuote(at, end);
        // Behind a quote at the end of what was read another one may follow.
        if (close === -1 || (close === end - 1 && !this.#isWhole)) {
          if (!this.#isWhole) return false;
          throw this.#mistake(at, 'a quote that is never closed');
        }
        at = close + 1;
        if (at < end && bytes[at] !== COMMA && bytes[at] !== LF && bytes[at] !== CR) {
          throw this.#mistake(at, 'text behind its closing quote; a quote within quotes is written twice');
        }
      } else {
        while (at < end && bytes[at] !== COMMA && bytes[at] !== LF && bytes[at] !== CR) {
          if (bytes[at] === QUOTE)
            throw this.#mistake(at, 'a quote within a field that does not begin with one');
          at += 1;
        }
      }
      if (at < end && bytes[at] === COMMA) {
        this.fields += 1;
        at += 1;
        continue;
      }
      return this.#finish(at);
    }
  }

  /** @param at  the line end, or the end of what was read */
  #finish(at: number): boolean {
    const isCr = at < this.#end && this.#bytes[at] === CR;
    const lf = isCr ? at + 1 : at;
    if (lf >= this.#end) {
      if (!this.#isWhole) return false;
      if (isCr) throw this.#mistake(at, 'a carriage return that ends no line');
    } else if (this.#bytes[lf] !== LF) {
      throw this.#mistake(at, 'a carriage return that ends no line');
    }
    this.contentEnd = at;
    this.recordEnd = Math.min(lf + 1, this.#end);
    this.#nextLine = this.line + 1 + this.#lineEnds(this.recordStart, at);
    return true;
  }

  /** @returns where the quoted field that begins at `from` is closed, or -1 */
  #closingQuote(from: number, end: number): number {
    let at = from + 1;
    for (;;) {
      const quote = this.#bytes.indexOf(QUOTE, at);
      if (quote === -1 || quote >= end) return -1;
      if (quote + 1 >= end || this.#bytes[quote + 1] !== QUOTE) return quote;
      at = quote + 2;
    }
  }

  /** @returns how many lines end between two places of a record, which is within quotes */
  #lineEnds(from: number, to: number): number {
    let ends = 0;
    for (let i = this.#bytes.indexOf(LF, from); i !== -1 && i < to; i = this.#bytes.indexOf(LF, i + 1))
      ends += 1;
    return ends;
  }

  #mistake(at: number, what: string): CsvMistake {
    const line = this.line + this.#lineEnds(this.recordStart, at);
    const from = Math.max(this.recordStart, at - AROUND_BYTES);
    const around = this.#bytes.toString('utf8', from, Math.min(at + AROUND_BYTES, this.#end));
    const where = `line ${line}, column ${this.fields}`;
    return new CsvMistake(line, `${where}: it has ${what}, at ${JSON.stringify(around)}`);
  }
}

function notUtf8(content: Buffer, recordLine: number): CsvMistake {
  let good = 0;
  for (let step = content.length; step >= 1; step >>= 1)
    while (isUtf8(content.subarray(good, good + step)) && good + step < content.length) good += step;
  // A step may have ended within a character, of which the longest has 4 bytes.
  for (let size = 1; size <= 4; size++) {
    if (good + size >= content.length || !isUtf8(content.subarray(good, good + size))) continue;
    good += size;
    size = 0;
  }
  let line = recordLine;
  for (let i = 0; i < good; i++) if (content[i] === LF) line += 1;
  const byte = content[good]!.toString(16).toUpperCase().padStart(2, '0');
  return new CsvMistake(
    line,
    `line ${line}: it is not UTF-8 (byte ${good + 1} of its record is 0x${byte}); save the file as UTF-8`,
  );
}
