/**
 * Since when files of a history have been found to be nobody's: `_unnamed.json` in the view's folder, which is there
 * while any is, and names what was at the last cleaning. Their own times cannot say it: only a file's owner may set
 * them, and the runs of a view may be several users'.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeDurably } from '../../contract/std/files/durable-file.ts';

const KEPT_MS = 86_400_000;

/**
 * Notes all that is nobody's now, and forgets what is somebody's again.
 *
 * @param paths  below the root of histories
 * @returns      those that were found more than a day ago
 */
export function foundLongAgo(folder: string, paths: readonly string[], nowMs: number): Set<string> {
  const file = join(folder, '_unnamed.json');
  const known = foundBefore(file);
  // A clock that was set back does not hold it up.
  const found = new Map(paths.map((path) => [path, Math.min(known.get(path) ?? nowMs, nowMs)]));
  if (found.size > 0) writeDurably(file, `${JSON.stringify(Object.fromEntries(found))}\n`, 0o644);
  else rmSync(file, { force: true });
  return new Set(paths.filter((path) => found.get(path)! < nowMs - KEPT_MS));
}

/** What is damaged says nothing: the day begins anew. */
function foundBefore(file: string): Map<string, number> {
  if (!existsSync(file)) return new Map();
  try {
    const found = Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>);
    return new Map(found.filter((one): one is [string, number] => typeof one[1] === 'number'));
  } catch {
    return new Map();
  }
}
