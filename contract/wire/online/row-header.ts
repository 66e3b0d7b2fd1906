/**
 * The header of a row online.
 *
 *    0               4                             11                            18                       24
 *   +---------------+-----------------------------+-----------------------------+------------------------+
 *   | u32           | u56                         | u56                         | u48                    |
 *   | definition id | event time, us              | created time, us (0: none)  | written time, ms       |
 *   +---------------+-----------------------------+-----------------------------+------------------------+
 *
 * Big endian throughout, so that (event, created) compares as bytes 4 to 17: the guard of a write does so.
 */

export const HEADER_BYTES = 24;
/** The bytes that order rows of one definition: event time, then created time. */
export const ORDER_FROM = 4;
export const ORDER_TO = 18;

/**
 * A row that is its header alone is a tombstone: the entity has no row any more. It is kept for so long, so that a
 * writer that was paused meanwhile does not bring back what stood there.
 */
export const TOMBSTONE_MS = 30 * 86_400_000;

const MAX_U56 = 2 ** 53 - 1;
/** Where event and created time begin; from this highest byte on, such a time is past `MAX_U56`. */
export const US_TIMES = [4, 11] as const;
export const US_TIME_LIMIT = 0x20;
/** Where the written time begins. */
export const WRITTEN_AT = 18;
/** In the year 2255, as `MAX_U56` is. */
export const MAX_WRITTEN_MS = Math.floor(MAX_U56 / 1_000);

export interface RowHeader {
  readonly definitionId: number;
  readonly eventUs: number;
  /** 0: the source has no created time. */
  readonly createdUs: number;
  readonly writtenMs: number;
}

/** Writes 24 bytes at `at`. Times before 1970 or past 2255 are refused: the row would compare wrongly. */
export function writeHeader(buffer: Buffer, at: number, header: RowHeader): void {
  for (const us of [header.eventUs, header.createdUs]) {
    if (!Number.isInteger(us) || us < 0 || us > MAX_U56)
      throw new RangeError(`a row time must be 1970 to 2255, got ${us} us`);
  }
  if (!(header.writtenMs <= MAX_WRITTEN_MS)) {
    throw new RangeError(`a row must be written before 2256, got ${header.writtenMs} ms`);
  }
  buffer.writeUInt32BE(header.definitionId, at);
  writeU56(buffer, at + 4, header.eventUs);
  writeU56(buffer, at + 11, header.createdUs);
  buffer.writeUIntBE(header.writtenMs, at + 18, 6);
}

/** @returns a row that says that there is none */
export function tombstone(header: RowHeader): Buffer {
  const row = Buffer.allocUnsafe(HEADER_BYTES);
  writeHeader(row, 0, header);
  return row;
}

/**
 * Whether a row's times are such as `writeHeader` writes. A row with others is corrupt: readers do not serve it, and
 * every guard of a write takes it for none, so that the next run writes the entity's row again (the script that Redis
 * runs has this rule in Lua).
 *
 * @param row  at least a header
 */
export function hasRowTimes(row: Buffer): boolean {
  if (row[US_TIMES[0]]! >= US_TIME_LIMIT || row[US_TIMES[1]]! >= US_TIME_LIMIT) return false;
  return row.readUIntBE(WRITTEN_AT, 6) <= MAX_WRITTEN_MS;
}

/** `hasRowTimes` of a row as the cache keeps it: one character a byte (Latin-1). */
export function hasRawTimes(raw: string): boolean {
  if (raw.charCodeAt(US_TIMES[0]) >= US_TIME_LIMIT || raw.charCodeAt(US_TIMES[1]) >= US_TIME_LIMIT)
    return false;
  let writtenMs = 0;
  for (let at = WRITTEN_AT; at < HEADER_BYTES; at++) writtenMs = writtenMs * 256 + raw.charCodeAt(at);
  return writtenMs <= MAX_WRITTEN_MS;
}

/** @returns the header; null: there are fewer than 24 bytes, or times that no writer writes */
export function readHeader(row: Buffer): RowHeader | null {
  if (row.length < HEADER_BYTES || !hasRowTimes(row)) return null;
  return {
    definitionId: row.readUInt32BE(0),
    eventUs: readU56(row, 4),
    createdUs: readU56(row, 11),
    writtenMs: row.readUIntBE(WRITTEN_AT, 6),
  };
}

function writeU56(buffer: Buffer, at: number, value: number): void {
  buffer[at] = Math.floor(value / 2 ** 48);
  buffer.writeUIntBE(value % 2 ** 48, at + 1, 6);
}

function readU56(buffer: Buffer, at: number): number {
  return buffer[at]! * 2 ** 48 + buffer.readUIntBE(at + 1, 6);
}

/** A definition id as people and JSON have it: 8 hex digits. */
export function definitionName(definitionId: number): string {
  return definitionId.toString(16).padStart(8, '0');
}
