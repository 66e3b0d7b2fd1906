/** Feast's own template as its registry file, which Feast has written: what is taken over, and that it plans. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { DuckDb } from '../../../../project/engine/duckdb/duckdb.ts';
import { plan } from '../../../../registry/commands.ts';
import { importFeast } from '../../../../registry/feast/import-feast.ts';
import { commandContext } from '../../../support/processes/command-context.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const GOLDEN = join(import.meta.dirname, '../../../golden/feast-registry.pb');
const PYTHON = { python: 'no-such-python' };

/** @returns a folder with the registry of a repository whose rows are there */
async function repository(): Promise<string> {
  const folder = scratchFolder();
  mkdirSync(join(folder, 'data'));
  cpSync(GOLDEN, join(folder, 'data/registry.db'));
  writeFileSync(join(folder, 'feature_store.yaml'), 'project: shop\n');
  const duck = await DuckDb.open();
  const row = `SELECT 1::BIGINT driver_id, 0.5::FLOAT conv_rate, 0.5::FLOAT acc_rate, 3::BIGINT avg_daily_trips,
    TIMESTAMP '2026-01-01' event_timestamp, TIMESTAMP '2026-01-01' created`;
  await duck.run(`COPY (${row}) TO '${join(folder, 'data/driver_stats.parquet')}' (FORMAT parquet)`);
  duck.close();
  return folder;
}

test('a registry file needs no Python: entities, views and services, and a list of the rest', async () => {
  const from = await repository();
  const project = scratchFolder();
  const context = commandContext(project, true);
  expect(await importFeast(context, join(from, 'data/registry.db'), PYTHON)).toBe(0);
  const said = JSON.parse(context.said()) as { files: string[]; notes: { of: string; why: string }[] };
  expect(said.files).toEqual(['plumbline.yaml', 'definitions/feast.yaml']);
  expect(readFileSync(join(project, 'plumbline.yaml'), 'utf8')).toMatch(/^project: shop\n/);
  const written = readFileSync(join(project, 'definitions/feast.yaml'), 'utf8');
  const documents = parseAllDocuments(written).map((one) => one.toJS() as object);
  expect(documents.slice(0, 2)).toMatchObject([
    { entity: 'driver', joinKeys: { driver_id: 'int64' } },
    {
      featureView: 'driver_hourly_stats',
      entity: 'driver',
      ttl: '1d',
      source: { eventTime: 'event_timestamp', createdTime: 'created' },
      features: { conv_rate: { type: 'float32' }, avg_daily_trips: { description: 'Average daily trips' } },
    },
  ]);
  expect(documents.slice(3)).toEqual([
    { featureService: 'driver_activity_v1', features: ['driver_hourly_stats:conv_rate'] },
    { featureService: 'driver_activity_v2', features: ['driver_hourly_stats'] },
    { featureService: 'driver_activity_v3', features: ['driver_hourly_stats_fresh'] },
  ]);
  const notes = said.notes.map(({ of, why }) => `${of}: ${why}`).join('\n');
  for (const expected of [
    /feature driver_hourly_stats:driver_profile: left out: a Struct/,
    /view driver_hourly_stats_fresh: there is no push/,
    /on-demand view transformed_conv_rate: .*val_to_add: int64/,
    /service driver_activity_v1: without transformed_conv_rate,/,
    /label view driver_quality_labels: /,
  ])
    expect(notes).toMatch(expected);
  expect(await plan(context, {})).toBe(0);
  expect(JSON.parse(context.said())).toMatchObject({ changes: expect.objectContaining({ length: 6 }) });
});

test('nothing is overwritten; what is no repository is named', async () => {
  const from = await repository();
  const project = scratchFolder();
  const registry = join(from, 'data/registry.db');
  const context = commandContext(project);
  await importFeast(context, registry, PYTHON);
  expect(context.said()).toContain(`Next: plumb -C ${project} plan`);
  await expect(importFeast(context, registry, PYTHON)).rejects.toThrow(/feast\.yaml is there already/);
  const other = commandContext(scratchFolder());
  await expect(importFeast(other, from, PYTHON)).rejects.toMatchObject({
    code: 'REG_PYTHON',
    message: expect.stringContaining('there is no no-such-python') as string,
  });
  await expect(importFeast(other, join(from, 'none'), PYTHON)).rejects.toThrow(/none cannot be read/);
  writeFileSync(join(from, 'broken.db'), 'no registry at all');
  await expect(importFeast(other, join(from, 'broken.db'), PYTHON)).rejects.toThrow(/no registry of Feast/);
  writeFileSync(join(from, 'empty.db'), '');
  expect(await importFeast(other, join(from, 'empty.db'), PYTHON)).toBe(3);
});
