/**
 * Plays a well-meant script that bypasses the definitions: it writes zero into the online store where a value is null,
 * "so that the model gets a number". It keeps each row's header, as a script that patches a value in place would. Works
 * on the embedded store.
 */
import { DatabaseSync } from 'node:sqlite';
import { loadCurrentBundle } from '../../contract/definitions/bundle-folder.ts';
import type { Project } from '../../project/project.ts';
import { fieldOf } from '../../contract/wire/online/online-layout.ts';
import { decodeRowValues, RowEncoder } from '../../contract/wire/online/row-codec.ts';
import { readHeader } from '../../contract/wire/online/row-header.ts';

/** @returns how many rows it changed */
export async function fillNullsWithZero(project: Project, viewId: string, feature: string): Promise<number> {
  const bundle = loadCurrentBundle(project.settings.bundles);
  const schema = bundle.schemas.get(viewId)!.at(-1)!;
  const at = schema.features.findIndex((f) => f.name === feature);
  const encoder = new RowEncoder(schema);
  const database = new DatabaseSync(project.settings.online.url);
  try {
    const field = fieldOf(viewId).readUInt32BE(0);
    const rows = database.prepare('SELECT key, row FROM entity_row WHERE field = ?').all(field);
    const update = database.prepare('UPDATE entity_row SET row = ? WHERE key = ? AND field = ?');
    let changed = 0;
    database.exec('BEGIN IMMEDIATE');
    for (const { key, row } of rows as { key: string; row: Uint8Array }[]) {
      const bytes = Buffer.from(row.buffer, row.byteOffset, row.byteLength);
      const values = decodeRowValues(schema, bytes);
      if (values[at] !== null) continue;
      values[at] = 0;
      const { eventUs, createdUs, writtenMs } = readHeader(bytes)!;
      update.run(encoder.encode(eventUs, createdUs, writtenMs, values), key, field);
      changed += 1;
    }
    database.exec('COMMIT');
    return changed;
  } finally {
    database.close();
  }
}
