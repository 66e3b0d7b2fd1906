/** A project of the whole comparison: a folder with one view over the topic, run by the command line. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { loadCurrentBundle } from '../../../contract/definitions/bundle-folder.ts';
import type { Bundle, Entity, FeatureView } from '../../../contract/model.ts';
import { RegistryDatabase } from '../../../project/database/registry-database.ts';
import { readTable } from '../../../project/delta/delta-log.ts';
import { definitionName } from '../../../contract/wire/online/row-header.ts';
import { localFolder } from '../../../project/storage/local-folder.ts';
import { plumb, PLUMB, QUIET_NODE } from '../processes/plumb-process.ts';

export const SOURCE_TOPIC = 'clicks';
const STOPPED_LIMIT_MS = 120_000;

/** What can be counted backwards, with a feature of all time, so that no tile is forgotten before it is compared. */
const DEFINITIONS = `
import { agg, entity, featureView, source, t } from 'plumbline';

export const user = entity('user', { joinKeys: { user_id: t.string() } });
export const clicks = source.stream('clicks', {
  topic: '${SOURCE_TOPIC}', format: 'json', eventTime: 'at', id: 'id', keyedBy: 'user_id', archive: 'data/clicks',
  op: { column: 'kind', insert: ['insert'], delete: ['delete'] },
  fields: {
    user_id: t.string(), page: t.string(), price: t.float64(), at: t.timestamp({ unit: 'us' }), id: t.string(),
    kind: t.string(),
  },
});
export const userClicks = featureView('user_clicks', {
  entity: user, source: clicks, owner: 'web', hop: '10s', lateness: '1h',
  features: {
    clicks_1m: agg.count().over('1m'),
    clicks_ever: agg.count().lifetime(),
    spent_10m: agg.sum('price').over('10m'),
    spread_10m: agg.stddev('price').over('10m'),
    mean_30m: agg.avg('price').over('30m'),
    pages_10m: agg.countDistinct('page').over('10m'),
    favorite_30m: agg.mostFrequent('page').over('30m'),
    median_10m: agg.approxPercentile('price', 0.5).over('10m'),
  },
});
`;

export interface WholeProject {
  readonly folder: string;
  readonly bundle: Bundle;
  readonly view: FeatureView;
  readonly entity: Entity;
}

/** @param horizonUs  of the view, as its first run would set it: what was appended later counts within the lateness */
export async function makeWhole(folder: string, broker: string, horizonUs: number): Promise<WholeProject> {
  mkdirSync(join(folder, 'definitions'), { recursive: true });
  const stream = `{ kafka: { brokers: ['${broker}'] }, flush: 2s, lease: 10s }`;
  const materialize = '{ maxRejectedShare: 0.2, maxLateShare: 0.2, memory: 1GiB }';
  const settings = `project: shop\nstream: ${stream}\nmaterialize: ${materialize}\n`;
  writeFileSync(join(folder, 'plumbline.yaml'), settings);
  writeFileSync(join(folder, 'definitions/shop.ts'), DEFINITIONS);
  await plumbIn(folder, ['apply']);
  const project = openWhole(folder);
  await RegistryDatabase.using(registryOf(folder), (database) =>
    database.streamPartitions.firstHorizon(project.view.id, horizonUs),
  );
  return project;
}

export function openWhole(folder: string): WholeProject {
  const bundle = loadCurrentBundle(join(folder, '.plumb/bundles'));
  return { folder, bundle, view: bundle.views.get('user_clicks')!, entity: bundle.entities.get('user')! };
}

function registryOf(folder: string) {
  return { kind: 'sqlite', url: join(folder, '.plumb/registry.db') } as const;
}

/** Runs a command to its end. @throws Error with what it said, where it failed */
export async function plumbIn(folder: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await plumb(['-C', folder, ...args]);
  if (code !== 0) throw new Error(`plumb ${args.join(' ')} ended with ${code}: ${stderr.slice(-2_000)}`);
  return stdout;
}

export interface PlumbProcess {
  readonly pid: number;
  readonly isOver: boolean;
  said(): string;
  signal(name: NodeJS.Signals): void;
  /** Resolves with its exit code, null where a signal ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** Starts a command that goes on until it is ended; it ends with this process at the latest. */
export function startIn(folder: string, args: readonly string[]): PlumbProcess {
  const child = spawn(process.execPath, [QUIET_NODE, PLUMB, '-C', folder, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (part: string) => (text = (text + part).slice(-20_000)));
  const exit = once(child, 'close');
  const reap = (): boolean => child.kill('SIGKILL');
  process.once('exit', reap);
  void exit.then(() => process.off('exit', reap));
  return {
    pid: child.pid!,
    get isOver() {
      return child.exitCode !== null || child.signalCode !== null;
    },
    said: () => text,
    signal: (name) => void child.kill(name),
    async end(signal) {
      child.kill('SIGCONT');
      child.kill(signal);
      const late = setTimeout(reap, STOPPED_LIMIT_MS);
      await exit;
      clearTimeout(late);
      return child.exitCode;
    },
  };
}

/** @returns how many messages of the topic are archived */
export async function archivedIn(folder: string): Promise<number> {
  const table = await readTable(localFolder(join(folder, 'data/clicks')));
  return [...(table?.txns.values() ?? [])].reduce((sum, offset) => sum + offset, 0);
}

/** @returns how many messages the marks count that `plumb stream --tiles` has saved */
export function markedIn({ folder, view }: WholeProject): number {
  const file = join(
    folder,
    '.plumb/stream',
    view.id,
    `${definitionName(view.definitionId)}.tiles.origins.db`,
  );
  if (!existsSync(file)) return 0;
  const database = new DatabaseSync(file, { readOnly: true, timeout: 10_000 });
  try {
    // The process that takes tiles has just made the file.
    if (database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'progress'").get() === undefined) return 0;
    const row = database.prepare('SELECT json FROM progress').get() as { json: string } | undefined;
    const { marks } = JSON.parse(row?.json ?? '{"marks": []}') as { marks: { offset: number }[] };
    return marks.reduce((sum, { offset }) => sum + offset + 1, 0);
  } finally {
    database.close();
  }
}
