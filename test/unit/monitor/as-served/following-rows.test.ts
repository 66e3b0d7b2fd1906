/** Rows that follow from the times of vectors: those looked up for all groups at once, and asked for one by one. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FeatureView } from '../../../../contract/model.ts';
import { FollowingRows } from '../../../../monitor/as-served/following-rows.ts';
import { pairSql } from '../../../../monitor/judge/missed-rows.ts';
import type { ViewReplay } from '../../../../monitor/judge/replay.ts';
import { DuckDb } from '../../../../project/engine/duckdb/duckdb.ts';
import '../../../support/property-seed.ts';

let duck: DuckDb;
beforeAll(async () => {
  duck = await DuckDb.open({ threads: 1 });
});
afterAll(() => duck.close());

const entity = fc.constantFrom('a', 'b');
const time = fc.integer({ min: 1, max: 9 });
const created = fc.option(time, { freq: 6 });
const historyRow = fc.record({
  entity,
  eventUs: time,
  createdUs: created,
  deleted: fc.integer({ max: 5, min: 0 }).map((n) => n === 0),
});
const vector = fc.record({ servedUs: time, fetchedUs: time, trained: fc.option(time) });
const group = fc.record({
  entity,
  eventUs: time,
  createdUs: created,
  ttlUs: fc.option(fc.integer({ min: 0, max: 4 })),
  /** The times that stand for the served ones. */
  stamped: fc.option(fc.record({ eventUs: time, createdUs: created })),
  isOfOther: fc.boolean(),
  vectors: fc.array(vector, { minLength: 1, maxLength: 3 }),
});
type Group = typeof group extends fc.Arbitrary<infer One> ? One : never;
type Row = typeof historyRow extends fc.Arbitrary<infer One> ? One : never;

const us = (value: number | null): string => `${value ?? 'NULL'}::BIGINT`;
const table = (name: string, columns: string, rows: readonly string[]): string =>
  `CREATE OR REPLACE TEMP TABLE ${name} AS SELECT * FROM (VALUES ${rows.join(', ')}) t(${columns})
   WHERE place IS NOT NULL`;

/** Lays out what the replay and the search have laid. Vectors are numbered group by group. */
async function lay(rows: readonly Row[], groups: readonly Group[]): Promise<void> {
  let next = 0;
  const placed = groups.map((one, place) => ({
    ...one,
    place,
    vectors: one.vectors.map((each) => ({ ...each, vid: next++ })),
  }));
  const base = placed.flatMap(({ place, entity: id, ttlUs, eventUs, createdUs, vectors }) =>
    vectors.map(({ vid, servedUs, fetchedUs, trained }) => {
      const pair = pairSql(us(eventUs), us(createdUs), 'last');
      const trainedPair = trained === null ? 'NULL::HUGEINT' : pairSql(us(trained), us(trained), 0);
      return `(${place}, ${vid}::BIGINT, '${id}', ${us(servedUs)}, ${us(fetchedUs)}, 7, ${us(ttlUs)}, ${us(eventUs)},
        ${us(createdUs)}, ${pair}, ${trainedPair})`;
    }),
  );
  const history = rows.map(({ entity: id, eventUs, createdUs, deleted }, n) => {
    const pair = pairSql(us(eventUs), us(createdUs), 0);
    return `(0, '${id}', 7, ${us(eventUs)}, ${us(createdUs)}, 'r-${n}', 7, ${deleted}, ${pair})`;
  });
  const none = (columns: number): string => `(${Array.from({ length: columns }, () => 'NULL').join(', ')})`;
  const members = placed.flatMap(({ place, vectors }) => vectors.map(({ vid }) => `(${place}, ${vid})`));
  const stamped = placed.flatMap(({ place, vectors, stamped: own }) =>
    own === null
      ? []
      : `(${place}::DOUBLE, ${vectors[0]!.vid}::DOUBLE, ${own.eventUs}::DOUBLE, ${own.createdUs ?? 'NULL'}::DOUBLE)`,
  );
  const others = placed.flatMap(({ place, isOfOther }) => (isOfOther ? `(${place}, 0, 'b')` : []));
  const suspects = placed.map(({ place, vectors }) => `(${place}, ${vectors[0]!.vid})`);
  const ofBase =
    'place, vid, k0, served_us, fetched_us, definition, ttl_us, event_us, created_us, pair, trained_pair';
  await duck.run(
    [
      table('replay_base', ofBase, base),
      table(
        'replay_rows',
        'place, k0, definition, event_us, created_us, run_id, definition_id, deleted, pair',
        history,
      ),
      table('replay_members', 'place, vid', members),
      table('found_stamped', 'place, vid, event_us, created_us', [...stamped, none(4)]),
      table('found_others', 'place, vid, entity', [...others, none(3)]),
      table('found_suspects', 'place, vid', suspects),
    ].join('; '),
  );
}

