import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { listSourceFiles } from '../../../../../../project/engine/duckdb/sources/source-listing.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plumb-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function touch(...names: readonly string[]): void {
  for (const name of names) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), '');
  }
}

function list(pattern: string): string[] {
  return listSourceFiles(folder, pattern).map((file) => file.slice(folder.length + 1));
}

test('what writers have not committed is no data, neither of a folder nor of a pattern', () => {
  touch(
    'in/part-0.parquet',
    'in/day=1/x.parquet',
    'in/_hour=2/y.parquet',
    'in/UPPER.PARQUET',
    'in/readme.txt',
  );
  touch('in/_temporary/0/part-0.parquet', 'in/.spark-staging-1/p.parquet', 'in/_x.parquet', 'in/.h.parquet');
  touch('in/day=1/_temporary/x.parquet', 'in/day=1/.x.parquet', 'in/_SUCCESS');
  const data = ['in/UPPER.PARQUET', 'in/_hour=2/y.parquet', 'in/day=1/x.parquet', 'in/part-0.parquet'];
  expect(list('in')).toEqual(data);
  expect(list('in/')).toEqual(data);
  expect(list('in/**/*.parquet')).toEqual(data.slice(1));
  expect(list('in/*/*.parquet')).toEqual(data.slice(1, 3));
  expect(list('in/*.parquet')).toEqual(['in/part-0.parquet']);
  expect(list('*/*.parquet')).toEqual(['in/part-0.parquet']);
});

test('what the path itself names counts whatever it is called', () => {
  touch('_raw/.x.parquet', '_raw/_a.parquet', '_raw/a.parquet', '_raw/_b/c.parquet', '.dot/a.parquet');
  expect(list('_raw')).toEqual(['_raw/a.parquet']);
  expect(list('_raw/.x.parquet')).toEqual(['_raw/.x.parquet']);
  expect(list('_raw/_*.parquet')).toEqual(['_raw/_a.parquet']);
  expect(list('_raw/_*/*.parquet')).toEqual(['_raw/_b/c.parquet']);
  expect(list('_raw/_b/*')).toEqual(['_raw/_b/c.parquet']);
  expect(list('.dot/**')).toEqual(['.dot/a.parquet']);
  expect(list('nothing')).toEqual([]);
  expect(list('nothing/*.parquet')).toEqual([]);
});

test('the folder of a project stands for itself', () => {
  touch('p[1]/in/a.parquet', 'p1/in/b.parquet', 'p[1]*/in/c.parquet');
  const listIn = (project: string, path: string): string[] => listSourceFiles(join(folder, project), path);
  for (const path of [
    'in/*.parquet',
    'in',
    'in/a.parquet',
    './in/**',
    '../p[[]1]/in/*.parquet',
    '*/*.parquet',
  ])
    expect(listIn('p[1]', path)).toEqual([join(folder, 'p[1]/in/a.parquet')]);
  expect(listIn('p[1]*', '*/*')).toEqual([join(folder, 'p[1]*/in/c.parquet')]);
  expect(listIn('p[1]', join(folder, 'p1/*/*.parquet'))).toEqual([join(folder, 'p1/in/b.parquet')]);
});

test('links to folders are followed, in a circle once, and no file is read twice', () => {
  touch('real/x.parquet', 'in/day1/a.parquet', 'in/b.parquet');
  symlinkSync(join(folder, 'real'), join(folder, 'in/day2'));
  symlinkSync(join(folder, 'in/day1'), join(folder, 'in/latest'));
  symlinkSync(join(folder, 'in'), join(folder, 'in/day1/up'));
  symlinkSync(join(folder, 'in/b.parquet'), join(folder, 'in/a-link.parquet'));
  symlinkSync(join(folder, 'gone'), join(folder, 'in/note'));
  const all = ['in/b.parquet', 'in/day1/a.parquet', 'in/day2/x.parquet'];
  expect(list('in')).toEqual(all);
  expect(list('in/**/*.parquet')).toEqual(all);
  expect(list('in/*/*.parquet')).toEqual(all.slice(1));
  symlinkSync(join(folder, 'gone'), join(folder, 'in/gone.parquet'));
  expect(() => list('in')).toThrow(/gone\.parquet/);
});

