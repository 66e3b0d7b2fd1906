/**
 * The definitions that logged rows are read by: the bundle that a record names, and for rows that another definition
 * wrote the schemas of that bundle and of the one in force. What cannot be loaded is told once; its rows keep their
 * bytes in the archive.
 */
import { currentHash, loadBundle } from '../../contract/definitions/bundle-folder.ts';
import type { Bundle, RowSchema } from '../../contract/model.ts';

/** Hostile records may name as many bundles as they like. */
const MAX_BUNDLES = 1_000;

export class SchemaBook {
  readonly #folder: string;
  readonly #warn: (line: string) => void;
  readonly #bundles = new Map<string, Bundle | null>();
  #current: string | null | undefined;

  constructor(bundles: string, warn: (line: string) => void) {
    this.#folder = bundles;
    this.#warn = warn;
  }

  /** Looks again, from now on, which bundle is in force. */
  refresh(): void {
    this.#current = undefined;
  }

  /** @returns the bundle that a record names; else the one in force; null: neither can be loaded */
  bundle(hash: string): Bundle | null {
    return this.#load(hash) ?? this.#inForce();
  }

  /** @returns null where no definition of that id is known */
  schema(bundle: Bundle | null, view: string, definitionId: number): RowSchema | null {
    return schemaOf(bundle, view, definitionId) ?? schemaOf(this.#inForce(), view, definitionId);
  }

  #inForce(): Bundle | null {
    if (this.#current === undefined) {
      try {
        this.#current = currentHash(this.#folder);
      } catch {
        this.#current = null;
      }
    }
    return this.#current === null ? null : this.#load(this.#current);
  }

  #load(hash: string): Bundle | null {
    const known = this.#bundles.get(hash);
    if (known !== undefined) return known;
    let bundle: Bundle | null = null;
    try {
      bundle = loadBundle(this.#folder, hash);
    } catch (error) {
      this.#warn(`rows under bundle ${hash} are read by the bundle in force: ${(error as Error).message}`);
    }
    if (this.#bundles.size >= MAX_BUNDLES) this.#bundles.clear();
    this.#bundles.set(hash, bundle);
    return bundle;
  }
}

function schemaOf(bundle: Bundle | null, view: string, definitionId: number): RowSchema | null {
  return bundle?.schemas.get(view)?.find((schema) => schema.definitionId === definitionId) ?? null;
}
