/**
 * What a process has to do before it goes on with a partition that another one had: the copy of its state is fetched
 * and opened, the messages since are taken, and the rows made that are due. By the clock, and by CPU of this process.
 *
 *   node --disable-warning=ExperimentalWarning benchmarks/micro/take-over-bench.ts [TILES] [ENTITIES] [MESSAGES SINCE]
 *
 * Five windows of one view, hop 10 s, the longest a day: all tiles lie in it, and each is of one event. The messages
 * are events already; to read them from the archive is not among this.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emptyTile, foldEvent } from '../../contract/aggregation/tile.ts';
import { planTiles } from '../../contract/aggregation/tile-plan.ts';
import type { TilePlan } from '../../contract/aggregation/tile-plan.ts';
import { KeptTiles } from '../../materializer/stream/state/kept-tiles.ts';
import { ViewState } from '../../materializer/stream/state/view-state.ts';
import { noCounts } from '../../materializer/stream/stream-counts.ts';
import { ViewStream } from '../../materializer/stream/view-stream.ts';
import { localFolder } from '../../project/storage/local-folder.ts';
import { clickEntity, clickView, noHistory } from './click-view.ts';
import { print } from '../harness/report.ts';

const [TILES, ENTITIES, SINCE] = [
  Number(process.argv[2] ?? 10_000_000),
  Number(process.argv[3] ?? 100_000),
  Number(process.argv[4] ?? 100_000),
];
const HOP_US = clickView.hopUs;
const HOPS = 8_640;
const FIRST = 176_000_000;
const PER_HOP = Math.ceil(TILES / HOPS);
const SAVE_HOPS = 40;

const folder = mkdtempSync(join(tmpdir(), 'take-over-bench-'));
const plan = planTiles(clickView, clickEntity);
const lastUs = (FIRST + HOPS) * HOP_US;

/** Prime to the number of entities, and far from one: the messages since are of any entity. */
const STRIDE = 7_368_787;

function eventOf(number: number, eventUs: number) {
  const values = [
    BigInt((number * STRIDE) % ENTITIES),
    `/page/${number % 500}`,
    (number % 50_000) / 100,
    BigInt(eventUs),
  ];
  return { values, eventUs, id: null, op: 1, offset: number, appendedUs: eventUs } as const;
}

/** An entity with one tile in each of some hops, as the store takes it. */
class OneTile {
  readonly entity: string;
  readonly id: number;
  isNamed: boolean;
  readonly unsaved: number[] = [];
  readonly entered = this.unsaved;
  readonly #plan: TilePlan;

  constructor(tiles: TilePlan, id: number, isNamed: boolean) {
    this.#plan = tiles;
    this.entity = String(id);
    this.id = id;
    this.isNamed = isNamed;
  }

  tileAt(edge: number) {
    const tile = emptyTile(this.#plan);
    const { values, offset } = eventOf(this.id + edge * 7, edge * HOP_US - 1);
    const columns = plan.columns.map(({ source }) => (source === 'price' ? values[2]! : values[1]!));
    foldEvent(this.#plan, tile, { values: columns, timeUs: edge * HOP_US - 1, offset, sign: 1 });
    return tile;
  }
}

function layState(file: string): void {
  const state = ViewState.open({ file, owner: 'first', plan });
  for (let i = 0; i < ENTITIES; i++) state.tiles.newId();
  let [number, named] = [0, 0];
  for (let hop = 0; hop < HOPS; hop += SAVE_HOPS) {
    const changed = new Map<number, OneTile>();
    for (let edge = FIRST + hop; edge < FIRST + hop + SAVE_HOPS; edge++)
      for (let i = 0; i < PER_HOP && number < TILES; i++, number++) {
        const id = number % ENTITIES;
        const one = changed.get(id) ?? new OneTile(plan, id, id < named);
        changed.set(id, one);
        one.unsaved.push(edge);
      }
    state.transaction(() => state.tiles.put([...changed.values()]));
    named = Math.min(ENTITIES, number);
  }
  const offset = TILES;
  const none = { sourceId: 'bench', horizonUs: 0, rowNumber: 0, createdUs: 0, lineage: 1 };
  state.transaction(() => state.setProgress({ ...none, offset, rowOffset: offset, edge: FIRST + HOPS - 1 }));
  state.close();
}

async function timed<T>(what: string, work: () => T | Promise<T>): Promise<T> {
  const [began, before] = [performance.now(), process.cpuUsage()];
  const result = await work();
  const { user, system } = process.cpuUsage(before);
  const seconds = ((performance.now() - began) / 1_000).toFixed(1);
  print(`${what.padEnd(44)} ${seconds.padStart(7)} s, ${((user + system) / 1e6).toFixed(1)} s of CPU`);
  return result;
}

try {
  const first = join(folder, 'first.db');
  await timed(`${TILES} tiles of ${ENTITIES} entities laid`, () => layState(first));
  print(`the state has ${(statSync(first).size / 2 ** 20).toFixed(0)} MiB`);
  const of = { archive: localFolder(join(folder, 'archive')), view: clickView, partition: 0 };
  const state = ViewState.open({ file: first, owner: 'first', plan });
  const kept = await KeptTiles.open(of);
  await timed('its holder keeps a copy', () => kept.keep(TILES, 1, (file) => state.copyTo(file)));
  state.close();
  rmSync(first);
  const second = join(folder, 'second.db');
  const taken = await timed('another one fetches it', async () =>
    (await KeptTiles.open(of)).restore(second, TILES + SINCE),
  );
  if (taken !== TILES) throw new Error(`the copy was not taken: ${String(taken)}`);
  const stream = await timed('and opens it', () => {
    return new ViewStream({
      view: clickView,
      entity: clickEntity,
      partition: 0,
      stateFile: second,
      owner: 'second',
      sourceId: 'bench',
      horizonUs: 0,
      history: noHistory(TILES, (FIRST + HOPS - 1) * HOP_US),
      counts: noCounts(),
      otherPartitionOf: () => null,
      warn: print,
      reject(_, reason) {
        throw new Error(reason);
      },
    });
  });
  const sinceUs = (SINCE / PER_HOP) * HOP_US;
  await timed(`${SINCE} messages since, ten minutes of them or so`, () => {
    for (let i = 0; i < SINCE; i++)
      stream.take(eventOf(TILES + i, Math.floor(lastUs + (i * sinceUs) / SINCE)));
  });
  const rows = await timed(
    'the rows that are due',
    () => stream.step(TILES + SINCE, lastUs + sinceUs, 1e15).size,
  );
  await timed('all of it saved', () => stream.save(1e15));
  print(`${rows} rows; resident ${(process.memoryUsage.rss() / 2 ** 20).toFixed(0)} MiB`);
  stream.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
