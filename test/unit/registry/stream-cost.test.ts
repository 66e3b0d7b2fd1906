/** What `plan` says that a view over a stream costs. */
import { beforeEach, expect, test } from 'vitest';
import { planProject } from '../../../registry/apply.ts';
import { renderChanges } from '../../../registry/change-text.ts';
import { openProject } from '../../../project/project.ts';
import { RegistryDatabase } from '../../../project/database/registry-database.ts';
import { writeEntry } from '../../../project/delta/delta-log.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import { join } from 'node:path';
import { scratchFolder } from '../../support/scratch.ts';
import { localFolder } from '../../../project/storage/local-folder.ts';

const SHOP = `
entity: user
joinKeys: { user_id: int64 }
---
source: clicks
stream: { topic: shop.clicks, format: json, id: id, keyedBy: user_id, archive: data/clicks }
fields: { user_id: int64, page: string, at: { type: timestamp, unit: ms }, id: string }
eventTime: at
---
featureView: user_clicks
entity: user
source: clicks
lateness: 1h
features: { clicks_1h: { agg: count, window: 1h }, clicks_7d: { agg: count, window: 7d }, last_page: { agg: last, column: page, window: 1h } }
`;

let warned: string[];
beforeEach(() => {
  warned = [];
});

async function planned(definitions: string, prepare: (folder: string) => void = () => {}) {
  const folder = scratchFolder({ 'plumbline.yaml': '', 'definitions/shop.yaml': definitions });
  prepare(folder);
  const project = openProject(folder, { ...silentLogger, warn: (text) => void warned.push(text) }, {});
  return RegistryDatabase.using(project.settings.registry, (database) => planProject(project, database));
}

test('rows an event, edges of a late one, tiles and bytes of an entity', async () => {
  const { changes, streams } = await planned(SHOP);
  expect(streams).toEqual([
    {
      view: 'user_clicks',
      rowsAnEvent: 3,
      edgesALateEvent: 360,
      tilesAnEntity: 60_480,
      onlineBytesAnEntity: 24 + 140 + 9 + 9 + 20,
      eventsADay: null,
    },
  ]);
  expect(renderChanges(changes, [], undefined, streams)).toContain(
    '    each event changes up to 3 rows, a late one up to 360\n' +
      '    an entity takes up to 60480 tiles, 7.2 MiB of state, and about 202 bytes online',
  );
  expect(warned.join('\n')).not.toContain('late event');
});

test('the events of a day come from the log of the archive', async () => {
  const entry = (name: string, rows: number) => ({
    add: {
      path: name,
      partitionValues: {},
      size: 1,
      modificationTime: 1,
      dataChange: true,
      stats: JSON.stringify({ numRecords: rows, minValues: {}, maxValues: {}, nullCount: {} }),
    },
  });
  const { changes, streams } = await planned(SHOP, (folder) =>
    writeEntry(localFolder(join(folder, 'data/clicks')), 0, [
      { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
      {
        metaData: {
          id: 'a',
          format: { provider: 'parquet', options: {} },
          schemaString: '{"type":"struct","fields":[]}',
          partitionColumns: [],
          configuration: {},
          createdTime: 1,
        },
      },
      entry('partition=0/day=2026-01-01/a.parquet', 100),
      entry('partition=0/day=2026-01-02/b.parquet', 250),
      entry('partition=1/day=2026-01-02/c.parquet', 50),
    ]),
  );
  expect(streams[0]!.eventsADay).toBe(200);
  expect(renderChanges(changes, [], undefined, streams)).toContain(
    'the archive got about 200 events a day: up to 600 rows of history a day',
  );
});

test('a view whose late events rewrite more than 10,000 edges is warned of, and one of all time says so', async () => {
  const fine = SHOP.replace('lateness: 1h', 'lateness: 4h\nhop: 1s').replace(', window: 1h } }', ' } }');
  const { changes, streams } = await planned(fine);
  expect(streams[0]).toMatchObject({ edgesALateEvent: 14_400, tilesAnEntity: null, rowsAnEvent: 3 });
  expect(renderChanges(changes, [], undefined, streams)).toContain(
    'a tile for each hop in which it had events',
  );
  expect(warned.join('\n')).toContain(
    'view user_clicks: a late event may rewrite 14400 edges (hop 1s, lateness 4h), and should not more than 10000',
  );
});
