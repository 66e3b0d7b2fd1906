/**
 * What makers write of tiles into a topic, as JSON: a tile, or how far a partition of the source has come. A tile is
 * as tile-json.ts has it; of an engine that speaks SQL what is a list there is an object of texts here, each with how
 * often it was seen: SQL has it as a multiset.
 *
 *   tile  {"view", "definition", "k0".., "edge", "origin", "n", "seen", "since", then the parts'}
 *
 *     values0     {"/home": 2}                    each value
 *     timed0      {"1764417590000000 1.5": 1}     time and value: of latest, and of first and last of floats
 *     registers0  {"3fa 2": 1}                    register in hexadecimal digits, rank
 *     buckets0    {"-17": 3, "~1.0202": 1}        number of the bucket, or a value that is close to a bound
 *     values0_back and so on                      the same of events that were taken out
 *
 *   mark  {"view", "definition", "mark", "event", "appended", "offset", "unreadable", "excluded", "refused", "late",
 *         "horizon", "hold"}
 *
 * Texts of values are decimal, of floats as JSON has them, of booleans true and false.
 */
import type { Json } from '../std/canonical-json.ts';
import { givenText } from '../std/given-text.ts';
import type { ValueType } from '../value-type.ts';
import { compareCanonical } from './canonical-order.ts';
import type { TileValue } from './canonical-order.ts';
import type { TilePart } from './parts/part.ts';
import { canonicalBytes } from './sketch/canonical-value.ts';
import { bucketOf } from './sketch/ddsketch.ts';
import { registerOf } from './sketch/hyperloglog.ts';
import { checkOwner, tileFromJson } from './tile-json.ts';
import type { TileKey } from './tile-json.ts';
import type { Tile } from './tile.ts';
import type { TilePlan } from './tile-plan.ts';
import { TileFault } from './tile-reader.ts';
import { countFromJson, tileValueFromJson } from './value-json.ts';

/** The largest time of an event: what is left to it orders the newest first. */
export const LAST_TIME_US = Number.MAX_SAFE_INTEGER;
export const TIME_DIGITS = String(LAST_TIME_US).length;

/** What the engine left out of the messages of a partition since it began. */
export const LEFT_OUT = ['unreadable', 'excluded', 'refused', 'late'] as const;
export type LeftOut = Readonly<Record<(typeof LEFT_OUT)[number], number>>;

/** How far a partition of the source has come, in what was written of its tiles. */
export interface TileMark {
  readonly partition: number;
  /** The newest event time and the newest append time of its events; null: it has none that can be read. */
  readonly eventUs: number | null;
  readonly appendedUs: number | null;
  /** Of its newest message. */
  readonly offset: number;
  readonly leftOut: LeftOut;
  /** Events appended up to and including it counted however late they were. */
  readonly horizonUs: number;
  /** How long tiles may be on their way that this counts. */
  readonly holdMs: number;
}

type TileMessage =
  | { readonly kind: 'tile'; readonly key: TileKey; readonly tile: Tile }
  | { readonly kind: 'mark'; readonly mark: TileMark };

type JsonObject = { readonly [key: string]: Json | undefined };

/** @throws TileFault where the JSON is no message of the plan's view under its definition */
export function tileMessageFromJson(plan: TilePlan, json: JsonObject): TileMessage {
  if (json['mark'] === undefined)
    return { kind: 'tile', ...tileFromJson(plan, { ...json, ...listsFromJson(plan, json) }) };
  checkOwner(plan, json);
  const count = (name: string): number => countFromJson(name, json[name]);
  const time = (name: string): number | null => (json[name] === null ? null : count(name));
  const mark = {
    partition: count('mark'),
    eventUs: time('event'),
    appendedUs: time('appended'),
    offset: count('offset'),
    leftOut: Object.fromEntries(LEFT_OUT.map((name) => [name, count(name)])) as unknown as LeftOut,
    horizonUs: count('horizon'),
    holdMs: count('hold'),
  };
  return { kind: 'mark', mark };
}

/** @returns the fields that a message has in a form of its own, as tile-json.ts has them */
function listsFromJson(plan: TilePlan, json: JsonObject): Record<string, Json> {
  const lists: Record<string, Json> = {};
  for (const part of plan.parts) {
    const { type } = plan.columns[part.key.column]!;
    if (part.fields.every(({ name, kind }) => isPlain(json[name], kind === 'list'))) continue;
    const states = partJson(part, type, (name) => netCounts(json, `${name}${part.key.column}`));
    for (const [i, state] of (states ?? []).entries()) lists[part.fields[i]!.name] = state;
  }
  return lists;
}

