/**
 * The restaurants of the example, in a project that has only them: answered by where a customer stands, as tensors,
 * and trained, against rows that are chosen and distances that are computed a second time here.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentLogger } from '../../../contract/std/logger.ts';
import { DAY_US, formatTimestamp, parseTimestamp } from '../../../contract/std/timestamp.ts';
import { layRestaurants, RESTAURANTS } from '../../../examples/retail/restaurants.ts';
import { materialize } from '../../../materializer/main.ts';
import { RegistryDatabase } from '../../../project/database/registry-database.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import type { SqlRow } from '../../../project/engine/duckdb/duckdb.ts';
import { quoteFilesIn, quotePath } from '../../../project/engine/duckdb/file-sql.ts';
import { openProject } from '../../../project/project.ts';
import type { Project } from '../../../project/project.ts';
import { RehearsalControl } from '../../../project/rehearsal-clock.ts';
import { applyPlan, planProject } from '../../../registry/apply.ts';
import { runServe } from '../../../sidecar/main.ts';
import type { RunningSidecar } from '../../../sidecar/main.ts';
import { runTrain } from '../../../training/train.ts';
import { doubles, floats, readAnswer } from '../../support/http/tensor-request.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const EXAMPLE = join(import.meta.dirname, '../../../examples/retail');
const SERVICE = 'restaurant_ranking_v1';
const HOUR_US = 3_600_000_000;
const DELAY_US = 2 * HOUR_US;
/** Not the machine's day: what is served must not depend on it. */
const TODAY_US = Number(parseTimestamp('2026-03-20T00:00:00Z'));
const NOON_US = TODAY_US + 12 * HOUR_US;
const MOVED = 'r_108';

interface Place {
  readonly lat: number;
  readonly lon: number;
}

interface Morning extends Place {
  readonly us: number;
  readonly rating: number;
  readonly vouchers: number;
}

let folder: string;
let control: RehearsalControl;
let project: Project;
let duck: DuckDb;
let served: RunningSidecar;
let mornings: Map<string, Morning[]>;
let embeddings: Map<string, number[]>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'plumb-'));
  for (const part of ['restaurants.ts', 'compute'])
    cpSync(join(EXAMPLE, 'definitions', part), join(folder, 'definitions', part), { recursive: true });
  const settings = readFileSync(join(EXAMPLE, 'plumbline.yaml'), 'utf8');
  writeFileSync(join(folder, 'plumbline.yaml'), `${settings}clock: { control: clock.txt }\n`);
  control = new RehearsalControl(join(folder, 'clock.txt'), NOON_US);
  const set = { 'serve.port': '0', 'serve.adminPort': '0', 'serve.drainMs': '0', 'serve.deadlineMs': '5000' };
  project = openProject(folder, silentLogger, {}, set);
  duck = await DuckDb.open();
  await layRestaurants(duck, folder, TODAY_US);
  await RegistryDatabase.using(project.settings.registry, async (database) =>
    applyPlan(project, database, await planProject(project, database)),
  );
  await materialize(project, {});
  mornings = await readMornings();
  embeddings = await readEmbeddings();
  served = await runServe(project);
});
afterAll(async () => {
  await served?.stop();
  control?.close();
  duck?.close();
  rmSync(folder, { recursive: true, force: true });
});

const lines = (source: string): string =>
  `read_parquet(${quoteFilesIn(join(folder, 'data', source), '*.parquet')})`;

async function readMornings(): Promise<Map<string, Morning[]>> {
  const found = new Map<string, Morning[]>();
  for (const row of await duck.rows(`SELECT *, epoch_us(as_of)::DOUBLE AS us FROM ${lines('restaurants')}`)) {
    const [us, lat, lon, rating] = ['us', 'lat', 'lon', 'rating'].map((name) => row[name] as number);
    const morning = { us: us!, lat: lat!, lon: lon!, rating: rating!, vouchers: Number(row['vouchers_7d']) };
    const id = row['restaurant_id'] as string;
    found.set(id, [...(found.get(id) ?? []), morning]);
  }
  return found;
}

/** The newest of each restaurant. */
async function readEmbeddings(): Promise<Map<string, number[]>> {
  const newest = `SELECT restaurant_id, max_by(embedding, as_of) AS embedding FROM ${lines('restaurant_reviews')} GROUP BY 1`;
  const rows = await duck.rows(newest);
  return new Map(rows.map((row) => [row['restaurant_id'] as string, itemsOf(row['embedding'])]));
}

