/** The port of a place that bundles come from. open-origin.ts opens each kind. */
import type { BundlePointer, NamedBundle } from '../../contract/bundles/bundle-pointer.ts';

export interface BundleOrigin {
  /** As messages name it; holds no secret. */
  readonly name: string;
  /** Whether what it gives must be signed: others may write there, or on the way. */
  readonly needsSignature: boolean;
  /** @returns the pointer's text; null: nothing was published there. Rejects where it cannot be asked */
  pointer(): Promise<string | null>;
  /** @returns the bytes as text, unchecked; null: they are not there */
  content(bundle: NamedBundle): Promise<string | null>;
  /**
   * First the bundles, then the pointer; one that is in force later than this one stays. Null: nobody publishes there.
   *
   * @param texts  by hash, those that the pointer names
   */
  readonly publish: ((texts: ReadonlyMap<string, string>, pointer: BundlePointer) => Promise<void>) | null;
  close(): void;
}

/** The largest bundle that is taken. */
export const MAX_BUNDLE_BYTES = 64 << 20;
