/**
 * What pages are made of: the definitions in force with their lineage and the index of a search, made anew when an
 * apply has put others in force; and the registry's database for all that changes by the hour.
 */
import { bundleFromJson } from '../../contract/definitions/definition-json.ts';
import type { Bundle, Feature, FeatureView, OnDemandView } from '../../contract/model.ts';
import type { Json } from '../../contract/std/canonical-json.ts';
import { formatType } from '../../contract/value-type.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import { LineageGraph } from '../../project/overview/lineage-graph.ts';
import { SearchIndex } from '../../project/overview/search-index.ts';
import { freshnessOf } from '../../project/overview/view-freshness.ts';
import type { ViewFreshness } from '../../project/overview/view-freshness.ts';
import { catalogueError } from '../errors.ts';

/** The definitions in force, and what is made of them. */
export interface InForce {
  readonly sequence: number;
  readonly appliedUs: number;
  readonly bundle: Bundle;
  readonly graph: LineageGraph;
  readonly index: SearchIndex;
  /** By `view:feature` the services that serve it, in their order. */
  readonly servedBy: ReadonlyMap<string, readonly string[]>;
}

/** What a page reads. */
export interface CatalogueNow extends InForce {
  readonly database: RegistryDatabase;
  readonly nowUs: number;
  /** Where the sidecar listens, for examples that can be pasted. */
  readonly sidecar: string;
}

/** How long the age of views may be that of an earlier request. */
const FRESHNESS_KEPT_MS = 2_000;

export class KnownCatalogue {
  readonly #database: RegistryDatabase;
  readonly #nowUs: () => number;
  readonly #sidecar: string;
  #inForce: Promise<InForce> | null = null;
  #sequence = 0;

  constructor(database: RegistryDatabase, nowUs: () => number, sidecar: string) {
    this.#database = database;
    this.#nowUs = nowUs;
    this.#sidecar = sidecar;
  }

  /** @throws CAT_NOT_APPLIED */
  async now(): Promise<CatalogueNow> {
    const sequence = await this.#database.reads.lastSequence();
    if (sequence === null) throw catalogueError('CAT_NOT_APPLIED', 'no definitions are applied yet');
    if (this.#inForce === null || this.#sequence !== sequence) {
      this.#sequence = sequence;
      this.#inForce = readInForce(this.#database, sequence);
      // What failed is read again by the next request.
      this.#inForce.catch(() => (this.#inForce = null));
    }
    const inForce = await this.#inForce;
    return { ...inForce, database: this.#database, nowUs: this.#nowUs(), sidecar: this.#sidecar };
  }
}

async function readInForce(database: RegistryDatabase, sequence: number): Promise<InForce> {
  const applied = (await database.applied(sequence))!;
  const bundle = bundleFromJson(JSON.parse(applied.bundle) as Json);
  const graph = new LineageGraph(bundle, ({ type }) => formatType(type));
  const servedBy = new Map<string, string[]>();
  for (const { name, features } of bundle.services.values())
    for (const { view, feature } of features) {
      const key = `${view}:${feature}`;
      const services = servedBy.get(key);
      if (services === undefined) servedBy.set(key, [name]);
      else if (services.at(-1) !== name) services.push(name);
    }
  const { appliedUs } = applied;
  return { sequence, appliedUs, bundle, graph, index: new SearchIndex(bundle), servedBy };
}

const kept = new WeakMap<
  RegistryDatabase,
  { at: number; sequence: number; ages: Map<string, ViewFreshness> }
>();

/** @returns by view how old its rows are now; on-demand views have none */
export async function viewAges(catalogue: CatalogueNow): Promise<ReadonlyMap<string, ViewFreshness>> {
  const { database, bundle, sequence, nowUs } = catalogue;
  const before = kept.get(database);
  const at = performance.now();
  if (before !== undefined && before.sequence === sequence && at - before.at < FRESHNESS_KEPT_MS)
    return before.ages;
  const runs = await database.reads.lastAchieved([...bundle.views.keys()]);
  const ages = new Map<string, ViewFreshness>();
  for (const view of bundle.views.values()) {
    const run = runs.get(view.id);
    ages.set(view.id, freshnessOf(view, run === undefined ? [] : [run], nowUs));
  }
  kept.set(database, { at, sequence, ages });
  return ages;
}

/** A feature with the view that gives it. */
interface KnownFeature {
  readonly view: FeatureView | OnDemandView;
  readonly feature: Feature;
}

/** @param name  `view__feature` or `view:feature`, by the view's id, or as a service lists it in a role */
export function featureNamed({ bundle }: InForce, name: string): KnownFeature | null {
  const [, of, own] = /^(.+?)(?:__|:)(.+)$/s.exec(name) ?? [];
  if (of === undefined || own === undefined) return null;
  const view = viewNamed(bundle, of);
  const feature = view?.features.find((one) => one.name === own);
  if (view !== null && feature !== undefined) return { view, feature };
  for (const service of bundle.services.values()) {
    const listed = service.features.find(({ fullName }) => fullName === name);
    const there = listed === undefined ? null : viewNamed(bundle, listed.view);
    if (there !== null)
      return { view: there, feature: there.features.find((one) => one.name === listed!.feature)! };
  }
  return null;
}

export function viewNamed(bundle: Bundle, id: string): FeatureView | OnDemandView | null {
  return bundle.views.get(id) ?? bundle.onDemand.get(id) ?? null;
}

export function isStoredView(view: FeatureView | OnDemandView): view is FeatureView {
  return 'freshnessUs' in view;
}

/** How a feature is known in the catalogue and in the lineage. */
export function featureName(view: string, feature: string): string {
  return `${view}__${feature}`;
}
