/** A day's verdict as rows of the registry, which the catalogue shows: made of the snapshot and the day's sketches. */
import { loadCurrentBundle } from '../../contract/definitions/bundle-folder.ts';
import type { Bundle } from '../../contract/model.ts';
import { smallSketch } from '../../contract/small-sketch.ts';
import type {
  ExampleRecord,
  FeatureRecord,
  IncidentRecord,
  SketchRecord,
  VerdictRecord,
  ViewRecord,
} from '../../contract/verdict-record.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import type { Project } from '../../project/project.ts';
import type { FeatureDrift } from '../drift/feature-drift.ts';
import { readSketches } from '../drift/sketch-folder.ts';
import type { ServedSketches } from '../drift/sketch-folder.ts';
import { sidesText } from '../report/html/markup/side-text.ts';
import type { FeatureSnapshot, Incident, Snapshot } from '../verdict/snapshot.ts';

/**
 * Writes a day's verdict to the registry; of an hour nothing. A registry that does not take it is warned of: snapshot
 * and report are written, and judging the day again writes it.
 */
export async function recordVerdict(
  project: Project,
  database: RegistryDatabase,
  snapshot: Snapshot,
): Promise<void> {
  const { service, date, hour } = snapshot;
  if (hour !== undefined) return;
  const { settings, logger } = project;
  try {
    const bundle = loadCurrentBundle(settings.bundles);
    const sketches = readSketches(settings.reports, service, date, logger);
    await database.verdicts.record(verdictRecord(snapshot, bundle, sketches));
  } catch (error) {
    logger.warn(
      `the catalogue lacks the verdict on ${service} of ${date}, the registry did not take it: ${(error as Error).message}`,
    );
  }
}

/** @param sketches  null: there are none */
export function verdictRecord(
  snapshot: Snapshot,
  bundle: Bundle,
  sketches: ServedSketches | null,
): VerdictRecord {
  const { date, service, verdict, sentence, provisional, judgedAt, vectors, brokeSince } = snapshot;
  const { read, judged } = vectors;
  const names = new Map(
    bundle.services.get(service)?.features.map((one) => [one.fullName, one.feature] as const) ?? [],
  );
  // What is not served any more is named by the part behind its role.
  const nameOf = (name: string): string => names.get(name) ?? name.slice(name.indexOf('__') + 2);
  return {
    day: { date, service, verdict, sentence, provisional, judgedAt, read, judged, broke: brokeSince },
    features: snapshot.features.map((feature) => featureRecord(snapshot, feature, nameOf(feature.name))),
    views: viewRecords(snapshot),
    incidents: incidentRecords(snapshot),
    sketches: snapshot.features.flatMap(({ name, view }): SketchRecord[] => {
      const found = sketches?.features[name];
      if (found === undefined) return [];
      const { type, sketch } = found;
      return [{ date, service, name, view, feature: nameOf(name), type, sketch: smallSketch(sketch) }];
    }),
  };
}

/** States of which the model got a value. */
const ANSWERED: ReadonlySet<string> = new Set(['value', 'zero', 'empty', 'NaN']);

function featureRecord(snapshot: Snapshot, own: FeatureSnapshot, feature: string): FeatureRecord {
  const { date, service, provisional } = snapshot;
  const { name, view, level, unavailable, unjudged, present, exact, withinPromise } = own;
  const served = (is: (state: string) => boolean): number =>
    own.states.reduce((sum, state) => (is(state.served) ? sum + state.rows : sum), 0);
  return {
    date,
    service,
    name,
    view,
    feature,
    level,
    provisional,
    rows: own.rows - own.dropped - own.undecoded - unjudged,
    unavailable,
    unjudged,
    present,
    exact,
    withinPromise,
    beyondPromise: own.beyondPromise,
    interval: own.interval,
    causes: own.causes,
    answered: served((state) => ANSWERED.has(state)),
    nulls: served((state) => state === 'null'),
    drift: driftOf(own.drift),
  };
}

function driftOf(drift: FeatureDrift | undefined): FeatureRecord['drift'] {
  const training = drift?.training ?? null;
  if (training === null) return null;
  const distance = training.ordered?.ks.d ?? training.categories?.lInfinity ?? null;
  return distance === null ? null : { distance, level: training.level };
}

function viewRecords({ date, service, views, computed = [] }: Snapshot): ViewRecord[] {
  return [...views, ...computed].map((one) => {
    const freshnessUs = 'freshnessUs' in one ? one.freshnessUs : 0;
    const ages = one.hours.flatMap(({ dataAgeUs }) => dataAgeUs ?? []);
    return {
      date,
      service,
      role: one.role,
      view: one.view,
      freshnessUs,
      ageUs: ages.length === 0 ? null : Math.max(...ages),
      hours: one.hours.length,
      hoursBeyond: ages.filter((age) => age > freshnessUs).length,
      vectors: one.availability.vectors,
      unavailable: one.availability.unavailable,
    };
  });
}

/** Those of one view and cause are numbered in the order of their time, so that judging again names them alike. */
function incidentRecords(snapshot: Snapshot): IncidentRecord[] {
  const { date, service, incidents } = snapshot;
  const numbers = new Map<Incident, number>();
  for (const alike of Map.groupBy(incidents, ({ view, cause }) => `${view} ${cause}`).values())
    alike
      .toSorted((a, b) => (a.from < b.from ? -1 : 1))
      .forEach((incident, i) => numbers.set(incident, i + 1));
  return incidents.map((incident) => {
    const { view, cause, level, harm, beyondPromise, values, rows, entities, runs, pods } = incident;
    const slug = cause.toLowerCase().replaceAll(/[^a-z]+/g, '-');
    return {
      id: `${date}.${service}.${view}.${slug}.${numbers.get(incident)!}`,
      date,
      service,
      view,
      cause,
      level,
      harm,
      beyondPromise,
      values,
      rows,
      entities,
      runs,
      pods,
      features: incident.features,
      models: incident.models,
      owners: incident.owners,
      from: incident.from,
      to: incident.to,
      command: incident.command,
      slice: incident.slice ?? null,
      examples: incident.examples.map((example) => exampleRecord(snapshot, example)),
    };
  });
}

function exampleRecord(
  { date, features }: Snapshot,
  { feature, requestId, entities, servedAt, served, replayed, evidence }: Incident['examples'][number],
): ExampleRecord {
  const type = features.find(({ name }) => name === feature)?.type ?? '';
  const [left, right] = sidesText(served, replayed, type, date);
  return { feature, requestId, entities, servedAt, served: left, replayed: right, evidence };
}
