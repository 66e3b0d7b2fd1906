/**
 * Tiles made by SQL are those that JavaScript folds, and windows say the same by four ways: a look at all events again,
 * the batch SQL over events, plain SQL over rows of tiles, and windows in JavaScript. Bit for bit, at every edge, over
 * random events of several entities and origins with ties, nulls and negatives, some of them taken out again.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TileValue } from '../../contract/aggregation/canonical-order.ts';
import { planTiles } from '../../contract/aggregation/tile-plan.ts';
import type { TilePlan } from '../../contract/aggregation/tile-plan.ts';
import { tileToJson } from '../../contract/aggregation/tile-json.ts';
import { addTile, emptyTile, foldEvent } from '../../contract/aggregation/tile.ts';
import type { Tile } from '../../contract/aggregation/tile.ts';
import { EntityWindows } from '../../contract/aggregation/windows/entity-windows.ts';
import { resultType } from '../../contract/aggregation/result-type.ts';
import type { AggregateFunction, Feature } from '../../contract/model.ts';
import { isNumeric } from '../../contract/value-type.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import { planAggregates } from '../../materializer/aggregate/aggregate-plan.ts';
import { aggregateSql } from '../../materializer/aggregate/aggregate-sql.ts';
import { mergedTileSelects, tileRowSelects } from '../../materializer/aggregate/tile-rows.ts';
import { DuckDb, valueFromDuck } from '../../project/engine/duckdb/duckdb.ts';
import { sqlLiteral } from '../../project/engine/duckdb/sql-literal.ts';
import { naiveRow } from '../oracle/naive-aggregates.ts';
import { tileWindowsSql } from '../oracle/tile-windows-sql.ts';
import { aggregatedView } from '../support/fixtures/aggregated-view.ts';
import type { FeatureSketch } from '../support/fixtures/aggregated-view.ts';
import { COLUMNS, FUNCTIONS, VALUES } from '../support/fixtures/event-scenario.ts';
import { tableTiles } from '../support/fixtures/tile-rows.ts';
import { seededRandom } from '../support/seeded-random.ts';

const HOP_US = 1_000_000;
const FIRST_HOP = 1_000_000;
const RUNS = Number(process.env['PLUMB_RUNS'] ?? 12);

interface SignedEvent {
  readonly id: number;
  readonly eventUs: number;
  readonly origin: number;
  readonly offset: number;
  readonly sign: 1 | -1;
  readonly values: Readonly<Record<string, Value>>;
}

let duck: DuckDb;
beforeAll(async () => {
  duck = await DuckDb.open({ threads: 2 });
});
afterAll(() => duck.close());

/** Without those of sessions, which no tile holds. */
const WINDOWED = (Object.keys(FUNCTIONS) as AggregateFunction[]).filter((name) => name !== 'duration');

type Draw = <T>(choices: readonly T[]) => T;

function randomFeatures(draw: Draw): FeatureSketch[] {
  return Array.from({ length: draw([2, 5, 8]) }, (_, i) => {
    const name = draw(WINDOWED);
    const hops = draw([null, 1, 3, 7, 16]);
    const windowUs = hops === null ? null : hops * HOP_US;
    if (name === 'count' && draw([true, false])) return { name: `f${i}`, function: name, windowUs };
    const column = draw(FUNCTIONS[name]!);
    const sizes = {
      n: draw([1, 3, 40]),
      percentile: draw([0.001, 0.25, 0.5, 0.95]),
      ...narrower(name, column, draw),
    };
    return { name: `f${i}`, function: name, column, columnType: COLUMNS[column]!, windowUs, ...sizes };
  });
}

/** At times another type than the aggregation's own, which may not hold every value. */
function narrower(name: AggregateFunction, column: string, draw: Draw): { readonly type?: ValueType } {
  const own = resultType(name, COLUMNS[column]!);
  const types: ValueType[] = (['int32', 'int64', 'float32', 'float64'] as const).map((kind) => ({ kind }));
  return isNumeric(own) && draw([true, false, false]) ? { type: draw(types) } : {};
}

