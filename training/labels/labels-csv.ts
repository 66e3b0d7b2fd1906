/**
 * CSV labels on both ends of a training set: in front, what DuckDB reads of them; behind, the features beside them.
 *
 *   plain = (number ',' content LF)*                 for DuckDB: no header, one kind of line end, records from 0
 *   out   = mark? (content ',' features ending)*     the labels' own bytes, each record with its features behind it
 *
 * So nothing that DuckDB could make of a field gets into a training set in CSV but the features.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { quotePath } from '../../project/engine/duckdb/file-sql.ts';
import { CsvMistake, CsvRecords } from '../table-file/csv-records.ts';
import { trainingError } from '../errors.ts';

interface PlainCsv {
  /** FROM item: `rid` BIGINT from 0, `c0`, `c1`, ... VARCHAR; an empty field is NULL, `""` the empty text. */
  readonly sql: string;
  readonly columns: readonly string[];
}

const WRITE_BYTES = 1 << 20;

/**
 * Writes a CSV file in the plain form that DuckDB reads without a guess.
 *
 * @throws TRAIN_LABELS with the line, and the column where there is one, of what is no CSV
 */
export function plainCsv(source: string, target: string): PlainCsv {
  return reading(source, (records) => {
    const columns = readHeader(records, source);
    const out = new BufferedFile(target);
    try {
      let rid = 0;
      let longest = 0;
      while (records.next()) {
        if (records.fields !== columns.length) throw raggedLine(records, columns);
        const content = records.content();
        out.text(`${rid},`);
        out.bytes(content);
        out.text('\n');
        rid += 1;
        longest = Math.max(longest, content.length);
      }
      return { sql: plainSql(target, columns.length, longest), columns };
    } finally {
      out.close();
    }
  });
}

/**
 * Writes the labels with columns behind them.
 *
 * @param header  the columns' names as CSV, a comma before each
 * @param rows    their values likewise, one text for each label, in order
 */
export async function appendToCsv(
  source: string,
  target: string,
  header: string,
  rows: AsyncIterable<readonly string[]>,
): Promise<void> {
  const records = new CsvRecords(source);
  const out = new BufferedFile(target);
  const append = (text: string): void => {
    if (!records.next()) throw new Error(`${source} has changed while it was read: it has fewer records`);
    out.bytes(records.content());
    out.text(text);
    out.bytes(records.ending());
  };
  try {
    out.bytes(records.mark);
    append(header);
    for await (const texts of rows) for (const text of texts) append(text);
    if (records.next()) throw new Error(`${source} has changed while it was read: it has more records`);
  } finally {
    records.close();
    out.close();
  }
}

/** @returns the line of the file at which the record of a label begins */
export function lineOfLabel(source: string, rid: number): number {
  return reading(source, (records) => {
    for (let i = 0; i <= rid + 1; i++) records.next();
    return records.line;
  });
}

/** @returns a text as a field of a CSV file */
export function csvField(text: string): string {
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** @returns an expression for a text as a field of a CSV file; NULL is an empty one */
export function csvFieldSql(text: string): string {
  return (
    `CASE WHEN ${text} IS NULL THEN '' WHEN ${text} = '' OR regexp_matches(${text}, '[",\\r\\n]') ` +
    `THEN '"' || replace(${text}, '"', '""') || '"' ELSE ${text} END`
  );
}

/**
 * Writes the header and some of the labels, each record with its own bytes and ending.
 * @param kept  their numbers from 0, rising
 */
export async function keepRecords(
  source: string,
  target: string,
  kept: AsyncIterable<number>,
): Promise<void> {
  const records = new CsvRecords(source);
  const out = new BufferedFile(target);
  // The header stands before record 0.
  let read = -2;
  const copy = (rid: number): void => {
    for (; read < rid; read++)
      if (!records.next()) throw new Error(`${source} has changed while it was read: it has fewer records`);
    out.bytes(records.content());
    out.bytes(records.ending());
  };
  try {
    out.bytes(records.mark);
    copy(-1);
    for await (const rid of kept) copy(rid);
  } finally {
    records.close();
    out.close();
  }
}

function reading<T>(source: string, work: (records: CsvRecords) => T): T {
  const records = new CsvRecords(source);
  try {
    return work(records);
  } catch (error) {
    if (!(error instanceof CsvMistake)) throw error;
    throw trainingError(
      'TRAIN_LABELS',
      `${source}, ${error.message}`,
      { file: source, line: error.line },
      error,
    );
  } finally {
    records.close();
  }
}

/** A column without a name is called as DuckDB and its kin call it, by its place: pandas writes an index so. */
function readHeader(records: CsvRecords, source: string): string[] {
  if (!records.next())
    throw new CsvMistake(1, `line 1: ${source} is empty; its first line should name the columns`);
  return records.values().map((name, i) => name ?? `column${i}`);
}

function raggedLine(records: CsvRecords, columns: readonly string[]): CsvMistake {
  const { line, fields } = records;
  const what =
    fields > columns.length
      ? `it has ${fields} fields, the header names ${columns.length}; the first too many is column ${columns.length + 1}`
      : records.content().length === 0
        ? `it is empty, the header names ${columns.length} columns`
        : `it has ${fields} ${fields === 1 ? 'field' : 'fields'}, the header names ${columns.length} columns; ` +
          `${columns[fields]!} is the first that lacks`;
  return new CsvMistake(line, `line ${line}: ${what}`);
}

function plainSql(file: string, columns: number, longest: number): string {
  const types = ["'rid': 'BIGINT'", ...Array.from({ length: columns }, (_, i) => `'c${i}': 'VARCHAR'`)];
  // Nothing is left to DuckDB's sniffer; one thread, since several guess where a record begins.
  return (
    `read_csv(${quotePath(file)}, columns = {${types.join(', ')}}, auto_detect = false, header = false, ` +
    `delim = ',', quote = '"', escape = '"', comment = '', nullstr = '', allow_quoted_nulls = false, ` +
    `new_line = '\\n', null_padding = false, ignore_errors = false, strict_mode = true, parallel = false, ` +
    `compression = 'none', max_line_size = ${Math.max(2 ** 21, longest + 64)})`
  );
}

/** A file that is written in few calls. */
class BufferedFile {
  readonly #fd: number;
  readonly #buffer = Buffer.allocUnsafe(WRITE_BYTES);
  #used = 0;

  constructor(file: string) {
    this.#fd = openSync(file, 'w');
  }

  text(text: string): void {
    // A UTF-16 unit takes at most 3 bytes.
    if (text.length * 3 > WRITE_BYTES) {
      this.bytes(Buffer.from(text));
      return;
    }
    if (this.#used + text.length * 3 > WRITE_BYTES) this.#flush();
    this.#used += this.#buffer.write(text, this.#used);
  }

  bytes(bytes: Uint8Array): void {
    if (this.#used + bytes.length > WRITE_BYTES) this.#flush();
    if (bytes.length > WRITE_BYTES) {
      writeAll(this.#fd, bytes);
      return;
    }
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  close(): void {
    try {
      this.#flush();
    } finally {
      closeSync(this.#fd);
    }
  }

  #flush(): void {
    writeAll(this.#fd, this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
}