function itemsOf(list: SqlRow[string] | undefined): number[] {
  return [...(list as { readonly items: readonly number[] }).items];
}

/** The newest row that is visible then. */
function rowAt(id: string, us: number): Morning | null {
  const visible = mornings.get(id)?.filter((morning) => morning.us + DELAY_US <= us) ?? [];
  return visible.toSorted((a, b) => a.us - b.us).at(-1) ?? null;
}

/** By the angle between two directions from the Earth's middle: another formula than the example's. */
function kmBetween(a: Place, b: Place): number {
  const direction = ({ lat, lon }: Place): [number, number, number] => {
    const [north, east] = [(lat * Math.PI) / 180, (lon * Math.PI) / 180];
    return [Math.cos(north) * Math.cos(east), Math.cos(north) * Math.sin(east), Math.sin(north)];
  };
  const [[x, y, z], [u, v, w]] = [direction(a), direction(b)];
  const across = Math.hypot(y * w - z * v, z * u - x * w, x * v - y * u);
  return 6371.0088 * Math.atan2(across, x * u + y * v + z * w);
}

function expectClose(got: unknown, km: number): void {
  // The other formula loses digits over a few hundred metres.
  expect(Math.abs((got as number) - km)).toBeLessThan(1e-8 * Math.max(1, km));
}

const post = (path: string, body: object): Promise<Response> =>
  fetch(`http://127.0.0.1:${served.port}${path}`, { method: 'POST', body: JSON.stringify(body) });

interface Answer {
  readonly results: {
    readonly features: Readonly<Record<string, unknown>>;
    readonly statuses: Readonly<Record<string, string>>;
  }[];
  readonly error?: { readonly code: string; readonly field: string };
}

async function ask(ids: readonly string[], context: object): Promise<Answer> {
  const body = { feature_service: SERVICE, entities: { restaurant_id: ids }, context };
  return (await (await post('/feature-service/get-online-features', body)).json()) as Answer;
}

test('are the same ones each time, and one of them moves', async () => {
  const other = mkdtempSync(join(tmpdir(), 'plumb-'));
  try {
    await layRestaurants(duck, other, TODAY_US);
    for (const source of ['restaurants', 'restaurant_reviews']) {
      const again = `read_parquet(${quoteFilesIn(join(other, 'data', source), '*.parquet')})`;
      const differing = `(FROM ${again} EXCEPT FROM ${lines(source)}) UNION ALL (FROM ${lines(source)} EXCEPT FROM ${again})`;
      expect(await duck.rows(differing)).toEqual([]);
    }
  } finally {
    rmSync(other, { recursive: true, force: true });
  }
  expect([mornings.size, RESTAURANTS.length]).toEqual([24, 24]);
  const placesOf = (id: string): number =>
    new Set(mornings.get(id)!.map(({ lat, lon }) => `${lat} ${lon}`)).size;
  expect(RESTAURANTS.filter((id) => placesOf(id) > 1)).toEqual([MOVED]);
  expect(placesOf(MOVED)).toBe(2);
});

