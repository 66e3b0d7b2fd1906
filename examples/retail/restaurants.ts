/**
 * Makes the restaurants where the shop's vouchers are taken: made up, in the middle of London, the same ones each time.
 *
 *   data/restaurants/          a row for each restaurant and morning of two weeks: place, rating, vouchers taken
 *   data/restaurant_reviews/   a row for each restaurant and week: what its reviews say, as eight numbers
 *
 * One restaurant moves within the two weeks, so that a training set must look where it was at the time.
 */
import { join } from 'node:path';
import { makeFolder } from '../../contract/std/files/folder.ts';
import { DAY_US } from '../../contract/std/timestamp.ts';
import { seededRandom } from '../../loadtest/generator/key-choice.ts';
import type { Random } from '../../loadtest/generator/key-choice.ts';
import { quoteTarget } from '../../project/engine/duckdb/file-sql.ts';
import { quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';

const SEED = 2011;
export const RESTAURANTS: readonly string[] = Array.from({ length: 24 }, (_, nth) => `r_${101 + nth}`);
const MORNINGS = 14;
const WEEKS = 2;
const NUMBERS = 8;
const KITCHENS = 4;
/** The one that moves, and how many mornings before the day. */
const MOVES = { id: 'r_108', mornings: 3 };
const CENTRE = { lat: 51.5117, lon: -0.124 };
/** How far from the centre they lie at most, in degrees: 3 km. */
const AROUND = { lat: 0.027, lon: 0.043 };
const HOUR_US = 3_600_000_000;
const MADE_AT_US = 6 * HOUR_US;
const LOADED_AFTER_US = 20 * 60_000_000;

/** Writes both sources into `data/`; their last rows are of the morning of the day that begins at `dayUs`. */
export async function layRestaurants(duck: DuckDb, folder: string, dayUs: number): Promise<void> {
  const random = seededRandom(SEED);
  const places = RESTAURANTS.flatMap((id) => morningsOf(id, dayUs, random));
  await write(
    duck,
    join(folder, 'data', 'restaurants'),
    'restaurant_id, as_of, loaded_at, lat, lon, rating, vouchers_7d',
    places,
  );
  const kitchens = Array.from({ length: KITCHENS }, () => direction(random));
  const reviews = RESTAURANTS.flatMap((id, nth) => weeksOf(id, dayUs, kitchens[nth % KITCHENS]!, random));
  await write(
    duck,
    join(folder, 'data', 'restaurant_reviews'),
    'restaurant_id, as_of, loaded_at, embedding',
    reviews,
  );
}

/** @returns a row of SQL for each morning, the oldest first */
function morningsOf(id: string, dayUs: number, random: Random): string[] {
  let place = somewhere(random);
  let rating = 3 + 1.8 * random();
  const liked = 5 + 40 * random();
  return Array.from({ length: MORNINGS }, (_, i) => {
    const mornings = MORNINGS - 1 - i;
    if (id === MOVES.id && mornings === MOVES.mornings) place = somewhere(random);
    rating = Math.min(5, Math.max(1, rating + 0.1 * (random() - 0.5)));
    const vouchers = Math.round(liked * (0.7 + 0.6 * random()));
    const numbers = [place.lat, place.lon, rating.toFixed(2)].map(double);
    return `(${[...keyOf(id, dayUs - mornings * DAY_US), ...numbers, `${vouchers}::BIGINT`].join(', ')})`;
  });
}

function weeksOf(id: string, dayUs: number, kitchen: readonly number[], random: Random): string[] {
  return Array.from({ length: WEEKS }, (_, i) => {
    const vector = ofLengthOne(kitchen.map((number) => number + 0.2 * (random() - 0.5)));
    const atUs = dayUs - 7 * (WEEKS - 1 - i) * DAY_US;
    return `(${[...keyOf(id, atUs), `[${vector.map(double).join(', ')}]::FLOAT[]`].join(', ')})`;
  });
}

function keyOf(id: string, midnightUs: number): string[] {
  const madeUs = midnightUs + MADE_AT_US;
  return [quoteText(id), `make_timestamp(${madeUs})`, `make_timestamp(${madeUs + LOADED_AFTER_US})`];
}

function somewhere(random: Random): { lat: string; lon: string } {
  const lat = CENTRE.lat + AROUND.lat * (2 * random() - 1);
  const lon = CENTRE.lon + AROUND.lon * (2 * random() - 1);
  return { lat: lat.toFixed(5), lon: lon.toFixed(5) };
}

function direction(random: Random): number[] {
  return ofLengthOne(Array.from({ length: NUMBERS }, () => random() - 0.5));
}

function ofLengthOne(vector: readonly number[]): number[] {
  const length = Math.hypot(...vector);
  return vector.map((number) => number / length);
}

/** From text, which DuckDB reads as the nearest double; a bare 0.1 would be a decimal. */
function double(number: number | string): string {
  return `'${number}'::DOUBLE`;
}

async function write(duck: DuckDb, folder: string, columns: string, rows: readonly string[]): Promise<void> {
  makeFolder(folder);
  const all = `SELECT * FROM (VALUES ${rows.join(', ')}) AS made(${columns}) ORDER BY as_of, restaurant_id`;
  await duck.run(
    `COPY (${all}) TO ${quoteTarget(join(folder, 'made.parquet'))} (FORMAT parquet, COMPRESSION zstd)`,
  );
}
