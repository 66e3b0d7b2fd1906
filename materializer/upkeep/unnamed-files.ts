/**
 * Since when files of a history have been found to be nobody's: `_unnamed.json` in the view's folder, which is there
 * while any is, and names what was at the last cleaning. Their own times cannot say it: only a file's owner may set
 * them, and the runs of a view may be several users'.
 */
import type { Folder } from '../../project/storage/folder.ts';

const KEPT_MS = 86_400_000;
const NOTES = '_unnamed.json';

/**
 * Notes all that is nobody's now, and forgets what is somebody's again.
 *
 * @param folder  the view's
 * @param paths   below the root of histories
 * @returns       those that were found more than a day ago
 */
export async function foundLongAgo(
  folder: Folder,
  paths: readonly string[],
  nowMs: number,
): Promise<Set<string>> {
  const known = foundBefore(await folder.read(NOTES));
  // A clock that was set back does not hold it up.
  const found = new Map(paths.map((path) => [path, Math.min(known.get(path) ?? nowMs, nowMs)]));
  if (found.size > 0) await folder.write(NOTES, `${JSON.stringify(Object.fromEntries(found))}\n`);
  else await folder.remove(NOTES);
  return new Set(paths.filter((path) => found.get(path)! < nowMs - KEPT_MS));
}

/** What is damaged says nothing: the day begins anew. */
function foundBefore(text: string | null): Map<string, number> {
  try {
    const found = Object.entries(JSON.parse(text ?? '{}') as Record<string, unknown>);
    return new Map(found.filter((one): one is [string, number] => typeof one[1] === 'number'));
  } catch {
    return new Map();
  }
}
