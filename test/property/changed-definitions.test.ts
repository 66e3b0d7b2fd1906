/**
 * A view whose definition changes again and again, back to earlier ones too: the history answers by today's row logic
 * alone, as one does that never had another. Types, keys, entities and hops all change.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { prepareHistory } from '../../materializer/history/compute.ts';
import { appliedDefinitionId, rowSchemaOf } from '../../contract/definitions/definition-json.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { completeHistory } from '../../project/history/history-place.ts';
import type { Entity, FeatureView, RowSchema } from '../../contract/model.ts';
import type { KeyType, ValueType } from '../../contract/value-type.ts';
import { aggregatedView } from '../support/fixtures/aggregated-view.ts';
import { historyRun } from '../support/fixtures/history-run.ts';
import { answerAt, readHistory, writeEvents } from '../support/fixtures/raw-events.ts';
import { localFolder } from '../../project/storage/local-folder.ts';

const HOUR = 3_600_000_000;
const START = Date.UTC(2026, 0, 5) * 1_000;
const WIDE = 2n ** 53n + 1n;
const COLUMNS: Readonly<Record<string, ValueType>> = {
  // Keys are columns of the source.
  b: { kind: 'int64' },
  c: { kind: 'int64' },
  whole: { kind: 'int64' },
  small: { kind: 'int32' },
  ratio: { kind: 'float64' },
  narrow: { kind: 'float32' },
  text: { kind: 'string' },
  flag: { kind: 'bool' },
  moment: { kind: 'timestamp' },
};
const VALUES = [
  { b: 1n, c: 9n, whole: WIDE, small: 7, ratio: 0.1, narrow: 0.5, text: '77', flag: true, moment: START },
  { b: 2n, c: 8n, whole: WIDE + 2n, small: 8, ratio: 1e300, narrow: 2, text: 'b', flag: false, moment: 1 },
  { b: 1n, c: 9n, whole: 3n, small: 0, ratio: -2.5, narrow: 1, text: '', flag: true, moment: START + 1 },
];
const EVENTS = VALUES.map(({ b, ...values }, i) => {
  const eventUs = START + (i + 0.5) * HOUR;
  const momentUs = BigInt(values.moment);
  return { keys: [String(i % 2)], eventUs, createdUs: eventUs, values: { ...values, b, moment: momentUs } };
});

interface Sketch {
  readonly key: 'a' | 'b' | 'c';
  readonly entity: string;
  readonly hop: number;
  readonly columns: readonly string[];
}

function viewOf({ key, entity: name, hop, columns }: Sketch): { view: FeatureView; entity: Entity } {
  const type: KeyType = key === 'a' ? 'string' : 'int64';
  const features = columns.map((column, i) => ({
    name: `f${i}`,
    function: 'last' as const,
    column,
    columnType: COLUMNS[column]!,
    windowUs: 2 * hop * HOUR,
  }));
  const made = aggregatedView({
    joinKeys: [{ name: key, type }],
    path: 'events.parquet',
    eventTime: 'at',
    createdTime: 'loaded',
    hopUs: hop * HOUR,
    features,
  });
  return { view: { ...made.view, entity: name }, entity: { ...made.entity, name } };
}

let duck: DuckDb;
beforeAll(async () => {
  duck = await DuckDb.open({ threads: 1 });
});
afterAll(() => duck.close());

async function compute(
  folder: string,
  root: string,
  { view, entity }: { view: FeatureView; entity: Entity },
  step: { readonly run: string; readonly cutoffUs: number; readonly fromUs: number | null },
): Promise<void> {
  const sketch = { duck, view, entity, folder, history: root, runId: step.run };
  const prepared = await prepareHistory(historyRun(sketch, step));
  await prepared.publish(START + 100 * HOUR + Number(step.run.slice(4)));
}

const columns = fc.constantFrom(...Object.keys(COLUMNS).filter((name) => name.length > 1));
const sketches: fc.Arbitrary<Sketch> = fc.record({
  key: fc.constantFrom('a', 'b', 'c'),
  entity: fc.constantFrom('thing', 'other'),
  hop: fc.constantFrom(1, 2),
  columns: fc.array(columns, { minLength: 1, maxLength: 2 }),
});
const steps = fc.record({
  sketch: fc.nat({ max: 2 }),
  runs: fc.boolean(),
  from: fc.option(fc.integer({ min: 1, max: 2 })),
});

test('the history answers by the definition of today, whatever the earlier ones wrote', async () => {
  const property = fc.asyncProperty(
    fc.array(sketches, { minLength: 3, maxLength: 3 }),
    fc.array(steps, { minLength: 2, maxLength: 6 }),
    async (pool, life) => {
      const folder = mkdtempSync(join(tmpdir(), 'plumb-'));
      const root = join(folder, 'history');
      const { view: first, entity: source } = viewOf({ ...pool[0]!, key: 'a' });
      await writeEvents(duck, join(folder, 'events.parquet'), first, source, COLUMNS, EVENTS);
      const past: RowSchema[] = [];
      const computed = new Set<string>();
      let written: string | null = null;
      for (const [i, { sketch, runs, from }] of life.entries()) {
        const made = viewOf(pool[sketch]!);
        const definitionId = appliedDefinitionId(made.view, made.entity.joinKeys, past);
        const now = { ...made, view: { ...made.view, definitionId } };
        if (past.at(-1)?.definitionId !== definitionId) past.push(rowSchemaOf(now.view, now.entity));
        const logic = JSON.stringify(pool[sketch]);
        expect((await completeHistory({ history: localFolder(root) }, now.view, now.entity)) !== null).toBe(
          computed.has(logic),
        );
        if (!runs) continue;
        const cutoffUs = START + (4 + i) * HOUR;
        // Only a part of what is there can be repeated: of a first run it would be where the view begins.
        const fromUs = from === null || written === null ? null : START + from * HOUR;
        await compute(folder, root, now, { run: `run-${i}`, cutoffUs, fromUs });
        written = logic;
        computed.add(logic);
        await compute(folder, join(folder, `fresh-${i}`), now, { run: 'run-0', cutoffUs, fromUs: null });
        const [rows, fresh] = await Promise.all(
          [root, join(folder, `fresh-${i}`)].map(
            async (at) => await readHistory(duck, at, now.view, now.entity),
          ),
        );
        expect([...rows!.keys()].toSorted()).toEqual([...fresh!.keys()].toSorted());
        for (const [id, own] of fresh!) {
          for (let edgeUs = START; edgeUs <= cutoffUs; edgeUs += HOUR)
            expect([id, edgeUs, answerAt(rows!.get(id)!, edgeUs)]).toEqual([
              id,
              edgeUs,
              answerAt(own, edgeUs),
            ]);
        }
      }
      rmSync(folder, { recursive: true });
    },
  );
  await fc.assert(property, { numRuns: 15 });
}, 120_000);
