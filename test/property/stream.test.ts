/**
 * `plumb stream` against a look at every event again: at every edge up to the watermark the newest row of each (entity,
 * edge), carried forward, is what all events that count give. Files come one after the other, with events that are late
 * or come twice, and messages that cannot be read; streams die and lose their state now and then.
 */
import { rmSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runMaterialize } from '../../materializer/materialize.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { completeHistory } from '../../project/history/history-place.ts';
import { countingEvents, entityId, naiveRow } from '../oracle/naive-aggregates.ts';
import type { RawEvent } from '../oracle/naive-aggregates.ts';
import '../support/property-seed.ts';
import { START_US } from '../support/fixtures/materialized-project.ts';
import { answerAt, readHistory } from '../support/fixtures/raw-events.ts';
import { clickView, HOP_US, makeStreamed } from '../support/fixtures/streamed-project.ts';
import type { Click } from '../support/fixtures/streamed-project.ts';

const RUNS = Number(process.env['PLUMB_RUNS'] ?? 6);
const HOPS = 30;

const click = fc.record({
  user: fc.constantFrom('ann', 'bob', 'cy|d%'),
  /** Hops before its file was written, with a place within the hop. */
  ago: fc.double({ min: 0, max: 12, noNaN: true }),
  page: fc.option(fc.constantFrom('a', 'b', 'ü', '')),
  price: fc.option(fc.constantFrom(0, -0, 1.25, -3, 1e-7, 7)),
  again: fc.boolean(),
});

const file = fc.record({
  clicks: fc.array(click, { maxLength: 8 }),
  /** Hops since the file before. */
  after: fc.integer({ min: 0, max: 8 }),
  broken: fc.boolean(),
  drains: fc.boolean(),
  losesState: fc.boolean(),
  /** At which look at the clock a stream dies before the one that drains. */
  crashesAt: fc.option(fc.integer({ min: 2, max: 14 })),
});

describe('plumb stream', () => {
  it('gives at every edge what all events that count give', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(file, { minLength: 1, maxLength: 6 }), async (files) => {
        const { view, entity, bundle } = clickView(8 * HOP_US);
        const project = await makeStreamed();
        const duck = await DuckDb.open({ threads: 1 });
        try {
          const events: RawEvent[] = [];
          let [nowUs, horizonUs] = [START_US + HOPS * HOP_US, 0];
          let number = 0;
          for (const [i, { clicks, after, broken, drains, losesState, crashesAt }] of files.entries()) {
            nowUs += after * HOP_US;
            project.setClock(nowUs);
            const lines: string[] = broken ? ['{"user_id": "ann"', ''] : [];
            for (const { user, ago, page, price, again } of clicks) {
              const at = nowUs - Math.floor(ago * HOP_US);
              const id = `${(number += 1)}`;
              const text = JSON.stringify({ user_id: user, at, page, price, id } satisfies Click);
              lines.push(text, ...(again ? [text] : []));
              events.push({ keys: [user], eventUs: at, createdUs: nowUs, values: { page, price } });
            }
            project.writeMessages(`${String(i).padStart(4, '0')}.jsonl`, lines, nowUs);
            if (losesState) rmSync(project.settings.stream.state, { recursive: true, force: true });
            if (!drains && i < files.length - 1) continue;
            if (horizonUs === 0) horizonUs = nowUs;
            if (crashesAt !== null) await project.drain(bundle, crashesAt).catch(() => {});
            await project.drain(bundle);
          }
          // Batch computes all of the archive again, and finds every row as it is.
          if (events.length > 0) {
            const [again] = await runMaterialize(project, bundle, project.database);
            expect(again).toMatchObject({ state: 'complete', historyRows: 0 });
          }
          const counting = countingEvents(view, events, Infinity, horizonUs);
          const rows = await readHistory(duck, project.settings.history.path, view, entity);
          const watermarkUs = (await completeHistory(project.settings, view, entity))!.watermarkUs;
          const seen = Math.max(nowUs - 30_000_000, ...events.map(({ eventUs }) => eventUs!));
          expect(watermarkUs).toBe(Math.floor((seen - 5_000_000) / HOP_US) * HOP_US);
          for (const user of new Set(events.map(({ keys }) => keys[0] as string))) {
            const own = counting.filter(({ keys }) => keys[0] === user);
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
  }, 120_000);
});
