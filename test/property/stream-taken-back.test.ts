/**
 * A stream whose events are taken back, some in a later file, against a look at every event that is left; batch over
 * the archive finds every row as it is. Of a source with `op` and of changes of a table, some of which come twice.
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
  readonly message: (row: object, isBack: boolean, number: number) => object;
}

const KINDS: readonly Kind[] = [
  {
    name: 'op',
    stream: {
      fields: [...fields, { name: 'kind', type: TEXT, unit: null }],
      op: { column: 'kind', insert: ['add'], delete: ['del'] },
    },
    message: (row, isBack) => ({ ...row, kind: isBack ? 'del' : 'add' }),
  },
  {
    name: 'debezium',
    stream: { format: { kind: 'debezium' }, id: null },
    message: (row, isBack, number) => ({
      op: isBack ? 'd' : 'c',
      before: isBack ? row : null,
      after: isBack ? null : row,
      source: { name: 'shop', lsn: number >> 1, txId: 1 },
    }),
  },
];

const click = fc.record({
  user: fc.constantFrom('ann', 'bob'),
  ago: fc.double({ min: 0, max: 9, noNaN: true }),
  page: fc.option(fc.constantFrom('a', 'b')),
  price: fc.option(fc.constantFrom(1.25, -3, 7)),
  /** How many files later it is taken back; null: it stays. */
  back: fc.option(fc.integer({ min: 0, max: 2 })),
  /** How many files later it comes again, and its deletion; null: once. */
  again: fc.option(fc.integer({ min: 0, max: 1 })),
});

const file = fc.record({ clicks: fc.array(click, { maxLength: 6 }), losesState: fc.boolean() });

test.each(KINDS)(
  'what is taken back does not count ($name)',
  async ({ stream, message }) => {
    await fc.assert(
      fc.asyncProperty(fc.array(file, { minLength: 1, maxLength: 5 }), async (files) => {
        const { view, entity, bundle } = clickView(30 * HOP_US, FEATURES, stream, { where: WHERE });
        const project = await makeStreamed();
        const duck = await DuckDb.open({ threads: 1 });
        try {
          let [number, nowUs] = [0, START_US + 30 * HOP_US];
          /** Lines of each file; a deletion comes after its event. */
          const lines: string[][] = Array.from({ length: 9 }, () => []);
          const left: RawEvent[] = [];
          for (const [i, { clicks, losesState }] of files.entries()) {
            nowUs += 3 * HOP_US;
            project.setClock(nowUs);
            const backs: [number, string][] = [];
            for (const { user, ago, page, price, back, again } of clicks) {
              const at = nowUs - Math.floor(ago * HOP_US);
              const row = { user_id: user, at, page, price, id: String((number += 2)) };
              const text = JSON.stringify(message(row, false, number));
              lines[i]!.push(text);
              if (again !== null) lines[i + again]!.push(text);
              if (back === null || i + back >= files.length)
                left.push({ keys: [user], eventUs: at, createdUs: nowUs, values: { page, price } });
              if (back === null) continue;
              const taken = JSON.stringify(message(row, true, number + 1));
              backs.push([i + back, taken]);
              if (again !== null) backs.push([i + back + again, taken]);
            }
            for (const [at, text] of backs) lines[at]!.push(text);
            project.writeMessages(`${i}.jsonl`, lines[i]!, nowUs);
            if (losesState) rmSync(project.settings.stream.state, { recursive: true, force: true });
            await project.drain(bundle);
          }
          if (number === 0) return;
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
  },
  120_000,
);
