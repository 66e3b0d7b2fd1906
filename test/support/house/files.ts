/** The repository's files, for the tests of the house's rules. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const ROOT = join(import.meta.dirname, '../../..');

/** Files of the repository by their patterns, those not added yet with them; what was removed is not there. */
export function listed(...patterns: string[]): string[] {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', ...patterns];
  const lines = execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).split('\n');
  return lines.filter((file) => file !== '' && isThere(file));
}

export function isThere(file: string): boolean {
  return existsSync(pathOf(file));
}

export function pathOf(file: string): string {
  return join(ROOT, file);
}

const texts = new Map<string, string>();

export function textOf(file: string): string {
  let text = texts.get(file);
  if (text === undefined) texts.set(file, (text = readFileSync(pathOf(file), 'utf8')));
  return text;
}

/** @returns what a file's import names: a path from the root where it is relative, else the specifier itself */
export function resolved(file: string, specifier: string): string {
  return specifier.startsWith('.') ? normalize(join(dirname(file), specifier)) : specifier;
}
