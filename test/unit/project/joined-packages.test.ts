/** The build loads packages of many modules from one file each, and bears their licences. */
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { JOINED } from '../../../scripts/joined-packages.mjs';
import { PLUMB } from '../../support/processes/plumb-process.ts';

const DIST = dirname(PLUMB);
const read = (...path: string[]): string => readFileSync(join(DIST, ...path), 'utf8');

test('no module of the build loads one of them from elsewhere', () => {
  const files = readdirSync(DIST, { recursive: true, encoding: 'utf8' });
  const own = files.filter((file) => file.endsWith('.js') && !file.startsWith('packages/'));
  const names = Object.keys(JOINED);
  const strays = own.flatMap((file) => {
    const text = read(file);
    const loaded = text.matchAll(/\b(?:from|import|require) ?\(?\s*['"]([^'"]+)['"]/g);
    return [...loaded].flatMap(([, name]) => (names.includes(name!) ? [`${file} loads ${name!}`] : []));
  });
  expect(own.length).toBeGreaterThan(500);
  expect(strays).toEqual([]);
  expect(files).toEqual(expect.arrayContaining(Object.values(JOINED).map((file) => `packages/${file}`)));
});

test('each is named with its version and licence', () => {
  const packages = new Set(Object.keys(JOINED).map((name) => /^(@[^/]+\/)?[^/]+/.exec(name)![0]));
  const { dependencies } = JSON.parse(read('../package.json')) as { dependencies: Record<string, string> };
  const licenses = read('packages/LICENSES.txt');
  for (const name of packages) expect(`\n${licenses}`).toContain(`\n${name} ${dependencies[name]!} (`);
});

test('what runs when a package is loaded runs: the language of messages is set', async () => {
  const { z } = (await import(join(DIST, 'packages/zod.js'))) as typeof import('zod');
  expect(z.string().safeParse(1).error!.issues[0]!.message).toContain('expected string, received number');
});
