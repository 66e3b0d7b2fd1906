/**
 * `plumb stream` as a process that is killed at random times while files come. What it has made in the end is what an
 * undisturbed stream of the same files makes.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { loadCurrentBundle } from '../../../contract/definitions/bundle-folder.ts';
import type { RunRecord } from '../../../contract/run-record.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { openHistory } from '../../../project/engine/duckdb/history.ts';
import { localFolder } from '../../../project/storage/local-folder.ts';
import { plumb, PLUMB, QUIET_NODE } from '../processes/plumb-process.ts';
import { scratchFolder } from '../scratch.ts';
import { seededRandom } from '../seeded-random.ts';

const DEFINITIONS = `
import { agg, entity, featureView, source, t } from 'plumbline';

export const user = entity('user', { joinKeys: { user_id: t.int64() } });
export const clicks = source.stream('clicks', {
  folder: 'incoming', format: 'json', eventTime: 'at', id: 'id', keyedBy: 'user_id', archive: 'data/clicks',
  fields: {
    user_id: t.int64(), page: t.string(), price: t.float64(), at: t.timestamp({ unit: 'ms' }), id: t.string(),
  },
});
export const userClicks = featureView('user_clicks', {
  entity: user, source: clicks, owner: 'web', hop: '1s', lateness: '1d', where: 'price >= 0',
  select: { cents: 'price * 100' },
  features: {
    clicks_10s: agg.count().over('10s'),
    cents_1m: agg.sum('cents').over('1m'),
    highest_10s: agg.max('price').over('10s'),
    pages: agg.countDistinct('page').lifetime(),
    favorite: agg.mostFrequent('page').over('1m'),
  },
});
`;

const FILES = 12;
const CLICKS = 60;
/** A start takes a second or two, then it streams. */
const LONGEST_MS = 4_000;

interface Incoming {
  readonly name: string;
  readonly text: string;
}

/** Files of a stream in which each file has events of a minute before it, some of them twice. */
function incomingFiles(random: () => number, firstMs: number): Incoming[] {
  return Array.from({ length: FILES }, (_, file) => {
    const lines = Array.from({ length: CLICKS }, (_none, i) => {
      const at = firstMs + file * 5_000 - Math.floor(random() ** 4 * 60_000);
      const [user, page] = [Math.floor(random() * 7), `p${Math.floor(random() * 4)}`];
      const price = Math.floor(random() * 400) / 8 - 5;
      return JSON.stringify({ user_id: user, page, price, at, id: `${file}-${i}` });
    });
    const twice = lines.filter(() => random() < 0.1);
    return { name: `${String(file).padStart(4, '0')}.jsonl`, text: `${[...lines, ...twice].join('\n')}\n` };
  });
}

function put(folder: string, { name, text }: Incoming, appendedMs: number): void {
  const aside = join(folder, 'incoming', `_${name}`);
  writeFileSync(aside, text);
  utimesSync(aside, appendedMs / 1_000, appendedMs / 1_000);
  renameSync(aside, join(folder, 'incoming', name));
}

/** The values of each entity from edge to edge, without rows that change nothing, up to an edge. */
async function changesOf(duck: DuckDb, folder: string, upToUs: number): Promise<unknown[]> {
  const bundle = loadCurrentBundle(join(folder, '.plumb/bundles'));
  const view = bundle.views.get('user_clicks')!;
  const place = { folder, history: localFolder(join(folder, '.plumb/history')) };
  const { sql } = await openHistory(duck, place, view, bundle.entities.get(view.entity)!);
  const values = view.features.map(({ name }) => name).join(', ');
  return duck.rows(`
    WITH newest AS (SELECT user_id, event_time, ROW(${values}) AS row FROM (${sql})
      WHERE epoch_us(event_time) <= ${upToUs}
      QUALIFY row_number() OVER (PARTITION BY user_id, event_time ORDER BY created_time DESC) = 1)
    SELECT user_id, event_time, row::VARCHAR AS row FROM newest
    QUALIFY row IS DISTINCT FROM lag(row) OVER (PARTITION BY user_id ORDER BY event_time) ORDER BY ALL`);
}

/** Streams until it is killed. */
async function killedStream(folder: string, afterMs: number): Promise<void> {
  const args = [QUIET_NODE, PLUMB, '-C', folder, '--set', 'stream.flush=1s', 'stream'];
  const child = spawn(process.execPath, args, { stdio: 'ignore' });
  const ended = once(child, 'exit');
  await sleep(afterMs);
  child.kill('SIGKILL');
  await ended;
}

async function drained(folder: string): Promise<RunRecord> {
  const { code, stdout, stderr } = await plumb(['-C', folder, '--json', 'stream', '--drain']);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return (JSON.parse(stdout) as { runs: RunRecord[] }).runs[0]!;
}

export async function killStreams(kills: number): Promise<void> {
  const files = {
    'plumbline.yaml': 'project: shop\n',
    'definitions/shop.ts': DEFINITIONS,
    'incoming/.keep': '',
  };
  const [folder, undisturbed] = [scratchFolder(files), scratchFolder(files)];
  for (const one of [folder, undisturbed]) expect((await plumb(['-C', one, 'apply'])).code).toBe(0);
  const random = seededRandom();
  const nowMs = Math.floor(Date.now() / 1_000) * 1_000;
  const all = incomingFiles(random, nowMs - 300_000);
  const left = [...all];
  for (let i = 0; i < kills; i++) {
    for (const file of left.splice(0, Math.ceil(FILES / (kills + 1)))) put(folder, file, nowMs);
    await killedStream(folder, (0.3 + 0.7 * random()) * LONGEST_MS);
  }
  for (const file of left) put(folder, file, nowMs);
  for (const file of all) put(undisturbed, file, nowMs);
  const [record] = [await drained(folder), await drained(undisturbed)];
  const duck = await DuckDb.open({ threads: 1 });
  const upToUs = (nowMs - 120_000) * 1_000;
  const changes = await changesOf(duck, folder, upToUs);
  expect(changes.length).toBeGreaterThan(100);
  expect(changes).toEqual(await changesOf(duck, undisturbed, upToUs));
  duck.close();
  expect(record).toMatchObject({ kind: 'stream', state: 'complete' });
}
