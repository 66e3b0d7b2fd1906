/**
 * Where things stand in the online store; the materializer writes it and the sidecar reads it.
 *
 *   key                                  field                          value
 *   {prefix}fstore:{entity}:{id}         xxHash32(view id), 4 bytes BE  header | MessagePack array
 *   {prefix}fstore:~markers:{tag}        view id                        watermark, decimal microseconds
 *   {prefix}fstore:~published:{tag}      view id                        run id, how many of its rows are there
 *   {prefix}fstore:~schemas              definition id, 8 hex digits    canonical JSON of the row's schema
 *   {prefix}fstore:~bundles              (a string)                     the pointer to the bundle in force
 *   {prefix}fstore:~bundle:{hash}        (a string)                     the bytes of a bundle, by their SHA-256
 *
 * No entity's name starts with `~`, so markers and schemas never meet an entity. A Cluster has one marker hash for
 * each 128 slots, its tag chosen so that it lies in them: a node that lost its rows has lost their marker too.
 */
import { definitionName } from './row-header.ts';
import { xxHash32 } from './xxhash.ts';

export const CLUSTER_SLOTS = 16_384;
export const SLOTS_PER_MARKER = 128;
export const MARKERS = CLUSTER_SLOTS / SLOTS_PER_MARKER;

/** @returns the 4 bytes that name a view's row in its entity's hash */
export function fieldOf(name: string): Buffer {
  const field = Buffer.allocUnsafe(4);
  field.writeUInt32BE(xxHash32(name));
  return field;
}

/** @returns the one marker hash of a store without slots */
export function markerKey(keyPrefix: string): string {
  return `${keyPrefix}fstore:~markers`;
}

/** @returns the marker hash that vouches for the rows of `slot`, and lies in the same group of 128 slots */
export function clusterMarkerKey(keyPrefix: string, slot: number): string {
  return `${keyPrefix}fstore:~markers:{${MARKER_TAGS[Math.floor(slot / SLOTS_PER_MARKER)]!}}`;
}

/** @returns the hash of a store without slots in which runs keep how far they are */
export function publishedKey(keyPrefix: string): string {
  return `${keyPrefix}fstore:~published`;
}

/** @returns the same of a cluster, in the group of 128 slots that `slot` is in */
export function clusterPublishedKey(keyPrefix: string, slot: number): string {
  return `${publishedKey(keyPrefix)}:{${MARKER_TAGS[Math.floor(slot / SLOTS_PER_MARKER)]!}}`;
}

export function schemasKey(keyPrefix: string): string {
  return `${keyPrefix}fstore:~schemas`;
}

export function pointerKey(keyPrefix: string): string {
  return `${keyPrefix}fstore:~bundles`;
}

/** @param hash  64 hex digits */
export function bundleKey(keyPrefix: string, hash: string): string {
  return `${keyPrefix}fstore:~bundle:${hash}`;
}

export function schemaField(definitionId: number): string {
  return definitionName(definitionId);
}

const CRC16 = crc16Table();

/** @returns the Redis Cluster slot of a key, as the specification has it: CRC16 (XMODEM) of its hash tag, mod 16384 */
export function clusterSlot(key: string): number {
  const open = key.indexOf('{');
  const close = open === -1 ? -1 : key.indexOf('}', open + 1);
  const hashed = Buffer.from(close > open + 1 ? key.slice(open + 1, close) : key);
  let crc = 0;
  for (const byte of hashed) crc = ((crc << 8) & 0xffff) ^ CRC16[((crc >> 8) ^ byte) & 0xff]!;
  return crc % CLUSTER_SLOTS;
}

function crc16Table(): Uint16Array {
  const table = new Uint16Array(256);
  for (let i = 0; i < 256; i++) {
    let crc = i << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
    table[i] = crc & 0xffff;
  }
  return table;
}

/** For each group of 128 slots the smallest number whose decimal text hashes into it. */
const MARKER_TAGS: readonly string[] = markerTags();

function markerTags(): string[] {
  const tags: string[] = [];
  for (let n = 0, found = 0; found < MARKERS; n++) {
    const group = Math.floor(clusterSlot(String(n)) / SLOTS_PER_MARKER);
    if (tags[group] !== undefined) continue;
    tags[group] = String(n);
    found += 1;
  }
  return tags;
}

/**
 * The embedded online store: the same interface kept by one SQLite file.
 * Rows are ordered by key so that one entity's views lie together; expiry is milliseconds, null: never.
 */
export const SQLITE_ONLINE_SCHEMA = `
  CREATE TABLE IF NOT EXISTS entity_row (
    key TEXT NOT NULL, field INTEGER NOT NULL, row BLOB NOT NULL, PRIMARY KEY (key, field)
  ) WITHOUT ROWID, STRICT;
  CREATE TABLE IF NOT EXISTS entity_expiry (key TEXT PRIMARY KEY, expires_ms INTEGER NOT NULL) WITHOUT ROWID, STRICT;
  CREATE TABLE IF NOT EXISTS marker (view TEXT PRIMARY KEY, watermark_us INTEGER NOT NULL) WITHOUT ROWID, STRICT;
  CREATE TABLE IF NOT EXISTS published (view TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID, STRICT;
  CREATE TABLE IF NOT EXISTS row_schema (definition_id INTEGER PRIMARY KEY, schema TEXT NOT NULL) STRICT;
`;

/** Bundles by their SHA-256, and the pointer in the row `current`. */
export const SQLITE_BUNDLE_SCHEMA =
  'CREATE TABLE IF NOT EXISTS bundle (hash TEXT PRIMARY KEY, content TEXT NOT NULL) STRICT';
