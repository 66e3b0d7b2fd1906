/**
 * A stream whose events are taken back, some in a later file, some before they come and some that never come, against
 * a look at every event that is left; batch over the archive finds every row as it is. Of a source with `op`, with ids
 * and without, and of changes of a table, some of which come twice.
 */
import { rmSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StreamSource } from '../../contract/stream-source.ts';
import { runMaterialize } from '../../materializer/materialize.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { completeHistory } from '../../project/history/history-place.ts';
import { entityId, naiveRow } from '../oracle/naive-aggregates.ts';
import type { RawEvent } from '../oracle/naive-aggregates.ts';
import '../support/property-seed.ts';
import { START_US } from '../support/fixtures/materialized-project.ts';
import { answerAt, readHistory } from '../support/fixtures/raw-events.ts';
import { clickView, FEATURES, HOP_US, makeStreamed } from '../support/fixtures/streamed-project.ts';

const RUNS = Number(process.env['PLUMB_RUNS'] ?? 3);
const TEXT = { kind: 'string' } as const;
/** True of all of them: batch reads an archive in another way where there is one. */
const WHERE = 'price is null or price < 100';
const { fields } = clickView(0).view.source.stream!;

/** How a kind of source says that a row counts, or is taken back. */
interface Kind {
  readonly name: string;
  readonly stream: Partial<StreamSource>;
  /** What comes twice counts once. */
  readonly isToldTwice: boolean;
  readonly message: (row: Row, isBack: boolean) => object;
  /** @returns what an event and its deletion have in common */
  readonly sameness: (row: Row) => string;
}

interface Row {
  readonly user_id: string;
  readonly at: number;
  readonly page: string | null;
  readonly price: number | null;
  readonly id: string;
}

const OP = {
  fields: [...fields, { name: 'kind', type: TEXT, unit: null }],
  op: { column: 'kind', insert: ['add'], delete: ['del'] },
};
const byValues = ({ user_id: user, at, page, price }: Row): string => JSON.stringify([user, at, page, price]);

const KINDS: readonly Kind[] = [
  {
    name: 'op',
    stream: OP,
    isToldTwice: true,
    message: (row, isBack) => ({ ...row, kind: isBack ? 'del' : 'add' }),
    sameness: ({ id }) => id,
  },
  {
    name: 'op without ids',
    stream: { ...OP, id: null },
    isToldTwice: false,
    message: (row, isBack) => ({ ...row, kind: isBack ? 'del' : 'add' }),
    sameness: byValues,
  },
  {
    name: 'debezium',
    stream: { format: { kind: 'debezium' }, id: null },
    isToldTwice: true,
    message: (row, isBack) => ({
      op: isBack ? 'd' : 'c',
      before: isBack ? row : null,
      after: isBack ? null : row,
      source: { name: 'shop', lsn: Number(row.id) * 2 + Number(isBack), txId: 1 },
    }),
    sameness: byValues,
  },
];

const click = fc.record({
  user: fc.constantFrom('ann', 'bob'),
  ago: fc.oneof(fc.double({ min: 0, max: 9, noNaN: true }), fc.constantFrom(1, 1.5)),
  page: fc.option(fc.constantFrom('a', 'b')),
  price: fc.option(fc.constantFrom(1.25, -3, 7)),
  /** How many files later its deletion comes, and where among the others of that file; null: it stays. */
  back: fc.option(
    fc.record({ later: fc.integer({ min: -2, max: 2 }), place: fc.integer({ min: 0, max: 9 }) }),
  ),
  /** How many files later it comes again, and its deletion; null: once. */
  again: fc.option(fc.integer({ min: 0, max: 1 })),
  /** Whether its deletion alone comes. */
  neverComes: fc.integer({ min: 0, max: 9 }).map((one) => one === 0),
});
/** Where an event stands in its file among deletions. */
const PLACE = 5;

