/** The list of alerts in docs/operate/runbooks.md is made from the rules. Their parts: deploy/alerts.test.ts. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { expectGeneratedPart, markdownTable } from '../../support/docs/generated-part.ts';

const root = join(import.meta.dirname, '../../..');

interface Rule {
  readonly alert?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
}

const alerts = readdirSync(join(root, 'deploy/helm/plumbline/alerts')).flatMap((file) => {
  const text = readFileSync(join(root, 'deploy/helm/plumbline/alerts', file), 'utf8');
  const { groups } = parse(text) as { groups: { rules: Rule[] }[] };
  return groups.flatMap(({ rules }) => rules).filter(({ alert }) => alert !== undefined);
});

test('docs/operate/runbooks.md lists every alert, with its runbook', () => {
  const rows = alerts.map(({ alert, labels, annotations: { summary, runbook } }) => [
    `[${alert}](${runbook.replace('docs/operate/', '')})`,
    labels.severity,
    summary
      .replaceAll(/\{\{ with [^}]*\}\}.*?\{\{ end \}\}/g, '')
      .replaceAll(/\{\{ \$labels\.(\w+)[^}]*\}\}/g, (_, label: string) => label.toUpperCase())
      .replaceAll(/\{\{ \$value[^}]*\}\}/g, 'N'),
  ]);
  expectGeneratedPart(
    'docs/operate/runbooks.md',
    'deploy/helm/plumbline/alerts',
    markdownTable(['alert', 'urgency', 'says'], rows),
  );
});

test('a runbook has no part on an alert that is gone', () => {
  const folder = join(root, 'docs/operate/runbooks');
  const parts = readdirSync(folder).flatMap((file) =>
    [...readFileSync(join(folder, file), 'utf8').matchAll(/^## (\w+)$/gm)].map((match) => match[1]!),
  );
  expect(parts.toSorted()).toEqual(alerts.map(({ alert }) => alert!).toSorted());
});
