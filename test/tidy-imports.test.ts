/** No file imports itself by way of others, types included: two files that need each other are one, or lack a third. */
import { expect, test } from 'vitest';
import { listed, resolved, textOf } from './support/house/files.ts';

type Imports = ReadonlyMap<string, readonly string[]>;

/** The repository's own imports, by file. */
function importsOfAll(): Imports {
  return new Map(listed('*.ts', '*.mjs').map((file) => [file, importsOf(file)]));
}

function importsOf(file: string): string[] {
  const specifiers = [...textOf(file).matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)];
  return [...new Set(specifiers.map((match) => resolved(file, match[1]!)))];
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
