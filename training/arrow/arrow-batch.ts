/** A batch of rows as a message of Arrow: Plumbline's values, column by column, as the buffers of their fields. */
import type { Value, ValueType } from '../../contract/value-type.ts';
import { batchHead } from './arrow-message.ts';

/** The offsets of lists and texts have 31 bits. */
const MAX_OFFSET = 2 ** 31 - 1;

/**
 * @param columns  by column, by row
 * @returns        the message in pieces
 * @throws         RangeError when a column has more bytes or items than an offset can tell
 */
export function batchMessage(
  types: readonly ValueType[],
  columns: readonly (readonly Value[])[],
  rows: number,
): Uint8Array[] {
  const body = new BatchBody();
  for (const [i, type] of types.entries()) writeColumn(body, type, columns[i]!);
  const { nodes, buffers } = body;
  return [batchHead({ rows, nodes, buffers }, body.bytes), ...body.pieces];
}

function writeColumn(body: BatchBody, type: ValueType, values: readonly Value[]): void {
  body.open(values);
  switch (type.kind) {
    case 'bool':
      return body.add(bitsOf(values, (value) => value === true));
    case 'int32':
      return body.add(Int32Array.from(values as readonly (number | null)[], (value) => value ?? 0));
    case 'int64':
    case 'timestamp':
      return body.add(BigInt64Array.from(values as readonly (bigint | null)[], (value) => value ?? 0n));
    case 'float32':
      return body.add(Float32Array.from(values as readonly (number | null)[], plainNumber));
    case 'float64':
      return body.add(Float64Array.from(values as readonly (number | null)[], plainNumber));
    case 'string':
      return writeBytes(body, (values as readonly (string | null)[]).map(bytesOf));
    case 'bytes':
      return writeBytes(body, values as readonly (Uint8Array | null)[]);
    case 'embedding':
      return writeLists(body, { kind: 'float32' }, embeddingsOf(values));
    case 'list':
      return writeLists(body, type.of, values as readonly (readonly Value[] | null)[]);
    case 'map':
      return writeMaps(body, type.of, values as readonly (ReadonlyMap<string, Value> | null)[]);
    case 'struct': {
      const structs = values as readonly ({ readonly [field: string]: Value } | null)[];
      for (const { name, type: of } of type.fields)
        writeColumn(
          body,
          of,
          structs.map((struct) => (struct === null ? null : struct[name]!)),
        );
    }
  }
}

/** One NaN for all, whatever bits a function's has. */
function plainNumber(value: number | null): number {
  return value === null ? 0 : Number.isNaN(value) ? NaN : value;
}

function bytesOf(text: string | null): Uint8Array | null {
  return text === null ? null : Buffer.from(text);
}

function embeddingsOf(values: readonly Value[]): (readonly Value[] | null)[] {
  return (values as readonly (Float32Array | null)[]).map((value) =>
    value === null ? null : Array.from(value),
  );
}

function writeBytes(body: BatchBody, values: readonly (Uint8Array | null)[]): void {
  const size = writeEnds(body, values, (value) => value.length);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const value of values) {
    if (value === null) continue;
    bytes.set(value, at);
    at += value.length;
  }
  body.add(bytes);
}

function writeLists(body: BatchBody, of: ValueType, lists: readonly (readonly Value[] | null)[]): void {
  writeEnds(body, lists, (list) => list.length);
  writeColumn(
    body,
    of,
    lists.flatMap((list) => list ?? []),
  );
}

function writeMaps(
  body: BatchBody,
  of: ValueType,
  maps: readonly (ReadonlyMap<string, Value> | null)[],
): void {
  writeEnds(body, maps, (map) => map.size);
  const entries = maps.flatMap((map) => (map === null ? [] : [...map]));
  // The struct of key and value, which is never null.
  body.open(entries.map(() => true));
  writeColumn(
    body,
    { kind: 'string' },
    entries.map(([key]) => key),
  );
  writeColumn(
    body,
    of,
    entries.map(([, value]) => value),
  );
}

/** Writes where each value begins and ends. @returns the whole size */
function writeEnds<Of>(
  body: BatchBody,
  values: readonly (Of | null)[],
  sizeOf: (value: Of) => number,
): number {
  const offsets = new Int32Array(values.length + 1);
  let at = 0;
  for (const [i, value] of values.entries()) {
    if (value !== null) at += sizeOf(value);
    if (at > MAX_OFFSET) throw new RangeError('a column of a batch has over 2^31 bytes or items');
    offsets[i + 1] = at;
  }
  body.add(offsets);
  return at;
}

function bitsOf(values: readonly Value[], isSet: (value: Value) => boolean): Uint8Array {
  const bits = new Uint8Array(Math.ceil(values.length / 8));
  for (const [i, value] of values.entries()) if (isSet(value)) bits[i >> 3]! |= 1 << (i & 7);
  return bits;
}

class BatchBody {
  readonly nodes: [length: number, nulls: number][] = [];
  readonly buffers: [offset: number, bytes: number][] = [];
  readonly pieces: Uint8Array[] = [];
  bytes = 0;

  /** Begins a field: how many values it has, and which are null. */
  open(values: readonly Value[]): void {
    const nulls = values.reduce((count: number, value) => count + Number(value === null), 0);
    this.nodes.push([values.length, nulls]);
    this.add(nulls === 0 ? new Uint8Array(0) : bitsOf(values, (value) => value !== null));
  }

  /** Adds a buffer, and fills it up to a multiple of 8. */
  add({ buffer, byteOffset, byteLength }: ArrayBufferView): void {
    this.buffers.push([this.bytes, byteLength]);
    const padding = (8 - (byteLength % 8)) % 8;
    this.pieces.push(new Uint8Array(buffer, byteOffset, byteLength), new Uint8Array(padding));
    this.bytes += byteLength + padding;
  }
}
