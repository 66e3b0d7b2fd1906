/** A stream whose events are taken back, some in a later file: batch over the archive finds every row as it is. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runMaterialize } from '../../materializer/materialize.ts';
import '../support/property-seed.ts';
import { START_US } from '../support/fixtures/materialized-project.ts';
import { clickView, HOP_US, makeStreamed } from '../support/fixtures/streamed-project.ts';
import type { FeatureSketch } from '../support/fixtures/aggregated-view.ts';

const RUNS = Number(process.env['PLUMB_RUNS'] ?? 5);
const FLOAT = { kind: 'float64' } as const;
const TEXT = { kind: 'string' } as const;
const FEATURES: readonly FeatureSketch[] = [
  { name: 'clicks', function: 'count', windowUs: 3 * HOP_US },
  { name: 'spent', function: 'sum', column: 'price', columnType: FLOAT, windowUs: 10 * HOP_US },
  { name: 'pages', function: 'countDistinct', column: 'page', columnType: TEXT },
  { name: 'favorite', function: 'mostFrequent', column: 'page', columnType: TEXT, windowUs: 5 * HOP_US },
];

const click = fc.record({
  user: fc.constantFrom('ann', 'bob'),
  ago: fc.double({ min: 0, max: 9, noNaN: true }),
  page: fc.constantFrom('a', 'b'),
  price: fc.constantFrom(1.25, -3, 7),
  /** How many files later it is taken back; null: it stays. */
  back: fc.option(fc.integer({ min: 0, max: 2 })),
});

test('what is taken back does not count, in a stream as in batch', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(click, { maxLength: 6 }), { minLength: 1, maxLength: 5 }),
      async (files) => {
        const stream = clickView(0).view.source.stream!;
        const { bundle } = clickView(30 * HOP_US, FEATURES, {
          fields: [...stream.fields, { name: 'kind', type: TEXT, unit: null }],
          op: { column: 'kind', insert: ['add'], delete: ['del'] },
        });
        const project = await makeStreamed();
        try {
          let [number, nowUs] = [0, START_US + 30 * HOP_US];
          const taken: string[][] = [];
          for (const [i, clicks] of files.entries()) {
            nowUs += 3 * HOP_US;
            project.setClock(nowUs);
            const lines: string[] = [];
            for (const { user, ago, page, price, back } of clicks) {
              const at = nowUs - Math.floor(ago * HOP_US);
              const event = { user_id: user, at, page, price, id: String((number += 1)) };
              lines.push(JSON.stringify({ ...event, kind: 'add' }));
              if (back !== null) (taken[i + back] ??= []).push(JSON.stringify({ ...event, kind: 'del' }));
            }
            project.writeMessages(`${i}.jsonl`, [...lines, ...(taken[i] ?? [])], nowUs);
            await project.drain(bundle);
          }
          if (number === 0) return;
          const [again] = await runMaterialize(project, bundle, project.database);
          expect(again).toMatchObject({ state: 'complete', historyRows: 0 });
        } finally {
          await project.remove();
        }
      },
    ),
    { numRuns: RUNS },
  );
}, 120_000);