test('what is no regular file is named, however it is reached; what is no data is passed over', () => {
  touch('in/day=1/a.parquet');
  execFileSync('mkfifo', [join(folder, 'in/note')]);
  expect(list('in')).toEqual(['in/day=1/a.parquet']);
  execFileSync('mkfifo', [join(folder, 'in/day=1/z.parquet')]);
  symlinkSync('day=1/z.parquet', join(folder, 'in/link.parquet'));
  for (const path of ['in', 'in/**/*.parquet', 'in/*/z.parquet', 'in/day=1/z.parquet', 'in/l*'])
    expect(() => list(path), path).toThrow(/expected a regular file, got a FIFO, open '.*(z|link)\.parquet'/);
});

test('a name that is no UTF-8 is named where it is data or leads to data', () => {
  touch('in/a.parquet');
  const bytes = (name: string): Buffer =>
    Buffer.concat([Buffer.from(join(folder, 'in/z')), Buffer.of(0xff), Buffer.from(name)]);
  writeFileSync(bytes('.txt'), '');
  expect(list('in')).toEqual(['in/a.parquet']);
  mkdirSync(bytes(''));
  expect(list('in/*.parquet')).toEqual(['in/a.parquet']);
  for (const path of ['in', 'in/**', 'in/*/*.parquet'])
    expect(() => list(path), path).toThrow('name in UTF-8');
  rmSync(bytes(''), { recursive: true });
  writeFileSync(bytes('.parquet'), '');
  for (const path of ['in', 'in/*.parquet']) expect(() => list(path), path).toThrow('name in UTF-8');
});

test('patterns agree with a plain model of them', () => {
  const names = ['a', 'ab', 'b.parquet', 'a-1', '[x]', 'c+'];
  touch(...names, ...names.map((name) => `d/${name}`), ...names.map((name) => `d/e/${name}`));
  const files = [...names, ...names.map((name) => `d/${name}`), ...names.map((name) => `d/e/${name}`)];
  const piece = fc.constantFrom('*', '?', 'a', 'b', '.parquet', '[ab]', '[!a]', '[a-b]', '-1', '+', 'd', 'e');
  const part = fc.oneof(
    fc.constant('**'),
    fc.array(piece, { minLength: 1, maxLength: 3 }).map((p) => p.join('')),
  );
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 3 }), (parts) => {
      const pattern = parts.map((one) => (/^\*\*+/.test(one) && one !== '**' ? '*' : one));
      fc.pre(pattern.some((one) => /[*?[]/.test(one)));
      expect(list(pattern.join('/'))).toEqual(
        files.filter((file) => fits(file.split('/'), pattern)).toSorted(),
      );
    }),
  );
});

function fits(path: readonly string[], pattern: readonly string[]): boolean {
  const [part, ...rest] = pattern;
  if (part === undefined) return path.length === 0;
  if (part === '**' && rest.length === 0) return path.length > 0;
  if (part === '**') return path.some((_, i) => fits(path.slice(i), rest));
  return path.length > 0 && nameFits(path[0]!, part) && fits(path.slice(1), rest);
}

function nameFits(name: string, part: string): boolean {
  if (part === '') return name === '';
  if (part.startsWith('*')) return [...name, ''].some((_, i) => nameFits(name.slice(i), part.slice(1)));
  const set = /^\[(!?)([^\]]+)\]/.exec(part);
  if (set !== null) {
    const members = set[2] === 'a-b' ? 'ab' : set[2]!;
    if (name === '' || members.includes(name[0]!) === (set[1] === '!')) return false;
    return nameFits(name.slice(1), part.slice(set[0].length));
  }
  return name !== '' && (part[0] === '?' || part[0] === name[0]) && nameFits(name.slice(1), part.slice(1));
}
