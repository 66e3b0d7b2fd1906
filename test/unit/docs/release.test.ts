/** What a version is: one number wherever it stands, and files that no later version changes. */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { version as ownVersion } from '../../../registry/doctor/own-version.ts';
import { commandContext } from '../../support/processes/command-context.ts';

const ROOT = join(import.meta.dirname, '../../..');
const GOLDEN = join(ROOT, 'test/golden');
/** Of each released version: what `sha256sum` says of its files. */
const SUMS = 'SHA256SUMS';

const text = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const { version } = JSON.parse(text('package.json')) as { version: string };

/** Where the version stands, and how. */
const PLACES: Readonly<Record<string, RegExp>> = {
  'package-lock.json': /^\{\n {2}"name": "plumbline-serving",\n {2}"version": "(.+)"/g,
  'clients/python/pyproject.toml': /^version = "(.+)"/gm,
  'deploy/helm/plumbline/Chart.yaml': /^(?:version|appVersion): (.+)/gm,
  'deploy/helm/plumbline-sidecar/Chart.yaml': /^(?:version|appVersion): (.+)/gm,
  'deploy/helm/plumbline/values.yaml': /plumbline(?:-sidecar)?:(\d.+)/g,
  'deploy/helm/plumbline-sidecar/values.yaml': /plumbline(?:-sidecar)?:(\d.+)/g,
  'deploy/compose/compose.yaml': /image: plumbline(?:-sidecar)?:(.+)/g,
  'docs/operate/deploy.md': /-t plumbline(?:-sidecar)?:(\S+)/g,
  'docs/tutorial.md': /plumbline-serving-(.+)\.tgz/g,
  'README.md': /plumbline-serving-(.+)\.tgz/g,
  'test/clients/python-client.test.ts': /plumbline_client-([\d.]+)-py3/g,
  'test/clients/helm-charts.long.test.ts': /SIDECAR_CHART, version: '(.+?)'/g,
};

test.each(Object.entries(PLACES))('%s has the version of package.json', (file, pattern) => {
  const found = [...text(file).matchAll(pattern)].map((match) => match[1]);
  expect(found.length).toBeGreaterThan(0);
  expect(new Set(found)).toEqual(new Set([version]));
});

const headings = text('CHANGELOG.md').matchAll(/^## (\d+\.\d+\.\d+)$/gm);
const released = new Set([...headings].map((match) => match[1]!));

/** @returns the files below a version's folder, and the SHA-256 of each */
function sumsOf(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name !== SUMS && statSync(join(folder, name)).isFile())
    .toSorted();
  return Object.fromEntries(
    names.map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(folder, name)))
        .digest('hex'),
    ]),
  );
}

const kept = readdirSync(GOLDEN).filter((name) => /^\d/.test(name));

test('golden files of a released version are the ones that it was released with', () => {
  for (const one of kept.filter((name) => released.has(name))) {
    expect(readdirSync(join(GOLDEN, one)), `test/golden/${one} of a released version`).toContain(SUMS);
    const listed = text(`test/golden/${one}/${SUMS}`)
      .trim()
      .split('\n')
      .map((line) => line.split('  ') as [string, string]);
    expect(sumsOf(join(GOLDEN, one))).toEqual(Object.fromEntries(listed.map(([sum, name]) => [name, sum])));
  }
});

test('the first release has golden files, and none have them that are neither released nor next', () => {
  expect(kept).toContain('0.1.0');
  expect(kept.filter((one) => one !== version && !released.has(one))).toEqual([]);
});

test('docs/compatibility.md names what is kept', () => {
  const page = text('docs/compatibility.md');
  for (const one of kept)
    for (const name of readdirSync(join(GOLDEN, one)).filter((each) => each !== SUMS))
      expect(page, `${one}/${name}`).toContain(name);
});

test('plumb version tells the formats that docs/compatibility.md promises', async () => {
  const told = commandContext('.', true);
  expect(await ownVersion(told)).toBe(0);
  const reads = { bundles: [3, 4, 5, 6], registryTables: 5, spoolSegments: [1, 2] };
  expect(JSON.parse(told.said())).toMatchObject({ version, reads });
  expect(text('docs/compatibility.md')).toMatch(
    /Formats 3 to 6 are read.*Versions 1 and 2 are read|Versions 1 and 2 are read.*Formats 3 to 6 are read/s,
  );
});
