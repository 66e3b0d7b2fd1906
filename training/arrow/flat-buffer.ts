/**
 * FlatBuffers, of which Arrow's messages are made: tables of numbered slots, vectors and texts, each referred to by the
 * distance to it. A slot that is left out has its default. Reads throw a RangeError past the bytes' end.
 */

/** With which an IPC message begins. */
export const CONTINUES = 0xffff_ffff;

/** @returns where a table's slot lies, or null where it is left out */
export function slot(bytes: Buffer, table: number, number: number): number | null {
  const vtable = table - bytes.readInt32LE(table);
  const at = 4 + 2 * number;
  if (at >= bytes.readUInt16LE(vtable)) return null;
  const offset = bytes.readUInt16LE(vtable + at);
  return offset === 0 ? null : table + offset;
}

/** @returns what a slot refers to */
export function target(bytes: Buffer, table: number, number: number): number | null {
  const at = slot(bytes, table, number);
  return at === null ? null : at + bytes.readUInt32LE(at);
}

/** @returns where each table of a vector of references lies */
export function readReferences(bytes: Buffer, vector: number): number[] {
  const count = bytes.readUInt32LE(vector);
  if (count > (bytes.length - vector - 4) / 4)
    throw new RangeError('it claims more fields than it has bytes');
  return Array.from({ length: count }, (_, i) => {
    const at = vector + 4 + 4 * i;
    return at + bytes.readUInt32LE(at);
  });
}

/** @returns the structs of a vector, of two 64-bit numbers each */
export function readPairs(bytes: Buffer, vector: number): (readonly [number, number])[] {
  const count = bytes.readUInt32LE(vector);
  if (count > (bytes.length - vector - 4) / 16)
    throw new RangeError('it claims more entries than it has bytes');
  return Array.from({ length: count }, (_, i) => {
    const at = vector + 4 + 16 * i;
    return [Number(bytes.readBigInt64LE(at)), Number(bytes.readBigInt64LE(at + 8))];
  });
}

export function readText(bytes: Buffer, text: number): string {
  const length = bytes.readUInt32LE(text);
  if (length > bytes.length - text - 4) throw new RangeError('it claims a longer text than it has bytes');
  return bytes.toString('utf8', text + 4, text + 4 + length);
}

export interface FlatSlot {
  readonly slot: number;
  readonly bytes: 1 | 2 | 4 | 8;
  /** Left out: a reference, to be filled in. */
  readonly value?: number;
}

/** Writes a FlatBuffer from the front: what is referred to comes behind what refers to it. */
export class FlatWriter {
  #bytes = Buffer.alloc(1_024);
  #used = 0;

  /** @returns the place of a reference that is yet to be filled in */
  reference(): number {
    return this.#take(4, 4);
  }

  refer(from: number, to: number): void {
    this.#bytes.writeUInt32LE(to - from, from);
  }

  /** @returns the places of its references, in the order of the slots */
  table(from: number, slots: readonly FlatSlot[]): number[] {
    const entries = Math.max(0, ...slots.map((one) => one.slot + 1));
    const vtable = this.#take(4 + 2 * entries, 2);
    const table = this.#take(4, 4);
    this.refer(from, table);
    this.#bytes.writeInt32LE(table - vtable, table);
    const references: number[] = [];
    for (const { slot: number, bytes, value } of slots) {
      const at = this.#take(bytes, bytes);
      this.#bytes.writeUInt16LE(at - table, vtable + 4 + 2 * number);
      if (value === undefined) references.push(at);
      else if (bytes === 8) this.#bytes.writeBigInt64LE(BigInt(value), at);
      else this.#bytes.writeUIntLE(value, at, bytes);
    }
    this.#bytes.writeUInt16LE(4 + 2 * entries, vtable);
    this.#bytes.writeUInt16LE(this.#used - table, vtable + 2);
    return references;
  }

  /** @returns the places of its references */
  vector(from: number, count: number): number[] {
    const at = this.#take(4 + 4 * count, 4);
    this.refer(from, at);
    this.#bytes.writeUInt32LE(count, at);
    return Array.from({ length: count }, (_, i) => at + 4 + 4 * i);
  }

  /** A vector of structs of two 64-bit numbers each. */
  pairs(from: number, pairs: readonly (readonly [number, number])[]): void {
    this.#take(4, 8);
    const at = this.#take(4, 4);
    this.refer(from, at);
    this.#bytes.writeUInt32LE(pairs.length, at);
    for (const pair of pairs) for (const number of pair) this.#writeInt64(number);
  }

  text(from: number, text: string): void {
    const bytes = Buffer.from(text);
    const at = this.#take(4 + bytes.length + 1, 4);
    this.refer(from, at);
    this.#bytes.writeUInt32LE(bytes.length, at);
    bytes.copy(this.#bytes, at + 4);
  }

  /** @returns where the bytes begin, which is good for any alignment within them */
  append(bytes: Buffer): number {
    const at = this.#take(bytes.length, 8);
    bytes.copy(this.#bytes, at);
    return at;
  }

  /** The whole as an IPC message. */
  message(): Buffer {
    this.#take(0, 8);
    const head = Buffer.alloc(8);
    head.writeUInt32LE(CONTINUES, 0);
    head.writeUInt32LE(this.#used, 4);
    return Buffer.concat([head, this.#bytes.subarray(0, this.#used)]);
  }

  #writeInt64(number: number): void {
    const at = this.#take(8, 8);
    this.#bytes.writeBigInt64LE(BigInt(number), at);
  }

  #take(bytes: number, alignment: number): number {
    const at = Math.ceil(this.#used / alignment) * alignment;
    this.#used = at + bytes;
    if (this.#used > this.#bytes.length) {
      const larger = Buffer.alloc(this.#used * 2);
      this.#bytes.copy(larger);
      this.#bytes = larger;
    }
    return at;
  }
}