describe('a request', () => {
  test('brings where the customer stands, and gets how far each restaurant is from there', async () => {
    const random = seededRandom();
    for (let n = 0; n < 20; n++) {
      const context = { lat: 180 * random() - 90, lon: 360 * random() - 180 };
      const { results } = await ask(RESTAURANTS, context);
      for (const [i, { features, statuses }] of results.entries()) {
        const id = RESTAURANTS[i]!;
        const { rating, vouchers, ...place } = rowAt(id, NOON_US)!;
        expectClose(features['distance_km'], kmBetween(context, place));
        expect(features).toMatchObject({
          restaurant_features__rating: rating,
          restaurant_features__vouchers_7d: vouchers,
        });
        // In JSON a float32 is the shortest text that reads back.
        const embedding = features['reviews__embedding'] as number[];
        expect(embedding.map(Math.fround)).toEqual(embeddings.get(id));
        expect(new Set(Object.values(statuses))).toEqual(new Set(['PRESENT']));
      }
    }
  });

  test('brings a place for each row, or one for all; a restaurant that nobody knows is nowhere', async () => {
    const places = { lat: [51.5, 48.9], lon: [-0.1, 2.3] };
    const { results } = await ask(['r_101', 'r_101'], places);
    for (const [i, { features }] of results.entries()) {
      const place = { lat: places.lat[i]!, lon: places.lon[i]! };
      expectClose(features['distance_km'], kmBetween(place, rowAt('r_101', NOON_US)!));
    }
    const [nowhere] = (await ask(['r_999'], { lat: 51.5, lon: -0.1 })).results;
    expect(nowhere!.features['distance_km']).toBeNull();
    expect(nowhere!.statuses).toEqual({
      restaurant_features__rating: 'MISSING',
      restaurant_features__vouchers_7d: 'MISSING',
      distance_km: 'NULL',
      reviews__embedding: 'MISSING',
    });
  });

  test('without a place is told which one is missing', async () => {
    const { error } = await ask(['r_101'], { lat: 51.5 });
    expect(error).toMatchObject({ code: 'SRV_INPUT_MISSING', field: expect.stringContaining('lon') });
  });

  test('for tensors has the numbers in one and the embeddings in another, to the bit', async () => {
    const at = { lat: 51.5117, lon: -0.124 };
    const ids = [...RESTAURANTS, 'r_999'];
    const inputs = [
      { name: 'restaurant_id', datatype: 'BYTES', shape: [ids.length], data: ids },
      { name: 'lat', datatype: 'FP64', shape: [1], data: [at.lat] },
      { name: 'lon', datatype: 'FP64', shape: [1], data: [at.lon] },
    ];
    const request = { inputs, parameters: { binary_data_output: true } };
    const { json, binary } = await readAnswer(await post(`/v2/models/${SERVICE}/infer`, request));
    expect(json.outputs.map(({ name, datatype, shape }) => [name, datatype, shape])).toEqual([
      ['features', 'FP64', [25, 3]],
      ['status', 'UINT8', [25, 4]],
      ['reviews__embedding', 'FP32', [25, 8]],
    ]);
    const model = await (await fetch(`http://127.0.0.1:${served.port}/v2/models/${SERVICE}`)).json();
    expect((model as { outputs: unknown[] }).outputs).toContainEqual({
      name: 'reviews__embedding',
      datatype: 'FP32',
      shape: [-1, 8],
    });
    const native = await ask(ids, at);
    const numbers = native.results.flatMap(({ features }) =>
      ['restaurant_features__rating', 'restaurant_features__vouchers_7d', 'distance_km'].map(
        (name) => (features[name] as number | null) ?? Number.NaN,
      ),
    );
    expect(doubles(binary['features']!)).toEqual(numbers);
    const nothing = Array.from({ length: 8 }, () => Number.NaN);
    expect(floats(binary['reviews__embedding']!)).toEqual(ids.flatMap((id) => embeddings.get(id) ?? nothing));
    expect([...binary['status']!]).toEqual([...Array.from({ length: 24 * 4 }, () => 0), 2, 2, 1, 2]);
  });
});

test('a training set has each restaurant where it was at the time, also the one that moved', async () => {
  const random = seededRandom();
  const asked = Array.from({ length: 300 }, (_, n) => ({
    id: n % 3 === 0 ? MOVED : RESTAURANTS[Math.floor(random() * RESTAURANTS.length)]!,
    us: TODAY_US - Math.floor(random() * 15 * DAY_US) + 12 * HOUR_US,
    lat: 51.5 + random() / 50,
    lon: -0.15 + random() / 20,
  }));
  const labels = join(folder, 'labels.csv');
  const told = asked.map(({ id, us, lat, lon }, n) => [n, id, formatTimestamp(us), lat, lon].join(','));
  writeFileSync(labels, `n,restaurant_id,event_timestamp,lat,lon\n${told.join('\n')}\n`);
  const out = join(folder, 'set.parquet');
  const { notes } = await runTrain(project, { labels, service: SERVICE, out });
  expect(notes).toEqual([]);
  const rows = await duck.rows(`SELECT * FROM read_parquet(${quotePath(out)}) ORDER BY n`);
  expect(rows.length).toBe(asked.length);
  const met = new Set<string>();
  for (const [n, { id, us, lat, lon }] of asked.entries()) {
    const morning = rowAt(id, us);
    expect(rows[n]!['restaurant_features__rating']).toBe(morning?.rating ?? null);
    const km = rows[n]!['distance_km'];
    // Before the first morning there is none.
    if (morning === null) expect(km).toBeNull();
    else expectClose(km, kmBetween({ lat, lon }, morning));
    if (id === MOVED && morning !== null) met.add(`${morning.lat} ${morning.lon}`);
  }
  expect(met.size).toBe(2);
});
