/** What people type, and what they find: by meaning and window, by parts of names, with typing errors. */
import { beforeEach, expect, test } from 'vitest';
import { SearchIndex } from '../../../../project/overview/search-index.ts';
import { planProject } from '../../../../registry/apply.ts';
import { openProject } from '../../../../project/project.ts';
import { RegistryDatabase } from '../../../../project/database/registry-database.ts';
import { silentLogger } from '../../../../contract/std/logger.ts';
import type { Bundle } from '../../../../contract/model.ts';
import { SHOP_DEFINITIONS, shopProject } from '../../../support/fixtures/shop-project.ts';

const MORE = `
entity: driver
joinKeys: { driver_id: int64 }
description: who brings the food
---
featureView: driverHourlyStats
entity: driver
owner: team-logistics
team: logistics
tags: [realtime]
source: { parquet: 'data/drivers.parquet', eventTime: at, createdTime: loaded }
features:
  convRate: { type: float64, description: "share of offers that a driver takes" }
  acc_rate: float64
---
featureService: dispatch_v2
features: [driverHourlyStats]
consumers: [{ model: eta, owner: team-logistics }]
`;

let bundle: Omit<Bundle, 'hash'>;
beforeEach(async () => {
  const folder = await shopProject({
    'plumbline.yaml': "project: shop\ndefinitions: ['definitions/*']\n",
    'definitions/shop.ts': SHOP_DEFINITIONS,
    'definitions/drivers.yaml': MORE,
  });
  const project = openProject(folder, silentLogger, {});
  bundle = await RegistryDatabase.using(project.settings.registry, async (database) => {
    return (await planProject(project, database)).next;
  });
});

const firstOf = (text: string): string | undefined =>
  new SearchIndex({ ...bundle, hash: '' }).find(text, 5).map(({ kind, name }) => `${kind} ${name}`)[0];

test('the best comes first', () => {
  expect(firstOf('purchases in the last week')).toBe('feature purchases:count_7d');
  expect(firstOf('how many different invoices in 7 days')).toBe('feature purchases:count_7d');
  expect(firstOf('average spend month')).toBe('feature purchases:average_30d');
  expect(firstOf('conv rate')).toBe('feature driverHourlyStats:convRate');
  expect(firstOf('CONVRATE')).toBe('feature driverHourlyStats:convRate');
  expect(firstOf('offers taken by drivers')).toBe('feature driverHourlyStats:convRate');
  expect(firstOf('hourly stats')).toBe('view driverHourlyStats');
  expect(firstOf('driver')).toBe('entity driver');
  expect(firstOf('invoices.parquet')).toBe('source invoices');
  expect(firstOf('eta')).toBe('model eta');
});

test('typing errors, beginnings, owners and tags are found too', () => {
  expect(firstOf('purchses lst week')).toBe('feature purchases:count_7d');
  expect(firstOf('favrite')).toBe('feature purchases:favorite');
  expect(firstOf('dispa')).toBe('service dispatch_v2');
  expect(firstOf('realtime')).toBe('view driverHourlyStats');
  const logistics = new SearchIndex({ ...bundle, hash: '' }).find('logistics', 9).map(({ name }) => name);
  expect(logistics).toEqual(expect.arrayContaining(['driverHourlyStats', 'eta']));
  expect(new SearchIndex({ ...bundle, hash: '' }).find('zzzzz', 9)).toEqual([]);
  expect(new SearchIndex({ ...bundle, hash: '' }).find('  ', 9)).toEqual([]);
  expect(new SearchIndex({ ...bundle, hash: '' }).find('rate', 1)).toHaveLength(1);
});

test('what is found says what it is', () => {
  const [found] = new SearchIndex({ ...bundle, hash: '' }).find('purchases last week', 1);
  expect(found).toEqual({
    deprecated: null,
    kind: 'feature',
    name: 'purchases:count_7d',
    description: null,
    owner: 'ml-platform',
    note: 'int64, countDistinct of invoice_no over 7d',
  });
});
