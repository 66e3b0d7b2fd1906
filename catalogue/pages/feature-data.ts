/**
 * What the page of a feature shows: first how what was served matched and how old it was, then what it means, who has
 * it and who takes it, what it looks like, and how to ask for it.
 */
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { FeatureChecks, FeatureView, OnDemandView } from '../../contract/model.ts';
import { smallSketch } from '../../contract/small-sketch.ts';
import type { FeatureRecord } from '../../contract/verdict-record.ts';
import type { SmallSketch } from '../../contract/small-sketch.ts';
import type { TrainingManifest } from '../../contract/training-manifest.ts';
import { formatType } from '../../contract/value-type.ts';
import { valueToJson } from '../../contract/wire/online/json-value.ts';
import { aggregationText } from '../../project/overview/aggregation-text.ts';
import { featureName, featureNamed, isStoredView, viewAges } from '../known/catalogue.ts';
import type { CatalogueNow } from '../known/catalogue.ts';
import { changesOf } from '../known/changes.ts';
import { matchOf, matchedOf } from '../known/match.ts';
import type { Match } from '../known/match.ts';
import { askFor } from '../parts/ask.ts';
import type { Ask } from '../parts/ask.ts';
import { lineageOf } from './lineage-of.ts';
import { firstDay } from './page.ts';
import type { Asked } from './page.ts';

export type FeatureData = NonNullable<Awaited<ReturnType<typeof readFeature>>>;

const MOST_SERVICES = 50;
const MOST_INCIDENTS = 200;

export async function readFeature(catalogue: CatalogueNow, { name }: Asked) {
  const known = featureNamed(catalogue, name);
  if (known === null) return null;
  const { view, feature } = known;
  const { database, bundle, servedBy, nowUs, sidecar } = catalogue;
  const { verdicts } = database;
  const from = firstDay(await verdicts.newestDate(), nowUs);
  const filter = { view: view.id, feature: feature.name, from };
  const matched = await matchedOf(verdicts, filter);
  const date = matched.last?.date;
  const records = date === undefined ? [] : await verdicts.features({ ...filter, from: date, to: date });
  const services = servedBy.get(`${view.id}:${feature.name}`) ?? [];
  const ages = isStoredView(view) ? await verdicts.ages({ view: view.id, from }) : null;
  const incidents = await verdicts.incidents({ view: view.id, from, most: MOST_INCIDENTS });
  const full = new Set(records.map((one) => `${one.service} ${one.name}`));
  const [first] = services;
  return {
    name: featureName(view.id, feature.name),
    view: view.id,
    feature: feature.name,
    type: formatType(feature.type),
    kind: isStoredView(view) ? view.kind : 'on demand',
    meaning: meaningOf(view, feature.name),
    description: feature.description,
    viewDescription: view.description,
    owner: view.owner,
    team: view.team,
    tags: [...new Set([...feature.tags, ...view.tags])],
    entity: isStoredView(view) ? view.entity : null,
    source: isStoredView(view) ? view.source.name : null,
    deprecated: feature.deprecated ?? view.deprecated,
    missing: valueToJson(feature.type, feature.missing),
    tolerance: feature.tolerance,
    log: feature.log,
    // The package's declarations name these two types.
    checks: feature.checks satisfies FeatureChecks | null,
    examples: feature.examples.map((value) => valueToJson(feature.type, value)),
    normalization: feature.normalization,
    matched,
    services: servicesOf(records, services),
    servedBy: services.length,
    age: ages === null ? null : { days: ages, promisedUs: (view as FeatureView).freshnessUs },
    now: isStoredView(view) ? ((await viewAges(catalogue)).get(view.id) ?? null) : null,
    drift: await driftOf(catalogue, records, filter),
    training: await trainedOf(catalogue, services, { view, feature: feature.name }),
    served:
      (await verdicts.sketches(view.id, feature.name)).toSorted((a, b) => (a.date < b.date ? 1 : -1))[0] ??
      null,
    incidents: incidents
      .filter((one) => one.features.some((listed) => full.has(`${one.service} ${listed}`)))
      .slice(0, MOST_SERVICES),
    changes: await changesOf(database, 'view', view.id, feature.name),
    lineage: lineageOf(catalogue, `feature:${featureName(view.id, feature.name)}`),
    models: [
      ...new Set(services.flatMap((one) => bundle.services.get(one)!.consumers.map(({ model }) => model))),
    ].slice(0, MOST_SERVICES),
    ask: (first === undefined ? null : askFor(bundle.services.get(first)!, sidecar)) satisfies Ask | null,
  };
}

