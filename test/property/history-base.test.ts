/**
 * Bases of a history against the naive as-of rule. Every entity of a table is a random history of its own, with late
 * rows, restated ones, tombstones, ties and rows that a check excludes. Whatever midnight a base stands for, at
 * whatever entry it was made, from whatever base before it, and whatever came after it: for every time from that
 * midnight on, reading with the base finds the row that the rule finds among all rows.
 *
 * `npm run test:long` goes over 20,000 histories; `npm test` over some hundreds.
 */
import fc from 'fast-check';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { asOf } from '../../contract/as-of.ts';
import type { AsOfRow, AsOfRule } from '../../contract/as-of.ts';
import type { FeatureView } from '../../contract/model.ts';
import { dayOf } from '../../contract/std/timestamp.ts';
import { compactHistory } from '../../materializer/upkeep/compact-history.ts';
import { makeBase } from '../../materializer/upkeep/make-base.ts';
import { joinAsOf, ROW_FOUND } from '../../project/engine/duckdb/as-of-join.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { openHistory } from '../../project/engine/duckdb/history.ts';
import { readBases } from '../../project/history/history-base.ts';
import { readHistory } from '../../project/history/history-snapshot.ts';
import { aggregatedView } from '../support/fixtures/aggregated-view.ts';
import { commitHistory } from '../support/fixtures/committed-history.ts';
import { IS_LONG_RUN } from '../support/long-run.ts';
import '../support/property-seed.ts';

const HOUR = 3_600_000_000;
const DAY = 24 * HOUR;
const START = Date.UTC(2026, 0, 5) * 1_000;
const RUNS = 6;
/** Entities of a table: each is a history. */
const ENTITIES = IS_LONG_RUN ? 500 : 60;
const TABLES = Number(process.env['PLUMB_RUNS'] ?? (IS_LONG_RUN ? 40 : 8));
const EXCLUDED = 9;
const LEASE = { number: 1, hold: (): Promise<void> => Promise.resolve() };

interface Row {
  readonly run: number;
  readonly hour: number;
  readonly value: number | null;
}

interface Table {
  readonly entities: readonly (readonly Row[])[];
  /** When each run's rows were created, in hours; a later one no earlier. */
  readonly createdHours: readonly number[];
  readonly tombstoneRuns: readonly number[];
  readonly delayHours: number;
  /** The midnights of the bases that are made, in days, each after which run. */
  readonly bases: readonly { readonly day: number; readonly after: number }[];
  readonly compactsAfter: number;
}

const hour = fc.oneof(fc.integer({ min: 0, max: 95 }), fc.constantFrom(23, 24, 25, 47, 48, 49, 72));
const row = fc.record({
  run: fc.nat({ max: RUNS - 1 }),
  hour,
  value: fc.constantFrom(null, 1, 2, EXCLUDED),
});
const tables: fc.Arbitrary<Table> = fc.record({
  entities: fc.array(fc.array(row, { maxLength: 8 }), { minLength: ENTITIES, maxLength: ENTITIES }),
  createdHours: fc
    .array(fc.integer({ min: 0, max: 110 }), { minLength: RUNS, maxLength: RUNS })
    .map((hours) => hours.toSorted((a, b) => a - b)),
  tombstoneRuns: fc.subarray([1, 3, 4]),
  delayHours: fc.constantFrom(0, 1, 5),
  bases: fc
    .array(fc.record({ day: fc.integer({ min: 1, max: 3 }), after: fc.integer({ min: 0, max: RUNS - 1 }) }), {
      minLength: 1,
      maxLength: 3,
    })
    .map((bases) => bases.toSorted((a, b) => a.after - b.after)),
  compactsAfter: fc.integer({ min: 0, max: RUNS }),
});

const made = aggregatedView({
  joinKeys: [{ name: 'thing', type: 'int32' }],
  path: 'events.parquet',
  eventTime: 'at',
  createdTime: null,
  hopUs: HOUR,
  features: [{ name: 'n', function: 'count' }],
});
const { entity } = made;

let duck: DuckDb;
beforeAll(async () => {
  duck = await DuckDb.open({ threads: 1 });
});
afterAll(() => duck.close());

function viewOf(delayHours: number): FeatureView {
  const checks = { min: null, max: EXCLUDED - 1, maxNullShare: null };
  const features = made.view.features.map((feature) => ({ ...feature, checks }));
  return { ...made.view, delayUs: delayHours * HOUR, features };
}

