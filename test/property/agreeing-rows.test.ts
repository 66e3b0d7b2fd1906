/** Which served rows agree with the history by SQL, against a scan by the as-of rule of `contract/as-of.ts`. */
import fc from 'fast-check';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asOf } from '../../contract/as-of.ts';
import type { AsOfRow, AsOfRule } from '../../contract/as-of.ts';
import { parseType } from '../../contract/value-type.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import type { LogPolicy } from '../../contract/model.ts';
import { dueEdgeUs } from '../../contract/windows.ts';
import { isSame } from '../../monitor/causes/value-equality.ts';
import {
  AGREES_MISSING,
  AGREES_OUTSIDE_TTL,
  AGREES_PRESENT,
  OPEN,
  SPLIT,
  splitRows,
} from '../../monitor/replay/row-split.ts';
import { countAgreeing, layAgreeing } from '../../monitor/replay/agreeing-counts.ts';
import { agreeingTraffic, layTraffic } from '../../monitor/replay/agreeing-traffic.ts';
import type { AgreeingTraffic } from '../../monitor/replay/agreeing-traffic.ts';
import { HashedFeature } from '../../monitor/judge/hashed-values.ts';
import { layDigests } from '../../monitor/replay/row-digests.ts';
import { layRowsInForce } from '../../monitor/replay/rows-in-force.ts';
import { ServedFiles } from '../../monitor/replay/served-files.ts';
import {
  DuckDb,
  EXACT_FLOATS,
  quoteName,
  quoteText,
  valueFromDuck,
} from '../../project/engine/duckdb/duckdb.ts';
import { sqlLiteral } from '../../project/engine/duckdb/sql-literal.ts';
import { driverStats } from '../support/fixtures/materialized-project.ts';
import { LOG_KEY } from '../support/fixtures/monitored-day.ts';
import { rounds } from '../support/long-run.ts';
import { scratchFolder } from '../support/scratch.ts';

type Keys = readonly [string | null, bigint | null];

interface HistoryRow extends AsOfRow {
  readonly keys: Keys;
}

interface ServedVector {
  readonly keys: Keys;
  readonly servedUs: number;
  readonly status: 'PRESENT' | 'MISSING' | 'OUTSIDE_TTL' | 'UNAVAILABLE';
  readonly row: {
    readonly eventUs: number;
    readonly createdUs: number | null;
    readonly values: readonly Value[];
  } | null;
  readonly definition: number;
  readonly bundle: string;
}

interface Scene {
  readonly history: readonly HistoryRow[];
  /** Rows of this created time are tombstones. */
  readonly deleted: number | null;
  readonly hasCreated: boolean;
  readonly delayUs: number;
  readonly kind: 'stored' | 'aggregated';
  readonly ttlUs: number | null;
  readonly completeUs: number | null;
  /** How the log has each feature. */
  readonly marks: readonly LogPolicy[];
}

const FEATURES = [
  { name: 'f', type: { kind: 'float64' } },
  { name: 's', type: { kind: 'string' } },
  { name: 't', type: { kind: 'timestamp' } },
  { name: 'l', type: { kind: 'list', of: { kind: 'float64' } } },
  { name: 'o', type: parseType('struct<a: float32, b: map<int64>>')! },
] as const satisfies readonly { name: string; type: ValueType }[];
const SERVED = FEATURES.map(({ name, type }) => ({ name, type, columns: [`view__${name}`] }));
const HASHES = FEATURES.map(({ name, type }) => {
  const [feature] = driverStats().features;
  return new HashedFeature(LOG_KEY, 'view', { ...feature!, name, type, missing: null });
});
const KEYS = [
  { name: 'a key', type: 'string' },
  { name: 'b', type: 'int64' },
] as const;
const BASE = 1_700_000_000_000_000;
const DEFINITION = 7;
/** When the day begins: some rows lie before it. */
const DAY_US = BASE + 1_200_000;
/** How many of the features the service takes. */
const TAKEN = 2;
const PODS = ['a pod', 'b'];

