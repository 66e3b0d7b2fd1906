/** What `plumb train` keeps of each set in the registry, and how it is shown. */
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { publishBundle } from '../../../contract/definitions/bundle-folder.ts';
import { rowSchemaOf } from '../../../contract/definitions/definition-json.ts';
import type { TrainingManifest } from '../../../contract/training-manifest.ts';
import { RegistryDatabase } from '../../../project/database/registry-database.ts';
import {
  listedManifests,
  listedToJson,
  manifestNamed,
  manifestToJson,
  renderManifest,
  renderManifests,
} from '../../../training/manifest/shown-manifest.ts';
import { runTrain } from '../../../training/train.ts';
import type { TrainOptions } from '../../../training/train-options.ts';
import {
  bundleOf,
  driver,
  driverStats,
  feature,
  makeProject,
  START_US,
} from '../../support/fixtures/materialized-project.ts';
import type { TestProject } from '../../support/fixtures/materialized-project.ts';

let project: TestProject;
const NAMES = ['conv_rate', 'trips', 'tags', 'city', 'phone'];

beforeEach(async () => {
  project = await makeProject();
  const view = driverStats({
    features: [
      feature('conv_rate', 'float64', { missing: -1 }),
      feature('trips', 'int64'),
      feature('tags', 'list<string>'),
      feature('city', 'string'),
      feature('phone', 'string', { log: 'hmac' }),
    ],
  });
  const service = {
    name: 'rank',
    version: 3,
    features: NAMES.map((name) => ({
      fullName: `driver_stats__${name}`,
      view: 'driver_stats',
      role: 'driver_stats',
      feature: name,
    })),
    views: [{ role: 'driver_stats', view: 'driver_stats', requestKeys: ['driver_id'] }],
    requestKeys: [{ name: 'driver_id', type: 'int64' as const }],
    onDemand: [],
    inputs: [],
    consumers: [],
    tensor: 'float64' as const,
    description: null,
    owner: null,
    tags: [],
  };
  publishBundle(project.settings.bundles, {
    ...bundleOf(view),
    entities: new Map([[driver.name, driver]]),
    services: new Map([[service.name, service]]),
    schemas: new Map([[view.id, [rowSchemaOf(view, driver)]]]),
  });
  await project.writeParquet(
    'drivers',
    `SELECT i AS driver_id, TIMESTAMP '2026-01-01 10:00:00' AS event_timestamp, event_timestamp AS created,
      i / 10 AS conv_rate, CASE WHEN i % 5 = 0 THEN NULL ELSE i END AS trips, list_transform(range(i % 3), lambda x: 't' || x) AS tags,
      'city ' || i % 2 AS city, '0' || i AS phone FROM range(1, 101) t(i)`,
  );
});
afterEach(async () => {
  await project.remove();
});

function path(name: string): string {
  return join(project.settings.folder, name);
}

/** A hundred drivers that have a row and two that have none, an hour later. */
async function train(options: Partial<TrainOptions> = {}): Promise<void> {
  const drivers = Array.from({ length: 102 }, (_, i) => `2026-01-01T11:00:00Z,${i + 1}`);
  writeFileSync(path('labels.csv'), `event_timestamp,driver_id\n${drivers.join('\n')}\n`);
  const given = { service: 'rank', labels: path('labels.csv'), out: path('set.parquet'), ...options };
  await runTrain(project, given);
}

const newest = (name: string): Promise<TrainingManifest> => manifestNamed(project.database, name);

