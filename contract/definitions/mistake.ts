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