function randomEvents(random: () => number, draw: Draw): SignedEvent[] {
  const events: SignedEvent[] = [];
  const size = draw([1, 30, 120]);
  for (let offset = 0; offset < size; offset++) {
    const values = Object.keys(COLUMNS).map((name) => [name, draw([...VALUES[name]!, null])] as const);
    const eventUs = (FIRST_HOP + Math.floor(random() * 20)) * HOP_US + draw([0, 0, 1, 500_000, HOP_US - 1]);
    const standing = events.filter(
      ({ sign, offset: own }) => sign > 0 && !events.some((e) => e.sign < 0 && undone(e) === own),
    );
    const old = random() < 0.15 && standing.length > 0 ? draw(standing) : null;
    if (old !== null) events.push({ ...old, offset: offset + old.offset / 1_000, sign: -1 });
    else
      events.push({
        id: draw([1, 2, 3]),
        eventUs,
        origin: draw([0, 1, 2]),
        offset,
        sign: 1,
        values: Object.fromEntries(values),
      });
  }
  return events.map((event, offset) => ({ ...event, offset }));
}

/** While events are drawn, the offset of a retraction has the place of its event behind the point. */
function undone({ offset }: SignedEvent): number {
  return Math.round((offset % 1) * 1_000);
}

/** The events as tile-rows.ts takes them, or, with zeros that have no sign, as the batch SQL does. */
function eventsSql(events: readonly SignedEvent[], columns: readonly string[]): string {
  const rows = events.map((event) =>
    [
      `${event.id}::INTEGER`,
      `${event.eventUs}::BIGINT`,
      ...columns.map((name) => sqlLiteral(COLUMNS[name]!, event.values[name]!)),
      `${event.origin}::BIGINT`,
      `${event.offset}::BIGINT`,
      String(event.sign),
    ].join(', '),
  );
  const names = ['k0', 't', ...columns.map((_, i) => `v${i}`), 'origin', 'place', 'sign'];
  return `SELECT * FROM (VALUES ${rows.map((row) => `(${row})`).join(', ')}) AS rows(${names.join(', ')})`;
}

/** The tiles of the events that are left, having seen all of them: what a stream has once it made some again. */
function foldedTiles(plan: TilePlan, events: readonly SignedEvent[]): Map<string, Tile> {
  const tiles = new Map<string, Tile>();
  const inputs = new Map<string, { seen: number; since: number }>();
  const left = survivors(events);
  for (const event of events) {
    const edge = Math.floor(event.eventUs / HOP_US) + 1;
    const id = `${event.id} ${edge * HOP_US} ${event.origin}`;
    const tile = tiles.get(id) ?? emptyTile(plan);
    tiles.set(id, tile);
    const input = inputs.get(id) ?? { seen: 0, since: event.offset };
    inputs.set(id, { ...input, seen: input.seen + 1 });
    if (!left.includes(event)) continue;
    const values = plan.columns.map(({ source }) => event.values[source] as TileValue | null);
    foldEvent(plan, tile, { values, timeUs: event.eventUs, offset: event.offset, sign: 1 });
  }
  for (const [id, tile] of tiles) Object.assign(tile, inputs.get(id));
  return tiles;
}

function survivors(events: readonly SignedEvent[]): SignedEvent[] {
  const left: SignedEvent[] = [];
  for (const event of events) {
    if (event.sign > 0) left.push(event);
    else
      left.splice(
        left.findIndex((one) => one.values === event.values),
        1,
      );
  }
  return left;
}

function unsignedZeros(event: SignedEvent): SignedEvent {
  const values = Object.entries(event.values).map(
    ([name, value]) => [name, value === 0 ? 0 : value] as const,
  );
  return { ...event, values: Object.fromEntries(values) };
}