describe('a manifest', () => {
  test('says what the set was made of', async () => {
    project.setClock(START_US);
    await train();
    const manifest = await newest('set.parquet');
    const sha256 = createHash('sha256')
      .update(readFileSync(path('labels.csv')))
      .digest('hex');
    expect(manifest).toMatchObject({
      version: 1,
      service: 'rank',
      serviceVersion: 3,
      as: 'trained',
      views: [{ role: 'driver_stats', view: 'driver_stats', watermarkUs: null }],
      made: { v8: process.versions.v8, node: process.versions.node },
      labels: { file: path('labels.csv'), sha256, rows: 102, rowsWithNullKey: 0 },
      out: { file: path('set.parquet'), rows: 102 },
    });
    expect(manifest.made.duckdb).toMatch(/^v1\./);
    expect(manifest.features.map(({ name }) => name)).toEqual(NAMES.map((name) => `driver_stats__${name}`));
  });

  test.each([
    ['changed', (file: string) => appendFileSync(file, '2026-01-01T11:00:00Z,1\n')],
    ['was removed', (file: string) => rmSync(file)],
  ])('and set are not made of labels whose file %s meanwhile', async (how, change) => {
    await train();
    const labels = path('labels.csv');
    let joins = 0;
    const progress = (): void => void (joins++ === 0 && change(labels));
    const changing = { ...project, logger: { ...project.logger, progress } };
    const again = runTrain(changing, { service: 'rank', labels, out: path('again.parquet') });
    const message = `${labels} ${how} while the training set was made of it`;
    await expect(again).rejects.toMatchObject({ code: 'TRAIN_LABELS', message });
    expect(readdirSync(project.settings.folder).filter((name) => name.startsWith('again'))).toEqual([]);
    expect(await manifestNamed(project.database, 'again.parquet').catch(() => null)).toBeNull();
  });

  test.each([
    ['changed', (file: string) => truncateSync(file, 10)],
    ['was removed', (file: string) => rmSync(file)],
  ])('and set blame labels in Parquet whose file %s, not the output', async (how, change) => {
    const labels = path('data/labels.parquet');
    await project.writeParquet(
      'labels',
      `SELECT 1 AS driver_id, TIMESTAMP '2026-01-01 11:00:00' AS event_timestamp`,
    );
    let joins = 0;
    const progress = (): void => void (joins++ === 0 && change(labels));
    const changing = { ...project, logger: { ...project.logger, progress } };
    const made = runTrain(changing, { service: 'rank', labels, out: path('again.parquet') });
    const message = `${labels} ${how} while the training set was made of it`;
    await expect(made).rejects.toMatchObject({ code: 'TRAIN_LABELS', message });
    expect(readdirSync(project.settings.folder).filter((name) => name.startsWith('again'))).toEqual([]);
  });

  test('holds the distribution of the values in the set, fallbacks in place', async () => {
    await train();
    const sketches = new Map((await newest('set.parquet')).features.map((one) => [one.name, one]));
    const rate = sketches.get('driver_stats__conv_rate')!;
    expect(rate).toMatchObject({
      type: 'float64',
      present: 100,
      missing: 2,
      sketch: { rows: 102, nulls: 0 },
    });
    const { quantiles, mean } = rate.sketch!.ordered!;
    expect([quantiles.length, quantiles[0], quantiles[500], quantiles[1_000]]).toEqual([1_001, -1, 4.9, 10]);
    expect(mean).toBeCloseTo((505 - 2) / 102, 12);
    const trips = sketches.get('driver_stats__trips')!;
    expect(trips).toMatchObject({ present: 80, nulls: 20, missing: 2, sketch: { rows: 102, nulls: 22 } });
    expect(sketches.get('driver_stats__tags')!.sketch!.ordered).toMatchObject({
      measure: 'length',
      rows: 100,
    });
    expect(sketches.get('driver_stats__city')!.sketch!.categories).toEqual({
      rows: 100,
      values: 2,
      top: [
        { value: 'city 0', rows: 50 },
        { value: 'city 1', rows: 50 },
      ],
    });
  });

  test('has no value of a feature that stays out of the log', async () => {
    await train();
    const manifest = await newest('set.parquet');
    expect(manifest.features.at(-1)).toMatchObject({
      name: 'driver_stats__phone',
      present: 100,
      sketch: null,
    });
    expect(JSON.stringify(manifest)).not.toContain('"042"');
    expect(renderManifest(manifest)).toContain('not kept: its values stay out of the log');
  });

  test('of no labels has a sketch without rows', async () => {
    writeFileSync(path('none.csv'), 'event_timestamp,driver_id\n');
    await train({ labels: path('none.csv') });
    const { sketch } = (await newest('set.parquet')).features[0]!;
    expect(sketch).toEqual({ rows: 0, nulls: 0, nan: 0, infinite: 0, ordered: null, categories: null });
  });
});

describe('plumb training show', () => {
  test('lists what was made, and the newest of a name is the one that is shown', async () => {
    await train({ name: 'churn' });
    project.setClock(START_US + 1_000_000);
    await train({ name: 'churn', as: 'available' });
    const sets = await listedManifests(project.database);
    expect(sets.map(listedToJson)).toMatchObject([
      { name: 'churn', madeAt: '2026-01-01T00:00:01.000000Z', service: 'rank', rows: 102, features: 5 },
      { name: 'churn', madeAt: '2026-01-01T00:00:00.000000Z' },
    ]);
    const shown = await newest('churn');
    expect(manifestToJson(shown)).toMatchObject({
      as: 'available',
      madeAt: '2026-01-01T00:00:01.000000Z',
      views: [{ watermark: null }],
    });
    expect(renderManifests(sets)).toContain('rank v3');
    const text = renderManifest(shown);
    expect(text).toContain('102 rows in');
    expect(text).toMatch(/driver_stats__trips +int64 +21\.57 % +50 /);
    expect(text).toMatch(/driver_stats__city +string +1\.961 % +2 values; city 0: 50 %/);
  });

  test('an unknown name is told, with one that is nearly called so', async () => {
    await expect(newest('churn')).rejects.toMatchObject({
      code: 'TRAIN_UNKNOWN',
      message: /has none at all/,
    });
    await train({ name: 'churn' });
    await expect(newest('chrun')).rejects.toMatchObject({ message: /did you mean "?churn/ });
    expect(renderManifests([])).toContain('plumb train');
  });
});

test('a registry that cannot keep the manifest is an error that says that the set is there', async () => {
  await project.database.close();
  const { settings } = project;
  rmSync(settings.registry.url);
  writeFileSync(
    settings.registry.url,
    'this is no database, whatever its name says, and it is long enough to be read',
  );
  await expect(train()).rejects.toMatchObject({
    code: 'TRAIN_MANIFEST',
    message: expect.stringContaining('set.parquet is written') as string,
  });
  expect(existsSync(path('set.parquet'))).toBe(true);
  rmSync(settings.registry.url);
  await (await RegistryDatabase.open(settings.registry)).close();
});
