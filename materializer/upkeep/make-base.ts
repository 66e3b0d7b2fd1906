/**
 * Makes the bases of a history (project/history/history-base.ts): each from the one before it, so that a new one costs
 * the days in between and not all years.
 *
 *   the first day of each quarter                     kept for good: for labels of any time since
 *   the first day of the month, and of the week       the newest of each: for yesterday's traffic and new labels
 *
 * A base that many files have come to since is made anew. The caller holds the view's lease.
 */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { countingIds } from '../../contract/definitions/definition-json.ts';
import type { Entity, FeatureView } from '../../contract/model.ts';
import { dayOf } from '../../contract/std/timestamp.ts';
import { definitionName } from '../../contract/wire/online/row-header.ts';
import { baseSql } from '../../project/engine/duckdb/base-rows.ts';
import { historyFormatSql } from '../../project/engine/duckdb/committed-rows.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quoteTarget } from '../../project/engine/duckdb/file-sql.ts';
import { entryHash } from '../../project/delta/delta-log.ts';
import { baseRule, basesOf, writeBases } from '../../project/history/history-base.ts';
import { baseFolder } from '../../project/history/history-folder.ts';
import type { Folder } from '../../project/storage/folder.ts';
import { openHistoryStorage } from '../../project/engine/duckdb/object-storage.ts';
import type { HistoryBase } from '../../project/history/history-base.ts';
import type { HistoryFile, HistorySnapshot } from '../../project/history/history-snapshot.ts';

interface BaseWork {
  readonly root: Folder;
  readonly view: FeatureView;
  readonly entity: Entity;
  readonly history: HistorySnapshot;
}

/** A base pays where it stands for at least so many days with files. */
const FEWEST_DAYS = 14;
/** More late files than that, which each reader of the base reads beside it, and it is made anew. */
const MOST_LATE = 64;

/**
 * @returns the midnights of which a base is to be made. Those that have none stand first, the earliest at their head,
 *          since each is made from the one before it; then those that more files came to than to any other: a base that
 *          was just made is the last of these, so that each has its turn where every run brings rows of many past days
 */
export async function wantedBases({ root, view, entity, history }: BaseWork): Promise<number[]> {
  const ids = countingIds(view, entity.joinKeys);
  const files = history.files(ids);
  const mark = history.mark(ids);
  const [first] = files;
  if (mark === null || first === undefined) return [];
  const bases = await basesOf(root, view, history);
  const { quarters, newest } = midnights(first.firstEventUs, mark.watermarkUs);
  const there = new Set(bases.map(({ beforeUs }) => beforeUs));
  const lacking: number[] = [];
  const pays = (fromUs: number, beforeUs: number): boolean => {
    const days = files
      .filter(({ day }) => day >= dayOf(fromUs) && day < dayOf(beforeUs))
      .map(({ day }) => day);
    return new Set(days).size >= FEWEST_DAYS;
  };
  for (const [i, quarter] of quarters.entries())
    if (!there.has(quarter) && pays(quarters[i - 1] ?? 0, quarter)) lacking.push(quarter);
  for (const beforeUs of newest) {
    const last = Math.max(0, ...there, ...lacking);
    if (beforeUs > last && pays(last, beforeUs)) lacking.push(beforeUs);
  }
  const late = bases
    .map((base) => ({ beforeUs: base.beforeUs, files: lateFiles(files, base).length }))
    .filter((base) => base.files > MOST_LATE)
    .toSorted((a, b) => b.files - a.files || b.beforeUs - a.beforeUs);
  return [...lacking.toSorted((a, b) => a - b), ...late.map(({ beforeUs }) => beforeUs)];
}

function lateFiles(files: readonly HistoryFile[], { beforeUs, version }: HistoryBase): HistoryFile[] {
  const before = dayOf(beforeUs);
  return files.filter((file) => file.day < before && file.version > version);
}

interface Midnights {
  /** The first days of all quarters in between. */
  readonly quarters: readonly number[];
  /** The first days of the month and of the week of the end. */
  readonly newest: readonly number[];
}

/** The earliest first. */
function midnights(fromUs: number, toUs: number): Midnights {
  const end = new Date(toUs / 1_000);
  const [year, month, day] = [end.getUTCFullYear(), end.getUTCMonth(), end.getUTCDate()];
  const quarters: number[] = [];
  const last = year * 12 + month - (month % 3);
  for (let at = last; monthUs(at) > fromUs; at -= 3) quarters.unshift(monthUs(at));
  const week = Date.UTC(year, month, day - ((end.getUTCDay() + 6) % 7)) * 1_000;
  return { quarters, newest: [monthUs(year * 12 + month), week].toSorted((a, b) => a - b) };
}

/** @param month  counted from the year 0 */
function monthUs(month: number): number {
  return Date.UTC(Math.floor(month / 12), month % 12, 1) * 1_000;
}

/** Makes one base, and lists it in place of one of the same midnight. */
export async function makeBase(duck: DuckDb, work: BaseWork, beforeUs: number): Promise<void> {
  const { root, view, entity, history } = work;
  const folder = baseFolder(root, view);
  const entry = (await entryHash(history.folder, history.version))!;
  await openHistoryStorage(duck, root);
  const files = history.files(countingIds(view, entity.joinKeys));
  const known = await basesOf(root, view, history);
  const from = known.findLast((base) => base.beforeUs <= beforeUs) ?? null;
  const [since, until] = [from === null ? '' : dayOf(from.beforeUs), dayOf(beforeUs)];
  const read = files.filter(
    ({ day, version }) => day <= until && (day >= since || (from !== null && version > from.version)),
  );
  const sources = {
    files: [...(from === null ? [] : [{ file: folder.fileOf(from.name) }]), ...read],
    repeat: read.some(({ day }) => day < since),
  };
  const name = `${definitionName(view.definitionId)}-${until}-${randomBytes(6).toString('hex')}.parquet`;
  const aside = folder.asideOf(name);
  try {
    await duck.run(
      `COPY (${baseSql(view, entity, sources, beforeUs)}) TO ${quoteTarget(aside)} (${historyFormatSql(view)}, COMPRESSION zstd)`,
    );
    await folder.bring([{ from: aside, to: name }]);
  } finally {
    rmSync(aside, { force: true });
  }
  const base: HistoryBase = { beforeUs, version: history.version, entry, rule: baseRule(view), name };
  await writeBases(root, view, [...known.filter((one) => one.beforeUs !== beforeUs), base]);
}

/** Takes weeks and months that are over from the list. */
export async function forgetBases(work: BaseWork): Promise<void> {
  const { root, view, entity, history } = work;
  const known = await basesOf(root, view, history);
  const mark = history.mark(countingIds(view, entity.joinKeys));
  if (mark === null) return;
  const { quarters, newest } = midnights(0, mark.watermarkUs);
  const own = known.filter(({ beforeUs }) => quarters.includes(beforeUs) || newest.includes(beforeUs));
  if (own.length < known.length) await writeBases(root, view, own);
}
