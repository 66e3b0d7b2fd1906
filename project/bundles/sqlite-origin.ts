/** Bundles in the online store that is a file of SQLite. */
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { isBefore, pointerFromText, pointerText } from '../../contract/bundles/bundle-pointer.ts';
import type { BundlePointer } from '../../contract/bundles/bundle-pointer.ts';
import { makePrivateFile } from '../../contract/std/files/private-file.ts';
import { SQLITE_BUNDLE_SCHEMA } from '../../contract/wire/online/online-layout.ts';
import type { BundleOrigin } from './bundle-origin.ts';

const BUSY_MS = 5_000;
const CURRENT = 'current';
const READ = 'SELECT content FROM bundle WHERE hash = ?';
const WRITE = 'INSERT OR REPLACE INTO bundle VALUES (?, ?)';

export function sqliteOrigin(file: string): BundleOrigin {
  const read = async (hash: string): Promise<string | null> => {
    if (!existsSync(file)) return null;
    return using(new DatabaseSync(file, { readOnly: true, timeout: BUSY_MS }), (database) => {
      const isThere = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'bundle'").get();
      if (isThere === undefined) return null;
      return (database.prepare(READ).get(hash)?.['content'] as string | undefined) ?? null;
    });
  };
  return {
    name: 'the online store',
    needsSignature: true,
    pointer: () => read(CURRENT),
    content: ({ hash }) => read(hash),
    async publish(texts, pointer) {
      makePrivateFile(file);
      using(new DatabaseSync(file, { timeout: BUSY_MS }), (database) => {
        database.exec('PRAGMA journal_mode = WAL');
        database.exec(SQLITE_BUNDLE_SCHEMA);
        publish(database, texts, pointer);
      });
    },
    close() {},
  };
}

function publish(database: DatabaseSync, texts: ReadonlyMap<string, string>, pointer: BundlePointer): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    const there = database.prepare(READ).get(CURRENT)?.['content'] as string | undefined;
    if (there === undefined || !isLater(there, pointer)) {
      for (const [hash, text] of texts) database.prepare(WRITE).run(hash, text);
      database.prepare(WRITE).run(CURRENT, pointerText(pointer));
    }
    database.exec('COMMIT');
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}

/** What is no pointer is written over. */
function isLater(there: string, pointer: BundlePointer): boolean {
  try {
    return isBefore(pointer, pointerFromText(there));
  } catch {
    return false;
  }
}

function using<T>(database: DatabaseSync, work: (database: DatabaseSync) => T): T {
  try {
    return work(database);
  } finally {
    database.close();
  }
}
