import { describe, expect, test } from 'vitest';
import { rowSchemaOf } from '../../../registry/definition-json.ts';
import { CachedRow } from '../../../sidecar/cached-row.ts';
import { planView } from '../../../sidecar/plan.ts';
import { ReadyRows } from '../../../sidecar/ready-rows.ts';
import { customer, encodeRow, feature, view } from '../../support/serving-fixture.ts';

const spend = view('spend', customer, [feature('total', 'float64'), feature('note', 'string')]);
const plan = planView(spend, 0, []);
const RAW = encodeRow(rowSchemaOf(spend), [-0, 'é']).toString('latin1');

function rows(count: number, ready: ReadyRows | null): CachedRow[] {
  const mapping = plan.mappings.get(spend.definitionId)!;
  return Array.from({ length: count }, () => {
    return new CachedRow(plan, { fetchedUs: 1, order: 1, factor: 1, ready }, 0, RAW, mapping);
  });
}

describe('what is ready of rows', () => {
  test('is kept of those that are asked for again, and stays below its bound', () => {
    const ready = new ReadyRows(50_000);
    const many = rows(1_000, ready);
    const [first] = many as [CachedRow];
    for (const row of many) {
      row.askedAgain = true;
      const pieces = row.feastPieces;
      expect(row.feastPieces).toBe(pieces);
      expect(ready.bytes).toBeLessThanOrEqual(50_000);
    }
    const again = first.feastPieces;
    expect(again.byteLength).toBeGreaterThan(0);
    expect(first.feastPieces).toBe(again);
  });

  test('of rows that were asked for once it goes soon', () => {
    const ready = new ReadyRows(50_000);
    const [once, ...others] = rows(100, ready) as [CachedRow, ...CachedRow[]];
    const pieces = once.feastPieces;
    for (const row of others) expect(row.feastPieces).toBe(row.feastPieces);
    expect(ready.bytes).toBeLessThan(50_000 / 8);
    expect(once.feastPieces).not.toBe(pieces);
    expect(new Uint8Array(once.feastPieces.buffer).length).toBeGreaterThan(0);
  });

  test('a bound smaller than a row keeps nothing and serves all the same', () => {
    const [row] = rows(1, new ReadyRows(1)) as [CachedRow];
    row.askedAgain = true;
    expect(row.raw).toBe(RAW);
    expect(row.feastPieces).toEqual(rows(1, null)[0]!.feastPieces);
  });

  test('values are decoded from the bytes each time: -0 and text stay what they are', () => {
    const [row] = rows(1, null) as [CachedRow];
    expect(row.values).toEqual([-0, 'é']);
    expect([row.isWhole, row.eventUs > 0]).toEqual([true, true]);
  });
});
