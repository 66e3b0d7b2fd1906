/**
 * Windows over tiles against a look at every event again: at every edge, bit for bit. Random events of one entity with
 * ties, nulls and edges, from several origins, in any order, some taken out again; windows of one hop up to several of
 * the coarser tiles, and sessions.
 */
import { expect, test } from 'vitest';
import { OF_SESSIONS, resultType } from '../../contract/aggregation/result-type.ts';
import type { AggregateFunction } from '../../contract/model.ts';
import { isNumeric } from '../../contract/value-type.ts';
import type { ValueType } from '../../contract/value-type.ts';
import type { TileValue } from '../../contract/aggregation/canonical-order.ts';
import { decodeTile, encodeTile } from '../../contract/aggregation/tile-bytes.ts';
import { tileFromJson, tileToJson } from '../../contract/aggregation/tile-json.ts';
import { planTiles } from '../../contract/aggregation/tile-plan.ts';
import type { TilePlan } from '../../contract/aggregation/tile-plan.ts';
import { addTile, emptyTile, foldEvent, refusalOf } from '../../contract/aggregation/tile.ts';
import type { Tile } from '../../contract/aggregation/tile.ts';
import { EntityWindows } from '../../contract/aggregation/windows/entity-windows.ts';
import type { RawEvent } from '../oracle/naive-aggregates.ts';
import { naiveRow } from '../oracle/naive-aggregates.ts';
import type { FeatureSketch } from '../support/fixtures/aggregated-view.ts';
import { aggregatedView } from '../support/fixtures/aggregated-view.ts';
import { COLUMNS, FUNCTIONS, VALUES } from '../support/fixtures/event-scenario.ts';
import { seededRandom } from '../support/seeded-random.ts';

const HOP_US = 1_000_000;
const FIRST_HOP = 1_000_000;
const LENGTHS = [null, 1, 3, 59, 60, 61, 200, 3_600, 7_300];
const EVENT_TIME = 'happened';
const RUNS = Number(process.env['PLUMB_RUNS'] ?? 40);

interface Placed extends RawEvent {
  readonly eventUs: number;
  readonly origin: number;
  readonly offset: number;
}

const ALL = Object.keys(FUNCTIONS) as AggregateFunction[];

type Draw = <T>(choices: readonly T[]) => T;

function randomFeatures(draw: Draw): FeatureSketch[] {
  return Array.from({ length: draw([1, 3, 6]) }, (_, i) => {
    const name = draw(ALL);
    const hops = draw(LENGTHS);
    const isSession = name === 'duration' || (OF_SESSIONS.includes(name) && draw([true, false]));
    const lengthUs = hops === null ? null : hops * HOP_US;
    const over = isSession ? { sessionUs: lengthUs ?? 2 * HOP_US } : { windowUs: lengthUs };
    if (name === 'duration' || (name === 'count' && draw([true, false])))
      return { name: `f${i}`, function: name, ...over };
    const column = draw(FUNCTIONS[name]!);
    const sizes = {
      n: draw([1, 3, 40]),
      percentile: draw([0.001, 0.25, 0.5, 0.95]),
      ...narrower(name, column, draw),
    };
    return { name: `f${i}`, function: name, column, columnType: COLUMNS[column]!, ...over, ...sizes };
  });
}

/** At times another type than the aggregation's own, which may not hold every value. */
function narrower(name: AggregateFunction, column: string, draw: Draw): { readonly type?: ValueType } {
  const own = resultType(name, COLUMNS[column]!);
  const types: ValueType[] = (['int32', 'int64', 'float32', 'float64'] as const).map((kind) => ({ kind }));
  return isNumeric(own) && draw([true, false, false]) ? { type: draw(types) } : {};
}

