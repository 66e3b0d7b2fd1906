/** Lineage over a project that has everything: columns that decide and that are read, roles of functions, models. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LineageGraph } from '../../../../project/overview/lineage-graph.ts';
import { lineageSvg } from '../../../../project/overview/lineage-picture.ts';
import { DuckDb } from '../../../../project/engine/duckdb/duckdb.ts';
import { loadCurrentBundle } from '../../../../contract/definitions/bundle-folder.ts';
import { plumb } from '../../../support/processes/plumb-process.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const DEFINITIONS = `
entity: customer
joinKeys: { customer_id: int64 }
---
source: invoices
parquet: data/invoices.parquet
eventTime: at
createdTime: loaded
---
featureView: lines
entity: customer
source: invoices
owner: team-sales
where: "quantity > 0 and not cancelled"
select: { total: "price * quantity" }
features: { total: float64, pieces: { type: int64, column: quantity } }
---
featureView: spent
entity: customer
source: invoices
hop: 1h
features: { spent_7d: { agg: sum, column: price, window: 7d, scale: 2 }, lines_7d: { agg: count, window: 7d } }
---
onDemandView: basket
inputs: { amount: float64 }
uses: ['lines:total']
features: { ratio: float64 }
compute: ./ratio.ts
---
onDemandView: offer
uses: ['basket:ratio', 'spent:spent_7d']
features: { percent: float64 }
compute: ./percent.ts
---
featureService: churn_v1
features: ["lines:pieces", offer]
consumers: [{ model: churn, owner: team-crm }]
---
featureService: churn
features: ["spent:lines_7d"]
`;

async function applied(): Promise<string> {
  const folder = scratchFolder({
    'plumbline.yaml': 'project: shop\n',
    'definitions/shop.yaml': DEFINITIONS,
    'definitions/ratio.ts':
      'export default ({ amount, total }: { amount: number; total: number | null }) => ({ ratio: amount / (total ?? 1) });',
    'definitions/percent.ts':
      'export default ({ ratio, spent_7d }: { ratio: number | null; spent_7d: number | null }) => ({ percent: (ratio ?? 0) + (spent_7d ?? 0) });',
    'data/.keep': '',
  });
  const duck = await DuckDb.open();
  await duck.run(`COPY (SELECT 1::BIGINT customer_id, TIMESTAMP '2026-01-01' AS "at", TIMESTAMP '2026-01-01' AS loaded,
    1.5::DOUBLE price, 2::BIGINT quantity, false cancelled) TO '${join(folder, 'data/invoices.parquet')}' (FORMAT parquet)`);
  duck.close();
  expect(await plumb(['-C', folder, 'apply'])).toMatchObject({ code: 0 });
  return folder;
}

test('what comes of what, by columns, through functions, up to models', async () => {
  const folder = await applied();
  const graph = new LineageGraph(loadCurrentBundle(join(folder, '.plumb/bundles')), () => 'type');
  const above = (id: string): string[] => graph.reached(id, (one) => graph.above(one)).toSorted();
  const below = (id: string): string[] => graph.reached(id, (one) => graph.below(one)).toSorted();
  expect(graph.above('feature:lines__total').toSorted()).toEqual([
    'column:invoices.price',
    'column:invoices.quantity',
    'view:lines',
  ]);
  expect(graph.above('feature:lines__pieces')).toEqual(['view:lines', 'column:invoices.quantity']);
  expect(graph.above('feature:spent__lines_7d')).toEqual(['view:spent']);
  expect(graph.above('view:lines').toSorted()).toEqual(
    ['at', 'cancelled', 'customer_id', 'loaded', 'quantity'].map((name) => `column:invoices.${name}`),
  );
  expect(graph.above('view:spent').toSorted()).toEqual(
    ['at', 'customer_id', 'loaded'].map((name) => `column:invoices.${name}`),
  );
  // A function is one: each of its features comes of all that it takes.
  expect(above('feature:offer__percent')).toContain('input:basket.amount');
  expect(above('feature:offer__percent')).toContain('column:invoices.price');
  expect(below('column:invoices.cancelled')).toEqual(
    expect.arrayContaining(['feature:offer__percent', 'service:churn_v1', 'model:churn']),
  );
  expect(below('column:invoices.cancelled')).not.toContain('service:churn');
  expect(graph.named('spent:lines_7d').id).toBe('feature:spent__lines_7d');
  expect(graph.named('source invoices').id).toBe('source:invoices');
  expect(graph.named('service churn').id).toBe('service:churn');
  expect(() => graph.named('churn')).toThrow('model churn, service churn: which of them?');
  expect(() => graph.named('spend')).toThrow('did you mean "spent"?');
  const svg = lineageSvg(
    graph,
    graph.nodes.map(({ id }) => id),
  );
  expect(svg.match(/<g>/g)).toHaveLength(graph.nodes.length);
  expect(svg.match(/<path /g)).toHaveLength(graph.edges.length);
});

test('the command says where a feature comes from, what a source feeds, and draws it', async () => {
  const folder = await applied();
  const told = (...args: string[]) => plumb(['-C', folder, 'lineage', ...args]);
  const { stdout } = await told('lines:total');
  expect(stdout).toMatch(/^feature lines__total {2}\(float64, owner team-sales\)$/m);
  expect(stdout).toMatch(
    /^comes from\n {2}view lines .*\n {4}column invoices.customer_id\n {6}source invoices/m,
  );
  expect(stdout).toMatch(
    /^feeds\n {2}view basket {2}\(on demand\)\n(.*\n)* +model churn {2}\(owner team-crm\)$/m,
  );
  expect((await told()).stdout).toMatch(/^invoices +data\/invoices.parquet +4 +6 +2 +churn$/m);
  const file = join(folder, 'picture.svg');
  const { nodes } = JSON.parse((await told('offer', '--svg', file, '--json')).stdout) as {
    nodes: { id: string }[];
  };
  expect(readFileSync(file, 'utf8').match(/<g>/g)).toHaveLength(nodes.length);
  writeFileSync(join(folder, 'taken'), '');
  expect(await told('offer', '--svg', join(folder, 'taken/p.svg'))).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('cannot write the picture') as string,
  });
});