// Few keys, times and values, so that ties, boundaries and equal rows come up in nearly every run.
const keys = fc.tuple(fc.constantFrom('a', 'b', null), fc.constantFrom(1n, 2n)) as fc.Arbitrary<Keys>;
const time = fc.integer({ min: 0, max: 8 }).map((n) => BASE + n * 500_000);
const values = fc.tuple(
  fc.constantFrom(null, Number.NaN, 0, -0, 1.5),
  fc.constantFrom(null, '', 'z'),
  fc.constantFrom(null, 0n, 1_700_000_000_000_001n),
  fc.constantFrom<Value>(null, [], [-0, 1], [0, 1], [null]),
  fc.constantFrom<Value>(null, { a: -0, b: new Map([['y', 1n]]) }, { a: 0, b: new Map([['y', 1n]]) }),
) as fc.Arbitrary<Value[]>;
const historyRow: fc.Arbitrary<HistoryRow> = fc.record({
  keys,
  eventUs: fc.option(time, { freq: 15 }),
  createdUs: fc.option(time, { freq: 8 }),
  values,
});

const anyScene: fc.Arbitrary<Scene> = fc.record({
  history: fc.array(historyRow, { maxLength: 12 }),
  deleted: fc.constantFrom<number | null>(null, BASE + 1_000_000),
  hasCreated: fc.boolean(),
  delayUs: fc.constantFrom(0, 500_000, 700_000),
  kind: fc.constantFrom('stored' as const, 'stored' as const, 'aggregated' as const),
  ttlUs: fc.constantFrom<number | null>(null, 0, 1_000_000),
  completeUs: fc.constantFrom<number | null>(null, BASE + 2_000_000, BASE + 9e6, BASE + 9e6, BASE + 9e6),
  marks: fc.oneof(
    fc.constant(FEATURES.map(() => 'raw' as const)),
    fc.tuple(...FEATURES.map(() => fc.constantFrom<LogPolicy>('raw', 'hmac', 'hmac', 'drop'))),
  ),
});
const day = anyScene.chain((one) => fc.record({ scene: fc.constant(one), vectors: vectorsOf(one) }));

function vectorsOf({ history, delayUs }: Pick<Scene, 'history' | 'delayUs'>): fc.Arbitrary<ServedVector[]> {
  const own: fc.Arbitrary<{ keys: Keys; row: ServedVector['row'] }>[] = history
    .filter(({ eventUs }) => eventUs !== null)
    .map((row) =>
      fc.record({
        keys: fc.constant(row.keys),
        row: fc.record({
          eventUs: fc.constant(row.eventUs!),
          createdUs: fc.constant(row.createdUs),
          values: fc.oneof({ weight: 4, arbitrary: fc.constant(row.values) }, values),
        }),
      }),
    );
  const any = fc.record({ keys, row: fc.constant(null) });
  const vector = fc.oneof(any, ...own).chain((served) =>
    fc.record({
      keys: fc.constant(served.keys),
      row: fc.constant(served.row),
      // Often just when the row becomes visible, or not much later.
      servedUs:
        served.row === null
          ? time
          : fc.oneof(
              time,
              fc.constantFrom(0, 499_999, 500_000, 1_000_001).map((n) => served.row!.eventUs + delayUs + n),
            ),
      status:
        served.row === null
          ? fc.constantFrom('MISSING' as const, 'UNAVAILABLE' as const)
          : fc.constantFrom(
              'PRESENT' as const,
              'PRESENT' as const,
              'OUTSIDE_TTL' as const,
              'MISSING' as const,
            ),
      definition: fc.oneof({ weight: 9, arbitrary: fc.constant(DEFINITION) }, fc.constant(DEFINITION + 1)),
      bundle: fc.oneof({ weight: 9, arbitrary: fc.constant('now') }, fc.constant('gone')),
    }),
  );
  return fc.array(vector, { minLength: 1, maxLength: 40 });
}

