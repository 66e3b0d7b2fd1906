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
import type { FeatureView } from '../../contract/model.ts';
import { definitionName } from '../../contract/wire/online/row-header.ts';
import { entryHash } from '../delta/delta-log.ts';
import type { Folder } from '../storage/folder.ts';
import { baseFolder } from './history-folder.ts';
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

/** @returns the name of the file that lists the bases of the view's definition */
export function ownList(view: FeatureView): string {
  return `${definitionName(view.definitionId)}.json`;
}

/** @returns the bases of the view's definition by today's rule, the earliest first */
export async function readBases(root: Folder, view: FeatureView): Promise<HistoryBase[]> {
  const rule = baseRule(view);
  const folder = baseFolder(root, view);
  const bases = await basesIn(folder, ownList(view));
  const there = bases.length === 0 ? [] : await folder.names();
  const own = bases.filter((base) => base.rule === rule && there.includes(base.name));
  return own.toSorted((a, b) => a.beforeUs - b.beforeUs);
}

/** @returns those whose rows this history has, the earliest first; others are of a later entry, or of another log */
export async function basesOf(
  root: Folder,
  view: FeatureView,
  { version, folder }: HistorySnapshot,
): Promise<HistoryBase[]> {
  const known: HistoryBase[] = [];
  for (const base of await readBases(root, view)) {
    if (base.version <= version && base.entry === (await entryHash(folder, base.version))) known.push(base);
  }
  return known;
}

/** @returns the names of the lists of all definitions of a view */
export async function baseLists(root: Folder, view: FeatureView): Promise<string[]> {
  const names = await baseFolder(root, view).names();
  return names.filter((name) => name.endsWith('.json'));
}

/** @returns the files of all bases that the lists of a view have, by whatever rule */
export async function listedBases(root: Folder, view: FeatureView): Promise<Set<string>> {
  const listed = new Set<string>();
  for (const list of await baseLists(root, view))
    for (const { name } of await basesIn(baseFolder(root, view), list)) listed.add(name);
  return listed;
}

/** A list that is damaged has none: they are made anew. */
async function basesIn(folder: Folder, list: string): Promise<readonly HistoryBase[]> {
  const text = await folder.read(list);
  if (text === null) return [];
  try {
    const { bases } = JSON.parse(text) as { bases?: readonly HistoryBase[] };
    return Array.isArray(bases) ? bases : [];
  } catch {
    return [];
  }
}

export async function writeBases(
  root: Folder,
  view: FeatureView,
  bases: readonly HistoryBase[],
): Promise<void> {
  await baseFolder(root, view).write(ownList(view), `${JSON.stringify({ bases })}\n`);
}
