/**
 * `plumb materialize warm`: a gate for a model that is to read new features. Of the entities that were asked for in the
 * last day it says how many have each feature online with its whole window:
 *
 *   live    the distinct keys of the service's vectors of the last 24 hours of the archive
 *   online  those with a row of the definition in force, which is no tombstone
 *   warm    the same, once the store vouches for a time at which the feature's window is full: the view's `start` and a
 *           window later. A view without `start` says of no window that it is not full
 *
 * The gate is met when each feature is warm for the share of live entities that is asked for.
 */
import { join } from 'node:path';
import { loadWorkingBundle } from '../../contract/definitions/bundle-folder.ts';
import { serviceNamed } from '../../contract/definitions/service-named.ts';
import type { Bundle, FeatureService, FeatureView, ServiceView } from '../../contract/model.ts';
import type { KeyValue } from '../../contract/value-type.ts';
import { fullFromUs } from '../../contract/windows.ts';
import { entityKeyOf } from '../../contract/wire/online/entity-key.ts';
import { HEADER_BYTES, readHeader } from '../../contract/wire/online/row-header.ts';
import { hourOf, serviceFolder } from '../../project/archive/archive-layout.ts';
import { servedFolder } from '../../project/archive/archive-place.ts';
import { openHistoryStorage } from '../../project/engine/duckdb/object-storage.ts';
import { pinnedFiles } from '../../project/archive/pinned-files.ts';
import { DuckDb, quoteName } from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths } from '../../project/engine/duckdb/file-sql.ts';
import type { Project } from '../../project/project.ts';
import { openScratchFolder } from '../../project/scratch-folder.ts';
import { materializerError } from '../errors.ts';
import type { OnlineWriter } from '../online/online-writer.ts';
import { leastMarker, openWhereKept } from './vouched-time.ts';

const DAY_US = 86_400_000_000;
const BATCH_KEYS = 1_000;

interface WarmFeature {
  readonly feature: string;
  readonly live: number;
  /** With a row of the definition in force. */
  readonly online: number;
  readonly warm: number;
  /** From when on its window is full; null: nobody says when its source starts. */
  readonly fullFromUs: number | null;
}

export interface WarmGate {
  readonly service: string;
  readonly share: number;
  readonly met: boolean;
  readonly features: readonly WarmFeature[];
}

/**
 * @param share  of the live entities, in [0, 1]
 * @throws MAT_NOT_LIVE when the archive has no vector of the last day, or none that tells whose it is; MAT_ONLINE
 */
export async function warmService(project: Project, name: string, share: number): Promise<WarmGate> {
  const { settings, logger } = project;
  const bundle = loadWorkingBundle(settings.bundles);
  const service = serviceNamed(bundle, name);
  const scratch = openScratchFolder(settings.train.temp, 'materialize');
  const duck = await DuckDb.open({
    tempFolder: join(scratch.folder, 'spill'),
    elsewhere: settings.elsewhere,
  });
  const writer = await openWhereKept(settings.online);
  try {
    const vectors = await vectorsSql(duck, project, service, join(scratch.folder, 'pins'));
    const features: WarmFeature[] = [];
    for (const [i, used] of service.views.entries()) {
      logger.progress('looking at live entities', i, service.views.length, 'views');
      const live = await liveKeys(duck, vectors, { bundle, used, prefix: settings.online.keyPrefix });
      features.push(...(await ofView(writer, { bundle, service, used, live })));
    }
    return { service: name, share, met: features.every((f) => f.warm >= share * f.live), features };
  } finally {
    await writer?.close();
    duck.close();
    scratch.remove();
  }
}

/** @returns a SELECT of the service's vectors of the last day */
async function vectorsSql(
  duck: DuckDb,
  { settings, clock }: Project,
  { name }: FeatureService,
  pins: string,
): Promise<string> {
  const served = servedFolder(settings);
  await openHistoryStorage(duck, served);
  const nowUs = clock.nowUs();
  const [first, last] = [hourOf(nowUs - DAY_US), hourOf(nowUs)];
  const { files } = await pinnedFiles(served, pins, (hour) => hour >= first && hour <= last);
  const folder = serviceFolder(name, 0).replace(/0$/, '');
  const own = files.filter((file) => file.folder.startsWith(folder)).map(({ file }) => file);
  if (own.length === 0)
    throw materializerError('MAT_NOT_LIVE', `${settings.served} has no vector of ${name} of the last day`, {
      file: settings.served,
    });
  return `SELECT * FROM read_parquet(${quotePaths(own)}, union_by_name = true, hive_partitioning = false)
    WHERE epoch_us(_served_time) BETWEEN ${nowUs - DAY_US} AND ${nowUs}`;
}

interface LookedAt {
  readonly bundle: Bundle;
  readonly used: ServiceView;
  readonly prefix: string;
}

/** @returns the online keys of the entities of a view that the vectors name */
async function liveKeys(
  duck: DuckDb,
  vectors: string,
  { bundle, used, prefix }: LookedAt,
): Promise<string[]> {
  const view = bundle.views.get(used.view)!;
  const entity = bundle.entities.get(view.entity)!;
  const columns = new Set((await duck.rows(`DESCRIBE ${vectors}`)).map((row) => row['column_name']));
  const hidden = used.requestKeys.find((key) => !columns.has(key));
  if (hidden !== undefined)
    throw materializerError(
      'MAT_NOT_LIVE',
      `the archive has ${hidden} hashed or not at all: it cannot be looked up`,
    );
  const keys = used.requestKeys.map(quoteName).join(', ');
  const known = used.requestKeys.map((key) => `${quoteName(key)} IS NOT NULL`).join(' AND ');
  const rows = await duck.rows(`SELECT DISTINCT ${keys} FROM (${vectors}) WHERE ${known}`);
  return rows.map((row) => {
    const values = used.requestKeys.map((key) => row[key] as KeyValue);
    return entityKeyOf(prefix, entity, values);
  });
}

interface Coverage {
  readonly bundle: Bundle;
  readonly service: FeatureService;
  readonly used: ServiceView;
  readonly live: readonly string[];
}

async function ofView(
  writer: OnlineWriter | null,
  { bundle, service, used, live }: Coverage,
): Promise<WarmFeature[]> {
  const view = bundle.views.get(used.view)!;
  const vouchedUs = writer === null ? null : await leastMarker(writer, view.id);
  const online = writer === null || vouchedUs === null ? 0 : await countOnline(writer, view, live);
  const listed = service.features.filter(({ role }) => role === used.role).map(({ feature }) => feature);
  // Of a view that only on-demand views use the service lists none.
  const features = view.features.filter(({ name }) => listed.length === 0 || listed.includes(name));
  return features.map((feature) => {
    const fromUs = fullFromUs(view, feature);
    const isFull = vouchedUs !== null && (fromUs === null || vouchedUs >= fromUs);
    return {
      feature: `${used.role}__${feature.name}`,
      live: live.length,
      online,
      warm: isFull ? online : 0,
      fullFromUs: fromUs,
    };
  });
}

async function countOnline(
  writer: OnlineWriter,
  view: FeatureView,
  live: readonly string[],
): Promise<number> {
  let count = 0;
  for (let from = 0; from < live.length; from += BATCH_KEYS) {
    const rows = await writer.readRows(view.id, live.slice(from, from + BATCH_KEYS));
    for (const row of rows)
      if (row !== null && row.length > HEADER_BYTES && readHeader(row)?.definitionId === view.definitionId)
        count += 1;
  }
  return count;
}
