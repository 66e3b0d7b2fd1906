/**
 * Tiles and windows alone, by CPU on one core.
 *
 *   node --disable-warning=ExperimentalWarning benchmarks/micro/tile-bench.ts [EVENTS] [ENTITIES]
 *
 * A view of five features over five windows (count, sum, avg, max, countDistinct), hop 10 s. Its events are decoded
 * before the clock starts. Then: events folded into tiles; tiles to bytes and back; and for each (entity, edge) the
 * tile put into the windows and the values asked for.
 */
import { emptyTile, foldEvent } from '../../contract/aggregation/tile.ts';
import type { Tile, TileEvent } from '../../contract/aggregation/tile.ts';
import { decodeTile, encodeTile } from '../../contract/aggregation/tile-bytes.ts';
import { planTiles } from '../../contract/aggregation/tile-plan.ts';
import { EntityWindows } from '../../contract/aggregation/windows/entity-windows.ts';
import { PLAIN_FEATURE, PLAIN_VIEW } from '../../contract/definitions/plain-definition.ts';
import type { AggregateFunction, Entity, Feature, FeatureView } from '../../contract/model.ts';
import type { ValueType } from '../../contract/value-type.ts';
import { print } from '../harness/report.ts';

const [EVENTS, ENTITIES] = [Number(process.argv[2] ?? 2_000_000), Number(process.argv[3] ?? 20_000)];
const HOP_US = 10_000_000;
const START_US = 1_760_000_000_000_000;
/** Events come this fast in event time. */
const EVENTS_A_SECOND = 20_000;

const entity: Entity = {
  name: 'user',
  joinKeys: [{ name: 'user_id', type: 'int64' }],
  description: null,
  owner: null,
  tags: [],
  log: 'raw',
};
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
  features: [
    feature('clicks_1m', 'count', null, 60),
    feature('spent_10m', 'sum', 'price', 600),
    feature('price_1h', 'avg', 'price', 3_600),
    feature('dearest_1d', 'max', 'price', 86_400),
    feature('pages_30m', 'countDistinct', 'page', 1_800),
  ],
};
const plan = planTiles(view, entity);

function feature(name: string, of: AggregateFunction, column: string | null, seconds: number): Feature {
  const columnType: ValueType | null =
    column === null ? null : { kind: column === 'price' ? 'float64' : 'string' };
  const type: ValueType = { kind: of.startsWith('count') ? 'int64' : 'float64' };
  const aggregation = {
    function: of,
    column,
    columnType,
    windowUs: seconds * 1_000_000,
    scale: 6,
    n: 0,
    percentile: 0,
    sessionUs: null,
  };
  return { ...PLAIN_FEATURE, name, type, aggregation };
}

interface Decoded extends TileEvent {
  readonly user: number;
}

const events = Array.from({ length: EVENTS }, (_, i): Decoded => {
  const page = `/page/${Math.floor(Math.random() ** 2 * 500)}`;
  const price = Math.round(Math.random() * 50_000) / 100;
  const timeUs = START_US + Math.floor((i * 1e6) / EVENTS_A_SECOND);
  return { values: [page, price], timeUs, offset: i, sign: 1, user: Math.floor(Math.random() * ENTITIES) };
});

const tiles = new Map<number, Map<number, Tile>>();
report('events folded', EVENTS, () => {
  for (const event of events) {
    const edge = Math.floor(event.timeUs / HOP_US) + 1;
    let ofEdge = tiles.get(edge);
    if (ofEdge === undefined) tiles.set(edge, (ofEdge = new Map()));
    let tile = ofEdge.get(event.user);
    if (tile === undefined) ofEdge.set(event.user, (tile = emptyTile(plan)));
    foldEvent(plan, tile, event);
  }
});
const all = [...tiles.values()].flatMap((ofEdge) => [...ofEdge.values()]);
let encoded: Buffer[] = [];
report('tiles to bytes', all.length, () => (encoded = all.map((tile) => encodeTile(plan, tile))));
report('bytes to tiles', all.length, () => encoded.forEach((bytes) => decodeTile(plan, bytes)));
print(`bytes a tile: ${(encoded.reduce((sum, { length }) => sum + length, 0) / all.length).toFixed(1)}`);

const windows = Array.from({ length: ENTITIES }, () => new EntityWindows(plan));
report('tiles put, and values at their edges', all.length, () => {
  for (const [edge, ofEdge] of tiles) {
    for (const [user, tile] of ofEdge) {
      windows[user]!.put(edge, tile);
      windows[user]!.valuesAt(edge);
    }
  }
});

function report(what: string, count: number, work: () => void): void {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  print(`${what}: ${count}, ${Math.round((count * 1e6) / (user + system))} a CPU second`);
}
