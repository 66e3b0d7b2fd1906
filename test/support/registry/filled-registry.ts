/**
 * A registry of a chosen size with all that the catalogue reads: definitions applied twice, runs, 30 judged days with
 * incidents and sketches, a training set. Texts are hostile. For tests and for the bench of pages.
 */
import { bundleFromJson, bundleToJson, rowSchemaOf } from '../../../contract/definitions/definition-json.ts';
import type { Bundle, FeatureService, FeatureView } from '../../../contract/model.ts';
import type { RunRecord } from '../../../contract/run-record.ts';
import { canonicalJson } from '../../../contract/std/canonical-json.ts';
import { parseTimestamp } from '../../../contract/std/timestamp.ts';
import type { TrainingManifest } from '../../../contract/training-manifest.ts';
import type { FeatureRecord, IncidentRecord, VerdictRecord } from '../../../contract/verdict-record.ts';
import type { RegistryDatabase } from '../../../project/database/registry-database.ts';
import { aggregatedView } from '../fixtures/aggregated-view.ts';

export const HOSTILE = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>`;
export const LAST_DAY = '2026-11-20';
export const NOW_US = Number(parseTimestamp('2026-11-21T06:00:00Z'));

const HOUR_US = 3_600_000_000;
const DAY_MS = 86_400_000;

interface RegistrySize {
  readonly views: number;
  readonly featuresOfView: number;
  readonly services: number;
  readonly featuresOfService: number;
  readonly days: number;
}

export const SMALL: RegistrySize = {
  views: 3,
  featuresOfView: 4,
  services: 3,
  featuresOfService: 6,
  days: 30,
};

/** @returns what was put in force */
export async function fillRegistry(database: RegistryDatabase, size: RegistrySize): Promise<Bundle> {
  const bundle = bundleOf(size);
  const text = canonicalJson(bundleToJson(bundle));
  for (const sequence of [1, 2])
    await database.recordApplied({
      sequence,
      hash: bundle.hash,
      appliedUs: NOW_US - (3 - sequence) * 24 * HOUR_US,
      author: 'ada',
      reason: HOSTILE,
      bundle: text,
      changes: changesText(sequence),
      removed: [],
      allowed: [],
      services: [],
    });
  await fillRuns(database, bundle);
  for (const service of bundle.services.values())
    for (let ago = size.days - 1; ago >= 0; ago--)
      await database.verdicts.record(verdictOf(service, bundle, dayBefore(ago)));
  await database.recordTrainingSet(manifestOf([...bundle.services.values()][0]!));
  return bundle;
}

function dayBefore(ago: number): string {
  return new Date(Date.parse(LAST_DAY) - ago * DAY_MS).toISOString().slice(0, 10);
}

function bundleOf({ views: count, featuresOfView, services: many, featuresOfService }: RegistrySize): Bundle {
  const joinKeys = [{ name: 'customer_id', type: 'int64' as const }];
  const views = Array.from({ length: count }, (_, i): FeatureView => {
    const features = Array.from({ length: featuresOfView }, (_unused, k) => ({
      name: `count_${k}d`,
      function: 'count' as const,
      windowUs: (k + 1) * 24 * HOUR_US,
    }));
    const times = { eventTime: 'at', createdTime: 'loaded_at', hopUs: HOUR_US };
    const { view } = aggregatedView({
      name: `purchases_${i}`,
      joinKeys,
      path: `data/${i}.parquet`,
      ...times,
      features,
    });
    return {
      ...view,
      source: { ...view.source, name: `events_${i}` },
      owner: 'ml-platform',
      description: i === 0 ? HOSTILE : `Purchases of a customer, shop ${i}`,
      deprecated: i === 1 ? { date: '2027-01-01', successor: 'purchases_0' } : null,
      features: view.features.map((feature, k) => ({
        ...feature,
        description: k === 0 ? HOSTILE : `How many purchases in ${k + 1} days`,
        tags: ['purchase'],
        ...(i === 2 && k === 1
          ? { deprecated: { date: '2026-12-01', successor: 'purchases_0:count_1d' } }
          : {}),
        examples: [3n],
        normalization: { mean: 12.5, stddev: 4 },
        checks: { min: 0, max: 1_000, maxNullShare: 0.1 },
      })),
    };
  });
  const all = views.flatMap((view) =>
    view.features.map((feature) => ({ view: view.id, feature: feature.name })),
  );
  const services = Array.from({ length: many }, (_, i): FeatureService => {
    const own = Array.from({ length: featuresOfService }, (_unused, k) => all[(i * 7 + k * 3) % all.length]!);
    const taken = [...new Map(own.map((one) => [`${one.view} ${one.feature}`, one])).values()];
    const roles = [...new Set(taken.map(({ view }) => view))];
    return {
      name: `churn_${i}`,
      version: 1,
      features: taken.map((one) => ({ ...one, role: one.view, fullName: `${one.view}__${one.feature}` })),
      views: roles.map((view) => ({ role: view, view, requestKeys: ['customer_id'] })),
      onDemand: [],
      requestKeys: joinKeys,
      inputs: [],
      consumers: [{ model: i === 0 ? 'churn <b>"1"' : `model_${i}`, owner: 'team-crm' }],
      tensor: 'float64',
      description: HOSTILE,
      owner: 'team-crm',
      tags: [],
    };
  });
  const entity = {
    name: 'thing',
    joinKeys,
    description: HOSTILE,
    owner: 'ada',
    tags: ['people'],
    log: 'raw' as const,
  };
  const content = {
    project: 'shop',
    entities: new Map([[entity.name, entity]]),
    views: new Map(views.map((view) => [view.id, view])),
    onDemand: new Map(),
    services: new Map(services.map((service) => [service.name, service])),
    schemas: new Map(views.map((view) => [view.id, [rowSchemaOf(view, entity)]])),
  };
  return bundleFromJson(bundleToJson(content));
}

function changesText(sequence: number): string {
  const detail = {
    option: 'count_0d.window',
    meaning: 'row',
    before: '6d',
    after: '7d',
    feature: 'count_0d',
  };
  const change = { kind: sequence === 1 ? 'created' : 'logic', what: 'view', name: 'purchases_0' };
  return JSON.stringify([
    { ...change, details: sequence === 1 ? [] : [detail], refusals: [], unguarded: [] },
  ]);
}

async function fillRuns(database: RegistryDatabase, bundle: Bundle): Promise<void> {
  for (const [i, view] of [...bundle.views.values()].entries())
    for (let n = 0; n < 3; n++) {
      const startedUs = NOW_US - (3 - n) * HOUR_US - (i === 2 ? 48 * HOUR_US : 0);
      const run = {
        ...PLAIN_RUN,
        runId: `run-${i}-${n}`,
        view: view.id,
        definitionId: view.definitionId,
        bundle: bundle.hash,
        toUs: startedUs,
        watermarkUs: startedUs,
        startedUs,
        finishedUs: startedUs + 5_000_000,
        rejectReasons: (i === 0 ? { [`customer_id is ${HOSTILE}`]: 3 } : {}) as Record<string, number>,
        rejected: i === 0 ? 3 : 0,
      };
      await database.startRun(run);
    }
}

export const PLAIN_RUN: Omit<
  RunRecord,
  'runId' | 'view' | 'definitionId' | 'bundle' | 'toUs' | 'watermarkUs' | 'startedUs'
> = {
  kind: 'ordinary',
  fromUs: null,
  engine: 'duckdb',
  horizonUs: null,
  latenessUs: HOUR_US,
  ttlUs: null,
  newestEventUs: NOW_US,
  newestCreatedUs: NOW_US,
  read: 1_000,
  counted: 990,
  excluded: 2,
  waiting: 5,
  historyRows: 900,
  written: 900,
  older: 0,
  equal: 0,
  conflict: 0,
  superseded: 0,
  rejected: 0,
  rejectReasons: {},
  lateEvents: 2,
  latenessNeededUs: 2 * HOUR_US,
  finishedUs: null,
  state: 'complete',
  error: null,
};

/** The first service's last day is bad, as is its first feature. */
function verdictOf(service: FeatureService, bundle: Bundle, date: string): VerdictRecord {
  const isBad = service.name === 'churn_0' && date === LAST_DAY;
  const features = service.features.map(({ fullName, view, feature }, i): FeatureRecord => {
    const wrong = isBad && i === 0 ? 200 : i % 5;
    return {
      date,
      service: service.name,
      name: fullName,
      view,
      feature,
      level: isBad && i === 0 ? 'alarm' : 'ok',
      provisional: date === LAST_DAY,
      rows: 1_000,
      answered: 980,
      nulls: 15,
      unavailable: 0,
      unjudged: 0,
      present: 985,
      exact: 985 - wrong,
      withinPromise: isBad && i === 0 ? 20 : wrong,
      beyondPromise: isBad && i === 0 ? 180 : 0,
      interval: [isBad && i === 0 ? 0.7 : 0.98, 1],
      causes: wrong === 0 ? {} : { 'materialization lag': { values: wrong, beyondPromise: isBad ? 180 : 0 } },
      drift: { distance: 0.02 + (i % 7) / 100, level: 'quiet' },
    };
  });
  const incidents = isBad ? [incidentOf(service, date)] : [];
  const [first] = service.views;
  const cause = 'materialization lag' as const;
  return {
    day: {
      date,
      service: service.name,
      verdict: isBad ? 'alarm' : 'pass',
      sentence: isBad
        ? `Alarm: ${service.features[0]!.fullName} is 18 % wrong ${HOSTILE}`
        : 'Pass: nothing is beyond the promise.',
      provisional: date === LAST_DAY,
      judgedAt: `${date}T23:59:59.000000Z`,
      read: 1_000,
      judged: 1_000,
      broke: isBad
        ? {
            date: dayBefore(1),
            new: [{ view: first!.view, cause, beyondPromise: 180, before: 0 }],
            worse: [],
            gone: [],
          }
        : null,
    },
    features,
    views: service.views.map(({ role, view }) => ({
      date,
      service: service.name,
      role,
      view,
      freshnessUs: bundle.views.get(view)!.freshnessUs,
      ageUs: (isBad ? 4 : 1) * HOUR_US,
      hours: 24,
      hoursBeyond: isBad ? 3 : 0,
      vectors: 1_000,
      unavailable: 0,
    })),
    incidents,
    sketches: service.features.map(({ fullName, view, feature }) => ({
      date,
      service: service.name,
      name: fullName,
      view,
      feature,
      type: 'int64',
      sketch: SKETCH,
    })),
  };
}

const SKETCH = {
  rows: 980,
  nulls: 15,
  ordered: {
    measure: 'value' as const,
    rows: 980,
    mean: 12.5,
    standardDeviation: 4,
    quantiles: Array.from({ length: 101 }, (_, i) => i / 4),
  },
  categories: null,
};

function incidentOf(service: FeatureService, date: string): IncidentRecord {
  const [first] = service.features;
  return {
    id: `${date}.${service.name}.${first!.view}.materialization-lag.1`,
    date,
    service: service.name,
    view: first!.view,
    cause: 'materialization lag',
    level: 'alarm',
    harm: 42,
    beyondPromise: 180,
    values: 200,
    rows: 60,
    entities: 50,
    runs: ['run-0-2'],
    pods: ['pod-1'],
    features: [first!.fullName],
    models: service.consumers.map(({ model }) => model),
    owners: ['ml-platform'],
    from: `${date}T21:00:00.000000Z`,
    to: `${date}T23:30:00.000000Z`,
    slice: { by: 'pod', value: HOSTILE },
    command: `plumb show ${first!.view}`,
    examples: [
      {
        feature: first!.fullName,
        requestId: 'request-1',
        entities: { customer_id: HOSTILE },
        servedAt: `${date}T21:10:00.000000Z`,
        served: '3',
        replayed: '4',
        evidence: `The run had not finished ${HOSTILE}.`,
      },
    ],
  };
}

function manifestOf(service: FeatureService): TrainingManifest {
  const ordered = {
    ...SKETCH.ordered,
    quantiles: Array.from({ length: 1_001 }, (_, i) => i / 50),
    bins: { edges: [], counts: [] },
  };
  const counts = { present: 980, nulls: 15, missing: 5, outsideTtl: 0, unjudged: 0, notFull: 0 };
  return {
    version: 1,
    name: 'november',
    madeUs: NOW_US - 24 * HOUR_US,
    service: service.name,
    serviceVersion: 1,
    bundle: 'b'.repeat(16),
    as: 'trained',
    views: service.views.map(({ role, view }) => ({
      role,
      view,
      definitionId: 1,
      watermarkUs: NOW_US,
      commit: 3,
    })),
    made: { plumbline: '1.0.0', node: '22', v8: '12', duckdb: '1.5', processor: 'x64' },
    labels: { file: HOSTILE, sha256: 'c'.repeat(64), rows: 1_000, rowsWithoutTime: 0, rowsWithNullKey: 0 },
    out: { file: 'november.parquet', rows: 1_000 },
    features: service.features.map(({ fullName }) => ({
      name: fullName,
      type: 'int64',
      sketch: { rows: 1_000, nulls: 15, nan: 0, infinite: 0, ordered, categories: null },
      ...counts,
    })),
  };
}
