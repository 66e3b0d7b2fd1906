import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../../..');

test('docs/operate/runbooks.md has a first look for every alert, and names no other', () => {
  const rules = readdirSync(join(root, 'deploy/alerts')).map((file) =>
    readFileSync(join(root, 'deploy/alerts', file), 'utf8'),
  );
  const alerts = rules.flatMap((text) => [...text.matchAll(/- alert: (\w+)/g)].map((match) => match[1]!));
  const page = readFileSync(join(root, 'docs/operate/runbooks.md'), 'utf8');
  const named = [...page.matchAll(/`(Plumbline\w+)`/g)].map((match) => match[1]!);
  expect(named.toSorted()).toEqual(alerts.toSorted());
});