/** Commits the rows of a run, a file for each day. */
async function appendRun(root: string, view: FeatureView, table: Table, run: number): Promise<void> {
  const createdUs = START + table.createdHours[run]! * HOUR;
  const deleted = table.tombstoneRuns.includes(run);
  const rows = table.entities.flatMap((own, thing) =>
    own.filter((one) => one.run === run).map((one) => ({ ...one, thing })),
  );
  const days: Record<string, string> = {};
  for (const [day, own] of Map.groupBy(rows, (one) => dayOf(START + one.hour * HOUR))) {
    const values = own.map((one) => `(${one.thing}, ${START + one.hour * HOUR}, ${one.value ?? 'NULL'})`);
    days[day] = `SELECT thing::INTEGER AS thing, make_timestamptz(e::BIGINT) AS event_time,
      make_timestamptz(${createdUs}) AS created_time, 'run-${run}' AS run_id,
      ${view.definitionId}::BIGINT AS definition_id, ${deleted} AS deleted, n::BIGINT AS n
      FROM (VALUES ${values.join(', ')}) t(thing, e, n)`;
  }
  await commitHistory(root, { view, entity, runId: `run-${run}`, watermarkUs: createdUs, days });
}

/** The good rows of an entity, as the rule takes them. */
function goodRows(table: Table, thing: number): AsOfRow[] {
  return table.entities[thing]!.filter(({ value }) => value !== EXCLUDED).map(({ run, hour: at, value }) => ({
    eventUs: START + at * HOUR,
    createdUs: START + table.createdHours[run]! * HOUR,
    deleted: table.tombstoneRuns.includes(run),
    values: [value === null ? null : BigInt(value)],
  }));
}

const seen = { labels: 0, leftOut: 0, bases: 0 };

async function check(table: Table): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'plumb-'));
  try {
    const view = viewOf(table.delayHours);
    for (let run = 0; run < RUNS; run++) {
      await appendRun(root, view, table, run);
      if (run === table.compactsAfter)
        await compactHistory({ root, view, duck, lease: LEASE, nowMs: 0, fewest: 2 });
      for (const { day, after } of table.bases) {
        const history = readHistory(root, view)!;
        if (after === run) await makeBase(duck, { root, view, entity, history }, START + day * DAY);
      }
    }
    const [base] = readBases(root, view);
    for (const fromUs of [base!.beforeUs, base!.beforeUs + 5 * HOUR, START + 3 * DAY + HOUR])
      for (const mode of ['trained', 'available'] as const)
        await compare(root, view, table, { fromUs, mode });
  } finally {
    rmSync(root, { recursive: true });
  }
}

async function compare(
  root: string,
  view: FeatureView,
  table: Table,
  { fromUs, mode }: { readonly fromUs: number; readonly mode: AsOfRule['mode'] },
): Promise<void> {
  const times = [0, 1, 4, 11, 23, 24, 25, 49, 80].map((hours) => fromUs + hours * HOUR);
  await duck.run(`CREATE OR REPLACE TEMP TABLE labels AS
    SELECT row_number() OVER () AS rid, thing::INTEGER AS thing, t::BIGINT AS t
    FROM range(${table.entities.length}) x(thing), (SELECT unnest([${times.join(', ')}]) AS t) ORDER BY thing, t`);
  const history = await openHistory(duck, { folder: '/', history: root }, view, entity);
  await joinAsOf(
    duck,
    {
      labels: 'labels',
      rid: 'rid',
      time: 't',
      history: history.parts(fromUs, times.at(-1)! - view.delayUs),
      nanos: false,
      tombstones: true,
      keys: [{ label: 'thing', row: 'thing' }],
      features: view.features,
      outputs: [{ feature: 'n', as: 'n' }],
      mode,
      delayUs: view.delayUs,
      ttlUs: null,
    },
    'answers',
  );
  const answers = await duck.rows(
    'SELECT thing, t, asof_state, n FROM answers JOIN labels USING (rid) ORDER BY thing, t',
  );
  const rule: AsOfRule = { mode, delayUs: view.delayUs, ttlUs: null };
  const wrong = answers.filter((answer) => {
    const found = asOf(goodRows(table, answer['thing'] as number), Number(answer['t']), rule, [
      { kind: 'int64' },
    ]);
    const isFound = answer['asof_state'] === ROW_FOUND;
    return isFound !== (found !== null) || (found !== null && answer['n'] !== found.row.values[0]);
  });
  expect(wrong).toEqual([]);
  seen.bases = Math.max(seen.bases, readBases(root, view).length);
  seen.labels += answers.length;
  const [all] = await duck.rows(`SELECT count(*)::INTEGER AS n FROM (${history.sql})`);
  const [read] = await duck.rows(
    `SELECT count(*)::INTEGER AS n FROM (${history.parts(fromUs, 2 ** 52).join(' UNION ALL ')})`,
  );
  seen.leftOut += Math.max(0, (all!['n'] as number) - (read!['n'] as number));
}

test(
  `with its bases a history answers as the rule does, over ${TABLES * ENTITIES} histories`,
  async () => {
    await fc.assert(fc.asyncProperty(tables, check), { numRuns: TABLES, endOnFailure: true });
    expect(seen.bases).toBeGreaterThan(1);
    expect(seen.labels).toBeGreaterThan(TABLES * ENTITIES);
    // Else the bases had all rows, and proved nothing.
    expect(seen.leftOut).toBeGreaterThan(TABLES);
  },
  60_000 + 30_000 * TABLES,
);
