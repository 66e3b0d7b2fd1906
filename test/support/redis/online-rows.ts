/** Rows of the online store for tests: short values, real headers, and arbitraries that collide on purpose. */
import fc from 'fast-check';
import type { OnlineRow } from '../../../materializer/online/online-writer.ts';
import { HEADER_BYTES, writeHeader } from '../../../contract/wire/online/row-header.ts';

/** Definition ids whose bytes straddle the sign and the ASCII limit, where comparisons by locale go wrong. */
const DEFINITION_IDS = [0x00000001, 0x61626364, 0x7fffffff, 0xf1f2f3f4] as const;
const TIMES_US = [0, 1, 97, 224, 255, 256, 65_535, 2 ** 31, 1_300_000_000_000_000, 1_300_000_000_000_001];

export interface RowParts {
  readonly definitionId: number;
  readonly eventUs: number;
  readonly createdUs: number;
  readonly writtenMs: number;
  readonly values: string;
}

export function rowBytes(parts: RowParts): Buffer {
  const row = Buffer.alloc(HEADER_BYTES + Buffer.byteLength(parts.values));
  writeHeader(row, 0, parts);
  row.write(parts.values, HEADER_BYTES);
  return row;
}

export function onlineRow(
  key: string,
  parts: Partial<RowParts> & {
    readonly superseded?: readonly number[];
    readonly expiresInMs?: number | null;
  },
  view = 'purchases',
): OnlineRow {
  const { superseded = [], expiresInMs = null, ...rest } = parts;
  const row = rowBytes({ definitionId: 1, eventUs: 1, createdUs: 0, writtenMs: 1, values: 'a', ...rest });
  return { key, view, row, superseded, expiresInMs };
}

/** Few keys, ids, times and values, so that a sequence of them meets every line of the guard's table. */
export const anyOnlineRow: fc.Arbitrary<OnlineRow> = fc
  .record({
    key: fc.constantFrom('fstore:c:1', 'fstore:c:2', 'fstore:c:ü%7C'),
    view: fc.constantFrom('purchases', 'visits'),
    definitionId: fc.constantFrom(...DEFINITION_IDS),
    eventUs: fc.constantFrom(...TIMES_US),
    createdUs: fc.constantFrom(...TIMES_US),
    writtenMs: fc.nat(2 ** 40),
    values: fc.constantFrom('a', 'b', 'ab', ''),
    superseded: fc.subarray([...DEFINITION_IDS]),
  })
  .map(({ key, view, superseded, ...parts }) => ({
    key,
    view,
    row: rowBytes(parts),
    superseded,
    expiresInMs: null,
  }));
