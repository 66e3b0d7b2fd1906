/**
 * The project that a released version left on disk (test/support/released/make-project.ts): the present programs go on
 * with it. Its registry, bundles, history, online store, spool, archive, verdict and training set are read as they lie
 * there, and what is written anew has the columns that it had.
 */
import { cpSync, readFileSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { runIngest } from '../../../monitor/ingest/main.ts';
import { runMonitor } from '../../../monitor/run.ts';
import { loadCurrentBundle } from '../../../contract/definitions/bundle-folder.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import { runMaterialize } from '../../../materializer/materialize.ts';
import { RegistryDatabase } from '../../../project/database/registry-database.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { quotePath } from '../../../project/engine/duckdb/file-sql.ts';
import { openProject } from '../../../project/project.ts';
import type { Project } from '../../../project/project.ts';
import { getVector } from '../../../sidecar/get.ts';
import { runTrain } from '../../../training/train.ts';
import { scratchFolder } from '../../support/scratch.ts';

const KEPT = join(import.meta.dirname, '../../golden/0.1.0/project');
const DAY = '2026-11-30';
/** Of customer 2. */
const PROFILE = {
  profile__name: '"customer 2, ü"',
  profile__since: '"2023-11-14T22:13:20.000002Z"',
  profile__tags: '["a",null,"tag 2"]',
  profile__embedding: '[0.6666667,-2,0.1]',
  profile__isMember: 'true',
  profile__score: '0.2857142857142857',
};
/** Minutes and days after the version was in use. */
const [SOON_US, LATER_US] = [Date.UTC(2026, 10, 30, 9, 35) * 1_000, Date.UTC(2026, 11, 10, 12, 30) * 1_000];
/** In the archive, and in the spool alone. */
const [ARCHIVED, SPOOLED] = [80, 6];

let project: Project;
let nowUs = SOON_US;
beforeEach(() => {
  nowUs = SOON_US;
  const folder = scratchFolder();
  cpSync(KEPT, folder, { recursive: true });
  renameSync(join(folder, 'plumb'), join(folder, '.plumb'));
  const opened = openProject(folder, silentLogger, {});
  project = { ...opened, clock: { ...opened.clock, nowUs: () => nowUs } };
});

const inFolder = (name: string): string => join(project.settings.folder, name);

test('the registry is migrated and tells what it told', async () => {
  await RegistryDatabase.using(project.settings.registry, async (database) => {
    const bundle = loadCurrentBundle(project.settings.bundles);
    expect(await database.applies()).toMatchObject([{ sequence: 1, hash: bundle.hash }]);
    expect((await database.applied(1))!.bundle).toBe(
      readFileSync(join(project.settings.bundles, `${bundle.hash}.json`), 'utf8'),
    );
    expect(await database.serviceVersions()).toMatchObject([{ service: 'kept_v1', version: 1 }]);
    const runs = (await database.runs()).map(({ view, state }) => `${view} ${state}`);
    expect(runs.toSorted()).toEqual(['profile complete', 'spending complete']);
    expect(await database.trainingSets({ most: 9 })).toMatchObject([{ name: 'kept', service: 'kept_v1' }]);
    const days = await database.verdicts.days({});
    expect(days).toMatchObject([{ date: DAY, service: 'kept_v1', verdict: 'pass' }]);
    expect(await database.access.tokens()).toMatchObject([
      { name: 'deployer', role: 'apply', teams: ['team-crm'] },
    ]);
    expect((await database.access.audit({ most: 9 })).length).toBeGreaterThan(0);
  });
});

test('rows online are served, and the next run goes on from the last', async () => {
  const asked = async (): Promise<Record<string, unknown>> => {
    const keys = { customer_id: '2' };
    const { features } = await getVector(project, { service: 'kept_v1', keys, context: {} });
    expect(new Set(features.map(({ status }) => status))).toEqual(new Set(['PRESENT']));
    return Object.fromEntries(features.map(({ name, valueText }) => [name, valueText]));
  };
  expect(await asked()).toEqual({
    spending__orders_7d: '14',
    spending__average_30d: '51.25',
    spending__total_30d: '768.75',
    spending__days_30d: '7',
    spending__newest: '["page 2","page 3","page 4"]',
    ...PROFILE,
  });
  nowUs = LATER_US;
  const bundle = loadCurrentBundle(project.settings.bundles);
  await RegistryDatabase.using(project.settings.registry, async (database) => {
    const before = await database.runs();
    const after = await runMaterialize(project, bundle, database);
    const of = (runs: typeof after, view: string) => runs.find((run) => run.view === view)!;
    const more = { state: 'complete', fromUs: of(before, 'spending').watermarkUs };
    expect(of(after, 'spending')).toMatchObject(more);
    expect(of(after, 'spending').historyRows).toBeGreaterThan(0);
    expect(of(after, 'profile')).toMatchObject({ state: 'complete', written: 0, conflict: 0 });
  });
  expect(await asked()).toMatchObject({
    spending__orders_7d: '0',
    spending__total_30d: '768.75',
    ...PROFILE,
  });
  expect(await asked()).toMatchObject({});
});

test('the spool is read on, and the day is judged over the archive of both versions', async () => {
  expect(await runIngest(project)).toMatchObject({});
  await RegistryDatabase.using(project.settings.registry, async (database) => {
    const [snapshot] = await runMonitor(project, database, { date: DAY });
    expect(snapshot).toMatchObject({
      verdict: 'pass',
      vectors: { read: ARCHIVED + SPOOLED, judged: ARCHIVED + SPOOLED },
    });
    for (const { name, exact, present } of snapshot!.features) expect(exact, name).toBe(present);
  });
  const files = readdirSync(project.settings.served, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.parquet'))
    .toSorted();
  expect(files).toHaveLength(2);
  const [kept, made] = await Promise.all(files.map((name) => columnsOf(join(project.settings.served, name))));
  expect(made).toMatchObject(kept!);
});

test('a training set over its history has the values and the columns that it had', async () => {
  await runTrain(project, {
    labels: inFolder('labels.parquet'),
    service: 'kept_v1',
    out: inFolder('now.parquet'),
  });
  expect(await columnsOf(inFolder('now.parquet'))).toMatchObject(await columnsOf(inFolder('set.parquet')));
  const duck = await DuckDb.open();
  const [then, now] = ['set', 'now'].map((name) => `read_parquet(${quotePath(inFolder(`${name}.parquet`))})`);
  expect(
    await duck.rows(`(FROM ${then} EXCEPT ALL FROM ${now}) UNION ALL (FROM ${now} EXCEPT ALL FROM ${then})`),
  ).toEqual([]);
  expect(await duck.rows(`SELECT count(*) AS n FROM ${now}`)).toEqual([{ n: 24n }]);
  duck.close();
});

/** @returns the types by name */
async function columnsOf(file: string): Promise<Record<string, unknown>> {
  const duck = await DuckDb.open();
  try {
    const rows = await duck.rows(`DESCRIBE FROM read_parquet(${quotePath(file)}, hive_partitioning = false)`);
    return Object.fromEntries(rows.map((row) => [row['column_name'], row['column_type']]));
  } finally {
    duck.close();
  }
}