async function rehearse(random: () => number): Promise<void> {
  const draw: Draw = (choices) => choices[Math.floor(random() * choices.length)]!;
  const { view, entity } = aggregatedView({
    joinKeys: [{ name: 'id', type: 'int32' }],
    path: 'events.parquet',
    eventTime: 'at',
    createdTime: null,
    hopUs: HOP_US,
    features: randomFeatures(draw),
  });
  const plan = planTiles(view, entity);
  const events = randomEvents(random, draw);
  const folded = foldedTiles(plan, events);
  const rows = tileRowSelects(
    plan,
    eventsSql(
      events,
      plan.columns.map(({ source }) => source),
    ),
  );
  const made = await tableTiles(duck, plan, rows);
  expect(made).toEqual(new Map([...folded].map(([id, tile]) => [id, jsonTile(plan, id, tile)])));

  const whole = new Map<string, Tile>();
  for (const [id, tile] of folded) {
    const merged = id.replace(/ \d+$/, ' 0');
    whole.set(merged, whole.get(merged) ?? emptyTile(plan));
    addTile(plan, whole.get(merged)!, tile);
  }
  const mergedRows = mergedTileSelects(plan, rows);
  expect(await tableTiles(duck, plan, mergedRows)).toEqual(
    new Map([...whole].map(([id, tile]) => [id, jsonTile(plan, id, tile)])),
  );
  await compareWindows(plan, survivors(events), whole, mergedRows);
}

function jsonTile(plan: TilePlan, id: string, tile: Tile): object {
  const [key, edgeUs, origin] = id.split(' ').map(Number) as [number, number, number];
  return tileToJson(plan, { keys: [key], edgeUs, origin }, tile);
}

function isSketch({ aggregation }: Feature): boolean {
  return aggregation!.function.startsWith('approx');
}

/** The plain SQL casts a float64 that is too small for a float32 to -0. */
function unsignedOf(values: readonly Value[]): Value[] {
  return values.map((value) => (value === 0 ? 0 : value));
}

async function compareWindows(
  plan: TilePlan,
  left: readonly SignedEvent[],
  tiles: ReadonlyMap<string, Tile>,
  rows: ReadonlyMap<string, string>,
): Promise<void> {
  const { view, entity } = plan;
  const windows = new Map([1, 2, 3].map((id) => [id, new EntityWindows(plan)]));
  for (const [id, tile] of tiles) {
    const [key, edgeUs] = id.split(' ').map(Number) as [number, number];
    windows.get(key)!.put(edgeUs / HOP_US, tile);
  }
  const planned = planAggregates(view, entity);
  const batch = aggregateSql({
    plan: planned,
    events: eventsSql(
      left.map(unsignedZeros),
      planned.columns.map(({ source }) => source),
    ),
    toEdge: FIRST_HOP + 60,
    scope: null,
    bucket: { index: 0, count: 1 },
    old: null,
  });
  const changes = left.length === 0 ? [] : await duck.rows(`SELECT * FROM (${batch}) ORDER BY e`);
  const plain = await duck.rows(`SELECT * FROM (${tileWindowsSql(plan, rows)}) ORDER BY edge`);
  const valuesOf = (row: Readonly<Record<string, unknown>>): Value[] =>
    view.features.map(({ type }, i) => valueFromDuck(type, row[`f${i}`] as never));
  for (const id of [1, 2, 3]) {
    const mine = left
      .filter((event) => event.id === id)
      .map((event) => ({ ...event, keys: [id], createdUs: null }));
    for (let edge = FIRST_HOP; edge < FIRST_HOP + 45; edge++) {
      const naive = naiveRow(view, mine, edge * HOP_US);
      const at = windows.get(id)!.valuesAt(edge);
      expect([id, edge, at?.values ?? null]).toEqual([id, edge, naive]);
      const change = changes.findLast((row) => row['k0'] === id && Number(row['e']) <= edge);
      expect([id, edge, change === undefined ? null : valuesOf(change)]).toEqual([id, edge, naive]);
      const tile = plain.find((row) => row['k0'] === id && Number(row['edge']) === edge * HOP_US);
      if (tile !== undefined && naive !== null) {
        const exact = naive.map((value, i) => (isSketch(view.features[i]!) ? null : value));
        expect([id, edge, unsignedOf(valuesOf(tile))]).toEqual([id, edge, exact]);
      }
    }
  }
}

test('tiles are the same from SQL and JavaScript, and windows by every way', async () => {
  const random = seededRandom();
  for (let run = 0; run < RUNS; run++) await rehearse(random);
}, 240_000);
