/** Alert rules name metrics, and a name that no program exports is an alert that never comes. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { exportedMetrics, metricOf } from '../../support/fixtures/exported-metrics.ts';
import type { ExportedMetric } from '../../support/fixtures/exported-metrics.ts';

const root = join(import.meta.dirname, '../../..');
const folder = join(root, 'deploy/helm/plumbline/alerts');
const clients = join(root, 'test/clients');
/** docs/roadmap.md, "Known faults", says why. */
const UNSEEN = 'PlumblineStreamEdgesDue';
/** The tests of the long run in which faults make alerts fire. */
const observed = readdirSync(clients)
  .filter((name) => /^observed-.*\.long\.test\.ts$/.test(name))
  .map((name) => readFileSync(join(clients, name), 'utf8'))
  .join('');

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: {
    readonly summary: string;
    readonly description: string;
    readonly runbook: string;
  };
}

function rulesOf(file: string): Rule[] {
  const { groups } = parse(readFileSync(join(folder, file), 'utf8')) as { groups: { rules: Rule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

let exported: ReadonlyMap<string, ExportedMetric>;
beforeAll(async () => {
  exported = await exportedMetrics();
});

describe.each(readdirSync(folder).filter((file) => file.endsWith('.yaml')))('%s', (file) => {
  const rules = rulesOf(file);
  const recorded = new Set(rules.flatMap(({ record }) => (record === undefined ? [] : [record])));
  const alerts = rules.filter((rule): rule is Rule & { alert: string } => rule.alert !== undefined);

  test('watches only metrics that the sidecar exports, or a run, or a verdict', () => {
    for (const { alert, record, expr } of rules) {
      const series = expr.match(/(?:plumbline|process|nodejs)[a-z_:0-9]+/g) ?? [];
      expect(series.length, alert).toBeGreaterThan(0);
      for (const one of series) {
        const isKnown = recorded.has(one) || exported.has(metricOf(one, exported));
        expect(isKnown, `${alert ?? record} watches ${one}`).toBe(true);
      }
    }
  });

  test('is seen to fire in the long run, each alert but one', () => {
    const unseen = alerts.filter(({ alert }) => alert !== UNSEEN && !observed.includes(`'${alert}'`));
    expect(unseen.map(({ alert }) => alert)).toEqual([]);
  });

  test('says of each alert how urgent it is and what to do', () => {
    for (const { alert, labels, annotations } of alerts) {
      expect(['page', 'warn', 'info'], alert).toContain(labels.severity);
      expect(annotations.summary.length, alert).toBeGreaterThan(10);
      expect(annotations.description.length, alert).toBeGreaterThan(10);
    }
  });

  test('names the part of a runbook that is about the alert: what it means, what to look at, what to do', () => {
    for (const { alert, annotations } of alerts) {
      const [page, heading] = annotations.runbook.split('#');
      expect(heading, alert).toBe(alert.toLowerCase());
      expect(existsSync(join(root, page!)), page).toBe(true);
      const part = readFileSync(join(root, page!), 'utf8').split(`\n## ${alert}\n`)[1]?.split('\n## ')[0];
      expect(part, `${page} has no part on ${alert}`).toBeDefined();
      for (const word of ['**Means.**', '**Look at.**', '**Do.**']) expect(part, alert).toContain(word);
    }
  });
});