/** Whether a field is there as tile-json.ts has it: as our own makers write it. */
function isPlain(json: Json | undefined, isList: boolean): boolean {
  return isList ? Array.isArray(json) : json !== undefined;
}

/** @returns one JSON for each of the part's fields; null: the message has them as they are */
function partJson(
  part: TilePart,
  type: ValueType,
  countsOf: (name: string) => ReadonlyMap<string, number>,
): readonly Json[] | null {
  const isFloat = type.kind === 'float32' || type.kind === 'float64';
  switch (part.key.name) {
    case 'values':
      return [[...countsOf('values')].map(([text, count]) => [jsonOf(type, text), count])];
    case 'first':
    case 'last':
      return isFloat ? ofTimed(part, type, countsOf('timed')) : null;
    case 'latest':
      return ofTimed(part, type, countsOf('timed'));
    case 'registers': {
      const ranks = new Map<number, number>();
      const seen = isFloat
        ? [...countsOf('values').keys()].map((text) => registerOf(canonicalBytes(type, valueOf(type, text))))
        : [...countsOf('registers').keys()].map(registerFromText);
      for (const { register, rank } of seen) ranks.set(register, Math.max(rank, ranks.get(register) ?? 0));
      return [[...ranks]];
    }
    case 'buckets': {
      const counts = new Map<number, number>();
      for (const [text, count] of countsOf('buckets')) {
        const bucket = text.startsWith('~') ? bucketOf(numberOf(text.slice(1))) : numberOf(text);
        counts.set(bucket, (counts.get(bucket) ?? 0) + count);
      }
      return [[...counts]];
    }
    default:
      return null;
  }
}

function ofTimed(part: TilePart, type: ValueType, counts: ReadonlyMap<string, number>): readonly Json[] {
  const events = [...counts].map(([text, count]) => {
    const space = text.indexOf(' ');
    return { timeUs: numberOf(text.slice(0, space)), value: valueOf(type, text.slice(space + 1)), count };
  });
  // The list of the newest is kept in its order by whoever adds to it: the newest first is the least work.
  events.sort((a, b) => b.timeUs - a.timeUs || compareCanonical(a.value, b.value));
  let state = part.empty();
  for (const { timeUs, value, count } of events)
    for (let i = 0; i < Math.min(count, Math.max(1, part.size)); i++) state = part.add(state, value, timeUs);
  return part.toJson(state);
}

function registerFromText(text: string): { readonly register: number; readonly rank: number } {
  const found = /^([0-9a-f]{3}) (\d{1,2})$/.exec(text);
  if (found === null) throw new TileFault(`expected a register and its rank, got ${givenText(text)}`);
  return { register: Number.parseInt(found[1]!, 16), rank: Number(found[2]) };
}

/** What an object of texts and counts holds, without what was taken out again. */
function netCounts(json: JsonObject, name: string): ReadonlyMap<string, number> {
  const counts = new Map(countsFromJson(name, json[name]));
  for (const [text, count] of countsFromJson(name, json[`${name}_back`] ?? {})) {
    const left = (counts.get(text) ?? 0) - count;
    if (left < 0)
      throw new TileFault(`expected what ${name} takes back to have been counted, got ${givenText(text)}`);
    if (left === 0) counts.delete(text);
    else counts.set(text, left);
  }
  return counts;
}

function countsFromJson(name: string, json: Json | undefined): [string, number][] {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new TileFault(`expected texts with their counts for ${name}, got ${givenText(json ?? null)}`);
  return Object.entries(json).map(([text, count]) => [text, countFromJson(name, count)]);
}

function jsonOf({ kind }: ValueType, text: string): Json {
  if (kind === 'bool') return text === 'true' ? true : text === 'false' ? false : text;
  return kind === 'int32' || kind === 'float32' || kind === 'float64' ? numberOf(text) : text;
}

function valueOf(type: ValueType, text: string): TileValue {
  return tileValueFromJson(type, jsonOf(type, text));
}

function numberOf(text: string): number {
  const number = Number(text);
  if (text !== '' && Number.isFinite(number)) return number;
  throw new TileFault(`expected a number, got ${givenText(text)}`);
}
