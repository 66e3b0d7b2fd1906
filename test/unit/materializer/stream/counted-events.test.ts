/** What is remembered of events that were counted, or taken back before they came. */
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { emptyTile, foldEvent } from '../../../../contract/aggregation/tile.ts';
import { planTiles } from '../../../../contract/aggregation/tile-plan.ts';
import type { StreamSource } from '../../../../contract/stream-source.ts';
import { TILE_SCHEMA, TileStore } from '../../../../materializer/stream/state/tile-store.ts';
import type { ReceivedEvent } from '../../../../materializer/stream/stream-event.ts';
import { MadeTiles } from '../../../../materializer/stream/tiles/made-tiles.ts';
import type { MadeEntity } from '../../../../materializer/stream/tiles/made-tiles.ts';
import { CountedEvents } from '../../../../materializer/stream/windows/counted-events.ts';
import { SpoiledTiles } from '../../../../materializer/stream/windows/spoiled-tiles.ts';
import { clickView, HOP_US } from '../../../support/fixtures/streamed-project.ts';

const PRICE = {
  function: 'max',
  column: 'price',
  columnType: { kind: 'float64' },
  windowUs: HOP_US,
} as const;
const OP = { column: 'kind', insert: ['add'], delete: ['del'] };

/** The tiles of ann in one hop, whose events have a price and nothing else. */
function setUp(stream: Partial<StreamSource>) {
  const { view, entity } = clickView(0, [{ name: 'highest', ...PRICE }], { op: OP, ...stream });
  const plan = planTiles(view, entity);
  const database = new DatabaseSync(':memory:');
  database.exec(TILE_SCHEMA);
  const store = new TileStore(database, plan);
  const counted = new CountedEvents(plan, store);
  const outcome = ({ values }: ReceivedEvent) =>
    ({ kind: 'counts', entity: 'ann', values: values as number[] }) as const;
  const spoiled = new SpoiledTiles<MadeEntity>(plan, outcome, counted);
  const tiles = new MadeTiles(plan, store, { counted, spoiled });
  /** @returns what the event came to */
  const take = (event: ReceivedEvent): string => {
    const { eventUs: timeUs, offset, op: sign } = event;
    const values = event.values as number[];
    const turn = counted.turn(tiles.entityOf('ann'), event, values);
    if (turn.kind === 'counts') tiles.fold(tiles.entityOf('ann'), { values, timeUs, offset, sign });
    return turn.kind === 'refused' ? turn.reason : turn.kind;
  };
  return { plan, store, spoiled, tiles, take };
}

let offset = 0;
function eventOf(price: number, op: 1 | -1 = 1, id: string | null = `${price}`): ReceivedEvent {
  return { values: [price], eventUs: HOP_US / 2, id, op, offset: (offset += 1), appendedUs: HOP_US };
}

test.each([
  ['ids', {}, '1'],
  ['values', { id: null }, null],
] as const)(
  'a deletion that comes first takes its event, though nothing else is known (by %s)',
  (_, stream, id) => {
    const { store, tiles, take } = setUp(stream);
    expect(take(eventOf(1, -1, id))).toMatch(/never counted/);
    tiles.save();
    // No tile is there, and the entity's name would go.
    tiles.prune(0, 0);
    expect(store.idOf('ann')).not.toBeNull();
    expect(take(eventOf(1, 1, id))).toMatch(/before it came/);
    expect(take(eventOf(1, 1, id))).toBe(id === null ? 'counts' : 'twice');
    tiles.save();
    tiles.prune(9, 9 * HOP_US);
    expect(store.idOf('ann')).toBeNull();
  },
);

test.each([
  ['ids', {}],
  ['values', { id: null }],
] as const)(
  'a tile that is made again has what was taken so far, and nothing that comes later (by %s)',
  async (by, stream) => {
    const { plan, spoiled, take } = setUp(stream);
    const make = (price: number, op: 1 | -1 = 1) => eventOf(price, op, by === 'ids' ? `${price}` : null);
    const all = [make(7, -1), make(3), make(3), make(7), make(9), make(5), make(9, -1), make(4), make(9)];
    for (const one of all.slice(0, -2)) take(one);
    const [remade] = await spoiled.remake(Infinity, async function* () {
      yield all;
    });
    const like = emptyTile(plan);
    for (const price of by === 'ids' ? [3, 5] : [3, 3, 5])
      foldEvent(plan, like, { values: [price], timeUs: HOP_US / 2, offset: 0, sign: 1 });
    expect(remade!.tile.states).toEqual(like.states);
    expect(remade!.tile.n).toBe(like.n);
    // All that came in, and the deletion.
    expect([remade!.tile.seen, remade!.tile.since]).toEqual([like.n + 2, all[1]!.offset]);
  },
);
