/**
 * `plumb monitor run`: judges one UTC day of the vector log, or one hour of it.
 *
 *   log --ingest--> archive --replay--> rows that agree, counted ------------> tallies --verdict--> snapshot
 *                               ^   `--> open rows --judge, compare, explain-->'  |
 *                            history                                              `--> {date}.parquet, what differs
 *
 * This file opens and closes what the run needs, and reads the day; service-run.ts then judges each service. The day's
 * tables are in a DuckDB file below `monitor.scratch`, so that a day larger than memory can be judged; its folder is
 * removed when the run ends, or by the next one. Where a file of the archive turns out to be damaged, all of it begins
 * again without that file.
 */
import { join } from 'node:path';
import { serviceNamed } from '../contract/definitions/service-named.ts';
import { exposedKeyNotice, loadHmacKey } from '../contract/log-privacy.ts';
import type { Bundle, FeatureService } from '../contract/model.ts';
import type { Shard } from '../contract/run-record.ts';
import { CodedError } from '../contract/std/coded-error.ts';
import type { RegistryDatabase } from '../project/database/registry-database.ts';
import { DuckDb } from '../project/engine/duckdb/duckdb.ts';
import { openHistoryStorage } from '../project/engine/duckdb/object-storage.ts';
import { servedFolder } from '../project/archive/archive-place.ts';
import { HistoriesSeen } from '../project/history/history-place.ts';
import type { Project } from '../project/project.ts';
import { openScratchFolder } from '../project/scratch-folder.ts';
import { archivedSpan } from './day/archived-day.ts';
import { DamagedArchive, DamagedFiles, readingArchive } from './day/damaged-archive.ts';
import { readDayOfLog } from './day/day-of-log.ts';
import type { DayOfLog, DayOfService } from './day/day-of-log.ts';
import { GROUPS_AT_ONCE } from './groups/group-pages.ts';
import { HashedIds, hasHashedIds } from './day/hashed-ids.ts';
import { quietDays } from './day/quiet-day.ts';
import { monitorError } from './errors.ts';
import { BundleBook } from './judge/bundle-book.ts';
import { spanOf, spanWords } from './judged-span.ts';
import type { JudgedSpan } from './judged-span.ts';
import { memoryLimit } from './memory-limit.ts';
import type { MonitoredDay } from './monitored-day.ts';
import { ServiceRun } from './service-run.ts';
import { isOfShard } from './kept/role-shard.ts';
import type { KeptShard } from './kept/role-shard.ts';
import { SparkSplits } from './spark/spark-split.ts';
import { lostText } from './verdict/findings.ts';
import type { Snapshot } from './verdict/snapshot.ts';

export type MonitorEngine = 'duckdb' | 'spark';

interface MonitorOptions {
  /** YYYY-MM-DD, UTC. */
  readonly date: string;
  /** 0 to 23, to judge that hour alone; null or absent: the whole day. */
  readonly hour?: number | null;
  /** Names of services; default: every service with a vector that day or hour, or that was judged before the day. */
  readonly services?: readonly string[];
  /** Whether what another V8 computed on demand is judged all the same; not unless given. */
  readonly otherEngine?: boolean;
  /** What replays the day; DuckDB unless given. The verdict is the same. */
  readonly engine?: MonitorEngine;
  /** How many groups of vectors are judged at once: more take more memory, and the verdict is the same. */
  readonly groupsAtOnce?: number;
}

/**
 * Judges a day or an hour; writes each service's verdict to the folder of reports, and its mismatches beside it.
 *
 * @param judged  is told of each verdict when it is written
 * @returns       one snapshot per service, in the order of the bundle
 * @throws        MON_DAY, MON_NO_VECTORS, MON_LOG, MON_REPORTS, REG_NOT_APPLIED, REG_UNKNOWN, REG_SOURCE; what the
 *                first service that cannot be judged throws, once the others are judged
 */
