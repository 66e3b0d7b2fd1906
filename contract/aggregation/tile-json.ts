/**
 * A tile and what it is the tile of, as one JSON object: for topics that other engines write. Its fields have the names
 * of the columns of a tile's row (docs/tiles.md); what has rows of its own there is a list here.
 *
 *   {"view": "clicks", "definition": 305419896, "k0": "42", "edge": 1764417600000000, "origin": 0, "n": 2, "seen": 2,
 *    "since": 17, "nv0": 2, "sum0_6": "3500000", "first0_t": 1764417590000000, "first0": 1.5, "values1": [["a", 2]]}
 *
 * int64, timestamps and sums are decimal text; counts, times and offsets numbers; lists in the order of tile-bytes.ts.
 */
import type { Json } from '../std/canonical-json.ts';
import type { KeyValue } from '../value-type.ts';
import type { Tile } from './tile.ts';
import type { TilePlan } from './tile-plan.ts';
import { TileFault } from './tile-reader.ts';
import { countFromJson, tileValueFromJson, tileValueToJson } from './value-json.ts';

/** What a tile is the tile of, within its view and definition. */
export interface TileKey {
  /** In the order of the entity's join keys. */
  readonly keys: readonly KeyValue[];
  /** The edge at which its events enter the windows: the first after them. */
  readonly edgeUs: number;
  /** The partition of the source that its events came from; 0 in batch. */
  readonly origin: number;
}

type JsonObject = { readonly [key: string]: Json | undefined };

export function tileToJson(plan: TilePlan, key: TileKey, tile: Tile): JsonObject {
  const fields: Record<string, Json> = { view: plan.view.id, definition: plan.view.definitionId };
  for (const [i, { type }] of plan.entity.joinKeys.entries()) {
    fields[`k${i}`] = tileValueToJson({ kind: type }, key.keys[i]!);
  }
  Object.assign(fields, { edge: key.edgeUs, origin: key.origin });
  Object.assign(fields, { n: tile.n, seen: tile.seen, since: tile.since });
  for (const [i, part] of plan.parts.entries()) {
    const json = part.toJson(tile.states[i]);
    for (const [k, { name }] of part.fields.entries()) fields[name] = json[k]!;
  }
  return fields;
}

/** @throws TileFault where the JSON is no tile of the plan's view under its definition */
export function tileFromJson(
  plan: TilePlan,
  json: JsonObject,
): { readonly key: TileKey; readonly tile: Tile } {
  checkOwner(plan, json);
  const key = {
    keys: plan.entity.joinKeys.map(
      ({ type }, i) => tileValueFromJson({ kind: type }, json[`k${i}`]) as KeyValue,
    ),
    edgeUs: countFromJson('edge', json['edge']),
    origin: countFromJson('origin', json['origin']),
  };
  const tile = {
    n: countFromJson('n', json['n']),
    seen: countFromJson('seen', json['seen']),
    since: countFromJson('since', json['since']),
    states: plan.parts.map((part) => part.fromJson(part.fields.map(({ name }) => json[name]))),
  };
  return { key, tile };
}

/** @throws TileFault where the JSON is of another view, or of another definition of it */
export function checkOwner({ view }: TilePlan, json: JsonObject): void {
  if (json['view'] === view.id && json['definition'] === view.definitionId) return;
  throw new TileFault(
    `expected a tile of view ${view.id}, definition ${view.definitionId}, ` +
      `got ${JSON.stringify(json['view'])}, definition ${JSON.stringify(json['definition'])}`,
  );
}