/** @returns what a row agrees as; the naive scan knows no ties, so these are told apart by the test */
function naive(scene: Scene, vector: ServedVector): number {
  const { keys: own, servedUs, status, row } = vector;
  const { delayUs, kind } = scene;
  const ttlUs = kind === 'stored' ? scene.ttlUs : null;
  const rows = rowsOf(scene, own);
  if (vector.bundle !== 'now') return OPEN;
  if (kind === 'aggregated') {
    if (scene.completeUs === null || dueEdgeUs(servedUs, { delayUs, hopUs: 500_000 }) > scene.completeUs)
      return OPEN;
  }
  const types = FEATURES.map(({ type }) => type);
  const find = (mode: AsOfRule['mode']) => asOf(rows, servedUs, { mode, delayUs, ttlUs }, types);
  const trained = find('trained');
  const available = scene.hasCreated ? find('available') : trained;
  if (row === null) return status === 'MISSING' && trained === null ? AGREES_MISSING : OPEN;
  const createdUs = scene.hasCreated ? row.createdUs : null;
  const isThere = (found: typeof trained): boolean =>
    found !== null && found.row.eventUs === row.eventUs && found.row.createdUs === createdUs;
  if (!isThere(trained) || !isThere(available)) return OPEN;
  if (status === 'OUTSIDE_TTL') return trained!.outsideTtl ? AGREES_OUTSIDE_TTL : OPEN;
  if (status !== 'PRESENT' || trained!.outsideTtl || vector.definition !== DEFINITION) return OPEN;
  const same = types.every(
    (type, i) => scene.marks[i] === 'drop' || isSame(type, row.values[i]!, trained!.row.values[i]!),
  );
  return same ? AGREES_PRESENT : OPEN;
}

function rowsOf(scene: Scene, [a, b]: Keys): AsOfRow[] {
  if (a === null || b === null) return [];
  return scene.history
    .filter((row) => row.keys[0] === a && row.keys[1] === b)
    .map((row) => ({
      ...row,
      createdUs: scene.hasCreated ? row.createdUs : null,
      deleted: isDeleted(scene, row),
    }));
}

function isDeleted({ kind, deleted }: Scene, { createdUs }: AsOfRow): boolean {
  return kind === 'aggregated' && createdUs !== null && createdUs === deleted;
}

/** Whether the rule had to break a tie, or met a tombstone: then SQL may leave open what agrees. */
function isHard(scene: Scene, vector: ServedVector): boolean {
  const rows = rowsOf(scene, vector.keys);
  const times = rows.map(({ eventUs, createdUs }) => `${eventUs} ${createdUs}`);
  return new Set(times).size < times.length || rows.some((row) => row.deleted === true);
}

let duck: DuckDb;
beforeAll(async () => {
  duck = await DuckDb.open();
});
afterAll(() => duck.close());

const us = (value: number | null): string => (value === null ? 'NULL' : String(value));

function historySql(scene: Scene): string {
  const row = (one: HistoryRow): string => {
    const cells = FEATURES.map(
      ({ name, type }, i) => `${sqlLiteral(type, one.values[i]!)} AS ${quoteName(name)}`,
    );
    const created = scene.hasCreated ? us(one.createdUs) : 'NULL';
    return `SELECT ${keysSql(one.keys)}, make_timestamp(${us(one.eventUs)}) AS event_time,
      make_timestamp(${created}) AS created_time, 'r' AS run_id, ${DEFINITION}::UINTEGER AS definition_id,
      ${isDeleted(scene, one)} AS deleted, ${cells.join(', ')}`;
  };
  const none: HistoryRow = {
    keys: [null, null],
    eventUs: null,
    createdUs: null,
    values: FEATURES.map(() => null),
  };
  return [none, ...scene.history].map(row).join(' UNION ALL ');
}

function keysSql([a, b]: Keys): string {
  return `${a === null ? 'NULL' : quoteText(a)}::VARCHAR AS "a key", ${b ?? 'NULL'}::BIGINT AS b`;
}

function servedSql(vector: ServedVector, scene: Scene, pod: string): string {
  const { row, servedUs } = vector;
  const created = scene.hasCreated ? us(row?.createdUs ?? null) : 'NULL';
  const cells = FEATURES.flatMap(({ name, type }, i) => {
    const [value, mark] = [row?.values[i] ?? null, scene.marks[i]];
    const cell = `${sqlLiteral(type, mark === 'raw' ? value : null)} AS ${quoteName(`view__${name}`)}`;
    if (mark !== 'hmac') return cell;
    const digest = row === null ? 'NULL' : quoteText(HASHES[i]!.digest(value)!);
    return [cell, `from_hex(${digest})::BLOB AS ${quoteName(`view__${name}__hmac`)}`];
  });
  return `SELECT make_timestamp(${servedUs})::TIMESTAMPTZ AS _served_time, ${quoteText(vector.bundle)} AS _bundle,
    'q' AS _request_id, 0 AS _row, ${quoteText(pod)} AS _pod, 'epoch' AS _epoch, 1::BIGINT AS _sequence, 'native' AS _surface,
    0::BIGINT AS _clock_offset, 1 AS _service_version, NULL::VARCHAR AS _hmac_key, ${keysSql(vector.keys)},
    {'status': ${quoteText(vector.status)}, 'undecoded': NULL::BLOB, 'source': 'store',
      'fetched': NULL::TIMESTAMPTZ, 'watermark': make_timestamp(${vector.servedUs - 250_000})::TIMESTAMPTZ, 'written_time': NULL::TIMESTAMPTZ,
      'event_time': make_timestamp(${us(row?.eventUs ?? null)})::TIMESTAMPTZ,
      'created_time': make_timestamp(${created})::TIMESTAMPTZ,
      'definition_id': ${row === null ? 'NULL' : vector.definition}::BIGINT} AS _view__view, ${cells.join(', ')}`;
}

