/** Tells a build of this program from the next one, also where both bear the same version. Called by run-tie.ts. */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { OWN_PACKAGE } from '../../project/own-package.ts';

/** What the monitor is made of, here or in dist/. */
const FOLDERS = ['contract', 'project', 'monitor'].map((name) => join(import.meta.dirname, '../..', name));

let own: string | null = null;

/** @returns 16 hex digits of the code and the versions of what it depends on; made once a process */
export function ownCode(): string {
  return (own ??= codeHash(FOLDERS, join(OWN_PACKAGE.folder, 'package.json')));
}

/** @param manifest  names what the code depends on */
export function codeHash(folders: readonly string[], manifest: string): string {
  const hash = createHash('sha256').update(readFileSync(manifest));
  for (const folder of folders) {
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    for (const name of names.filter((one) => /\.[jt]s$/.test(one)).toSorted()) {
      const code = readFileSync(join(folder, name));
      hash.update(`${name}\0${code.length}\0`).update(code);
    }
  }
  return hash.digest('hex').slice(0, 16);
}
