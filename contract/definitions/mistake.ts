/**
 * Mistakes in definitions: collected while everything is checked, reported all at once. And the guess at what a
 * mistyped name should be, for any message.
 */
import { relative } from 'node:path';
import { registryError } from '../errors.ts';
import type { CodedError } from '../std/coded-error.ts';
import type { Place } from './draft.ts';

interface Mistake {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

export class Mistakes {
  readonly #folder: string;
  readonly #found: Mistake[] = [];
  #allWasRead = true;

  /** @param folder  the project's folder; messages name files relative to it */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @param path  the option at fault, e.g. `['features', 'conv_rate', 'type']`; `[]` for the definition itself */
  add(place: Place, path: readonly string[], message: string): void {
    this.#found.push({ file: place.file, line: place.lineOf(path), message });
  }

  /**
   * A file or document that cannot be read at all. From then on no unknown name is reported: it may be defined there.
   */
  addUnreadable(file: string, line: number, message: string): void {
    this.#allWasRead = false;
    this.#found.push({ file, line, message });
  }

  /** A name that nothing defines; not reported once something could not be read, since that may define it. */
  addUnknownName(place: Place, path: readonly string[], message: string): void {
    if (this.#allWasRead) this.add(place, path, message);
  }

  /** @returns `definitions/drivers.yaml:3` */
  at(place: Place): string {
    return `${relative(this.#folder, place.file)}:${place.lineOf([])}`;
  }

  get count(): number {
    return this.#found.length;
  }

  /** In order of file and line. */
  list(): Mistake[] {
    return this.#found.toSorted((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
  }

  /** @returns REG_DEFINITIONS naming every mistake, with files relative to the project's folder */
  toError(): CodedError {
    const lines = this.list().map((m) => `  ${relative(this.#folder, m.file)}:${m.line}  ${m.message}`);
    const head =
      lines.length === 1
        ? 'the definitions have a mistake:'
        : `the definitions have ${lines.length} mistakes:`;
    return registryError('REG_DEFINITIONS', [head, ...lines].join('\n'));
  }
}

/** @returns `, did you mean "x"?` for the nearest of the known names, or the empty string when none is near */
export function didYouMean(name: string, known: Iterable<string>): string {
  let best: string | null = null;
  // Near: at most two edits away, or a third of the letters where that is more.
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase(), bestDistance);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best === null ? '' : `, did you mean "${best}"?`;
}

/** @returns Levenshtein's distance, or `limit` where it is that or more */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(previous[j]! + 1, row[j - 1]! + 1, substitute));
    }
    if (Math.min(...row) >= limit) return limit;
    previous = row;
  }
  return previous[b.length]!;
}
