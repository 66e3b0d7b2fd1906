/** No file imports itself by way of others, types included: two files that need each other are one, or lack a third. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';

type Imports = ReadonlyMap<string, readonly string[]>;

const root = join(import.meta.dirname, '..');

/** The repository's own imports, by file; files that are not added yet too. */
function importsOfAll(): Imports {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts', '*.mjs'];
  const listed = execFileSync('git', args, { cwd: root, encoding: 'utf8' }).split('\n');
  const files = listed.filter((file) => file !== '' && existsSync(join(root, file)));
  return new Map(files.map((file) => [file, importsOf(file)]));
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)];
  return [...new Set(specifiers.map((match) => normalize(join(dirname(file), match[1]!))))];
}

/** @returns each cycle that a walk along the imports meets, as the files on it; none: there is no cycle */
function cyclesOf(imports: Imports): string[][] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (file: string): void => {
    const from = way.indexOf(file);
    if (from !== -1) cycles.push([...way.slice(from), file]);
    if (from !== -1 || done.has(file)) return;
    way.push(file);
    for (const imported of imports.get(file) ?? []) visit(imported);
    way.pop();
    done.add(file);
  };
  for (const file of imports.keys()) visit(file);
  return cycles;
}

test('a cycle is found wherever it begins, once, and a file that two import is none', () => {
  const diamond = { a: ['b', 'c'], b: ['d'], c: ['d'], d: [] };
  expect(cyclesOf(new Map(Object.entries(diamond)))).toEqual([]);
  const cyclic = { a: ['b'], b: ['c', 'e'], c: ['d'], d: ['b'], e: ['e'] };
  expect(cyclesOf(new Map(Object.entries(cyclic)))).toEqual([
    ['b', 'c', 'd', 'b'],
    ['e', 'e'],
  ]);
});

test('no import cycle, types included: move what both need into a file below, or hand it in', () => {
  const imports = importsOfAll();
  expect(imports.size).toBeGreaterThan(300);
  expect(cyclesOf(imports).map((files) => files.join(' -> '))).toEqual([]);
});
