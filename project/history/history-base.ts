/**
 * The bases of a history: what the rows of all days before a midnight M come to, for readers of times from M on.
 *
 *   base(M), made at entry c: every row with event < M, committed by c, for which no row that is greater in
 *   (event, created) had become visible by M, that is had max(event + delay, created) <= M
 *
 * A row that is left out is hidden from every time t >= M, as trained and as available, by one that is in the base. So
 * the rows of a time t >= M are those of the base, of the files of event days from M on, and of all files committed
 * after c; and an entity that has been idle for years is found in one place.
 *
 *   history/_base/{view}/v{version}/{definition}.json              which bases there are
 *                                   {definition}-<day>-*.parquet   the rows of one
 *
 * A base hangs on the view's delay and its checks (a row that a check excludes hides no other): one of other ones is
 * passed over and made anew. All of it is made of the history, and may be removed at any time.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FeatureView } from '../../contract/model.ts';
import { writeDurably } from '../../contract/std/files/durable-file.ts';
import { definitionName } from '../../contract/wire/online/row-header.ts';
import { entryHash } from '../delta/delta-log.ts';
import { folderBeside } from './history-folder.ts';
import type { HistorySnapshot } from './history-snapshot.ts';

export interface HistoryBase {
  /** M: the midnight, UTC, before which its rows lie. */
  readonly beforeUs: number;
  /** c: the entry by which they were committed. */
  readonly version: number;
  /** Its hash: a log that was put back from a copy has another entry of that number. */
  readonly entry: string;
  /** What else decides which rows are in it: `baseRule`. */
  readonly rule: string;
  /** Its file's, beside the list. */
  readonly name: string;
}

/** @returns what the rows of a view's bases hang on beside the history */
export function baseRule({ delayUs, features }: Pick<FeatureView, 'delayUs' | 'features'>): string {
  return JSON.stringify(
    [delayUs, ...features.map(({ name, checks }) => [name, checks])],
    (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value),
  );
}

export function baseFolder(root: string, view: Pick<FeatureView, 'name' | 'version'>): string {
  return folderBeside(root, '_base', view);
}

/** @returns the file that lists the bases of the view's definition */
export function ownList(root: string, view: FeatureView): string {
  return join(baseFolder(root, view), `${definitionName(view.definitionId)}.json`);
}

/** @returns the bases of the view's definition by today's rule, the earliest first */
export function readBases(root: string, view: FeatureView): HistoryBase[] {
  const rule = baseRule(view);
  const folder = baseFolder(root, view);
  const bases = basesIn(ownList(root, view));
  const own = bases.filter((base) => base.rule === rule && existsSync(join(folder, base.name)));
  return own.toSorted((a, b) => a.beforeUs - b.beforeUs);
}

/** @returns those whose rows this history has, the earliest first; others are of a later entry, or of another log */
export function basesOf(
  root: string,
  view: FeatureView,
  { version, folder }: HistorySnapshot,
): HistoryBase[] {
  const isOf = (base: HistoryBase): boolean =>
    base.version <= version && base.entry === entryHash(folder, base.version);
  return readBases(root, view).filter(isOf);
}

/** @returns the lists of all definitions of a view */
export function baseLists(root: string, view: FeatureView): string[] {
  const folder = baseFolder(root, view);
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : [];
  return names.map((name) => join(folder, name));
}

/** @returns the files of all bases that a list has, by whatever rule */
export function listedIn(list: string): string[] {
  return basesIn(list).map(({ name }) => name);
}

/** A list that is damaged has none: they are made anew. */
function basesIn(list: string): readonly HistoryBase[] {
  try {
    const { bases } = JSON.parse(readFileSync(list, 'utf8')) as { bases?: readonly HistoryBase[] };
    return Array.isArray(bases) ? bases : [];
  } catch {
    return [];
  }
}

export function writeBases(root: string, view: FeatureView, bases: readonly HistoryBase[]): void {
  writeDurably(ownList(root, view), `${JSON.stringify({ bases })}\n`, 0o644);
}
