/**
 * One function that loops, or takes all memory, for some of its rows, in all places where functions run: the sidecar,
 * `train`, `plumb compute` and the verdict lack the same rows, and have the same values for all others.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadCurrentBundle } from '../../../contract/definitions/bundle-folder.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import type { Value, ValueType } from '../../../contract/value-type.ts';
import { runIngest } from '../../../monitor/ingest/main.ts';
import { runMonitor } from '../../../monitor/run.ts';
import { RegistryDatabase } from '../../../project/database/registry-database.ts';
import { openProject } from '../../../project/project.ts';
import { runPipe } from '../../../training/pipe/pipe.ts';
import { pipedView } from '../../../training/pipe/piped-view.ts';
import { runTrain } from '../../../training/train.ts';
import { inPieces, rowsOf, streamOf } from '../../support/fixtures/arrow-stream.ts';
import { readRows, writeRows } from '../../support/fixtures/parquet-rows.ts';
import { plumb, serve } from '../../support/processes/plumb-process.ts';
import { scratchFolder } from '../../support/scratch.ts';

// None of the rows that an apply tries.
const LOOPS = 77.25;
const FILLS = 78.25;
const ROWS = [1, LOOPS, 2, FILLS, 3];
const MISSING = -1;
const EXPECTED = ROWS.map((x) => (x === LOOPS || x === FILLS ? MISSING : 2 * x));
const FLOAT: ValueType = { kind: 'float64' };

const DEFINITIONS = `entity: customer
joinKeys: { customer_id: int64 }
---
featureView: facts
entity: customer
source: { parquet: data/facts.parquet, eventTime: event_timestamp }
freshness: 36500d
features: { amount: float64 }
---
onDemandView: costly
inputs: { x: float64 }
features: { y: { type: float64, missing: ${MISSING} } }
compute: costly.ts
---
featureService: shop
features: [costly, facts]
`;
const FUNCTION = `export default ({ x }: { x: number }) => {
  while (x === ${LOOPS});
  const all: string[][] = [];
  while (x === ${FILLS}) all.push('ab'.repeat(500_000).split(''));
  return { y: 2 * x };
};
`;

test('rows of great cost lack their values everywhere, and no other row does', async () => {
  const folder = join(scratchFolder(), 'shop');
  for (const part of ['definitions', 'data']) mkdirSync(join(folder, part), { recursive: true });
  writeFileSync(join(folder, 'plumbline.yaml'), "project: shop\ndefinitions: ['definitions/*.yaml']\n");
  writeFileSync(join(folder, 'definitions/shop.yaml'), DEFINITIONS);
  writeFileSync(join(folder, 'definitions/costly.ts'), FUNCTION);
  const names = ['customer_id', 'event_timestamp', 'amount'];
  const types: ValueType[] = [{ kind: 'int64' }, { kind: 'timestamp' }, FLOAT];
  await writeRows(join(folder, 'data/facts.parquet'), names, {
    types,
    rows: [[1n, 1_735_689_600_000_000n, 5]],
  });
  for (const command of ['apply', 'materialize']) {
    const { code, stderr } = await plumb(['-C', folder, command]);
    expect(code, stderr).toBe(0);
  }

  const statuses = EXPECTED.map((y) => (y === MISSING ? 'UNAVAILABLE' : 'PRESENT'));
  expect(await served(folder)).toEqual({ values: EXPECTED, statuses });

  const labels = join(folder, 'labels.parquet');
  const rows = ROWS.map((x): Value[] => [1n, BigInt(Date.now()) * 1_000n, x]);
  await writeRows(labels, ['customer_id', 'event_timestamp', 'x'], { types, rows });
  const set = join(folder, 'set.parquet');
  const project = openProject(folder, silentLogger);
  await runTrain(project, { labels, service: 'shop', out: set });
  const trained = await readRows(`read_parquet('${set}')`, ['costly__y'], [FLOAT]);
  expect(trained.flat()).toEqual(EXPECTED);

  const bundle = loadCurrentBundle(project.settings.bundles);
  const piped = pipedView(bundle, 'costly');
  const written: Uint8Array[] = [];
  const write = (part: Uint8Array): Promise<void> => Promise.resolve(void written.push(part));
  const input = inPieces(streamOf(piped.takes, [ROWS.map((x) => [x])]), 500);
  const { notes } = await runPipe(bundle, piped, { input, write });
  expect(notes.join()).toMatch(/and was ended/);
  expect((await rowsOf(Buffer.concat(written), piped.gives)).flat(2)).toEqual(EXPECTED);

  const opened = {
    ...project,
    clock: { ...project.clock, nowUs: () => (Date.now() + 3 * 86_400_000) * 1_000 },
  };
  await runIngest(opened);
  const date = new Date().toISOString().slice(0, 10);
  const [snapshot] = await RegistryDatabase.using(opened.settings.registry, (database) =>
    runMonitor(opened, database, { date }),
  );
  const verdict = snapshot!.features.find(({ name }) => name === 'costly__y')!;
  expect(verdict).toMatchObject({ present: 3, exact: 3, unavailable: 2, unjudged: 0, causes: {} });
});

/** Asks for each row by itself. */
async function served(folder: string): Promise<{ values: unknown[]; statuses: unknown[] }> {
  const sidecar = await serve(folder);
  const values: unknown[] = [];
  const statuses: unknown[] = [];
  for (const x of ROWS) {
    const body = JSON.stringify({ feature_service: 'shop', entities: { customer_id: [1] }, context: { x } });
    const url = `${sidecar.url}/feature-service/get-online-features`;
    const { results } = (await (await fetch(url, { method: 'POST', body })).json()) as {
      readonly results: readonly { readonly features: object; readonly statuses: object }[];
    };
    values.push((results[0]!.features as Record<string, unknown>)['costly__y']);
    statuses.push((results[0]!.statuses as Record<string, unknown>)['costly__y']);
  }
  await sidecar.stop();
  return { values, statuses };
}
