/**
 * Steps over the messages within a record that are judged by themselves: a view, a row, a heartbeat. What must agree
 * with the rest of the record is counted by record-content.ts, which extends this. As in field-cursor.ts nothing is
 * built, and false or -1 says that no sidecar writes such bytes.
 */
import { FieldCursor, isTime } from './field-cursor.ts';

const BUNDLE_DIGITS = 16;
const HMAC_BYTES = 32;

export const MAX_STATUS = 4;
const MAX_SOURCE = 3;
const MAX_UNAVAILABLE = 4;
export const MAX_POLICY = 2;
const MAX_REASON = 3;

const VARINT = 0;

export class PartCursor extends FieldCursor {
  protected namedView(to: number): boolean {
    let fits = to >= 0;
    while (fits && this.at < to) {
      const tag = this.varint(to);
      if (tag === 0x0a || tag === 0x12) fits = this.text(to);
      else if (tag === 0x18) fits = this.upTo(1, to);
      else fits = this.unknown(tag, 3, to);
    }
    return fits && this.at === to;
  }

  protected onDemandView(to: number): boolean {
    let fits = to >= 0;
    while (fits && this.at < to) {
      const tag = this.varint(to);
      if (tag === 0x0a || tag === 0x12) fits = this.text(to);
      else if (tag === 0x1d) fits = this.skip(4, to);
      else if (tag === 0x20 || tag === 0x22) fits = this.enums(tag & 7, MAX_POLICY, to) >= 0;
      else fits = this.unknown(tag, 4, to);
    }
    return fits && this.at === to;
  }

  protected row(to: number): boolean {
    if (this.#isPlainRow(to)) return true;
    let fits = to >= 0;
    while (fits && this.at < to) {
      const tag = this.varint(to);
      if (tag === 0x19 || tag === 0x21) fits = this.time(to);
      else if (tag === 0x2a) fits = this.bytes(to);
      else if (tag === 0x32) fits = this.hmac(to);
      else if (tag === 0x08) fits = this.upTo(MAX_STATUS, to);
      else if (tag === 0x10) fits = this.upTo(MAX_SOURCE, to);
      else if (tag === 0x38) fits = this.upTo(MAX_UNAVAILABLE, to);
      else fits = this.unknown(tag, 7, to);
    }
    return fits && this.at === to;
  }

  /** Whether a row in the encoder's usual form comes next. Then moves past it, otherwise stays where it is. */
  #isPlainRow(to: number): boolean {
    const b = this.buffer;
    let at = this.at;
    if (b[at] === 0x08) {
      if (b[at + 1]! > MAX_STATUS) return false;
      at += 2;
    }
    if (b[at] === 0x10) {
      if (b[at + 1]! > MAX_SOURCE) return false;
      at += 2;
    }
    for (let tag = 0x19; tag <= 0x21; tag += 8) {
      if (b[at] !== tag) continue;
      if (at + 9 > to || !isTime(this.view, at + 1)) return false;
      at += 9;
    }
    if (b[at] !== 0x2a) return false;
    const low = b[at + 1]!;
    // A row's length takes at most two bytes unless it is very long.
    const bytes = low < 128 ? low : (low & 127) | (b[at + 2]! << 7);
    if (low >= 128 && b[at + 2]! >= 128) return false;
    if (at + (low < 128 ? 2 : 3) + bytes !== to) return false;
    this.at = to;
    return true;
  }

  protected heartbeat(to: number): boolean {
    let fits = to >= 0;
    while (fits && this.at < to) {
      const tag = this.varint(to);
      if (tag === 0x09) fits = this.time(to);
      else if (tag === 0x10 || tag === 0x18 || tag === 0x20) fits = this.varint(to) >= 0;
      else if (tag === 0x2a) fits = this.#range(this.message(to));
      else if (tag === 0x32) fits = this.bundle(to);
      else if (tag === 0x3a || tag === 0x42) fits = this.text(to);
      else if (tag === 0x49) fits = this.skip(8, to);
      else fits = this.unknown(tag, 9, to);
    }
    return fits && this.at === to;
  }

  #range(to: number): boolean {
    let [first, last] = [0, 0];
    let fits = to >= 0;
    while (fits && this.at < to) {
      const tag = this.varint(to);
      if (tag === 0x08) first = this.varint(to);
      else if (tag === 0x10) last = this.varint(to);
      else if (tag === 0x18) fits = this.upTo(MAX_REASON, to);
      else fits = this.unknown(tag, 3, to);
    }
    return fits && this.at === to && first >= 1 && first <= last;
  }

  /** Steps over one enum, or over a packed list of them. @returns how many there were; -1: one is none */
  protected enums(wireType: number, most: number, to: number): number {
    if (wireType === VARINT) return this.upTo(most, to) ? 1 : -1;
    const end = this.message(to);
    if (end < 0) return -1;
    let count = 0;
    for (; this.at < end; count++) if (!this.upTo(most, end)) return -1;
    return count;
  }

  protected hmac(to: number): boolean {
    return this.varint(to) === HMAC_BYTES && this.skip(HMAC_BYTES, to);
  }

  protected bundle(to: number): boolean {
    if (this.varint(to) !== BUNDLE_DIGITS) return false;
    const from = this.at;
    if (!this.skip(BUNDLE_DIGITS, to)) return false;
    for (let at = from; at < this.at; at++) if (!isHexDigit(this.buffer[at]!)) return false;
    return true;
  }
}

function isHexDigit(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66);
}
