/**
 * The definitions that vectors were answered under: each names its bundle. The fallbacks that the model got, which
 * features a row had, and what was kept out of the log follow from that bundle, not from the one in force today.
 */
import { loadBundle } from '../../contract/definitions/bundle-folder.ts';
import type { Bundle, Feature, FeatureView, OnDemandView, RowSchema } from '../../contract/model.ts';
import { rowFeatures } from '../../contract/served-values.ts';
import { STATUSES } from '../../contract/status.ts';

export class ServedBundles {
  readonly #folder: string;
  readonly #current: Bundle;
  readonly #service: string;
  readonly #bundles = new Map<string, Bundle | null>();

  /** @param service  that answered */
  constructor(folder: string, current: Bundle, service: string) {
    this.#folder = folder;
    this.#current = current;
    this.#service = service;
    this.#bundles.set(current.hash, current);
  }

  /** @returns null when it is not kept any more */
  kept(hash: string): Bundle | null {
    let bundle = this.#bundles.get(hash);
    if (bundle !== undefined) return bundle;
    try {
      bundle = loadBundle(this.#folder, hash);
    } catch {
      bundle = null;
    }
    this.#bundles.set(hash, bundle);
    return bundle;
  }

  /** @returns the bundle; the one in force where it is not kept any more */
  of(hash: string): Bundle {
    return this.kept(hash) ?? this.#current;
  }

  /** Hashes of those that were asked for and are not kept any more. */
  get lost(): string[] {
    return [...this.#bundles].flatMap(([hash, bundle]) => (bundle === null ? [hash] : []));
  }

  /** @returns the feature of a role as that bundle has it; null: it has none of that name */
  feature(hash: string, role: string, name: string): Feature | null {
    const view = this.#view(hash, role) ?? this.#onDemand(hash, role);
    return view?.features.find((one) => one.name === name) ?? null;
  }

  /** Whether rows of a definition have a feature of a role; those that cannot be read are no matter. */
  hasFeature(hash: string, role: string, name: string, definitionId: number): boolean {
    const view = this.#view(hash, role);
    if (view === null) return true;
    const features = rowFeatures(this.of(hash), view, definitionId, this.#schemaOfToday);
    return (
      typeof features === 'string' || features[view.features.findIndex((f) => f.name === name)] !== false
    );
  }

  #view(hash: string, role: string): FeatureView | null {
    const bundle = this.of(hash);
    const used = bundle.services.get(this.#service)?.views.find((one) => one.role === role);
    return used === undefined ? null : (bundle.views.get(used.view) ?? null);
  }

  #onDemand(hash: string, role: string): OnDemandView | null {
    const bundle = this.of(hash);
    const used = bundle.services.get(this.#service)?.onDemand.find((one) => one.role === role);
    return used === undefined ? null : (bundle.onDemand.get(used.view) ?? null);
  }

  /** A sidecar that meets an id newer than its bundle takes the schema from the store; today's bundle has it, too. */
  readonly #schemaOfToday = (view: string, definitionId: number): RowSchema | null =>
    this.#current.schemas.get(view)?.find((schema) => schema.definitionId === definitionId) ?? null;
}

/** What became of a feature of a label: the statuses by their codes, and what a log knows besides. */
export const LOG_STATES = [...STATUSES, 'UNDECODED', null, null] as const;
/** The row that was answered cannot be decoded any more. */
export const UNDECODED = STATUSES.length;
/** The service did not have the feature when the vector was answered, or had it in another type. */
export const LACKING = UNDECODED + 1;
/** No vector was found. */
export const NO_VECTOR = LACKING + 1;
