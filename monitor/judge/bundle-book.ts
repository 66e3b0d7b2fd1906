/**
 * The definitions that vectors were served under. Each record names its bundle. What a model should have received
 * (which row counted by its delay and TTL, the fallbacks, how a row is read) follows from that bundle, not from the one
 * in force today.
 */
import { loadBundle, loadCurrentBundle } from '../../contract/definitions/bundle-folder.ts';
import { haveSameKeys, rowSchemaOf } from '../../contract/definitions/definition-json.ts';
import { isSameFeature } from '../../contract/feature-match.ts';
import type { Bundle, FeatureService, FeatureView, RowSchema } from '../../contract/model.ts';
import { rowFeatures } from '../../contract/served-values.ts';
import type { Settings } from '../../project/settings/settings.ts';
import { locateSources } from '../../contract/definitions/source-variables.ts';
import type { Logger } from '../../contract/std/logger.ts';
import type { DefinedView } from './served-history.ts';

export class BundleBook {
  /** The bundle in force now, with its sources' paths in this environment. */
  readonly current: Bundle;
  readonly #folder: string;
  readonly #logger: Logger;
  readonly #bundles = new Map<string, Bundle>();
  readonly #faults = new Set<string>();
  readonly #rowFeatures = new Map<string, readonly boolean[] | null>();
  /** What was asked last: the next row is mostly alike. */
  #lastRow: {
    readonly bundle: Bundle;
    readonly view: FeatureView;
    readonly definitionId: number;
    readonly features: readonly boolean[] | null;
  } | null = null;

  /** @throws REG_NOT_APPLIED, REG_BUNDLE, REG_VARIABLE */
  constructor({ bundles, vars }: Pick<Settings, 'bundles' | 'vars'>, logger: Logger) {
    this.#folder = bundles;
    this.#logger = logger;
    this.current = locateSources(loadCurrentBundle(bundles), vars);
    this.#bundles.set(this.current.hash, this.current);
  }

  /** @returns the bundle of a record; when it no longer exists, today's bundle, with a warning */
  bundle(hash: string): Bundle {
    const known = this.#bundles.get(hash);
    if (known !== undefined) return known;
    let bundle = this.current;
    try {
      bundle = loadBundle(this.#folder, hash);
    } catch (error) {
      this.#logger.warn(`${(error as Error).message}; its vectors are read with the bundle ${bundle.hash}`);
    }
    this.#bundles.set(hash, bundle);
    return bundle;
  }

  /** Whether the bundle of a record still exists. */
  isKept(hash: string): boolean {
    return this.bundle(hash).hash === hash;
  }

  /**
   * @param view  a view of the bundle in force
   * @returns     that view in the record's bundle; as it is today when that bundle has no such view of the same kind
   */
  servedView(hash: string, view: FeatureView): FeatureView {
    return this.servedDefinition(hash, view).view;
  }

  /** @returns a service of the bundle in force as the record's bundle has it; as it is today where that has none */
  servedService(hash: string, service: FeatureService): FeatureService {
    return this.bundle(hash).services.get(service.name) ?? service;
  }

  /** Like `servedView`, together with the view's entity in the same bundle. */
  servedDefinition(hash: string, view: FeatureView): DefinedView {
    const bundle = this.bundle(hash);
    const then = bundle.views.get(view.id);
    if (then === undefined || then.kind !== view.kind)
      return { view, entity: this.current.entities.get(view.entity)! };
    return { view: then, entity: bundle.entities.get(then.entity)! };
  }

  /**
   * @param view  a view of the bundle in force
   * @returns     that view as rows of another definition have it: with the features that both have. null: no schema of
   *              that definition is known, or its join keys were others
   */
  definedAs(view: FeatureView, definitionId: number): DefinedView | null {
    const entity = this.current.entities.get(view.entity)!;
    const schema = this.#schemaOfToday(view.id, definitionId);
    if (schema === null || !haveSameKeys(schema, rowSchemaOf(view, entity))) return null;
    const features = view.features.filter((feature) =>
      schema.features.some((f) => isSameFeature(f, feature)),
    );
    return { view: { ...view, definitionId, features }, entity };
  }

  /**
   * @param definitionId  of a stored row
   * @returns             for each of the view's features whether the row has it; null when the row cannot be read, with
   *                      one warning for each reason
   */
  rowFeatures(bundle: Bundle, view: FeatureView, definitionId: number): readonly boolean[] | null {
    const last = this.#lastRow;
    if (last?.bundle === bundle && last.view === view && last.definitionId === definitionId)
      return last.features;
    const features = this.#knownRowFeatures(bundle, view, definitionId);
    this.#lastRow = { bundle, view, definitionId, features };
    return features;
  }

  #knownRowFeatures(bundle: Bundle, view: FeatureView, definitionId: number): readonly boolean[] | null {
    const name = `${bundle.hash} ${view.id} ${definitionId}`;
    const known = this.#rowFeatures.get(name);
    if (known !== undefined) return known;
    const features = this.#read(view, rowFeatures(bundle, view, definitionId, this.#schemaOfToday));
    this.#rowFeatures.set(name, features);
    return features;
  }

  #read<T>(view: FeatureView, read: T | string): T | null {
    if (typeof read !== 'string') return read;
    if (!this.#faults.has(read)) this.#logger.warn(`a served row of ${view.id} cannot be read: ${read}`);
    this.#faults.add(read);
    return null;
  }

  /** A sidecar that meets an id newer than its bundle takes the schema from the store; today's bundle has it too. */
  readonly #schemaOfToday = (view: string, definitionId: number): RowSchema | null =>
    this.current.schemas.get(view)?.find((schema) => schema.definitionId === definitionId) ?? null;
}
