/**
 * Files that users name, or that lie in folders of theirs, are regular files or links to one. Whoever opens a FIFO
 * waits until somebody writes to it, a device may never end, and neither Node nor DuckDB can be stopped meanwhile.
 */
import { lstatSync, readFileSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';

/**
 * Of a folder, and where nothing is, nothing is said: opening it tells.
 *
 * @throws Error that names the path and what it is, where it is a FIFO, a socket or a device
 */
export function requireRegularFile(path: string): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  const kind = stat === undefined ? null : specialKind(stat);
  if (kind !== null) throw new Error(`expected a regular file, got ${kind}, open '${path}'`);
}

/** @throws what `requireRegularFile` throws, and the file system's error */
export function readRegularFile(path: string): Buffer {
  requireRegularFile(path);
  return readFileSync(path);
}

/** @throws what `requireRegularFile` throws, and the file system's error */
export function readRegularText(path: string): string {
  requireRegularFile(path);
  return readFileSync(path, 'utf8');
}

function specialKind(stat: Stats): string | null {
  if (stat.isFIFO()) return 'a FIFO';
  if (stat.isSocket()) return 'a socket';
  return stat.isCharacterDevice() || stat.isBlockDevice() ? 'a device' : null;
}

/**
 * Of a name that is no UTF-8 Node gives a text that leads to nothing: what is there would be left out in silence.
 *
 * @param path  as a folder's listing gave it
 * @throws      Error that names it
 */
export function requireUtf8Name(path: string): void {
  if (!path.includes('\ufffd') || lstatSync(path, { throwIfNoEntry: false }) !== undefined) return;
  throw new Error(`expected a name in UTF-8, got ${JSON.stringify(path)}: rename it`);
}
