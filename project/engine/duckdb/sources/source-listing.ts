/**
 * The files that a source's path names: one file, all Parquet below a folder, or those that match a pattern.
 *
 *   *  ?  [abc]  [!a-c]   within one name · **   any number of folders, none too
 *
 * A file or folder that a wildcard finds is no data if its name begins with `_` or `.`: Spark, Hive and others keep
 * there what they have not committed yet (`_temporary`, `.spark-staging-1`). A folder `_name=value` is a partition, as
 * it is for them. What the path itself names counts whatever it is called.
 *
 * Links to folders are followed, and a folder that contains itself is entered once. A file that is reached in several
 * ways is one file: `latest -> 2026-11-20` must not count a day twice. DuckDB's own patterns do neither.
 */
import { readdirSync, realpathSync, statSync } from 'node:fs';
import { isAbsolute, join, normalize, parse, resolve, sep } from 'node:path';
import { requireRegularFile, requireUtf8Name } from '../../../../contract/std/files/regular-file.ts';

/**
 * @param folder  what a relative path begins in; a sign of a pattern in its own name stands for itself
 * @returns       absolute paths, sorted, none twice; empty when there is none
 * @throws        the file system's error when a folder cannot be read, or a link of a file's name leads nowhere;
 *                an error that names what is no regular file, or a name that is no UTF-8
 */
export function listSourceFiles(folder: string, path: string): string[] {
  const parts = normalize(path)
    .split(sep)
    .filter((part) => part !== '');
  const root = isAbsolute(path) ? parse(path).root : resolve(folder);
  const listing = new Listing();
  const wild = parts.findIndex(isWild);
  if (wild === -1) listing.addNamed(resolve(folder, path));
  else
    listing.match(join(root, ...parts.slice(0, wild)), parts.slice(wild), {
      above: [],
      file: /(?:)/,
      linked: false,
    });
  return listing.files();
}

/** How a folder was reached. */
interface Way {
  /** Real paths of the folders on the way whose contents `**` has looked at. */
  readonly above: readonly string[];
  /** What a file's name must match beside the pattern. */
  readonly file: RegExp;
  /** Whether a link led there. */
  readonly linked: boolean;
}

class Listing {
  /** Path -> whether a link leads to it. */
  readonly #found = new Map<string, boolean>();

  addNamed(path: string): void {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat?.isDirectory() === true)
      this.match(path, ['**', '*'], { above: [], file: /\.parquet$/i, linked: false });
    else if (stat !== undefined) this.#add(path, false);
  }

  /** @param parts  of the pattern below `folder`, at least one */
  match(folder: string, parts: readonly string[], way: Way): void {
    const [part, ...rest] = parts as [string, ...string[]];
    if (!isWild(part)) {
      const path = join(folder, part);
      if (rest.length > 0) this.match(path, rest, way);
      else if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === false)
        this.#add(path, way.linked);
      return;
    }
    const deep = part === '**';
    let inside = way;
    if (deep) {
      if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return;
      const real = realpathSync(folder);
      if (way.above.includes(real)) return;
      inside = { ...way, above: [...way.above, real] };
      this.match(folder, rest.length === 0 ? ['*'] : rest, way);
    }
    const fits = deep ? null : namePattern(part);
    for (const { name, isFolder, isFile, isLink } of entriesOf(folder)) {
      if (isHidden(name) && !/^[_.]/.test(part)) continue;
      if (fits !== null && !fits.test(name)) continue;
      const path = join(folder, name);
      const linked = way.linked || isLink;
      const isWay = isFolder && (deep || rest.length > 0);
      const isData = !isFolder && !deep && rest.length === 0 && way.file.test(name);
      // Of a link of such a name nobody knows what it leads to.
      if (isWay || isData || isLink) requireUtf8Name(path);
      if (isWay) this.match(path, deep ? parts : rest, deep ? { ...inside, linked } : { ...way, linked });
      else if (isData) {
        if (isLink) statSync(path);
        if (isFile) this.#found.set(path, linked);
        else this.#add(path, linked);
      }
    }
  }

  #add(path: string, linked: boolean): void {
    requireRegularFile(path);
    this.#found.set(path, linked);
  }

  /** Of the ways to a file the one without a link, else the first. */
  files(): string[] {
    const paths = [...this.#found.keys()].toSorted();
    if (![...this.#found.values()].includes(true)) return paths;
    const byFile = Map.groupBy(paths, (path) => realpathSync(path));
    return [...byFile.values()]
      .map((ways) => ways.find((way) => this.#found.get(way) === false) ?? ways[0]!)
      .toSorted();
  }
}

interface Entry {
  readonly name: string;
  readonly isFolder: boolean;
  /** A file or a link to one: neither a folder nor a FIFO, socket or device. */
  readonly isFile: boolean;
  readonly isLink: boolean;
}

function entriesOf(folder: string): Entry[] {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
  return readdirSync(folder, { withFileTypes: true }).map((entry) => {
    const isLink = entry.isSymbolicLink();
    const leadsTo = isLink ? statSync(join(folder, entry.name), { throwIfNoEntry: false }) : undefined;
    const it = leadsTo ?? entry;
    return { name: entry.name, isFolder: it.isDirectory(), isFile: it.isFile(), isLink };
  });
}

export function isHidden(name: string): boolean {
  return name.startsWith('.') || (name.startsWith('_') && !name.includes('='));
}

export function isWild(part: string): boolean {
  return /[*?[]/.test(part);
}

/** `[` without an end stands for itself, as in a shell. */
export function namePattern(part: string): RegExp {
  const text = part.replace(/\[(!?)([^\]]+)\]|[\\^$.|+()[\]{}*?]/g, (match, not?: string, set?: string) => {
    if (set !== undefined) return `[${not === '!' ? '^' : ''}${set.replace(/[\\\]^[]/g, '\\$&')}]`;
    if (match === '*') return '.*';
    return match === '?' ? '.' : `\\${match}`;
  });
  return new RegExp(`^${text}$`, 'su');
}