interface Found {
  /** Of each vector what it agrees as. */
  readonly agrees: readonly number[];
  readonly traffic: AgreeingTraffic;
}

/** The places of the features that the log has so. */
function placesOf({ marks }: Scene, mark: LogPolicy): number[] {
  return marks.flatMap((own, i) => (own === mark ? [i] : []));
}

async function laySceneHistory(scene: Scene, vectors: readonly ServedVector[]): Promise<void> {
  const { delayUs, kind } = scene;
  const times = vectors.map(({ servedUs }) => servedUs);
  await duck.run(`CREATE OR REPLACE TEMP TABLE history AS ${historySql(scene)}`);
  const laid = {
    sql: 'SELECT * FROM history',
    nanos: false,
    tombstones: kind === 'aggregated',
    definition: DEFINITION,
    keys: KEYS,
    features: FEATURES,
    counted: countedOf(scene),
    entities: 'entities',
    fromUs: Math.min(...times) - delayUs,
    toUs: Math.max(...times) - delayUs,
  };
  await layRowsInForce(duck, laid, true);
  const digests = placesOf(scene, 'hmac');
  if (digests.length === 0) return;
  await layDigests(
    duck,
    digests.map((at) => {
      const { type } = FEATURES[at]!;
      return { at, type, digestOf: (raw) => HASHES[at]!.digest(valueFromDuck(type, raw)) };
    }),
  );
}

async function split(scene: Scene, vectors: readonly ServedVector[], folder: string): Promise<Found> {
  const middle = Math.ceil(vectors.length / 2);
  const files = [vectors.slice(0, middle), vectors.slice(middle)].filter((part) => part.length > 0);
  const paths: string[] = [];
  for (const [i, part] of files.entries()) {
    const path = join(folder, `${i}.parquet`);
    // Each file is of its own pod.
    const rows = part.map((vector) => servedSql(vector, scene, PODS[i]!)).join(' UNION ALL ');
    await duck.run(`COPY (${rows}) TO ${quoteText(path)} (FORMAT parquet, ${EXACT_FLOATS})`);
    paths.push(path);
  }
  const served = await ServedFiles.read(
    duck,
    files.length === 1 ? [paths] : [[paths[0]!], [paths[1]!]],
    KEYS,
  );
  await duck.run(
    `CREATE OR REPLACE TEMP TABLE entities AS SELECT DISTINCT key_0 AS k0, key_1 AS k1 FROM (${served.vectors})`,
  );
  await laySceneHistory(scene, vectors);
  const { delayUs, kind, completeUs, hasCreated } = scene;
  await duck.run('CREATE OR REPLACE TEMP TABLE asked (vid BIGINT)');
  await splitRows(duck, {
    asked: 'asked',
    float32: [],
    kinds: [...new Set(vectors.map(({ bundle }) => bundle))].map((bundle) => ({ bundle, hmacKey: '' })),
    fromUs: DAY_US,
    rows: served.rowsOf('view', SERVED)!,
    keys: ['key_0', 'key_1'],
    features: FEATURES,
    hasCreatedTimes: hasCreated,
    readings: [
      {
        bundle: 'now',
        hmacKey: '',
        kind,
        delayUs,
        hopUs: 500_000,
        ttlUs: kind === 'stored' ? scene.ttlUs : null,
        definitionId: DEFINITION,
        rowsOf: DEFINITION,
        completeUs,
        compared: placesOf(scene, 'raw'),
        digests: placesOf(scene, 'hmac'),
        withheld: [],
      },
    ],
  });
  const rows = await duck.rows(`SELECT agrees FROM ${SPLIT} ORDER BY vid`);
  await layTraffic(duck);
  await layAgreeing(duck);
  await countAgreeing(
    duck,
    FEATURES.slice(0, TAKEN).map(({ type }) => ({ type, counted: 'plain' })),
  );
  const servers = PODS.flatMap((pod) =>
    ['now', 'gone'].map((bundle) => ({
      pod,
      bundle,
      serviceVersion: 1,
      hmacKey: '',
      vectors: 1,
      firstUs: 0,
      lastUs: 0,
    })),
  );
  return {
    agrees: rows.map((row) => row['agrees'] as number),
    traffic: await agreeingTraffic(duck, [...servers, ...servers]),
  };
}

