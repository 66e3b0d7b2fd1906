/** Dashboards are held to what programs export: a metric that gets another name must not leave an empty panel. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { BOARDS } from '../../../deploy/dashboards/boards.ts';
import { grafanaJson } from '../../../deploy/dashboards/grafana.ts';
import { exportedMetrics, metricOf } from '../../support/fixtures/exported-metrics.ts';
import type { ExportedMetric } from '../../support/fixtures/exported-metrics.ts';

const folder = join(import.meta.dirname, '../../../deploy/grafana');
const SERIES = /\b((?:plumbline|process|nodejs)_[a-z_]+)(?:\{([^}]*)\})?/g;
/** Labels that Prometheus gives, and that of buckets. */
const GIVEN = ['instance', 'le'];

let exported: ReadonlyMap<string, ExportedMetric>;
beforeAll(async () => {
  exported = await exportedMetrics();
});

describe.each(BOARDS)('$id', (board) => {
  const panels = board.rows.flatMap((row) => row.panels);

  test('is written as the code has it: `npm run dashboards` writes it', () => {
    expect(readFileSync(join(folder, `${board.id}.json`), 'utf8')).toBe(grafanaJson(board));
  });

  test('asks for metrics that there are, by labels that they have', () => {
    for (const { title, queries } of panels) {
      for (const { expr, legend } of queries) {
        const labels = new Set(GIVEN);
        for (const [, series, chosen = ''] of expr.matchAll(SERIES)) {
          const metric = exported.get(metricOf(series!, exported));
          expect(metric, `${title} asks for ${series}`).toBeDefined();
          for (const label of metric!.labels) labels.add(label);
          const named = [...chosen.matchAll(/(\w+)[=!]/g)].map((match) => match[1]!);
          for (const label of named) expect([...GIVEN, ...metric!.labels], title).toContain(label);
        }
        const grouped = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap((match) => match[1]!.split(', '));
        const shown = [...legend.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]!);
        for (const label of [...grouped, ...shown])
          expect([...labels], `${title}: ${label}`).toContain(label);
      }
    }
  });

  test('has a description and a unit for each panel, and names none twice', () => {
    const titles = panels.map(({ title }) => title);
    expect(titles).toEqual([...new Set(titles)]);
    for (const { title, description, unit } of panels) {
      expect(description, title).toMatch(/^[A-Z1`].{8,}\.$/s);
      expect(unit).not.toBe('');
    }
  });

  test('lays its panels side by side, none over another', () => {
    const { panels: laid } = JSON.parse(grafanaJson(board)) as {
      panels: { id: number; gridPos: { x: number; y: number; w: number; h: number } }[];
    };
    const taken = new Set<string>();
    for (const { gridPos } of laid) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++)
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
          expect(taken.has(`${x},${y}`) || x >= 24).toBe(false);
          taken.add(`${x},${y}`);
        }
    }
    expect(laid.map(({ id }) => id)).toEqual(laid.map((_, i) => i + 1));
  });
});

test('every metric is on a dashboard, and no file is left of one that is gone', () => {
  const asked = BOARDS.flatMap(({ rows }) => rows.flatMap(({ panels }) => panels.flatMap((p) => p.queries)));
  const shown = new Set(
    asked.flatMap(({ expr }) => [...expr.matchAll(SERIES)].map((match) => metricOf(match[1]!, exported))),
  );
  expect([...exported.keys()].filter((name) => !shown.has(name))).toEqual([]);
  expect(readdirSync(folder).toSorted()).toEqual(BOARDS.map(({ id }) => `${id}.json`).toSorted());
});