function rowsOf(): FollowingRows {
  const replay = { keys: [{ label: 'key_0', row: 'id' }] };
  const view = { definitionId: 7, features: [] };
  return new FollowingRows(duck, view as unknown as FeatureView, replay as unknown as ViewReplay);
}

/** @returns the event time of the newest row that was no tombstone and was created by the fetch; null: none was */
function naiveHonest(rows: readonly Row[], id: string, fetchedUs: number): number | null {
  const known = rows.filter(
    (row) =>
      row.entity === id &&
      !row.deleted &&
      row.createdUs !== null &&
      Math.max(row.eventUs, row.createdUs) <= fetchedUs,
  );
  return known.length === 0 ? null : Math.max(...known.map(({ eventUs }) => eventUs));
}

test('rows looked up at once are those asked for one by one', async () => {
  let [honest, missed] = [0, 0];
  const history = fc.array(historyRow, { minLength: 1, maxLength: 12 });
  const day = fc.array(group, { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(history, day, async (rows, groups) => {
      await lay(rows, groups);
      let next = 0;
      const placed = groups.map((one) => ({ ...one, vids: one.vectors.map(() => next++) }));
      const vids = placed.flatMap((one) => one.vids);
      const stamped = placed.flatMap(({ stamped: row, ttlUs, vids: own }) =>
        row === null ? [] : (ttlUs === null ? own.slice(0, 1) : own).map((vid) => ({ vid, row })),
      );
      const [laid, asked] = [rowsOf(), rowsOf()];
      await laid.lay();
      await laid.open(0, groups.length);
      const inOrder = <Found>(of: readonly number[], found: ReadonlyMap<number, Found>): (Found | null)[] =>
        of.map((vid) => found.get(vid) ?? null);
      const honestOf = async (rowsAt: FollowingRows, of: readonly number[]) => {
        await rowsAt.findHonest([of]);
        return of.map((vid) => rowsAt.honestOf(vid));
      };
      const all = stamped.map(({ vid }) => vid);
      const expected = {
        honest: await honestOf(asked, vids),
        missed: inOrder(all, await asked.missedOf(stamped)),
      };
      expect(expected.honest.map((row) => row?.eventUs ?? null)).toEqual(
        groups.flatMap((one) => one.vectors.map(({ fetchedUs }) => naiveHonest(rows, one.entity, fetchedUs))),
      );
      honest += expected.honest.filter((row) => row !== null).length;
      missed += expected.missed.filter((row) => row !== null).length;
      expect(await honestOf(laid, vids)).toEqual(expected.honest);
      // Other times than those that were looked up are asked for.
      const other = stamped.map(({ vid, row }) => ({ vid, row: { ...row, eventUs: row.eventUs + 1 } }));
      expect(inOrder(all, await laid.missedOf(other))).toEqual(inOrder(all, await asked.missedOf(other)));
      // What was looked up needs no table any more.
      await duck.run('DROP TABLE replay_rows');
      expect(inOrder(all, await laid.missedOf(stamped))).toEqual(expected.missed);
      const ofOthers = placed.flatMap((one) => (one.isOfOther ? one.vids : []));
      expect(await honestOf(laid, ofOthers)).toEqual(
        ofOthers.map((vid) => expected.honest[vids.indexOf(vid)]),
      );
    }),
    { numRuns: 60 },
  );
  expect([honest > 50, missed > 20], `${honest} honest, ${missed} missed`).toEqual([true, true]);
});