/** The places of the features whose values are counted: of those that stay out of the log none is. */
function countedOf({ marks }: Scene): number[] {
  return [...FEATURES.keys()].slice(0, TAKEN).filter((i) => marks[i] !== 'drop');
}

/** The traffic of the vectors that were found to agree, counted one by one. */
function naiveTraffic(
  scene: Scene,
  vectors: readonly ServedVector[],
  agrees: readonly number[],
): AgreeingTraffic {
  const middle = Math.ceil(vectors.length / 2);
  const slices = new Map<string, AgreeingTraffic['slices'][number]>();
  const [hours, minutes] = [new Map<number, AgreeingTraffic['hours'][number]>(), new Map<number, number>()];
  for (const [i, { keys: own, servedUs, row, bundle }] of vectors.entries()) {
    if (agrees[i] === OPEN) continue;
    const n =
      agrees[i] === AGREES_PRESENT ? countedOf(scene).filter((f) => row!.values[f] !== null).length : 0;
    const minute = Math.floor(servedUs / 60e6);
    const hour = Math.floor(minute / 60) % 24;
    minutes.set(minute, (minutes.get(minute) ?? 0) + 1);
    hours.set(hour, { hour, values: (hours.get(hour)?.values ?? 0) + n, dataAgeUs: 250_000 });
    if (n === 0) continue;
    const times = rowsOf(scene, own).flatMap(({ eventUs }) => eventUs ?? []);
    const names = {
      hour: String(hour).padStart(2, '0'),
      pod: PODS[i < middle ? 0 : 1]!,
      bundle,
      serviceVersion: '1',
      surface: 'native',
      source: 'store',
      entityIsNew: Math.min(...times) >= DAY_US ? 'new' : 'known',
    };
    for (const [by, value] of Object.entries(names) as [AgreeingTraffic['slices'][number]['by'], string][]) {
      const before = slices.get(`${by} ${value}`)?.values ?? 0;
      slices.set(`${by} ${value}`, { by, value, values: before + n });
    }
  }
  return {
    slices: [...slices.values()],
    hours: [...hours.values()],
    minutes: [...minutes].map(([minute, count]) => ({ minute, vectors: count })),
  };
}

function inOrder({ slices, hours, minutes }: AgreeingTraffic): AgreeingTraffic {
  return {
    slices: slices.toSorted((a, b) => (`${a.by} ${a.value}` < `${b.by} ${b.value}` ? -1 : 1)),
    hours: hours.toSorted((a, b) => a.hour - b.hour),
    minutes: minutes.toSorted((a, b) => a.minute - b.minute),
  };
}

describe('rows that agree', () => {
  test('are those of the as-of rule: none too many, and but for ties and tombstones none too few', async () => {
    const folder = scratchFolder();
    const met = new Map<number, number>();
    await fc.assert(
      fc.asyncProperty(day, async ({ scene, vectors }) => {
        const { agrees: found, traffic } = await split(scene, vectors, folder);
        expect(found.length).toBe(vectors.length);
        expect(inOrder(traffic)).toEqual(inOrder(naiveTraffic(scene, vectors, found)));
        for (const [i, vector] of vectors.entries()) {
          const expected = naive(scene, vector);
          met.set(found[i]!, (met.get(found[i]!) ?? 0) + 1);
          const allowed = isHard(scene, vector) ? [expected, OPEN] : [expected];
          expect(allowed, JSON.stringify({ i, at: vector.servedUs - BASE })).toContain(found[i]);
        }
      }),
      { numRuns: rounds(60, 400) },
    );
    for (const code of [OPEN, AGREES_PRESENT, AGREES_MISSING, AGREES_OUTSIDE_TTL])
      expect(met.get(code) ?? 0, `agrees as ${code}`).toBeGreaterThan(0);
  });
});
