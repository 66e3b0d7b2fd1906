/** The ids of a role's entity in a vector: by the keys that the role had when the vector was answered. */
import type { FeatureService, ServiceView } from '../../contract/model.ts';
import { quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { BundleBook } from './bundle-book.ts';
import type { ReplayedVector } from './replayed-vector.ts';

export class RoleKeys {
  readonly #book: Pick<BundleBook, 'servedService'>;
  readonly #service: FeatureService;
  readonly #used: ServiceView;
  /** By bundle, where its keys stand among those of the service. */
  readonly #places = new Map<string, readonly number[]>();

  /** @param used  in the bundle in force, as the service is */
  constructor(book: Pick<BundleBook, 'servedService'>, service: FeatureService, used: ServiceView) {
    this.#book = book;
    this.#service = service;
    this.#used = used;
  }

  of({ bundle, keys }: Pick<ReplayedVector, 'bundle' | 'keys'>): (string | null)[] {
    return this.#placesOf(bundle).map((place) => keys[place] ?? null);
  }

  /**
   * The same in SQL.
   *
   * @param keys     SQL of the ids of the request as text, in the order of the service's request keys
   * @param bundles  those of the vectors `v`
   * @returns        SQL of a list
   */
  sql(keys: readonly string[], bundles: Iterable<string>): string {
    const listOf = (places: readonly number[]): string =>
      `[${places.map((place) => keys[place] ?? 'NULL::VARCHAR').join(', ')}]`;
    const cases = [...bundles].map(
      (bundle) => `WHEN ${quoteText(bundle)} THEN ${listOf(this.#placesOf(bundle))}`,
    );
    return cases.length === 0 ? listOf([]) : `CASE v.bundle ${cases.join(' ')} END`;
  }

  #placesOf(bundle: string): readonly number[] {
    let places = this.#places.get(bundle);
    if (places === undefined) {
      const { views } = this.#book.servedService(bundle, this.#service);
      const then = views.find(({ role }) => role === this.#used.role) ?? this.#used;
      places = then.requestKeys.map((name) =>
        this.#service.requestKeys.findIndex((key) => key.name === name),
      );
      this.#places.set(bundle, places);
    }
    return places;
  }
}
