/**
 * Plays a well-meant script that bypasses the definitions: it writes zero into the online store where a value is null,
 * "so that the model gets a number". It keeps each row's header, as a script that patches a value in place would. Works
 * on the embedded store and on a Redis Cluster.
 */
import { DatabaseSync } from 'node:sqlite';
import { loadCurrentBundle } from '../../contract/definitions/bundle-folder.ts';
import { clusterClient } from '../../project/connections/redis-client.ts';
import type { Redis } from '../../project/connections/redis-client.ts';
import { redisAddress } from '../../project/connections/redis-address.ts';
import type { Project } from '../../project/project.ts';
import type { OnlineSettings } from '../../project/settings/settings.ts';
import { fieldOf } from '../../contract/wire/online/online-layout.ts';
import { decodeRowValues, RowEncoder } from '../../contract/wire/online/row-codec.ts';
import { readHeader } from '../../contract/wire/online/row-header.ts';

/** @returns the row to write in place of one; null: it stays */
type Patch = (row: Buffer) => Uint8Array | null;

/** @returns how many rows it changed */
export async function fillNullsWithZero(project: Project, viewId: string, feature: string): Promise<number> {
  const bundle = loadCurrentBundle(project.settings.bundles);
  const schema = bundle.schemas.get(viewId)!.at(-1)!;
  const at = schema.features.findIndex((f) => f.name === feature);
  const encoder = new RowEncoder(schema);
  const patch: Patch = (row) => {
    const values = decodeRowValues(schema, row);
    if (values[at] !== null) return null;
    values[at] = 0;
    const { eventUs, createdUs, writtenMs } = readHeader(row)!;
    return encoder.encode(eventUs, createdUs, writtenMs, values);
  };
  const { online } = project.settings;
  return online.kind === 'sqlite'
    ? patchFile(online.url, viewId, patch)
    : patchCluster(online, viewId, patch);
}

function patchFile(file: string, viewId: string, patch: Patch): number {
  const database = new DatabaseSync(file);
  try {
    const field = fieldOf(viewId).readUInt32BE(0);
    const rows = database.prepare('SELECT key, row FROM entity_row WHERE field = ?').all(field);
    const update = database.prepare('UPDATE entity_row SET row = ? WHERE key = ? AND field = ?');
    let changed = 0;
    database.exec('BEGIN IMMEDIATE');
    for (const { key, row } of rows as { key: string; row: Uint8Array }[]) {
      const patched = patch(Buffer.from(row.buffer, row.byteOffset, row.byteLength));
      if (patched === null) continue;
      update.run(patched, key, field);
      changed += 1;
    }
    database.exec('COMMIT');
    return changed;
  } finally {
    database.close();
  }
}

async function patchCluster(online: OnlineSettings, viewId: string, patch: Patch): Promise<number> {
  const cluster = clusterClient(redisAddress(online.url, online.access), {}, () => {});
  await cluster.connect();
  try {
    const changed = await Promise.all(cluster.nodes('master').map((node) => patchNode(node, viewId, patch)));
    return changed.reduce((sum, count) => sum + count, 0);
  } finally {
    cluster.disconnect();
  }
}

async function patchNode(node: Redis, viewId: string, patch: Patch): Promise<number> {
  const field = fieldOf(viewId);
  let changed = 0;
  let cursor = '0';
  do {
    const [next, keys] = await node.scan(cursor, 'MATCH', 'fstore:[^~]*', 'COUNT', 1_000);
    const rows = await Promise.all(keys.map((key) => node.hgetBuffer(key, field)));
    const writes = keys.flatMap((key, i) => {
      const row = rows[i] ?? null;
      const patched = row === null ? null : patch(row);
      return patched === null ? [] : [node.hset(key, field, Buffer.from(patched))];
    });
    await Promise.all(writes);
    changed += writes.length;
    cursor = next;
  } while (cursor !== '0');
  return changed;
}