/** Times that are dense somewhere, so that coarser tiles are worth making, with ties and times on edges. */
function randomEvents(random: () => number, draw: Draw): Placed[] {
  const span = draw([4, 100, 900, 9_000]);
  const dense = Math.floor(random() * span);
  return Array.from({ length: draw([1, 20, 150, 400]) }, (_, offset) => {
    const hop =
      FIRST_HOP + (random() < 0.7 ? dense + Math.floor(random() * 130) : Math.floor(random() * span));
    const values = Object.keys(COLUMNS).map((name) => [name, draw([...VALUES[name]!, null])] as const);
    return {
      keys: [1],
      eventUs: hop * HOP_US + draw([0, 0, 1, 500_000, HOP_US - 1]),
      createdUs: null,
      values: Object.fromEntries(values),
      origin: draw([0, 1, 2]),
      offset,
    };
  });
}

/** The tiles of one entity by edge and origin, as a stream keeps them. */
class OriginTiles {
  readonly #plan: TilePlan;
  readonly #tiles = new Map<string, Tile>();

  constructor(plan: TilePlan) {
    this.#plan = plan;
  }

  fold(event: Placed, sign: 1 | -1): number {
    const edge = Math.floor(event.eventUs / HOP_US) + 1;
    const id = `${edge} ${event.origin}`;
    const tile = this.#tiles.get(id) ?? emptyTile(this.#plan);
    this.#tiles.set(id, tile);
    const values = this.#plan.columns.map(({ source }) =>
      source === EVENT_TIME ? BigInt(event.eventUs) : (event.values[source] as TileValue | null),
    );
    expect(refusalOf(this.#plan, values)).toBeNull();
    const { eventUs: timeUs, offset } = event;
    const outcome = foldEvent(this.#plan, tile, { values, timeUs, offset, sign });
    expect(outcome).not.toBe('unknown');
    if (outcome === 'again') this.#tiles.delete(id);
    return outcome === 'again' ? Number.NaN : edge;
  }

  /** Merged over origins, by way of bytes and of JSON. */
  merged(edge: number): Tile {
    const whole = emptyTile(this.#plan);
    for (const origin of [0, 1, 2]) {
      const tile = this.#tiles.get(`${edge} ${origin}`);
      if (tile === undefined) continue;
      const read = decodeTile(this.#plan, encodeTile(this.#plan, tile));
      const json = JSON.parse(
        JSON.stringify(tileToJson(this.#plan, { keys: [1], edgeUs: edge * HOP_US, origin }, read)),
      );
      addTile(this.#plan, whole, tileFromJson(this.#plan, json).tile);
    }
    return whole;
  }
}

function rehearse(random: () => number): void {
  const draw: Draw = (choices) => choices[Math.floor(random() * choices.length)]!;
  const { view, entity } = aggregatedView({
    joinKeys: [{ name: 'id', type: 'int32' }],
    path: 'events.parquet',
    eventTime: EVENT_TIME,
    createdTime: null,
    hopUs: HOP_US,
    features: randomFeatures(draw),
  });
  const plan = planTiles(view, entity);
  const events = randomEvents(random, draw);
  if (random() < 0.5) events.sort((a, b) => a.eventUs - b.eventUs);
  const tiles = new OriginTiles(plan);
  const windows = new EntityWindows(plan);
  const answers = new Map<number, unknown>();
  const standing: Placed[] = [];
  let seenUpTo = 0;
  for (const [i, event] of events.entries()) {
    const edge = tiles.fold(event, 1);
    standing.push(event);
    windows.put(edge, tiles.merged(edge));
    seenUpTo = Math.max(seenUpTo, edge);
    if (i !== events.length - 1 && random() < 0.9) continue;
    // What was asked for before and may have changed is asked for again, up to the newest edge.
    const from = Math.min(...standing.map(({ eventUs }) => Math.floor(eventUs / HOP_US) + 1));
    const until = i === events.length - 1 ? Infinity : seenUpTo;
    for (let at: number | null = from; at !== null && at <= until; at = windows.nextChange(at)) {
      answers.set(at, windows.valuesAt(at));
    }
  }
  for (const [edge, answer] of answers) {
    const expected = naiveRow(view, standing, edge * HOP_US);
    expect([edge, (answer as { values: unknown } | null)?.values ?? null]).toEqual([edge, expected]);
  }
}

test('at every edge the windows say what a look at all events says', () => {
  const random = seededRandom();
  for (let run = 0; run < RUNS; run++) rehearse(random);
}, 120_000);
