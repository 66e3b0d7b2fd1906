/** What was made by different hands of the same events, held against each other to the bit. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { encodeTile } from '../../../contract/aggregation/tile-bytes.ts';
import { tileFromJson } from '../../../contract/aggregation/tile-json.ts';
import { planTiles } from '../../../contract/aggregation/tile-plan.ts';
import type { TilePlan } from '../../../contract/aggregation/tile-plan.ts';
import type { Tile } from '../../../contract/aggregation/tile.ts';
import { definitionName } from '../../../contract/wire/online/row-header.ts';
import { mergedTileSelects, tileRowSelects } from '../../../materializer/aggregate/tile-rows.ts';
import { entityText } from '../../../materializer/stream/view-entity.ts';
import { readTable } from '../../../project/delta/delta-log.ts';
import type { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { quotePaths } from '../../../project/engine/duckdb/file-sql.ts';
import { openHistory } from '../../../project/engine/duckdb/history.ts';
import { completeHistory } from '../../../project/history/history-place.ts';
import { localFolder } from '../../../project/storage/local-folder.ts';
import { openStoredTiles } from '../fixtures/stored-tiles.ts';
import { tableTiles } from '../fixtures/tile-rows.ts';
import { PARTITIONS } from './whole-events.ts';
import type { WholeProject } from './whole-project.ts';

/** How many edges are compared at a time. */
const CHUNK = 100;
/** Values of a sum past this are refused: fixed point of 6 places. */
const MOST = 1e18;

function placeOf({ folder }: WholeProject) {
  return { folder, history: localFolder(join(folder, '.plumb/history')) };
}

export async function watermarkOf(project: WholeProject): Promise<number> {
  return (await completeHistory(placeOf(project), project.view, project.entity))!.watermarkUs!;
}

/** @returns the name of a table of each entity's values from edge to edge, without rows that change nothing */
export async function changesIn(
  duck: DuckDb,
  project: WholeProject,
  { name, upToUs }: { readonly name: string; readonly upToUs: number },
): Promise<string> {
  const { sql } = await openHistory(duck, placeOf(project), project.view, project.entity);
  const values = project.view.features.map((feature) => feature.name).join(', ');
  await duck.run(`CREATE TABLE ${name} AS
    WITH newest AS (
      SELECT user_id, epoch_us(event_time) AS edge, CASE WHEN deleted THEN 'gone' ELSE ROW(${values})::VARCHAR END AS row
      FROM (${sql}) WHERE epoch_us(event_time) <= ${upToUs}
      QUALIFY row_number() OVER (PARTITION BY user_id, event_time ORDER BY created_time DESC) = 1)
    SELECT * FROM newest
    QUALIFY row IS DISTINCT FROM lag(row, 1, 'gone') OVER (PARTITION BY user_id ORDER BY edge)`);
  return name;
}

interface Compared {
  readonly left: number;
  readonly right: number;
  /** A few that one side alone has. */
  readonly differing: readonly unknown[];
}

/** @param left, right  tables of one form */
export async function compareTables(duck: DuckDb, left: string, right: string): Promise<Compared> {
  const count = async (table: string): Promise<number> =>
    Number((await duck.rows(`SELECT count(*) AS n FROM ${table}`))[0]!['n']);
  const only = (a: string, b: string): Promise<readonly unknown[]> =>
    duck.rows(`SELECT '${a}' AS side, * FROM (SELECT * FROM ${a} EXCEPT ALL SELECT * FROM ${b}) LIMIT 3`);
  const differing = [...(await only(left, right)), ...(await only(right, left))];
  return { left: await count(left), right: await count(right), differing };
}

/** The tiles of a view by entity and edge, as texts that are equal where the tiles are: `seen` and `since` apart. */
type TileTexts = Map<string, string>;

interface TileStore {
  /** @returns the tiles of edges from one up to and including another */
  between(from: number, to: number): TileTexts | Promise<TileTexts>;
  close(): void;
}

