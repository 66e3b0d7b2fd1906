// What programs read at run time and is no TypeScript, copied into each build: the package's, and that of the tests.
import { cpSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const FILES = ['contract/wire/log/served.proto', 'project/engine/spark/runner.py'];

/** Copies them to where the build has the files that read them. */
export function copyRunTimeFiles(dist) {
  for (const file of FILES) cpSync(join(root, file), join(dist, file));
}
