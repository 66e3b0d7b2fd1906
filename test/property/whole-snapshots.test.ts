/**
 * Random snapshots of a source, one run after each: online, and in training as available at any time between two runs,
 * an entity has the row of the last snapshot, or none where that lacks it. Entities come, go and come back, values
 * change with and without their event time, event times go back, rows are bad or not due yet.
 *
 * `PLUMB_SEED=random PLUMB_RUNS=20 npx vitest run test/property/whole-snapshots` looks further.
 */
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { asOf } from '../../contract/as-of.ts';
import type { AsOfRow } from '../../contract/as-of.ts';
import { decodeRowValues } from '../../contract/wire/online/row-codec.ts';
import { HEADER_BYTES } from '../../contract/wire/online/row-header.ts';
import { runMaterialize } from '../../materializer/materialize.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { openHistory } from '../../project/engine/duckdb/history.ts';
import {
  bundleOf,
  driver,
  driverStats,
  feature,
  HOUR_US,
  makeProject,
  START_US,
} from '../support/fixtures/materialized-project.ts';
import type { TestProject } from '../support/fixtures/materialized-project.ts';
import { seededRandom } from '../support/seeded-random.ts';

const ROUNDS = Number(process.env['PLUMB_RUNS'] ?? 1);
const SNAPSHOTS = 7;
const ENTITIES = 8;
const VIEW = driverStats({
  kind: 'snapshot',
  source: { ...driverStats().source, createdTime: null },
  features: [feature('trips', 'int64'), feature('conv_rate', 'float64')],
});
const TYPES = VIEW.features.map(({ type }) => type);

interface Loaded {
  readonly eventUs: number;
  readonly trips: number | null;
  /** As text: -0 and NaN are values. */
  readonly rate: string;
  readonly isBad: boolean;
}

test('each run brings what its snapshot says', { timeout: 60_000 * ROUNDS }, async () => {
  const random = seededRandom();
  for (let round = 0; round < ROUNDS; round++) {
    const project = await makeProject({
      'materialize.maxAbsentShare': '1',
      'materialize.maxRejectedShare': '1',
    });
    try {
      await holdSnapshots(project, random);
    } finally {
      await project.remove();
    }
  }
});

async function holdSnapshots(project: TestProject, random: () => number): Promise<void> {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  let source = new Map<number, Loaded>();
  const said: { readonly atUs: number; readonly rows: Map<number, string> }[] = [];
  for (let run = 1; run <= SNAPSHOTS; run++) {
    const nowUs = START_US + run * HOUR_US;
    source = new Map(
      Array.from({ length: ENTITIES }, (_, id) => id).flatMap((id): [number, Loaded][] => {
        const before = source.get(id);
        if (random() < 0.3) return [];
        if (before !== undefined && random() < 0.4) return [[id, before]];
        const eventUs = pick([
          before?.eventUs ?? START_US,
          nowUs,
          nowUs - HOUR_US / 2,
          START_US,
          nowUs + HOUR_US,
        ]);
        const values = { trips: pick([null, 1, 2]), rate: pick(['0', '-0', 'NaN', '0.5']) };
        return [[id, { eventUs, ...values, isBad: random() < 0.1 }]];
      }),
    );
    await write(project, source);
    project.setClock(nowUs);
    await runMaterialize(project, bundleOf(VIEW), project.database);
    const rows = new Map<number, string>();
    for (const [id, { eventUs, trips, rate, isBad }] of source) {
      // Who is there with a row that does not count keeps what he had.
      const kept = said.at(-1)?.rows.get(id);
      if (!isBad && eventUs <= nowUs) rows.set(id, textOf(trips, rate));
      else if (kept !== undefined) rows.set(id, kept);
    }
    said.push({ atUs: nowUs, rows });
    expect(online(project)).toEqual(rows);
  }
  const history = await readHistory(project);
  for (const { atUs, rows } of said) {
    for (const laterUs of [0, HOUR_US / 3]) {
      const seen = new Map<number, string>();
      for (const [id, own] of history) {
        const found = asOf(own, atUs + laterUs, { mode: 'available', delayUs: 0, ttlUs: null }, TYPES);
        if (found !== null) seen.set(id, textOf(found.row.values[0], found.row.values[1]));
      }
      expect(sorted(seen)).toEqual(sorted(rows));
    }
  }
}

function textOf(trips: unknown, rate: unknown): string {
  const number = Number(rate);
  return `${trips === null ? 'null' : String(trips)} ${Object.is(number, -0) ? '-0' : number}`;
}

function sorted(rows: ReadonlyMap<number, string>): string[] {
  return [...rows].map(([id, text]) => `${id}: ${text}`).toSorted();
}

async function write(project: TestProject, source: ReadonlyMap<number, Loaded>): Promise<void> {
  const none = `SELECT 0::BIGINT AS driver_id, make_timestamp(0) AS event_timestamp, '' AS trips, 0::DOUBLE AS conv_rate WHERE false`;
  const rows = [...source].map(([id, { eventUs, trips, rate, isBad }]) => {
    const text = isBad ? `'many'` : trips === null ? 'NULL' : `'${trips}'`;
    return `SELECT ${id}::BIGINT, make_timestamp(${eventUs}), ${text}, '${rate}'::DOUBLE`;
  });
  await project.writeParquet('drivers', [none, ...rows].join(' UNION ALL '));
}

function online(project: TestProject): Map<number, string> {
  const store = new DatabaseSync(project.settings.online.url);
  const rows = store.prepare('SELECT key, row FROM entity_row').all() as { key: string; row: Uint8Array }[];
  store.close();
  const found = rows.flatMap(({ key, row }): [number, string][] => {
    if (row.length === HEADER_BYTES) return [];
    const [trips, rate] = decodeRowValues(VIEW, Buffer.from(row));
    return [[Number(key.split(':').at(-1)), textOf(trips, rate)]];
  });
  return new Map(found.toSorted(([a], [b]) => a - b));
}

async function readHistory(project: TestProject): Promise<Map<number, AsOfRow[]>> {
  const duck = await DuckDb.open();
  const { folder, history } = project.settings;
  const { sql } = await openHistory(duck, { folder, history }, VIEW, driver);
  const rows = await duck.rows(`SELECT driver_id::INTEGER AS id, epoch_us(event_time)::DOUBLE AS event,
    epoch_us(created_time)::DOUBLE AS created, deleted, trips, conv_rate FROM (${sql})`);
  duck.close();
  const all = rows.map((row): [number, AsOfRow] => [
    row['id'] as number,
    {
      eventUs: row['event'] as number,
      createdUs: row['created'] as number,
      deleted: row['deleted'] as boolean,
      values: [row['trips'] as bigint | null, row['conv_rate'] as number | null],
    },
  ]);
  const groups = Map.groupBy(all, ([id]) => id);
  return new Map([...groups].map(([id, own]) => [id, own.map(([, row]) => row)]));
}
