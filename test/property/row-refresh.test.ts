/** The rows of an entity as they are read again and again, against a model that keeps bytes and times in a Map. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rowSchemaOf } from '../../contract/definitions/definition-json.ts';
import type { Value } from '../../contract/value-type.ts';
import { RowCache } from '../../sidecar/cache/row-cache.ts';
import type { CachedRow } from '../../sidecar/cache/cached-row.ts';
import { planView } from '../../sidecar/plan/view-plan.ts';
import { RowLoader, rebind } from '../../sidecar/cache/row-loader.ts';
import { HeldReader } from '../support/faults/held-reader.ts';
import { NOON_US, customer, encodeRow, feature, view } from '../support/fixtures/serving-fixture.ts';

const spend = view('spend', customer, [feature('total', 'float64'), feature('orders', 'int64')]);
const before = view('spend', customer, [feature('total', 'float64')]);
const visits = view('visits', customer, [feature('count', 'int32')]);
const plan = planView({ view: spend, entity: customer, past: [rowSchemaOf(before, customer)] }, 0);
const VIEWS = [plan, planView({ view: visits, entity: customer }, 1)];
const KEY = 'fstore:customer:1';

interface Stored {
  readonly bytes: Buffer | null;
  readonly values: readonly (Value | undefined)[];
}

const GONE: Stored = { bytes: null, values: [] };
const ROWS: readonly (readonly Stored[])[] = [
  [
    { bytes: encodeRow(spend, [1, 1n]), values: [1, 1n] },
    // One byte apart.
    { bytes: encodeRow(spend, [1, 2n]), values: [1, 2n] },
    { bytes: encodeRow(spend, [1, 2n], { eventUs: NOON_US }), values: [1, 2n] },
    // Another definition.
    { bytes: encodeRow(before, [1]), values: [1, undefined] },
    GONE,
  ],
  [
    { bytes: encodeRow(visits, [5]), values: [5] },
    { bytes: encodeRow(visits, [null]), values: [null] },
    GONE,
  ],
];

/** Of one view: what the store has, and what the cache should have of it. */
interface Kept {
  readonly stored: Stored;
  readonly fetchedUs: number;
  readonly watermarkUs: number;
  readonly read: number;
}

const slot = fc.constantFrom(0, 1);
const step = fc.oneof(
  fc.record({ kind: fc.constant('write' as const), slot, row: fc.nat({ max: 4 }) }),
  fc.record({ kind: fc.constant('mark' as const), slot, mark: fc.constantFrom(null, NOON_US, NOON_US + 1) }),
  fc.record({ kind: fc.constant('ask' as const), slots: fc.constantFrom([0], [1], [0, 1]) }),
  fc.record({ kind: fc.constant('answer' as const), which: fc.nat({ max: 3 }) }),
);

test('have the bytes and the times of the last read that had any, and are the same rows while the bytes are', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const cache = new RowCache({ entries: 10, bytes: 1e9, freshUs: 5e6, staleUs: 6e7 });
      const reader = new HeldReader();
      const loader = new RowLoader(reader, cache, { onStoreFailure() {}, onUnreadableRow() {} });
      loader.setSingleFlight(false);
      const stored = [ROWS[0]![0]!, ROWS[1]![0]!];
      const marks: (number | null)[] = [NOON_US, NOON_US];
      const kept = new Map<number, Kept>();
      const objects = new Map<number, CachedRow>();
      const reads: { readonly read: number; readonly slots: readonly number[]; readonly us: number }[] = [];
      let count = 0;
      for (const each of steps) {
        if (each.kind === 'write') stored[each.slot] = ROWS[each.slot]![each.row % ROWS[each.slot]!.length]!;
        else if (each.kind === 'mark') marks[each.slot] = each.mark;
        else if (each.kind === 'ask') {
          count += 1;
          const us = NOON_US + count * 1_000;
          reads.push({ read: count, slots: each.slots, us });
          const asks = each.slots.map((s) => ({ key: KEY, view: VIEWS[s]!, place: s }));
          loader.load(asks, us, { take() {} });
          awaitNextMs();
        } else {
          const which = each.which % Math.max(1, reads.length);
          const [one] = reads.splice(which, 1);
          if (one === undefined) continue;
          for (const s of one.slots) {
            const known = kept.get(s);
            const isUnsure = stored[s]!.bytes === null && marks[s] === null;
            if (isUnsure || (known !== undefined && known.read > one.read)) continue;
            const isSame = known !== undefined && known.stored === stored[s];
            if (!isSame) objects.delete(s);
            const watermarkUs = marks[s] ?? 0;
            kept.set(s, { stored: stored[s]!, fetchedUs: one.us, watermarkUs, read: one.read });
          }
          const { slots } = one;
          const rows = slots.map((s) => stored[s]!.bytes);
          reader.answerNow({ rows, watermarks: slots.map((s) => marks[s]!) }, which);
        }
        for (const [s, { stored: of, fetchedUs, watermarkUs }] of kept) {
          const row = cache.find(KEY)![s]!;
          expect(row.raw).toBe(of.bytes?.toString('latin1') ?? null);
          expect([row.values, row.fetchedUs, row.watermarkUs]).toEqual([of.values, fetchedUs, watermarkUs]);
          expect(objects.get(s) ?? row).toBe(row);
          objects.set(s, row);
        }
      }
    }),
  );
});

test('of another bundle are bound anew, and stay what they are when they are read again under it', () => {
  const cache = new RowCache({ entries: 10, bytes: 1e9, freshUs: 5e6, staleUs: 6e7 });
  const reader = new HeldReader();
  const loader = new RowLoader(reader, cache, { onStoreFailure() {}, onUnreadableRow() {} });
  const read = (of: typeof plan, us: number): CachedRow => {
    loader.load([{ key: KEY, view: of, place: 0 }], us, { take() {} });
    reader.answerNow({ rows: [encodeRow(before, [1])], watermarks: [us] });
    return cache.find(KEY)![0]!;
  };
  const old = planView({ view: before, entity: customer }, 0);
  const first = read(old, NOON_US);
  const bound = rebind(first, plan)!;
  cache.put(KEY, bound);
  expect([first.values, bound.values, bound.fetchedUs]).toEqual([[1], [1, undefined], NOON_US]);
  expect(read(plan, NOON_US + 1)).toBe(bound);
  expect(bound.fetchedUs).toBe(NOON_US + 1);
  // A request that is still under the bundle before must not get a row of this one.
  const back = read(old, NOON_US + 2);
  expect([back.view, back.values]).toEqual([old, [1]]);
});

/** Two loads in one reading of the monotonic clock are one to the loader. */
function awaitNextMs(): void {
  const nowMs = performance.now();
  while (performance.now() === nowMs);
}
