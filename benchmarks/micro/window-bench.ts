/**
 * What an update of an entity's windows costs, by CPU on one core: of a hot entity and of a cold one, in turn.
 *
 *   node --disable-warning=ExperimentalWarning benchmarks/micro/window-bench.ts [EVENTS OF THE HOT ONE] [ROUNDS]
 *
 * Windows of 30 days with a hop of 10 s, of count, sum, avg, min, max, last and countDistinct. The hot entity has its
 * events in all of the 259,200 hops, the cold one in 200 of them. An update is a new tile of one event, put into the
 * windows, and the values at its edge; the value rises, so that each tile that leaves takes the smallest with it.
 */
import { planTiles } from '../../contract/aggregation/tile-plan.ts';
import { emptyTile, foldEvent } from '../../contract/aggregation/tile.ts';
import type { Tile } from '../../contract/aggregation/tile.ts';
import { EntityWindows } from '../../contract/aggregation/windows/entity-windows.ts';
import { PLAIN_FEATURE, PLAIN_VIEW } from '../../contract/definitions/plain-definition.ts';
import type { AggregateFunction, Entity, Feature, FeatureView } from '../../contract/model.ts';
import { print } from '../harness/report.ts';

const [EVENTS, ROUNDS] = [Number(process.argv[2] ?? 10_000_000), Number(process.argv[3] ?? 3)];
const HOP_US = 10_000_000;
const HOPS = 259_200;
const FIRST = 17_600_000;
const COLD_TILES = 200;
const UPDATES = 20_000;

const entity: Entity = {
  name: 'user',
  joinKeys: [{ name: 'user_id', type: 'int64' }],
  description: null,
  owner: null,
  tags: [],
  log: 'raw',
};
const functions: AggregateFunction[] = ['count', 'sum', 'avg', 'min', 'max', 'last', 'countDistinct'];
const view: FeatureView = {
  ...PLAIN_VIEW,
  id: 'clicks',
  name: 'clicks',
  kind: 'aggregated',
  entity: 'user',
  source: { name: 'clicks', path: '', eventTime: 'at', createdTime: null, maxAheadUs: null },
  definitionId: 1,
  freshnessUs: 60_000_000,
  freshnessAlertUs: 120_000_000,
  sourceFreshnessUs: 120_000_000,
  latenessUs: 0,
  hopUs: HOP_US,
  features: functions.map(featureOf),
};
const plan = planTiles(view, entity);

function featureOf(name: AggregateFunction): Feature {
  const column = name === 'countDistinct' ? 'page' : 'price';
  const columnType = { kind: column === 'page' ? 'string' : 'float64' } as const;
  const type = { kind: name.startsWith('count') ? 'int64' : 'float64' } as const;
  const windowUs = HOPS * HOP_US;
  const aggregation = {
    function: name,
    column,
    columnType,
    windowUs,
    scale: 6,
    n: 0,
    percentile: 0,
    sessionUs: null,
  };
  return { ...PLAIN_FEATURE, name, type, aggregation };
}

function tileOf(edge: number, events: number): Tile {
  const tile = emptyTile(plan);
  for (let i = 0; i < events; i++) {
    const timeUs = (edge - 1) * HOP_US + i;
    foldEvent(plan, tile, {
      values: [`/page/${(edge * 7 + i) % 500}`, edge + i / 100],
      timeUs,
      offset: i,
      sign: 1,
    });
  }
  return tile;
}

function windowsOf(tiles: number, events: number): EntityWindows {
  const windows = new EntityWindows(plan);
  for (let i = 0; i < tiles; i++) {
    const edge = FIRST + Math.floor((i * HOPS) / tiles);
    windows.put(edge, tileOf(edge, Math.ceil(events / tiles)));
  }
  windows.valuesAt(FIRST + HOPS - 1);
  return windows;
}

const hot = windowsOf(HOPS, EVENTS);
const cold = windowsOf(COLD_TILES, COLD_TILES);
print(`hot: ${HOPS} tiles of ${Math.ceil(EVENTS / HOPS)} events; cold: ${COLD_TILES} tiles of one event`);
const next = { hot: FIRST + HOPS, cold: FIRST + HOPS };
for (let round = 0; round < ROUNDS; round++) {
  const [a, b] = [updateCost(hot, 'hot', 1), updateCost(cold, 'cold', HOPS / COLD_TILES)];
  print(`an update: hot ${a.toFixed(1)} us, cold ${b.toFixed(1)} us of CPU, ${(a / b).toFixed(2)} times`);
}

/** @param step  hops from one tile to the next; @returns microseconds of CPU an update */
function updateCost(windows: EntityWindows, which: 'hot' | 'cold', step: number): number {
  const edges = Array.from({ length: UPDATES }, (_, i) => next[which] + i * step);
  next[which] += UPDATES * step;
  const tiles = edges.map((edge) => tileOf(edge, 1));
  const before = process.cpuUsage();
  for (const [i, edge] of edges.entries()) {
    windows.put(edge, tiles[i]!);
    windows.valuesAt(edge);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / UPDATES;
}