function textOf(plan: TilePlan, tile: Tile): string {
  return encodeTile(plan, { ...tile, seen: tile.n, since: 0 }).toString('hex');
}

/** @param state  the folder of states of whoever folded or took them */
export function storedTiles({ view, entity }: WholeProject, state: string): TileStore {
  const plan = planTiles(view, entity);
  const name = definitionName(view.definitionId);
  const partitions = Array.from({ length: PARTITIONS }, (_, i) => `${name}.partition-${i}.db`);
  const files = [...partitions, `${name}.tiles.db`].map((file) => join(state, view.id, file));
  const states = files.filter((file) => existsSync(file)).map((file) => openStoredTiles(file, plan));
  return {
    between(from, to) {
      const tiles: TileTexts = new Map();
      for (const { entity: id, edge, tile } of states.flatMap((one) => one.between(from, to)))
        if (tile.n > 0) tiles.set(`${id} ${edge}`, textOf(plan, tile));
      return tiles;
    },
    close: () => states.forEach((one) => one.close()),
  };
}

/** The tiles that plain SQL makes of the archive: the rule of which events count is written down here once more. */
export async function archiveTiles(
  duck: DuckDb,
  project: WholeProject,
  horizonUs: number,
): Promise<TileStore> {
  const { view, entity, folder } = project;
  const plan = planTiles(view, entity);
  const archive = join(folder, 'data/clicks');
  const table = (await readTable(localFolder(archive)))!;
  const files = [...table.files.keys()].map((path) => join(archive, decodeURIComponent(path)));
  const appended = 'epoch_us(_appended)';
  const values = plan.columns.map(({ source }, i) => `"${source}" AS v${i}`).join(', ');
  const events = `SELECT user_id AS k0, epoch_us("at") AS t, ${values}, _partition::BIGINT AS origin, _offset::BIGINT AS place,
      CASE WHEN kind = 'delete' THEN -1 ELSE 1 END AS sign
    FROM read_parquet(${quotePaths(files)}, hive_partitioning = false)
    WHERE (${appended} - t <= ${view.latenessUs} OR ${appended} <= ${horizonUs})
      AND coalesce(abs(price) * 1e6 <= ${MOST}, true)
    QUALIFY row_number() OVER (PARTITION BY user_id, "at", id, kind ORDER BY _partition, _offset) = 1`;
  await duck.run(`CREATE TABLE counted_events AS ${events}`);
  return {
    async between(from, to) {
      const range = `SELECT * FROM counted_events WHERE t // ${plan.hopUs} + 1 BETWEEN ${from} AND ${to}`;
      const rows = await tableTiles(duck, plan, mergedTileSelects(plan, tileRowSelects(plan, range)));
      const tiles: TileTexts = new Map();
      for (const json of rows.values()) {
        const { key, tile } = tileFromJson(plan, json);
        if (tile.n > 0) tiles.set(`${entityText(key.keys)} ${key.edgeUs / plan.hopUs}`, textOf(plan, tile));
      }
      return tiles;
    },
    close: () => {},
  };
}

/** @returns how many there are, and a few that differ */
export async function compareTiles(
  [left, right]: readonly [TileStore, TileStore],
  { from, to }: { readonly from: number; readonly to: number },
): Promise<Compared> {
  const compared = { left: 0, right: 0, differing: [] as unknown[] };
  for (let first = from; first <= to; first += CHUNK) {
    const last = Math.min(to, first + CHUNK - 1);
    const [a, b] = [await left.between(first, last), await right.between(first, last)];
    compared.left += a.size;
    compared.right += b.size;
    for (const place of new Set([...a.keys(), ...b.keys()]))
      if (a.get(place) !== b.get(place) && compared.differing.length < 6)
        compared.differing.push({ place, left: a.get(place), right: b.get(place) });
  }
  return compared;
}