/** In words: what it aggregates over how long, or which column it is. */
function meaningOf(view: FeatureView | OnDemandView, name: string): string {
  const feature = view.features.find((one) => one.name === name)!;
  if (feature.aggregation !== null) {
    const text = aggregationText(feature.aggregation);
    return isStoredView(view) && view.where !== null ? `${text}, where ${view.where}` : text;
  }
  if (!isStoredView(view)) return `computed by ${view.code.file} when it is asked for`;
  const column = feature.column ?? feature.name;
  const selected = view.select.find((one) => one.name === column);
  return selected === undefined ? `column ${column} of ${view.source.name}` : selected.expression;
}

export interface ServedIn extends Match {
  readonly service: string;
  /** Of its newest judged day. */
  readonly date: string;
}

/** @returns the services with the worst match first, then those that were not judged on the day */
function servicesOf(
  records: readonly FeatureRecord[],
  services: readonly string[],
): { service: string; judged: ServedIn | null }[] {
  const judged = [...Map.groupBy(records, (one) => one.service)].map(([service, own]): ServedIn => ({
    service,
    date: own[0]!.date,
    ...matchOf(own),
  }));
  const worstFirst = judged.toSorted(
    (a, b) => (a.exactMatchWithinPromise ?? 1) - (b.exactMatchWithinPromise ?? 1),
  );
  const known = new Set(judged.map(({ service }) => service));
  return [
    ...worstFirst.map((one) => ({ service: one.service, judged: one })),
    ...services.filter((one) => !known.has(one)).map((service) => ({ service, judged: null })),
  ].slice(0, MOST_SERVICES);
}

/** @returns the days of the service whose values are furthest from its training set; each has one of its own */
async function driftOf(
  { database }: CatalogueNow,
  records: readonly FeatureRecord[],
  filter: { readonly view: string; readonly feature: string; readonly from: string },
): Promise<DriftDay[]> {
  const measured = records.filter(({ drift }) => drift !== null);
  const [furthest] = measured.toSorted((a, b) => b.drift!.distance - a.drift!.distance);
  if (furthest === undefined) return [];
  const days = await database.verdicts.features({ ...filter, service: furthest.service });
  return days.flatMap(({ date, drift, name, rows }) =>
    drift === null || name !== furthest.name ? [] : [{ date, service: furthest.service, rows, ...drift }],
  );
}

interface DriftDay {
  readonly date: string;
  readonly service: string;
  readonly distance: number;
  readonly level: string;
  readonly rows: number;
}

/** The newest training set of a service with the feature. */
interface Trained {
  readonly set: string;
  readonly service: string;
  readonly madeAt: string;
  readonly rows: number;
  readonly present: number;
  readonly nulls: number;
  /** null: its values stay out of the registry. */
  readonly sketch: SmallSketch | null;
}

async function trainedOf(
  { database, bundle }: CatalogueNow,
  services: readonly string[],
  of: { readonly view: FeatureView | OnDemandView; readonly feature: string },
): Promise<Trained | null> {
  const manifest = await database.reads.newestTrainingSet(services);
  return manifest === null ? null : trainedIn(manifest, bundle.services.get(manifest.service)!, of);
}

function trainedIn(
  manifest: TrainingManifest,
  service: { readonly features: readonly { fullName: string; view: string; feature: string }[] },
  { view, feature }: { readonly view: { readonly id: string }; readonly feature: string },
): Trained | null {
  const listed = service.features.find((one) => one.view === view.id && one.feature === feature);
  const found = manifest.features.find((one) => one.name === listed?.fullName);
  if (found === undefined) return null;
  return {
    set: manifest.name,
    service: manifest.service,
    madeAt: formatTimestamp(manifest.madeUs),
    rows: manifest.out.rows,
    present: found.present,
    nulls: found.nulls,
    sketch: found.sketch === null ? null : smallSketch(found.sketch),
  };
}