export async function runMonitor(
  project: Project,
  database: RegistryDatabase,
  options: MonitorOptions,
  judged: (snapshot: Snapshot) => void | Promise<void> = () => {},
): Promise<Snapshot[]> {
  const { elsewhere } = project.settings;
  const snapshots = new Map<string, Snapshot>();
  let errors: unknown[] = [];
  const judgeAll = async (day: MonitoredDay, found: readonly DayOfService[]): Promise<Snapshot[]> => {
    errors = [];
    for (const service of found) {
      const { name } = service.service;
      // One that was judged before the day began again met no damage.
      if (snapshots.has(name)) continue;
      try {
        const snapshot = await readingArchive(day.log.files, elsewhere, () =>
          new ServiceRun(day, service).judge(),
        );
        snapshots.set(name, snapshot);
        await judged(snapshot);
      } catch (error) {
        if (error instanceof DamagedArchive) throw error;
        errors.push(error);
        if (found.length > 1) project.logger.warn(`${name} cannot be judged: ${(error as Error).message}`);
      }
    }
    return found.flatMap(({ service }) => snapshots.get(service.name) ?? []);
  };
  const all = await withDay(project, database, { ...options, quiet: true }, judgeAll);
  if (errors.length > 0) throw errors[0];
  return all;
}

/**
 * Judges a shard of the roles of a day or an hour, and keeps them for the run that writes the verdicts.
 *
 * @returns of each service with vectors what the shard has done, in the order of the bundle
 * @throws  MON_DAY, MON_NO_VECTORS, MON_LOG, MON_NOT_KEPT, REG_NOT_APPLIED, REG_UNKNOWN, REG_SOURCE
 */
export async function runShard(
  project: Project,
  database: RegistryDatabase,
  options: MonitorOptions,
  shard: Shard,
): Promise<KeptShard[]> {
  return await withDay(project, database, options, async (day, found) => {
    const kept: KeptShard[] = [];
    let first = 0;
    for (const service of found) {
      const before = first;
      first += service.service.views.length;
      kept.push(await new ServiceRun(day, service).judgeShard((role) => isOfShard(before + role, shard)));
    }
    return kept;
  });
}

/**
 * Opens a day or an hour for whoever judges it, and closes it afterwards.
 *
 * @param judge  gets the services that have vectors, or are judged without, in the order of the bundle; it is called
 *               again where it met a damaged file, with a day that lacks it
 * @returns      what `judge` does
 * @throws       MON_DAY, MON_NO_VECTORS, MON_LOG, REG_NOT_APPLIED, REG_UNKNOWN, and what `judge` throws
 */
export async function withDay<T>(
  project: Project,
  database: RegistryDatabase,
  options: OpenedDay,
  judge: (day: MonitoredDay, found: readonly DayOfService[]) => Promise<T>,
): Promise<T> {
  const damaged = new DamagedFiles((line) => project.logger.warn(line));
  for (;;) {
    try {
      return await withReadableDay(project, database, { ...options, damaged }, judge);
    } catch (error) {
      if (!(error instanceof DamagedArchive)) throw error;
      for (const [file, why] of error.files) damaged.add(file, why);
    }
  }
}

/** @throws DamagedArchive when a file turns out to be damaged that is not known to be */
async function withReadableDay<T>(
  project: Project,
  database: RegistryDatabase,
  options: OpenedDay & { readonly damaged: DamagedFiles },
  judge: (day: MonitoredDay, found: readonly DayOfService[]) => Promise<T>,
): Promise<T> {
  const span = spanOf(options);
  const book = new BundleBook(project.settings, project.logger);
  const wanted = servicesOf(book.current, options.services);
  const { monitor, elsewhere } = project.settings;
  const scratch = openScratchFolder(monitor.scratch, 'monitor');
  const duck = await DuckDb.open({
    file: join(scratch.folder, 'day.duckdb'),
    memoryLimit: memoryLimit(monitor),
    memorySetting: 'monitor.memory',
    scratchSetting: 'monitor.scratch',
    elsewhere,
  });
  let spark: SparkSplits | null = null;
  try {
    const { hmacKey: setting } = project.settings.log;
    const hmacKey = loadHmacKey(setting);
    const exposed = exposedKeyNotice(setting);
    if (exposed !== null) project.logger.warn(exposed);
    const histories = { ...project.settings, seen: new HistoriesSeen() };
    const { otherEngine = false, groupsAtOnce = GROUPS_AT_ONCE } = options;
    spark = options.engine === 'spark' ? new SparkSplits(duck, project, histories) : null;
    const own = { scratch: scratch.folder, histories, hmacKey, otherEngine, groupsAtOnce, spark };
    const day = { ...span, project, database, book, duck, ...own };
    const log = await readLog(day, options.damaged);
    for (const [what, vectors] of log.leftOut) {
      project.logger.warn(`${vectors} vectors ${what} are not judged`);
    }
    const without = wanted.filter(({ name }) => !log.services.has(name));
    const quiet =
      options.quiet === true ? await quietDays({ ...day, log }, without) : new Map<string, DayOfService>();
    const found = wanted.flatMap(({ name }) => log.services.get(name) ?? quiet.get(name) ?? []);
    if (found.length === 0) throw noVectors(project, { span, services: options.services, log });
    return await readingArchive(log.files, elsewhere, () => judge({ ...day, log }, found));
  } finally {
    duck.close();
    await spark?.close();
    scratch.remove();
  }
}

