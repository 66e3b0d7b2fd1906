/**
 * `plumb monitor run`: judges one UTC day of the vector log.
 *
 *   log --ingest--> archive --replay--> rows that agree, counted ------------> tallies --verdict--> snapshot
 *                               ^   `--> open rows --judge, compare, explain-->'  |
 *                            history                                              `--> {date}.parquet, what differs
 *
 * This file opens and closes what the run needs, and reads the day; service-run.ts then judges each service. The day's
 * tables are in a DuckDB file below `monitor.scratch`, so that a day larger than memory can be judged; its folder is
 * removed when the run ends, or by the next one.
 */
import { join } from 'node:path';
import { serviceNamed } from '../contract/definitions/service-named.ts';
import { exposedKeyNotice, loadHmacKey } from '../contract/log-privacy.ts';
import type { Bundle, FeatureService } from '../contract/model.ts';
import { CodedError } from '../contract/std/coded-error.ts';
import { DAY_US, parseTimestamp } from '../contract/std/timestamp.ts';
import type { RegistryDatabase } from '../project/database/registry-database.ts';
import { DuckDb } from '../project/engine/duckdb/duckdb.ts';
import { HistoriesSeen } from '../project/history/history-place.ts';
import type { Project } from '../project/project.ts';
import { openScratchFolder } from '../project/scratch-folder.ts';
import { archivedDay } from './day/archived-day.ts';
import { readDayOfLog } from './day/day-of-log.ts';
import type { DayOfLog } from './day/day-of-log.ts';
import { HashedIds, hasHashedIds } from './day/hashed-ids.ts';
import { monitorError } from './errors.ts';
import { BundleBook } from './judge/bundle-book.ts';
import { memoryLimit } from './memory-limit.ts';
import type { MonitoredDay } from './monitored-day.ts';
import { ServiceRun } from './service-run.ts';
import type { Snapshot } from './verdict/snapshot.ts';

interface MonitorOptions {
  /** YYYY-MM-DD, UTC. */
  readonly date: string;
  /** Names of services; default: every service with a vector that day. */
  readonly services?: readonly string[];
}

/**
 * Judges a day; writes each service's verdict to `{reports}/{service}/{date}.json`, and its mismatches beside it.
 *
 * @returns  one snapshot per service, in the order of the bundle
 * @throws   MON_DAY, MON_NO_VECTORS, MON_LOG, MON_REPORTS, REG_NOT_APPLIED, REG_UNKNOWN, REG_SOURCE
 */
export async function runMonitor(
  project: Project,
  database: RegistryDatabase,
  options: MonitorOptions,
): Promise<Snapshot[]> {
  const fromUs = dayStart(options.date);
  const book = new BundleBook(project.settings, project.logger);
  const wanted = servicesOf(book.current, options.services);
  const { monitor } = project.settings;
  const scratch = openScratchFolder(monitor.scratch, 'monitor');
  const duck = await DuckDb.open({
    file: join(scratch.folder, 'day.duckdb'),
    memoryLimit: memoryLimit(monitor),
    memorySetting: 'monitor.memory',
  });
  try {
    const { hmacKey: setting, spool } = project.settings.log;
    const hmacKey = loadHmacKey(setting);
    const exposed = exposedKeyNotice(setting);
    if (exposed !== null) project.logger.warn(exposed);
    const toUs = fromUs + DAY_US;
    const histories = { ...project.settings, seen: new HistoriesSeen() };
    const day = { project, database, book, duck, histories, hmacKey, date: options.date, fromUs, toUs };
    const log = await readLog(day, scratch.folder);
    for (const [what, vectors] of log.leftOut) {
      project.logger.warn(`${vectors} vectors ${what} are not judged`);
    }
    const found = wanted.flatMap(({ name }) => log.services.get(name) ?? []);
    if (found.length === 0) throw noVectors(options, log, spool);
    const snapshots: Snapshot[] = [];
    for (const service of found) {
      snapshots.push(await new ServiceRun({ ...day, log }, service).judge());
    }
    return snapshots;
  } finally {
    duck.close();
    scratch.remove();
  }
}

function dayStart(date: string): number {
  const us = /^\d{4}-\d\d-\d\d$/.test(date) ? parseTimestamp(date) : null;
  if (us === null) throw monitorError('MON_DAY', `expected a date such as 2026-11-21, got ${date}`);
  return Number(us);
}

function servicesOf(bundle: Bundle, names: readonly string[] | undefined): FeatureService[] {
  if (names === undefined) return [...bundle.services.values()];
  return names.map((name) => serviceNamed(bundle, name));
}

/** @param scratch  a folder for temporary files, when a large day does not fit in memory */
async function readLog(day: Omit<MonitoredDay, 'log'>, scratch: string): Promise<DayOfLog> {
  const { project, book, duck, hmacKey, fromUs } = day;
  const { entities, services } = book.current;
  try {
    const archive = await archivedDay(project, fromUs, join(scratch, 'served'));
    const hashedIds = hasHashedIds(entities.values())
      ? await HashedIds.read(duck, { settings: day.histories, logger: project.logger }, book.current, hmacKey)
      : null;
    const bundle = (hash: string): Bundle => book.bundle(hash);
    return await readDayOfLog(duck, archive, { services, fromUs, bundle, hashedIds });
  } catch (error) {
    if (error instanceof CodedError) throw error;
    const { spool } = project.settings.log;
    throw monitorError('MON_LOG', `${spool} cannot be read: ${(error as Error).message}`, {}, error);
  }
}

function noVectors(options: MonitorOptions, log: DayOfLog, spool: string): Error {
  const of = options.services === undefined ? '' : ` of ${options.services.join(', ')}`;
  const has =
    log.services.size > 0
      ? `; it has vectors of ${[...log.services.keys()].join(', ')}`
      : log.hasRecords
        ? '; its records of that day hold none'
        : '';
  return monitorError('MON_NO_VECTORS', `${spool} has no vectors${of} of ${options.date}${has}`);
}
