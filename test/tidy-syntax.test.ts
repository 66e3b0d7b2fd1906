/** The rules of the house that need the syntax of the code, each with its reason and what to do instead. */
import { describe, expect, test } from 'vitest';
import { listed, textOf } from './support/house/files.ts';
import { parseFiles } from './support/house/syntax.ts';
import type { ExportSyntax, FileSyntax } from './support/house/syntax.ts';

const parsed = parseFiles(listed('*.ts').filter((file) => !file.endsWith('vitest.config.ts')));
const isTest = (file: string): boolean => file.startsWith('test/');
const sources = parsed.filter(({ file }) => !isTest(file));

describe('functions', () => {
  test('a function has at most four positional parameters: from the fifth on, take one record with names', () => {
    expect(offendersOf(({ parameters }) => parameters > 4)).toEqual([]);
  });

  test('a function fits on a screen, 70 lines: name its steps and let each be a function', () => {
    expect(offendersOf(({ lines }) => lines > 70)).toEqual([]);
  });

  function offendersOf(wrong: (one: FileSyntax['functions'][number]) => boolean): string[] {
    return sources.flatMap(({ file, functions }) =>
      functions.filter(wrong).map(({ name }) => `${file} ${name}`),
    );
  }
});

describe('exports', () => {
  /** By `file name`: whether sources and whether tests import it. */
  const importers = new Map<string, { source: boolean; test: boolean }>();
  const exportsOf = new Map(parsed.map(({ file, exports }) => [file, exports.map(({ name }) => name)]));
  for (const { file, imports, identifiers } of parsed) {
    for (const { file: from, names } of imports) {
      for (const name of names ?? exportsOf.get(from)?.filter((one) => identifiers.has(one)) ?? []) {
        const known = importers.get(`${from} ${name}`) ?? { source: false, test: false };
        importers.set(`${from} ${name}`, known);
        if (isTest(file)) known.test = true;
        else known.source = true;
      }
    }
  }
  const NOBODY = { source: false, test: false };
  const importersOf = (file: string, name: string) => importers.get(`${file} ${name}`) ?? NOBODY;
  const exportsWhere = (wrong: (file: FileSyntax, one: ExportSyntax) => boolean): string[] =>
    parsed.flatMap((file) =>
      file.exports.filter((one) => wrong(file, one)).map(({ name }) => `${file.file} ${name}`),
    );

  /** What is called by its file's name and not by an import. */
  const CALLED_OTHERWISE = [
    // What a user's definition files import.
    /^plumbline\.ts /,
    // Definitions are found by loading the file.
    /^examples\/[a-z-]+\/definitions\//,
    // A definition names its module by path.
    /^examples\/[a-z-]+\/compute\/[a-z-]+\.ts default$/,
    // The compiler checks these definitions; nothing runs them.
    /^test\/types\//,
    // The ring's worker loads the file that its parent names.
    /^(sidecar\/spool\/spool-files|test\/support\/faults\/stalling-files)\.ts filesOf$/,
    // The package's declarations name it, as the type of a parameter of every program's errors.
    /^contract\/std\/coded-error\.ts ErrorDetails$/,
    // vitest.config.ts names it.
    /^test\/support\/(?:kafka\/run-kafka|processes\/build-plumb)-setup\.ts default$/,
  ];

  test('someone imports it; else it is private to its file, or nothing uses it: take `export` or all of it away', () => {
    const unused = exportsWhere(({ file }, { name }) => {
      const { source, test: tested } = importersOf(file, name);
      return !source && !tested && !CALLED_OTHERWISE.some((one) => one.test(`${file} ${name}`));
    });
    expect(unused).toEqual([]);
  });

  /** Why each of these is there. */
  const FOR_TESTS: Readonly<Record<string, string>> = {
    'materializer/aggregate/tile-rows.ts mergedTileSelects': 'the tiles that other makers are held to',
    'materializer/aggregate/tile-rows.ts tileRowSelects': 'the tiles that other makers are held to',
    'contract/sketch.ts takenFrom': 'what a sketch takes of a value: the SQL of sketches is held to it',
  };

  test('the product uses it: what only tests call is dead, unless it is the rule that they hold others to', () => {
    const dead = exportsWhere(({ file, identifiers }, { name }) => {
      const { source, test: tested } = importersOf(file, name);
      return tested && !source && identifiers.get(name) === 1 && !isTest(file);
    });
    expect(dead.toSorted()).toEqual(Object.keys(FOR_TESTS).toSorted());
  });

  test('a type has its name alone, so that a reader who meets it knows which one it is: say what it is of', () => {
    const files = new Map<string, string[]>();
    for (const { file, exports } of sources) {
      for (const { name } of exports.filter(({ isType }) => isType)) {
        files.set(name, [...(files.get(name) ?? []), file]);
      }
    }
    const twice = [...files].filter(([, own]) => own.length > 1);
    expect(twice.map(([name, own]) => `${name}: ${own.join(', ')}`)).toEqual([]);
  });
});

describe('comments', () => {
  const WIDTH = Number(/max_line_length = (\d+)/.exec(textOf('.editorconfig'))![1]);

  test(`a line of a comment is at most ${WIDTH} wide, as .editorconfig has it: prettier breaks only code`, () => {
    const wide = listed('*.ts', '*.mjs').flatMap((file) =>
      textOf(file)
        .split('\n')
        .flatMap((line, i) =>
          line.length > WIDTH && /^\s*(\/\*|\*|\/\/)/.test(line) ? [`${file}:${i + 1}`] : [],
        ),
    );
    expect(wide).toEqual([]);
  });
});