const file = fc.record({ clicks: fc.array(click, { maxLength: 6 }), losesState: fc.boolean() });

type ClickFile = typeof file extends fc.Arbitrary<infer Value> ? Value : never;

interface Sent {
  readonly place: number;
  readonly isBack: boolean;
  readonly row: Row;
}

/** @returns the rows of each file */
function rowsOf(files: readonly ClickFile[]): Sent[][] {
  const sent: Sent[][] = files.map(() => []);
  let number = 0;
  for (const [i, { clicks }] of files.entries())
    for (const { user, ago, page, price, back, again, neverComes } of clicks) {
      const at = nowOf(i) - Math.floor(ago * HOP_US);
      const row = { user_id: user, at, page, price, id: String((number += 1)) };
      const send = (later: number, place: number, isBack: boolean): void => {
        for (const extra of again === null ? [0] : [0, again])
          sent[Math.max(0, i + later + extra)]?.push({ place, isBack, row });
      };
      if (!neverComes) send(0, PLACE, false);
      if (back !== null) send(back.later, back.place, true);
    }
  return sent.map((some) => some.toSorted((a, b) => a.place - b.place));
}

/** When a file is written. */
const nowOf = (i: number): number => START_US + (33 + 3 * i) * HOP_US;

function eventsLeft(kind: Kind, sent: readonly Sent[]): RawEvent[] {
  const left = new Map<string, { row: Row; count: number }>();
  const told = new Set<string>();
  for (const { row, isBack } of sent) {
    const once = JSON.stringify([row.id, isBack]);
    if (kind.isToldTwice && told.has(once)) continue;
    told.add(once);
    const same = kind.sameness(row);
    const before = left.get(same)?.count ?? 0;
    left.set(same, { row, count: before + (isBack ? -1 : 1) });
  }
  return [...left.values()].flatMap(({ row, count }) =>
    Array.from({ length: Math.max(0, count) }, () => ({
      keys: [row.user_id],
      eventUs: row.at,
      createdUs: row.at,
      values: { page: row.page, price: row.price },
    })),
  );
}

test.each(KINDS)('what is taken back does not count ($name)', async (kind) => {
  await fc.assert(
    fc.asyncProperty(fc.array(file, { minLength: 1, maxLength: 5 }), async (files) => {
      const { view, entity, bundle } = clickView(30 * HOP_US, FEATURES, kind.stream, { where: WHERE });
      const project = await makeStreamed();
      const duck = await DuckDb.open({ threads: 1 });
      try {
        const sent = rowsOf(files);
        for (const [i, { losesState }] of files.entries()) {
          project.setClock(nowOf(i));
          const lines = sent[i]!.map(({ row, isBack }) => JSON.stringify(kind.message(row, isBack)));
          project.writeMessages(`${i}.jsonl`, lines, nowOf(i));
          if (losesState) rmSync(project.settings.stream.state, { recursive: true, force: true });
          await project.drain(bundle);
        }
        if (sent.flat().length === 0) return;
        const left = eventsLeft(kind, sent.flat());
        const [again] = await runMaterialize(project, bundle, project.database);
        expect(again).toMatchObject({ state: 'complete', historyRows: 0 });
        const rows = await readHistory(duck, project.settings.history.path, view, entity);
        const { watermarkUs } = (await completeHistory(project.settings, view, entity))!;
        for (const user of ['ann', 'bob']) {
          const own = left.filter(({ keys }) => keys[0] === user);
          const stood = rows.get(entityId(entity, [user])) ?? [];
          for (let edgeUs = START_US; edgeUs <= watermarkUs; edgeUs += HOP_US) {
            const values = answerAt(stood, edgeUs);
            expect({ user, edgeUs, values }).toEqual({ user, edgeUs, values: naiveRow(view, own, edgeUs) });
          }
        }
      } finally {
        duck.close();
        await project.remove();
      }
    }),
    { numRuns: RUNS },
  );
});