function servicesOf(bundle: Bundle, names: readonly string[] | undefined): FeatureService[] {
  if (names === undefined) return [...bundle.services.values()];
  return [...new Set(names)].map((name) => serviceNamed(bundle, name));
}

/** @param damaged  files that are left out; gets those that are found */
async function readLog(day: Omit<MonitoredDay, 'log'>, damaged: DamagedFiles): Promise<DayOfLog> {
  const { project, book, duck, hmacKey, scratch } = day;
  const { entities, services } = book.current;
  let isOfSpool = true;
  try {
    await openHistoryStorage(duck, servedFolder(project.settings));
    const archived = await archivedSpan(project, day, join(scratch, 'served'));
    ({ isOfSpool } = archived);
    const archive = await damaged.leaveOut(duck, archived);
    const hashedIds = hasHashedIds(entities.values())
      ? await HashedIds.read(duck, { settings: day.histories, logger: project.logger }, book.current, hmacKey)
      : null;
    const bundle = (hash: string): Bundle => book.bundle(hash);
    const { served, elsewhere } = project.settings;
    const scope = { services, span: day, bundle, hashedIds, served };
    return await readingArchive(archive.files, elsewhere, () => readDayOfLog(duck, archive, scope));
  } catch (error) {
    if (error instanceof CodedError || error instanceof DamagedArchive) throw error;
    const what = `${placeOf(project, isOfSpool)} cannot be read: ${(error as Error).message}`;
    throw monitorError(isOfSpool ? 'MON_LOG' : 'MON_SERVED', what, {}, error);
  }
}

/** @returns where the vectors lie, as sentences name it */
function placeOf({ settings }: Project, isOfSpool: boolean): string {
  return isOfSpool ? settings.log.spool : `the archive in ${settings.served}`;
}

/** What is opened: for some a service's day without a vector is one to judge, too (quiet-day.ts). */
interface OpenedDay extends MonitorOptions {
  readonly quiet?: boolean;
}

interface EmptyDay {
  readonly span: JudgedSpan;
  readonly services: readonly string[] | undefined;
  readonly log: DayOfLog;
}

function noVectors(project: Project, { span, services, log }: EmptyDay): Error {
  const { served } = project.settings;
  const of = services === undefined ? '' : ` of ${[...new Set(services)].join(', ')}`;
  if (log.lostFiles.length > 0) {
    const what = `the archive in ${served} is not whole: ${lostText(log.lostFiles)}`;
    return monitorError('MON_SERVED', what, { file: served });
  }
  if (span.date < log.keptFrom) {
    const what = `the vectors of ${spanWords(span)} were removed: monitor.keepServedDays keeps those from ${log.keptFrom} on`;
    return monitorError('MON_NO_VECTORS', what);
  }
  const judged = log.leftOut.size > 0 ? ' that can be judged' : '';
  const has = `${placeOf(project, log.isOfSpool)} has no vectors${of} of ${spanWords(span)}${judged}`;
  return monitorError('MON_NO_VECTORS', `${has}${whatElse(log, span)}`);
}

/** What there is instead, as the end of a sentence. */
function whatElse({ services, leftOut, hasRecords }: DayOfLog, { hour }: JudgedSpan): string {
  const others = services.size === 0 ? [] : [`it has vectors of ${[...services.keys()].join(', ')}`];
  const left = [...leftOut].map(([what, vectors]) => `${vectors} ${what} are left out`);
  if (others.length + left.length > 0) return `; ${[...others, ...left].join(', ')}`;
  return hasRecords ? `; its records of ${hour === null ? 'that day' : 'that hour'} hold none` : '';
}
