/** What other settings would have served, by SQL, against slow scans (test/oracle/naive-what-if.ts). */
import fc from 'fast-check';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asOf } from '../../contract/as-of.ts';
import type { Feature } from '../../contract/model.ts';
import { PLAIN_FEATURE } from '../../contract/definitions/plain-definition.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import type { Value } from '../../contract/value-type.ts';
import { isSame } from '../../monitor/causes/value-equality.ts';
import { ServedFiles } from '../../monitor/replay/served-files.ts';
import { layAskedRows } from '../../monitor/whatif/asked-rows.ts';
import { layFetches } from '../../monitor/whatif/cached-fetches.ts';
import { layKnownRows } from '../../monitor/whatif/known-rows.ts';
import { layRuns } from '../../monitor/whatif/published-rows.ts';
import { layTrainable, simulate } from '../../monitor/whatif/simulation.ts';
import type { RoleCounts } from '../../monitor/whatif/setting.ts';
import { DuckDb, EXACT_FLOATS, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import { sqlLiteral } from '../../project/engine/duckdb/sql-literal.ts';
import { naiveWhatIf } from '../oracle/naive-what-if.ts';
import type { NaiveDay, NaiveRow, NaiveRun, NaiveSetting, NaiveVector } from '../oracle/naive-what-if.ts';
import { rounds } from '../support/long-run.ts';
import { scratchFolder } from '../support/scratch.ts';

const SECOND = 1_000_000;
/** A multiple of all hops and intervals. */
const BASE = 1_700_000_000 * SECOND - ((1_700_000_000 * SECOND) % (3_600 * SECOND));
const HOP = 10 * SECOND;

const FEATURES: readonly Feature[] = [
  { ...PLAIN_FEATURE, name: 'f', type: { kind: 'float64' }, missing: 0 },
  { ...PLAIN_FEATURE, name: 's', type: { kind: 'string' }, missing: null },
];
/** The first role takes both, the other one the text alone; both are of one service each, and share the pods. */
const ROLES: readonly (readonly number[])[] = [[0, 1], [1]];
const KEY = { name: 'id', type: 'string' } as const;
const KEYS = { keys: ['key_0'], withKeys: (sql: string) => sql };

interface Scene extends NaiveDay {
  readonly delayUs: number;
  readonly ttlUs: number | null;
}

const seconds = (min: number, max: number): fc.Arbitrary<number> =>
  fc.integer({ min, max }).map((n) => BASE + n * SECOND);
const entity = fc.constantFrom('a', 'b', 'c');
const values = fc.tuple(
  fc.constantFrom(null, Number.NaN, 0, -0, 1.5, 2),
  fc.constantFrom(null, '', 'x', 'y'),
) as fc.Arbitrary<Value[]>;

/** Runs every 20 s or so, of which some fail, and each takes a while. */
const runs = fc
  .array(
    fc.record({
      gap: fc.integer({ min: 1, max: 40 }),
      took: fc.integer({ min: 0, max: 15 }),
      fails: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
      isBackfill: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
      seen: fc.constantFrom<number | null>(null, null, 0, 3),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map((all): NaiveRun[] => {
    let at = BASE - 60 * SECOND;
    return all.map(({ gap, took, fails, isBackfill, seen }, i) => {
      at += gap * SECOND;
      const startedUs = at;
      at += took * SECOND;
      return {
        runId: `r${i}`,
        kind: isBackfill ? 'backfill' : 'ordinary',
        startedUs,
        finishedUs: fails ? null : at,
        toUs: startedUs,
        watermarkUs: Math.floor(startedUs / HOP) * HOP,
        newestCreatedUs: seen === null ? null : startedUs - seen * SECOND,
      };
    });
  });

const vector: fc.Arbitrary<NaiveVector> = fc.record({
  role: fc.constantFrom(0, 0, 1),
  pod: fc.constantFrom('p', 'q'),
  entity,
  servedUs: seconds(0, 150),
  fetchedUs: fc.constant(0),
  state: fc.constantFrom('up', 'up', 'up', 'up', 'up', 'stale', 'unavailable'),
});
const vectors = fc
  .record({
    asked: fc.array(fc.record({ vector, age: fc.integer({ min: 0, max: 8 }) }), {
      minLength: 1,
      maxLength: 150,
      size: 'max',
    }),
    // So that the last entity of one pod is the first of the other.
    isOneEntity: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
  })
  .map(({ asked, isOneEntity }): NaiveVector[] =>
    asked
      .map(({ vector: one, age }) => {
        const id = isOneEntity ? 'a' : one.entity;
        return { ...one, entity: id, fetchedUs: one.servedUs - age * SECOND };
      })
      .toSorted((x, y) => x.servedUs - y.servedUs),
  );

/** Few times, so that rows share their event, and both their times. */
const storedRows = fc.array(
  fc
    .record({
      entity,
      eventUs: fc.integer({ min: -4, max: 11 }).map((n) => BASE + n * 10 * SECOND),
      later: fc.option(fc.constantFrom(-10, 0, 5, 20, 20, 60), { freq: 9 }),
      values,
    })
    .map(({ entity: id, eventUs, later, values: own }): NaiveRow => {
      const createdUs = later === null ? null : eventUs + later * SECOND;
      return { entity: id, eventUs, createdUs, run: 'r0', values: own };
    }),
  { maxLength: 25, size: 'max' },
);

/** Of an aggregated view each row is of a run, which started after its edge and created it. */
function aggregatedRows(all: readonly NaiveRun[]): fc.Arbitrary<NaiveRow[]> {
  const row = fc
    .record({
      entity,
      run: fc.constantFrom(...all),
      back: fc.integer({ min: 0, max: 6 }),
      values,
      deleted: fc.integer({ min: 0, max: 6 }).map((n) => n === 0),
    })
    .map(({ entity: id, run, back, values: own, deleted }): NaiveRow => {
      return {
        entity: id,
        run: run.runId,
        eventUs: run.watermarkUs - back * HOP,
        createdUs: run.startedUs,
        values: own,
        deleted,
      };
    });
  const keyOf = ({ entity: id, eventUs, createdUs }: NaiveRow): string => `${id} ${eventUs} ${createdUs}`;
  return fc
    .array(row, { maxLength: 25, size: 'max' })
    .map((rows) => [...new Map(rows.map((one) => [keyOf(one), one])).values()]);
}

const scene: fc.Arbitrary<Scene> = fc.constantFrom('stored' as const, 'aggregated' as const).chain((kind) =>
  runs.chain((all) =>
    fc.record({
      view: fc.record({
        id: fc.constant('view'),
        kind: fc.constant(kind),
        hopUs: fc.constant(kind === 'stored' ? 0 : HOP),
        outOfOrderUs: fc.constantFrom(0, 0, 5 * SECOND),
        freshnessUs: fc.constantFrom(15, 40, 200).map((n) => n * SECOND),
        features: fc.constant(FEATURES),
      }),
      rows: kind === 'stored' ? storedRows : aggregatedRows(all),
      runs: fc.constant(all),
      vectors,
      roles: fc.constant(ROLES),
      completeUs: fc.constantFrom<number | null>(
        BASE + 100 * SECOND,
        BASE + 900 * SECOND,
        BASE + 900 * SECOND,
        null,
      ),
      delayUs: fc.constantFrom(0, 3 * SECOND, 20 * SECOND),
      ttlUs:
        kind === 'stored'
          ? fc.constantFrom<number | null>(null, 30 * SECOND, 100 * SECOND)
          : fc.constant(null),
    }),
  ),
);

/** Of 40 and 50 seconds a copy is fresh, and not read again, for a whole number of them. */
const CACHE_TIMES = [0, 5, 1, 40, 50].map((n) => n * SECOND);
/** Which of them is in force. */
const NOW = 1;
const SCHEDULES = [1, 7, 60].map((n, i) => ({
  everyUs: n * SECOND,
  phaseUs: i * 3 * SECOND,
  durationUs: 2 * SECOND,
}));
const OTHER_DELAYS = [0, 11 * SECOND];

let duck: DuckDb;
beforeAll(async () => {
  duck = await DuckDb.open({ threads: 1 });
});
afterAll(() => duck.close());

function servedSql({ pod, entity: id, servedUs, fetchedUs, state }: NaiveVector, sequence: number): string {
  const time = (us: number): string => `make_timestamp(${us})::TIMESTAMPTZ`;
  const status = state === 'unavailable' ? 'UNAVAILABLE' : 'MISSING';
  return `SELECT ${time(servedUs)} AS _served_time, 'now' AS _bundle, 'q' AS _request_id, 0 AS _row, ${quoteText(pod)} AS _pod,
    'epoch' AS _epoch, ${sequence}::BIGINT AS _sequence, 'native' AS _surface, 0::BIGINT AS _clock_offset, 1 AS _service_version, NULL::VARCHAR AS _hmac_key,
    ${quoteText(id)}::VARCHAR AS id, {'status': ${quoteText(status)}, 'undecoded': NULL::BLOB,
      'source': ${quoteText(state === 'stale' ? 'stale' : 'store')}, 'fetched': ${time(fetchedUs)}, 'watermark': NULL::TIMESTAMPTZ,
      'written_time': NULL::TIMESTAMPTZ, 'event_time': NULL::TIMESTAMPTZ, 'created_time': NULL::TIMESTAMPTZ,
      'definition_id': NULL::BIGINT} AS _view__view`;
}

function historySql({ rows }: Scene): string {
  const us = (value: number | null): string => `make_timestamp(${value ?? 'NULL'})`;
  const cells = (own: readonly Value[]): string =>
    FEATURES.map(({ name, type }, i) => `${sqlLiteral(type, own[i]!)} AS ${name}`).join(', ');
  const none = `SELECT NULL::VARCHAR AS id, NULL::TIMESTAMP AS event_time, NULL::TIMESTAMP AS created_time, '' AS run_id,
    false AS deleted, ${cells([null, null])}`;
  const selects = rows.map(
    (
      row,
    ) => `SELECT ${quoteText(row.entity)}, ${us(row.eventUs)}, ${us(row.createdUs)}, ${quoteText(row.run)},
      ${row.deleted === true}, ${cells(row.values)}`,
  );
  return [none, ...selects].join(' UNION ALL ');
}

/** Lays the day out as the command does. @returns false: nobody asked for anything */
async function lay(day: Scene, readAhead: boolean, folder: string): Promise<boolean> {
  const { view, delayUs, ttlUs, completeUs } = day;
  await duck.run(`CREATE OR REPLACE TEMP TABLE history AS ${historySql(day)}`);
  const roles = [];
  for (const [role, features] of ROLES.entries()) {
    const own = day.vectors.filter((one) => one.role === role);
    if (own.length === 0) {
      roles.push(null);
      continue;
    }
    const path = join(folder, `${role}.parquet`);
    // Both services count their records together, as one sidecar does.
    const rows = own.map((one) => servedSql(one, day.vectors.indexOf(one)));
    await duck.run(
      `COPY (${rows.join(' UNION ALL ')}) TO ${quoteText(path)} (FORMAT parquet, ${EXACT_FLOATS})`,
    );
    const files = await ServedFiles.read(duck, [[path]], [KEY]);
    const used = { role: 'view', view: 'view', requestKeys: ['id'] };
    roles.push({ used, keys: KEYS, files, readings: new Map([['now', 0]]), features });
  }
  const nobody = await ServedFiles.read(duck, [], [KEY]);
  const asking = roles.map(
    (role) =>
      role ?? {
        used: { role: 'view', view: 'view', requestKeys: ['id'] },
        keys: KEYS,
        files: nobody,
        readings: new Map(),
      },
  );
  const reading = {
    definition: 0,
    delayUs,
    ttlUs,
    hopUs: view.hopUs,
    freshnessUs: view.freshnessUs,
    completeUs,
  };
  const span = await layAskedRows(duck, { roles: asking, readings: [reading], keys: 1, share: 1 });
  if (span === null) return false;
  await layFetches(
    duck,
    span.rows,
    CACHE_TIMES.map((us) => ({ us, readAhead })),
  );
  await layRuns(duck, day.runs.map(recordOf));
  await layKnownRows(duck, {
    view: { ...view, features: FEATURES } as Parameters<typeof layKnownRows>[1]['view'],
    keys: [KEY],
    histories: ['SELECT * FROM history'],
    span,
    schedules: [null, ...SCHEDULES],
    longestDelayUs: Math.max(delayUs, ...OTHER_DELAYS),
  });
  await layTrainable(duck);
  return true;
}

function recordOf(run: NaiveRun): RunRecord {
  return { ...run, state: run.finishedUs === null ? 'failed' : 'complete' } as RunRecord;
}

/** By the rank that DuckDB's quantile_disc takes. */
function quantile(ages: readonly number[], share: number): number | null {
  const sorted = ages.toSorted((a, b) => a - b);
  return sorted.length === 0 ? null : sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

async function expectSame(
  day: Scene,
  naive: NaiveSetting,
  counted: Promise<RoleCounts[]>,
): Promise<RoleCounts[]> {
  const found = await counted;
  const expected = naiveWhatIf(day, naive).map(({ ages, ...counts }) => ({
    ...counts,
    ageP50Us: quantile(ages, 0.5),
    ageP99Us: quantile(ages, 0.99),
  }));
  expect(found, JSON.stringify(naive)).toEqual(expected);
  return found;
}

/** Whatever is read anew each time is never older than what a cache had. */
function expectNotOlder(youngest: readonly RoleCounts[] | null, counts: readonly RoleCounts[]): void {
  for (const [role, { ageP50Us, ageP99Us }] of counts.entries()) {
    const least = youngest![role]!;
    expect(least.ageP50Us ?? -1).toBeLessThanOrEqual(ageP50Us ?? -1);
    expect(least.ageP99Us ?? -1).toBeLessThanOrEqual(ageP99Us ?? -1);
  }
}

const FEATURES_OF_ROLES = ROLES.map((own) => own.map((i) => ({ feature: FEATURES[i]!, lackedBy: [] })));

describe('what other settings would have served', () => {
  test('is what slow scans say, for each kind of setting', async () => {
    const folder = scratchFolder();
    const met = { withinPromise: 0, exact: 0, beyond: 0 };
    await fc.assert(
      fc.asyncProperty(scene, fc.boolean(), async (day, readAhead) => {
        if (!(await lay(day, readAhead, folder))) return;
        const { view, delayUs, ttlUs } = day;
        const now: NaiveSetting = { cacheUs: CACHE_TIMES[NOW]!, readAhead, schedule: null, delayUs, ttlUs };
        const run = (simulated: Parameters<typeof simulate>[3]): Promise<RoleCounts[]> =>
          simulate(duck, view, FEATURES_OF_ROLES, simulated);
        let youngest: RoleCounts[] | null = null;
        for (const [cache, cacheUs] of CACHE_TIMES.entries()) {
          const counts = await expectSame(day, { ...now, cacheUs }, run({ cache, schedule: null }));
          if (cacheUs === 0) youngest = counts;
          expectNotOlder(youngest, counts);
          for (const { present, exact, withinPromise } of counts) {
            met.exact += exact;
            met.withinPromise += withinPromise;
            met.beyond += present - exact - withinPromise;
          }
        }
        for (const schedule of SCHEDULES)
          await expectSame(day, { ...now, schedule }, run({ cache: NOW, schedule }));
        for (const other of OTHER_DELAYS)
          await expectSame(
            day,
            { ...now, delayUs: other },
            run({ cache: NOW, schedule: null, delayUs: other }),
          );
        if (view.kind === 'stored') {
          const other = 50 * SECOND;
          await expectSame(day, { ...now, ttlUs: other }, run({ cache: NOW, schedule: null, ttlUs: other }));
        }
      }),
      { numRuns: rounds(10, 60) },
    );
    for (const [what, count] of Object.entries(met)) expect(count, what).toBeGreaterThan(20);
  });

  test('has no older row as missed where a tombstone is online before training sees it', async () => {
    const run = (n: number): NaiveRun => {
      const startedUs = BASE + n * HOP;
      const times = { startedUs, finishedUs: startedUs + SECOND, toUs: startedUs, watermarkUs: startedUs };
      return { runId: `r${n}`, kind: 'ordinary', newestCreatedUs: null, ...times };
    };
    const row = (n: number, deleted: boolean): NaiveRow => {
      const us = BASE + n * HOP;
      return { entity: 'a', run: `r${n}`, eventUs: us, createdUs: us, values: [1.5, 'x'], deleted };
    };
    const servedUs = BASE + 25 * SECOND;
    const day: Scene = {
      view: {
        id: 'view',
        kind: 'aggregated',
        hopUs: HOP,
        outOfOrderUs: 0,
        freshnessUs: 200 * SECOND,
        features: FEATURES,
      },
      rows: [row(0, false), row(1, true)],
      runs: [run(0), run(1)],
      vectors: [{ role: 0, pod: 'p', entity: 'a', servedUs, fetchedUs: servedUs, state: 'up' }],
      roles: ROLES,
      completeUs: BASE + 900 * SECOND,
      delayUs: 20 * SECOND,
      ttlUs: null,
    };
    expect(await lay(day, true, scratchFolder())).toBe(true);
    const now = { cacheUs: 0, readAhead: true, schedule: null, delayUs: day.delayUs, ttlUs: null };
    const found = simulate(duck, day.view, FEATURES_OF_ROLES, { cache: 0, schedule: null });
    const [counts] = await expectSame(day, now, found);
    expect(counts).toMatchObject({ present: 2, exact: 0, withinPromise: 0 });
  });

  test('without a cache, with runs at every moment that take no time, is what was available', async () => {
    const folder = scratchFolder();
    const types = FEATURES.map(({ type }) => type);
    let met = 0;
    await fc.assert(
      fc.asyncProperty(scene, async (any) => {
        const rows = any.rows.filter(({ createdUs }) => createdUs !== null);
        const asking = any.vectors.filter(({ state }) => state === 'up');
        const day = { ...any, rows, vectors: asking, delayUs: 0, ttlUs: null };
        if (asking.length === 0) return;
        if (day.view.kind !== 'stored' || !(await lay(day, true, folder))) return;
        const schedule = { everyUs: 1, phaseUs: 0, durationUs: 0 };
        const found = await simulate(duck, day.view, FEATURES_OF_ROLES, { cache: 0, schedule });
        const exact = ROLES.map(() => 0);
        for (const { role, entity: id, servedUs } of asking) {
          const own = rows.filter((row) => row.entity === id);
          const [trained, available] = (['trained', 'available'] as const).map((mode) =>
            asOf(own, servedUs, { mode, delayUs: 0, ttlUs: null }, types),
          );
          for (const i of ROLES[role]!) {
            const of = (one: typeof trained): Value =>
              one === null ? FEATURES[i]!.missing : one!.row.values[i]!;
            const isPresent = [trained, available].some((one) => one !== null && one!.row.values[i] !== null);
            if (isPresent && isSame(types[i]!, of(trained), of(available))) exact[role]! += 1;
          }
        }
        expect(found.map((counts) => counts.exact)).toEqual(exact);
        met += exact[0]!;
      }),
      { numRuns: rounds(10, 60) },
    );
    expect(met).toBeGreaterThan(20);
  });
});
